// The rules of tokio's watch (R-MP-4); the tests of tokio/tests/sync_watch.rs are named.
#include <sennit/sync/watch_channel.hpp>

#include "counted.hpp"
#include "support.hpp"

namespace sennit {
namespace {

using test::counted;
using test::driver;
using test::drop;
using test::kind;

class watch_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, watch_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

class watch : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(counted::alive(), 0);
        EXPECT_EQ(pool_stats().frames, frames_) << "a channel or a value is left behind";
    }
    driver d, e;

private:
    std::int64_t frames_ = pool_stats().frames;
};

// tokio: single_rx_recv
TEST_F(watch, a_receiver_is_woken_by_a_value_and_by_the_end) {
    auto [tx, rx] = watch_channel<int>(1);
    {
        auto changed = rx.async_changed();
        EXPECT_FALSE(d.poll(changed).is_ready()) << "the first value counts as seen";
        EXPECT_TRUE(d.rearm());
        EXPECT_EQ(*rx.borrow(), 1);
        EXPECT_TRUE(tx.send(2));
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_TRUE(d.finish(changed));
    }
    EXPECT_EQ(*rx.borrow(), 2);
    {
        auto changed = rx.async_changed();
        EXPECT_FALSE(d.poll(changed).is_ready());
        EXPECT_TRUE(d.rearm());
        tx = {};
        EXPECT_EQ(d.wakes(), 2);
        EXPECT_EQ(d.finish(changed).error(), recv_error::closed);
    }
    EXPECT_EQ(*rx.borrow(), 2);
}

// tokio: multi_rx
TEST_F(watch, each_receiver_has_seen_its_own) {
    auto [tx, rx1] = watch_channel<int>(1);
    auto rx2 = rx1;
    EXPECT_EQ(tx.receiver_count(), 2u);
    auto changed = rx2.async_changed();
    EXPECT_FALSE(d.poll(changed).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.send(2));
    EXPECT_TRUE(rx1.changed());
    EXPECT_TRUE(tx.send(3));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(rx1.changed());
    EXPECT_FALSE(rx1.has_changed().value());
    EXPECT_TRUE(rx2.has_changed().value());
    EXPECT_TRUE(d.finish(changed)) << "two values are one change";
    EXPECT_FALSE(rx2.has_changed().value());
    EXPECT_EQ(*rx2.borrow(), 3);
}

// tokio: rx_observes_final_value
TEST_F(watch, the_last_value_is_never_missed) {
    {
        auto [tx, rx] = watch_channel<int>(1);
        tx = {};
        EXPECT_FALSE(rx.changed());
        EXPECT_EQ(*rx.borrow(), 1);
    }
    auto [tx, rx] = watch_channel<int>(1);
    auto changed = rx.async_changed();
    EXPECT_FALSE(d.poll(changed).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.send(2));
    tx = {};
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.finish(changed));
    EXPECT_EQ(*rx.borrow(), 2);
    EXPECT_EQ(rx.changed().error(), recv_error::closed);
    EXPECT_TRUE(rx.is_closed());
}

// tokio: poll_close
TEST_F(watch, a_sender_waits_for_the_receivers_to_go_and_gets_its_value_back) {
    auto [tx, rx] = watch_channel<std::unique_ptr<int>>(nullptr);
    auto rx2 = tx.subscribe();
    auto closed = tx.async_closed();
    EXPECT_FALSE(d.poll(closed).is_ready());
    EXPECT_TRUE(d.rearm());
    drop(rx);
    EXPECT_EQ(d.wakes(), 0);
    drop(rx2);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.poll(closed).is_ready());
    auto sent = tx.send(std::make_unique<int>(2));
    ASSERT_FALSE(sent);
    EXPECT_EQ(*sent.error().value, 2);
    EXPECT_EQ(*tx.borrow(), nullptr) << "a refused value was kept";
}

// tokio: reopened_after_subscribe; and a waiting closed() sees that
TEST_F(watch, a_new_receiver_opens_it_again) {
    auto [tx, rx] = watch_channel<int>(1);
    EXPECT_FALSE(tx.is_closed());
    auto closed = tx.async_closed();
    EXPECT_FALSE(d.poll(closed).is_ready());
    drop(rx);
    EXPECT_TRUE(tx.is_closed());
    auto again = tx.subscribe();
    EXPECT_FALSE(tx.is_closed());
    EXPECT_FALSE(d.poll(closed).is_ready());
    drop(again);
    EXPECT_TRUE(tx.is_closed());
    EXPECT_TRUE(d.poll(closed).is_ready());
}

