// The rules of tokio's oneshot (R-MP-2); the tests of tokio/tests/sync_oneshot.rs are named.
#include <sennit/sync/oneshot_channel.hpp>

#include "counted.hpp"
#include "support.hpp"

namespace sennit {
namespace {

using test::counted;
using test::driver;
using test::fragile;
using test::kind;

class oneshot_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, oneshot_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

// tokio: send_recv
TEST(oneshot, a_value_wakes_the_receiver) {
    auto [tx, rx] = oneshot_channel<int>();
    driver d;
    EXPECT_FALSE(d.poll(rx).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.send(1));
    EXPECT_FALSE(tx);
    EXPECT_EQ(d.wakes(), 1);
    auto answer = d.poll(rx);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_EQ(std::move(answer).take(), 1);
    EXPECT_TRUE(rx.is_terminated());
}

// tokio: async_send_recv, close_after_recv, try_recv_after_completion(_await)
TEST(oneshot, after_its_value_it_is_closed) {
    auto [tx, rx] = oneshot_channel<int>();
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    EXPECT_TRUE(tx.send(17));
    EXPECT_EQ(wait(rx), 17);
    EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
    EXPECT_FALSE(rx.recv());
    rx.close();
}

// tokio: close_tx
TEST(oneshot, a_dropped_sender_wakes_the_receiver) {
    auto [tx, rx] = oneshot_channel<int>();
    driver d;
    EXPECT_FALSE(d.poll(rx).is_ready());
    EXPECT_TRUE(d.rearm());
    { auto dropped = std::move(tx); }
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.finish(rx));
}

// tokio: close_rx, async_rx_closed
TEST(oneshot, a_dropped_receiver_gives_the_value_back_and_wakes_closed) {
    auto [tx, rx] = oneshot_channel<std::unique_ptr<int>>();
    driver d;
    {
        auto closed = tx.async_closed();
        EXPECT_FALSE(d.poll(closed).is_ready());
        EXPECT_TRUE(d.rearm());
        { auto dropped = std::move(rx); }
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_TRUE(d.poll(closed).is_ready());
    }
    EXPECT_TRUE(tx.is_closed());
    auto sent = tx.send(std::make_unique<int>(5));
    ASSERT_FALSE(sent);
    EXPECT_EQ(*sent.error().value, 5);
}

// tokio: explicit_close_poll, explicit_close_try_recv
TEST(oneshot, close_keeps_what_was_sent_and_refuses_what_was_not) {
    {
        auto [tx, rx] = oneshot_channel<int>();
        EXPECT_TRUE(tx.send(1));
        rx.close();
        EXPECT_EQ(rx.recv(), 1);
    }
    for (const bool send_first : {false, true}) {
        auto [tx, rx] = oneshot_channel<int>();
        driver d;
        auto closed = tx.async_closed();
        EXPECT_FALSE(d.poll(closed).is_ready());
        EXPECT_TRUE(d.rearm());
        rx.close();
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_TRUE(d.poll(closed).is_ready());
        if (send_first) {
            EXPECT_FALSE(tx.send(1));
        }
        EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
        EXPECT_FALSE(rx.recv());
    }
}

// tokio: receiver_changes_task, sender_changes_task
TEST(oneshot, the_waker_of_the_last_poll_is_woken) {
    {
        auto [tx, rx] = oneshot_channel<int>();
        driver first, second;
        EXPECT_FALSE(first.poll(rx).is_ready());
        EXPECT_FALSE(second.poll(rx).is_ready());
        EXPECT_TRUE(first.rearm());
        EXPECT_TRUE(second.rearm());
        EXPECT_TRUE(tx.send(1));
        EXPECT_EQ(first.wakes(), 0);
        EXPECT_EQ(second.wakes(), 1);
        EXPECT_TRUE(second.poll(rx).is_ready());
    }
    auto [tx, rx] = oneshot_channel<int>();
    driver first, second;
    auto closed = tx.async_closed();
    EXPECT_FALSE(first.poll(closed).is_ready());
    EXPECT_FALSE(second.poll(closed).is_ready());
    EXPECT_TRUE(first.rearm());
    EXPECT_TRUE(second.rearm());
    rx.close();
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_TRUE(second.poll(closed).is_ready());
}

// tokio: receiver_is_terminated_*, receiver_is_empty_*
TEST(oneshot, says_whether_it_is_empty_and_over) {
    {
        auto [tx, rx] = oneshot_channel<int>();
        EXPECT_TRUE(rx.is_empty());
        EXPECT_FALSE(rx.is_terminated());
        EXPECT_TRUE(tx.send(17));
        EXPECT_FALSE(rx.is_empty());
        EXPECT_FALSE(rx.is_terminated());
        EXPECT_EQ(rx.try_recv(), 17);
        EXPECT_TRUE(rx.is_empty());
        EXPECT_TRUE(rx.is_terminated());
    }
    auto [tx, rx] = oneshot_channel<int>();
    rx.close();
    EXPECT_FALSE(rx.is_terminated());
    EXPECT_TRUE(rx.is_empty());
    EXPECT_FALSE(rx.recv());
    EXPECT_TRUE(rx.is_terminated());
}

TEST(oneshot, the_receiver_may_be_moved_while_it_waits) {
    auto [tx, rx] = oneshot_channel<int>();
    driver d;
    EXPECT_FALSE(d.poll(rx).is_ready());
    EXPECT_TRUE(d.rearm());
    oneshot_receiver<int> moved = std::move(rx);
    EXPECT_TRUE(tx.send(3));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.finish(moved), 3);
}

