// The rules of tokio's unbounded mpsc (R-MP-1); tokio/tests/sync_mpsc.rs is named.
#include <sennit/sync/unbounded_channel.hpp>

#include "counted.hpp"
#include "support.hpp"

namespace sennit {
namespace {

using test::counted;
using test::driver;

class unbounded_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, unbounded_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

class unbounded : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(counted::alive(), 0);
        EXPECT_EQ(pool_stats().frames, frames_) << "a channel is left behind";
    }
    driver d;

private:
    std::int64_t frames_ = pool_stats().frames;
};

// tokio: send_recv_unbounded, try_recv_unbounded, test_is_empty_32_msgs. Over many blocks.
TEST_F(unbounded, keeps_order_over_many_blocks) {
    auto [tx, rx] = unbounded_channel<int>();
    int sent = 0, received = 0;
    for (int round = 1; round < 40; ++round) {
        for (int i = 0; i < round * 13; ++i)
            EXPECT_TRUE(tx.send(sent++));
        for (int i = 0; i < round * 12; ++i)
            EXPECT_EQ(rx.try_recv(), received++);
        EXPECT_EQ(rx.len(), static_cast<std::size_t>(sent - received));
    }
    { auto last = std::move(tx); }
    EXPECT_TRUE(rx.is_closed());
    while (received < sent)
        EXPECT_EQ(rx.recv(), received++);
    EXPECT_FALSE(rx.recv());
    EXPECT_TRUE(rx.is_empty());
}

// tokio: send_recv_unbounded, the waking half
TEST_F(unbounded, a_value_and_the_end_wake_the_receiver_once) {
    auto [tx, rx] = unbounded_channel<int>();
    auto tx2 = tx;
    auto waiting = rx.async_recv();
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.send(1));
    EXPECT_TRUE(tx2.send(2));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.finish(waiting), 1);
    EXPECT_EQ(rx.recv(), 2);
    { auto gone = std::move(tx); }
    auto again = rx.async_recv();
    EXPECT_FALSE(d.poll(again).is_ready());
    EXPECT_TRUE(d.rearm());
    { auto gone = std::move(tx2); }
    EXPECT_EQ(d.wakes(), 2);
    EXPECT_FALSE(d.finish(again));
}

// tokio: try_recv_close_while_empty_unbounded, test_rx_unbounded_is_closed_when_calling_close_with_sender
TEST_F(unbounded, close_keeps_what_was_sent) {
    auto [tx, rx] = unbounded_channel<counted>();
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    EXPECT_TRUE(tx.send(counted(1)));
    EXPECT_TRUE(tx.send(counted(2)));
    EXPECT_EQ(rx.recv()->value(), 1); // the second is in the receiver's view now
    rx.close();
    EXPECT_TRUE(tx.is_closed());
    tx.closed();
    EXPECT_EQ(tx.send(counted(3)).error().value.value(), 3);
    EXPECT_EQ(rx.len(), 1u);
    EXPECT_EQ(rx.recv()->value(), 2);
    EXPECT_FALSE(rx.recv());
}