// tokio: borrow_and_update
TEST_F(watch, a_borrowed_value_is_seen_when_asked_to_be) {
    auto [tx, rx] = watch_channel<int>(1);
    EXPECT_FALSE(rx.has_changed().value());
    EXPECT_TRUE(tx.send(2));
    EXPECT_TRUE(rx.has_changed().value());
    EXPECT_TRUE(rx.borrow().has_changed());
    EXPECT_TRUE(rx.has_changed().value()) << "borrow() marks nothing";
    EXPECT_TRUE(rx.borrow_and_update().has_changed());
    EXPECT_FALSE(rx.borrow_and_update().has_changed());
    EXPECT_FALSE(d.poll(rx.async_changed()).is_ready());
    EXPECT_TRUE(tx.send(3));
    tx = {};
    EXPECT_EQ(rx.has_changed().error(), recv_error::closed);
    EXPECT_EQ(*rx.borrow_and_update(), 3);
    EXPECT_FALSE(rx.changed());
}

// tokio: rx_mark_changed, rx_mark_unchanged
TEST_F(watch, marks_by_hand) {
    auto [tx, rx] = watch_channel<int>(1);
    rx.mark_changed();
    EXPECT_TRUE(rx.has_changed().value());
    EXPECT_TRUE(rx.changed());
    EXPECT_FALSE(rx.has_changed().value());
    EXPECT_TRUE(tx.send(2));
    rx.mark_unchanged();
    EXPECT_FALSE(rx.has_changed().value());
    EXPECT_FALSE(d.poll(rx.async_changed()).is_ready());
    rx.mark_changed();
    tx = {};
    EXPECT_TRUE(rx.changed()) << "marked as not seen, so it is seen before the end";
    EXPECT_FALSE(rx.changed());
}

// tokio: send_modify_panic; here nothing has happened
TEST_F(watch, a_modification_that_throws_leaves_the_value) {
    auto [tx, rx] = watch_channel<int>(1);
    tx.send_modify([](int& v) { v = 2; });
    EXPECT_EQ(*rx.borrow_and_update(), 2);
    auto changed = rx.async_changed();
    EXPECT_FALSE(d.poll(changed).is_ready());
    const auto fail = [](int& v) {
        v = 99;
        throw std::runtime_error("modify");
    };
    EXPECT_THROW(tx.send_modify(fail), std::runtime_error);
    EXPECT_FALSE(d.poll(changed).is_ready());
    EXPECT_EQ(*rx.borrow(), 2);
    tx.send_modify([](int& v) { ++v; });
    EXPECT_TRUE(d.finish(changed));
    EXPECT_EQ(*rx.borrow(), 3);
}

// tokio: the documented rules of send_if_modified and send_replace
TEST_F(watch, sends_with_and_without_a_receiver) {
    auto [tx, rx] = watch_channel<counted>(counted(1));
    EXPECT_FALSE(tx.send_if_modified([](counted&) { return false; }));
    EXPECT_FALSE(rx.has_changed().value());
    EXPECT_TRUE(tx.send_if_modified([](counted& v) {
        v = counted(2);
        return true;
    }));
    EXPECT_EQ(rx.borrow_and_update()->value(), 2);
    drop(rx);
    EXPECT_FALSE(tx.send(counted(3)));
    EXPECT_EQ(tx.send_replace(counted(4))->value(), 2);
    tx.send_modify([](counted& v) { v = counted(v.value() + 1); });
    auto late = tx.subscribe();
    EXPECT_FALSE(late.has_changed().value());
    EXPECT_EQ(late.borrow()->value(), 5);
    EXPECT_EQ(counted::alive(), 1);
}

// A borrowed value holds no lock (tokio's would): one may send, and it stays what it was.
TEST_F(watch, a_borrowed_value_delays_nobody_and_outlives_the_channel) {
    std::optional<watch_ref<counted>> kept;
    {
        auto [tx, rx] = watch_channel<counted>(counted(1));
        kept.emplace(rx.borrow());
        EXPECT_TRUE(tx.send(counted(2)));
        EXPECT_EQ(rx.borrow()->value(), 2);
        EXPECT_EQ(counted::alive(), 2);
    }
    EXPECT_EQ((**kept).value(), 1);
    EXPECT_EQ(counted::alive(), 1);
}