TEST(oneshot, a_dropped_future_leaves_the_value_to_be_received) {
    auto [tx, rx] = oneshot_channel<int>();
    driver d;
    {
        auto waiting = rx.async_recv();
        EXPECT_FALSE(d.poll(waiting).is_ready());
        EXPECT_TRUE(d.rearm());
    }
    EXPECT_TRUE(tx.send(3));
    EXPECT_EQ(d.wakes(), 0) << "a withdrawn future was woken";
    EXPECT_EQ(rx.recv(), 3);
}

TEST(oneshot, no_value_is_left_behind) {
    const auto frames = pool_stats().frames;
    {
        auto [tx, rx] = oneshot_channel<counted>();
        EXPECT_TRUE(tx.send(counted(1)));
        EXPECT_EQ(counted::alive(), 1);
        { auto dropped = std::move(rx); }
        EXPECT_EQ(counted::alive(), 0);
    }
    {
        auto [tx, rx] = oneshot_channel<counted>();
        rx.close();
        auto sent = tx.send(counted(1));
        ASSERT_FALSE(sent);
        EXPECT_EQ(sent.error().value.value(), 1);
    }
    EXPECT_EQ(counted::alive(), 0);
    EXPECT_EQ(pool_stats().frames, frames);
}

// A move that throws in send has sent nothing; one that throws in recv has ended it.
TEST(oneshot, a_move_that_throws_loses_nothing_else) {
    const auto frames = pool_stats().frames;
    {
        auto [tx, rx] = oneshot_channel<fragile>();
        fragile::fuse = 1; // the argument is made in place, so the move into the cell is the first
        EXPECT_THROW((void)tx.send(fragile(1)), std::runtime_error);
        EXPECT_TRUE(tx);
        fragile::fuse = 0;
        EXPECT_TRUE(tx.send(fragile(2)));
        fragile::fuse = 1;
        EXPECT_THROW((void)rx.try_recv(), std::runtime_error);
        fragile::fuse = 0;
        EXPECT_TRUE(rx.is_terminated());
    }
    EXPECT_EQ(fragile::alive, 0);
    EXPECT_EQ(pool_stats().frames, frames);
}