// tokio: unconsumed_messages_are_dropped; also those in the view
TEST_F(unbounded, unreceived_values_go_with_the_receiver) {
    auto [tx, rx] = unbounded_channel<counted>();
    for (int i = 0; i < 300; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    EXPECT_EQ(rx.recv()->value(), 0);
    for (int i = 0; i < 300; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    EXPECT_EQ(counted::alive(), 599);
    { auto gone = std::move(rx); }
    EXPECT_EQ(counted::alive(), 0);
    EXPECT_FALSE(tx.send(counted(1)));
}

// tokio: send_recv_many_unbounded, recv_many_with_non_empty_buffer_unbounded_rx_closed_and_idle
TEST_F(unbounded, receives_many_at_once) {
    auto [tx, rx] = unbounded_channel<counted>();
    for (int i = 0; i < 200; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    std::vector<counted> out;
    EXPECT_EQ(rx.recv_many(out, 3), 3u);
    EXPECT_EQ(rx.recv_many(out, 1000), 197u);
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(out[static_cast<std::size_t>(i)].value(), i);
    rx.close();
    EXPECT_EQ(rx.recv_many(out, 10), 0u);
    EXPECT_EQ(out.size(), 200u);
}

// tokio: sync_mpsc_weak weak_unbounded_sender, downgrade_drop_upgrade_unbounded,
// unbounded_sender_strong_and_weak_conut
TEST_F(unbounded, weak_senders_do_not_keep_it_open) {
    auto [tx, rx] = unbounded_channel<int>();
    unbounded_weak_sender<int> weak = tx.downgrade();
    EXPECT_EQ(weak.strong_count(), 1u);
    EXPECT_EQ(weak.weak_count(), 1u);
    EXPECT_TRUE(weak.upgrade()->send(1));
    { auto gone = std::move(tx); }
    EXPECT_FALSE(weak.upgrade());
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_FALSE(rx.recv());
}

task<void> send_all(unbounded_sender<counted> tx, int count) {
    for (int i = 0; i < count; ++i) {
        (void)tx.send(counted(i));
        if (i % 16 == 0) co_await async_yield();
    }
}
task<void> recv_all(mpsc_receiver<counted> rx, std::atomic<int>& received) {
    for (;;) {
        auto v = co_await rx.async_recv();
        if (!v) break;
        ++received;
    }
}

TEST_P(unbounded_pairs, every_value_arrives) {
    static constexpr int each = test::rounds_scaled(2000);
    std::atomic<int> received{0};
    {
        auto [tx, rx] = unbounded_channel<counted>();
        for (int s = 0; s < 3; ++s) {
            start(
                kind_of(0),
                [tx] {
                    for (int i = 0; i < each; ++i)
                        EXPECT_TRUE(tx.send(counted(i)));
                },
                [&] { return send_all(tx, each); });
        }
        auto shared = std::make_shared<mpsc_receiver<counted>>(std::move(rx));
        start(
            kind_of(1),
            [shared, &received] {
                while (shared->recv())
                    ++received;
            },
            [&] { return recv_all(std::move(*shared), received); });
    }
    join();
    EXPECT_EQ(received, 3 * each);
    EXPECT_EQ(counted::alive(), 0);
}

// The receiver leaves while others send: values are handed back or destroyed with it.
TEST_P(unbounded_pairs, the_receiver_may_leave_at_any_moment) {
    std::atomic<bool> refused[3] = {};
    for (int round = 0; round < test::rounds_scaled(50); ++round) {
        {
            auto [tx, rx] = unbounded_channel<counted>();
            for (int s = 0; s < 3; ++s) {
                const auto body = [tx, &refused, s] {
                    for (int i = 0;; ++i) {
                        auto sent = tx.send(counted(i));
                        if (!sent) {
                            EXPECT_EQ(sent.error().value.value(), i);
                            refused[s] = true;
                            return;
                        }
                        if (i % 32 == 31) this_flow::yield();
                    }
                };
                start(kind_of(0), body, [&]() -> task<void> {
                    return [](auto b) -> task<void> {
                        b();
                        co_return;
                    }(body);
                });
            }
            auto shared = std::make_shared<mpsc_receiver<counted>>(std::move(rx));
            const auto leave = [shared, round] {
                mpsc_receiver<counted> mine = std::move(*shared);
                for (int i = 0; i < round; ++i)
                    (void)mine.recv();
            };
            start(kind_of(1), leave, [&]() -> task<void> {
                return [](auto b) -> task<void> {
                    b();
                    co_return;
                }(leave);
            });
        }
        join();
        ASSERT_EQ(counted::alive(), 0) << "round " << round;
    }
    for (const auto& each : refused)
        EXPECT_TRUE(each);
}

} // namespace
} // namespace sennit