// tokio: loom_watch.rs wait_for_test, wait_for_returns_correct_value
TEST_F(watch, waits_for_a_value_that_is_wanted) {
    auto [tx, rx] = watch_channel<int>(5);
    const auto is_even = [](int v) { return v % 2 == 0; };
    {
        auto already = d.finish(rx.async_wait_for([](int v) { return v == 5; }));
        ASSERT_TRUE(already);
        EXPECT_FALSE(already->has_changed());
    }
    int looks = 0;
    auto waiting = rx.async_wait_for([&](int v) {
        ++looks;
        return is_even(v);
    });
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.send(7));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_EQ(looks, 2) << "a value was looked at twice";
    EXPECT_TRUE(tx.send(8));
    auto found = d.finish(waiting);
    ASSERT_TRUE(found);
    EXPECT_EQ(**found, 8);
    EXPECT_TRUE(found->has_changed());
    EXPECT_FALSE(rx.has_changed().value());
    // The last value counts, and then comes the end.
    EXPECT_TRUE(tx.send(10));
    tx = {};
    EXPECT_EQ(**rx.wait_for(is_even), 10);
    EXPECT_EQ(rx.wait_for([](int v) { return v == 1; }).error(), recv_error::closed);
}

TEST_F(watch, a_predicate_that_throws_passes_through_and_one_that_is_dropped_marks_nothing) {
    auto [tx, rx] = watch_channel<int>(1);
    EXPECT_TRUE(tx.send(2));
    {
        auto dropped = rx.async_wait_for([](int) { return false; });
        EXPECT_FALSE(d.poll(dropped).is_ready());
    }
    EXPECT_TRUE(rx.has_changed().value());
    EXPECT_THROW((void)rx.wait_for([](int) -> bool { throw std::runtime_error("look"); }),
                 std::runtime_error);
    EXPECT_TRUE(rx.has_changed().value());
}

TEST_F(watch, a_dropped_wait_is_not_woken) {
    auto [tx, rx] = watch_channel<int>(1);
    {
        auto dropped = rx.async_changed();
        EXPECT_FALSE(d.poll(dropped).is_ready());
        EXPECT_TRUE(d.rearm());
    }
    EXPECT_TRUE(tx.send(2));
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_TRUE(rx.has_changed().value()) << "the change is still to be seen";
}

// tokio: multiple_sender (of Sender's Clone), receiver_is_notified_when_last_sender_is_dropped
TEST_F(watch, closes_with_its_last_sender) {
    auto [tx, rx] = watch_channel<int>(0);
    auto tx2 = tx;
    EXPECT_TRUE(tx2.same_channel(tx));
    EXPECT_EQ(tx.sender_count(), 2u);
    auto changed = rx.async_changed();
    EXPECT_FALSE(d.poll(changed).is_ready());
    EXPECT_TRUE(d.rearm());
    tx = {};
    EXPECT_EQ(d.wakes(), 0);
    tx2 = {};
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.finish(changed));
}

TEST_F(watch, wakes_more_receivers_than_one_batch) {
    auto [tx, rx] = watch_channel<int>(0);
    std::vector<watch_receiver<int>> receivers(100, rx);
    std::vector<std::unique_ptr<watch_changed_future<int>>> waiting;
    for (auto& each : receivers) {
        waiting.push_back(std::make_unique<watch_changed_future<int>>(each.async_changed()));
        EXPECT_FALSE(d.poll(*waiting.back()).is_ready());
    }
    EXPECT_TRUE(tx.send(1));
    for (auto& each : waiting)
        EXPECT_TRUE(d.poll(*each).is_ready());
}