TEST(oneshot, overaligned_and_large_values_fit) {
    struct alignas(64) wide {
        int value;
    };
    auto [tx, rx] = oneshot_channel<wide>();
    EXPECT_TRUE(tx.send(wide{4}));
    EXPECT_EQ(rx.recv().value().value, 4);
    struct large {
        char bytes[20'000];
    };
    auto [tx2, rx2] = oneshot_channel<large>();
    EXPECT_TRUE(tx2.send(large{{'x'}}));
    EXPECT_EQ(rx2.recv().value().bytes[0], 'x');
}

TEST(oneshot_death, a_second_send_is_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto send_twice = [] {
        auto [tx, rx] = oneshot_channel<int>();
        (void)tx.send(1);
        (void)tx.send(2);
    };
    EXPECT_DEATH(send_twice(), "sends once");
}

task<void> send_task(oneshot_sender<counted> tx, int value) {
    co_await async_yield();
    (void)tx.send(counted(value));
}
task<void> recv_task(oneshot_receiver<counted> rx, std::atomic<long>& sum) {
    auto answer = co_await rx;
    if (answer) sum += answer->value();
}

TEST_P(oneshot_pairs, every_value_arrives) {
    std::atomic<long> sum{0};
    const int rounds = test::rounds_scaled(100);
    for (int i = 0; i < rounds; ++i) {
        auto ends = std::make_shared<std::pair<oneshot_sender<counted>, oneshot_receiver<counted>>>(
            oneshot_channel<counted>());
        start(
            kind_of(0), [ends, i] { (void)ends->first.send(counted(i)); },
            [&] { return send_task(std::move(ends->first), i); });
        start(
            kind_of(1), [ends, &sum] { sum += ends->second.recv().value().value(); },
            [&] { return recv_task(std::move(ends->second), sum); });
        if (i % 8 == 0) join();
    }
    join();
    EXPECT_EQ(sum, long{rounds} * (rounds - 1) / 2);
    EXPECT_EQ(counted::alive(), 0);
}

// Seeded: both ends do something at random at the same time: send, drop, close, poll and drop, wait
// for the end. A value is received, handed back, or destroyed with its channel, never two of these.
TEST_P(oneshot_pairs, ends_that_go_at_any_moment_lose_nothing) {
    const auto seed_of = [](int i) { return static_cast<std::uint32_t>(i) * 7919u + 1; };
    std::atomic<int> received{0}, handed_back{0}, sent{0};
    const int rounds = test::rounds_scaled(150);
    for (int i = 0; i < rounds; ++i) {
        auto ends = std::make_shared<std::pair<oneshot_sender<counted>, oneshot_receiver<counted>>>(
            oneshot_channel<counted>());
        const auto sender = [&, ends, i] {
            oneshot_sender<counted> tx = std::move(ends->first);
            std::mt19937 random(seed_of(i));
            if (random() % 4 == 0) return;
            if (random() % 4 == 0) {
                driver d;
                auto closed = tx.async_closed();
                (void)d.poll(closed);
            }
            ++sent;
            auto answer = tx.send(counted(i));
            if (!answer) ++handed_back;
        };
        const auto receiver = [&, ends, i] {
            oneshot_receiver<counted> rx = std::move(ends->second);
            std::mt19937 random(seed_of(i) + 1);
            if (random() % 4 == 0) return;
            if (random() % 4 == 0) {
                driver d;
                auto dropped = rx.async_recv();
                auto answer = d.poll(dropped);
                if (answer.is_ready()) {
                    if (std::move(answer).take()) ++received;
                    return;
                }
            }
            if (random() % 4 == 0) rx.close();
            if (rx.recv()) ++received;
        };
        start(kind_of(0), sender, [&]() -> task<void> {
            return [](auto body) -> task<void> {
                co_await async_yield();
                body();
            }(sender);
        });
        start(kind_of(1), receiver, [&]() -> task<void> {
            return [](auto body) -> task<void> {
                co_await async_yield();
                body();
            }(receiver);
        });
        if (i % 4 == 0) join();
    }
    join();
    EXPECT_LE(received + handed_back, sent);
    EXPECT_GT(received, 0);
    EXPECT_EQ(counted::alive(), 0);
}

} // namespace
} // namespace sennit