// tokio: receiver_changed_is_cooperative: a value that is always new does not starve others
TEST_F(watch, an_always_ready_change_lets_others_run) {
    runtime rt{{.workers = 1}};
    auto [tx, rx] = watch_channel<int>(0);
    std::atomic<bool> other_ran{false};
    auto busy = rt.spawn([&] {
        auto other = rt.spawn([&] { other_ran = true; });
        int turns = 0;
        while (!other_ran && ++turns < 100'000) {
            (void)tx.send(1);
            (void)rx.changed();
        }
        EXPECT_LT(turns, 100'000);
        other.join();
    });
    busy.join();
}

template<class Fn>
task<void> in_task(Fn body) {
    co_await async_yield();
    body();
}
task<void> follow(watch_receiver<counted> rx, int last, std::atomic<int>& finished) {
    int seen = 0;
    for (;;) {
        auto changed = co_await rx.async_changed();
        if (!changed) break;
        const int now = rx.borrow_and_update()->value();
        EXPECT_GT(now, seen) << "a change without one";
        seen = now;
    }
    EXPECT_EQ(seen, last);
    ++finished;
}

// Values only rise, every change shows a newer one, and everybody sees the last.
TEST_P(watch_pairs, everybody_sees_the_last_value) {
    static constexpr int last = test::rounds_scaled(1000);
    std::atomic<int> finished{0};
    {
        auto [tx, rx] = watch_channel<counted>(counted(0));
        for (int r = 0; r < 3; ++r) {
            start(
                kind_of(1),
                [rx, &finished] {
                    auto mine = rx;
                    int seen = 0;
                    while (mine.changed()) {
                        const int now = mine.borrow_and_update()->value();
                        EXPECT_GT(now, seen) << "a change without one";
                        seen = now;
                    }
                    EXPECT_EQ(seen, last);
                    ++finished;
                },
                [&] { return follow(rx, last, finished); });
        }
        const auto send = [tx] {
            for (int i = 1; i <= last; ++i) {
                EXPECT_TRUE(tx.send(counted(i)));
                if (i % 16 == 0) this_flow::yield();
            }
        };
        start(kind_of(0), send, [&] { return in_task(send); });
    }
    join();
    EXPECT_EQ(finished, 3);
    EXPECT_EQ(counted::alive(), 0);
}

// Modifications by several senders are not lost, whatever the others send.
TEST_P(watch_pairs, modifications_are_not_lost) {
    static constexpr int each = test::rounds_scaled(300);
    auto [tx, rx] = watch_channel<int>(0);
    for (int s = 0; s < 4; ++s) {
        const auto add = [tx] {
            for (int i = 0; i < each; ++i)
                tx.send_modify([](int& v) { ++v; });
        };
        start(kind_of(s), add, [&] { return in_task(add); });
    }
    join();
    EXPECT_EQ(*rx.borrow(), 4 * each);
}

// Seeded: receivers come, look, wait, drop their futures half-way and go; senders send, modify, wait for
// the end and go. Nothing is left behind and everybody ends.
void random_receiver(watch_receiver<counted> rx, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    int seen = 0;
    for (unsigned left = random() % 40; left != 0; --left) {
        switch (random() % 6) {
            case 0: {
                auto dropped = rx.async_changed();
                (void)d.poll(dropped);
                break;
            }
            case 1: {
                auto dropped = rx.async_wait_for([](const counted& c) { return c.value() < 0; });
                (void)d.poll(dropped);
                break;
            }
            case 2:
                rx = watch_receiver<counted>(rx);
                break;
            case 3:
                if (!rx.wait_for([seen](const counted& c) { return c.value() >= seen; })) return;
                break;
            case 4:
                if (!rx.changed()) return;
                break;
            default:
                seen = rx.borrow_and_update()->value();
        }
    }
}
void random_sender(const watch_sender<counted>& tx, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    for (int i = 0; i < 60; ++i) {
        switch (random() % 5) {
            case 0: {
                auto dropped = tx.async_closed();
                (void)d.poll(dropped);
                break;
            }
            case 1:
                tx.send_modify([](counted& v) { v = counted(v.value() + 1); });
                break;
            case 2:
                (void)tx.subscribe();
                break;
            case 3:
                this_flow::yield();
                break;
            default:
                if (!tx.send(counted(i))) return;
        }
    }
}

TEST_P(watch_pairs, ends_that_come_and_go_leave_nothing_behind) {
    const int seeds = test::rounds_scaled(30);
    for (int seed = 0; seed < seeds; ++seed) {
        {
            auto [tx, rx] = watch_channel<counted>(counted(0));
            for (int i = 0; i < 2; ++i) {
                const auto base = static_cast<std::uint32_t>(seed * 10 + i);
                const auto sender = [tx, base] { random_sender(tx, base); };
                const auto receiver = [rx, base] { random_receiver(rx, base + 5); };
                start(kind_of(0), sender, [&] { return in_task(sender); });
                start(kind_of(1), receiver, [&] { return in_task(receiver); });
            }
        }
        join();
        ASSERT_EQ(counted::alive(), 0) << "seed " << seed;
    }
}

} // namespace
} // namespace sennit
