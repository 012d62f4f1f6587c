// The rules of tokio's broadcast (R-MP-3); the tests of tokio/tests/sync_broadcast.rs and
// sync_broadcast_weak.rs are named.
#include <sennit/sync/broadcast_channel.hpp>

#include "counted.hpp"
#include "support.hpp"

namespace sennit {
namespace {

using test::counted;
using test::driver;
using test::drop;

class broadcast : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(counted::alive(), 0);
        EXPECT_EQ(pool_stats().frames, frames_) << "a channel or a value is left behind";
    }
    driver d, e;

    template<class T>
    static void send_all(const broadcast_sender<T>& tx, std::initializer_list<int> values) {
        for (int v : values)
            EXPECT_TRUE(tx.send(T(v)));
    }
    template<class T>
    static std::size_t lag_of(broadcast_receiver<T>& rx) {
        auto got = rx.try_recv();
        EXPECT_FALSE(got.has_value());
        return got ? 0 : got.error().lagged();
    }
    static bool is_empty(broadcast_receiver<int>& rx) {
        auto got = rx.try_recv();
        return !got && got.error().is_empty();
    }
    static bool is_closed(broadcast_receiver<int>& rx) {
        auto got = rx.try_recv();
        return !got && got.error().is_closed();
    }

private:
    std::int64_t frames_ = pool_stats().frames;
};

// tokio: send_try_recv_bounded, send_two_recv
TEST_F(broadcast, every_receiver_gets_every_value) {
    auto [tx, rx1] = broadcast_channel<int>(16);
    auto rx2 = tx.subscribe();
    EXPECT_TRUE(is_empty(rx1));
    EXPECT_EQ(tx.send(7), 2u);
    EXPECT_EQ(rx1.try_recv(), 7);
    EXPECT_EQ(rx2.try_recv(), 7);
    EXPECT_TRUE(is_empty(rx1));
    EXPECT_TRUE(is_empty(rx2));
}

// tokio: send_recv_bounded, send_two_recv_bounded, send_slow_rx
TEST_F(broadcast, a_value_wakes_those_who_wait) {
    auto [tx, rx1] = broadcast_channel<int>(16);
    auto rx2 = tx.subscribe();
    {
        auto recv1 = rx1.async_recv();
        auto recv2 = rx2.async_recv();
        EXPECT_FALSE(d.poll(recv1).is_ready());
        EXPECT_FALSE(e.poll(recv2).is_ready());
        EXPECT_TRUE(d.rearm());
        EXPECT_TRUE(e.rearm());
        EXPECT_TRUE(tx.send(1));
        EXPECT_TRUE(tx.send(2));
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_EQ(e.wakes(), 1);
        EXPECT_EQ(d.finish(recv1), 1);
        EXPECT_EQ(d.finish(rx1.async_recv()), 2);
        auto again = rx1.async_recv();
        EXPECT_FALSE(d.poll(again).is_ready());
        EXPECT_TRUE(d.rearm());
        EXPECT_TRUE(tx.send(3));
        EXPECT_EQ(d.wakes(), 2);
        EXPECT_EQ(e.wakes(), 1) << "the slow one does not wait";
        EXPECT_EQ(d.finish(again), 3);
        EXPECT_EQ(e.finish(recv2), 1);
    }
    EXPECT_EQ(rx2.recv(), 2);
    EXPECT_EQ(rx2.recv(), 3);
}

// tokio: change_tasks
TEST_F(broadcast, the_waker_of_the_last_poll_is_woken) {
    auto [tx, rx] = broadcast_channel<int>(1);
    auto waiting = rx.async_recv();
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_FALSE(e.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(e.rearm());
    EXPECT_TRUE(tx.send(1));
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_EQ(e.finish(waiting), 1);
}

TEST_F(broadcast, a_dropped_recv_loses_nothing_and_is_not_woken) {
    auto [tx, rx] = broadcast_channel<counted>(2);
    {
        auto dropped = rx.async_recv();
        EXPECT_FALSE(d.poll(dropped).is_ready());
        EXPECT_TRUE(d.rearm());
    }
    EXPECT_TRUE(tx.send(counted(1)));
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(rx.recv()->value(), 1);
}

// tokio: lagging_rx
TEST_F(broadcast, a_slow_receiver_is_told_how_much_it_missed) {
    auto [tx, rx1] = broadcast_channel<int>(2);
    auto rx2 = tx.subscribe();
    send_all(tx, {1, 2});
    EXPECT_EQ(rx1.try_recv(), 1);
    send_all(tx, {3});
    EXPECT_EQ(lag_of(rx2), 1u);
    EXPECT_EQ(rx2.try_recv(), 2) << "once told, it goes on with the oldest";
    EXPECT_EQ(rx1.try_recv(), 2);
    EXPECT_EQ(rx1.try_recv(), 3);
    send_all(tx, {4, 5});
    EXPECT_EQ(lag_of(rx2), 1u);
    send_all(tx, {6});
    EXPECT_EQ(lag_of(rx2), 1u);
    EXPECT_EQ(rx2.try_recv(), 5);
}

// tokio: lagged_count_matches_number_of_overwritten_messages, lag_catch_up_then_lag_again, lag_is_per_receiver,
// lag_again_before_reading_retained_messages, async_recv_lagged_then_resumes_from_oldest_retained
TEST_F(broadcast, lag_is_counted_anew_each_time) {
    auto [tx, slow] = broadcast_channel<int>(2);
    auto fast = tx.subscribe();
    send_all(tx, {1, 2});
    EXPECT_EQ(fast.try_recv(), 1);
    EXPECT_EQ(fast.try_recv(), 2);
    send_all(tx, {3});
    EXPECT_EQ(lag_of(slow), 1u);
    send_all(tx, {4, 5, 6});
    auto again = slow.recv();
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error().is_lagged());
    EXPECT_EQ(again.error().lagged(), 3u);
    EXPECT_EQ(slow.try_recv(), 5);
    EXPECT_EQ(slow.try_recv(), 6);
    EXPECT_TRUE(is_empty(slow));
    send_all(tx, {7, 8, 9});
    EXPECT_EQ(lag_of(slow), 1u);
    EXPECT_EQ(slow.try_recv(), 8);
    EXPECT_EQ(lag_of(fast), 5u);
}

// tokio: lag_uses_power_of_two_buffer_length, receiver_len_with_lagged,
// receiver_len_after_lag_error_advances_cursor
TEST_F(broadcast, capacity_is_rounded_up_and_len_counts_what_was_missed) {
    auto [tx, rx] = broadcast_channel<int>(3);
    send_all(tx, {10, 20, 30, 40});
    EXPECT_EQ(rx.len(), 4u);
    EXPECT_EQ(rx.try_recv(), 10);
    send_all(tx, {50, 60});
    EXPECT_EQ(rx.len(), 5u);
    EXPECT_EQ(lag_of(rx), 1u);
    EXPECT_EQ(rx.len(), 4u);
    EXPECT_EQ(rx.try_recv(), 30);
    EXPECT_EQ(rx.len(), 3u);
}

// tokio: single_capacity_recvs, single_capacity_recvs_after_drop_1 and _2, single_slot_capacity_lag_semantics
TEST_F(broadcast, one_slot_is_enough) {
    auto [tx, rx] = broadcast_channel<int>(1);
    send_all(tx, {1});
    EXPECT_EQ(rx.try_recv(), 1);
    EXPECT_TRUE(is_empty(rx));
    send_all(tx, {2, 3});
    tx = {};
    EXPECT_EQ(lag_of(rx), 1u);
    EXPECT_EQ(rx.try_recv(), 3);
    EXPECT_TRUE(is_closed(rx));
}

// tokio: dropping_sender_does_not_overwrite, lagging_receiver_recovers_after_wrap_closed_1, _2, _open
TEST_F(broadcast, what_is_kept_can_be_received_after_the_end) {
    for (int sent = 2; sent <= 4; ++sent) {
        for (const bool close : {false, true}) {
            auto [tx, rx] = broadcast_channel<int>(2);
            for (int v = 1; v <= sent; ++v)
                EXPECT_TRUE(tx.send(v));
            if (close) tx = {};
            EXPECT_EQ(rx.is_closed(), close);
            if (sent > 2) {
                EXPECT_EQ(lag_of(rx), static_cast<std::size_t>(sent - 2));
            }
            EXPECT_EQ(rx.try_recv(), sent - 1);
            EXPECT_EQ(rx.try_recv(), sent);
            EXPECT_TRUE(close ? is_closed(rx) : is_empty(rx));
        }
    }
}

// tokio: dropping_tx_notifies_rx
TEST_F(broadcast, the_last_sender_wakes_everybody) {
    auto [tx, rx1] = broadcast_channel<int>(16);
    auto rx2 = tx.subscribe();
    auto tx2 = tx;
    EXPECT_TRUE(tx2.same_channel(tx));
    auto recv1 = rx1.async_recv();
    auto recv2 = rx2.async_recv();
    EXPECT_FALSE(d.poll(recv1).is_ready());
    EXPECT_FALSE(e.poll(recv2).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(e.rearm());
    tx = {};
    EXPECT_EQ(d.wakes(), 0);
    tx2 = {};
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_TRUE(d.finish(recv1).error().is_closed());
    EXPECT_TRUE(e.finish(recv2).error().is_closed());
}

// tokio: send_no_rx
TEST_F(broadcast, a_value_for_nobody_comes_back) {
    auto [tx, rx] = broadcast_channel<counted>(16);
    drop(rx);
    auto refused = tx.send(counted(1));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().value.value(), 1);
    auto late = tx.subscribe();
    EXPECT_EQ(tx.send(counted(2)), 1u);
    EXPECT_EQ(late.recv()->value(), 2);
    auto [tx2, rx2] = broadcast_channel<int>(1);
    drop(rx2);
    EXPECT_EQ(tx2.send(3).error().value, 3);
}

// tokio: unconsumed_messages_are_dropped, drop_rx_while_values_remain
TEST_F(broadcast, a_value_goes_with_the_last_who_wants_it) {
    auto [tx, rx1] = broadcast_channel<counted>(128);
    auto rx2 = tx.subscribe();
    for (int i = 0; i < 100; ++i)
        EXPECT_EQ(tx.send(counted(i)), 2u);
    EXPECT_EQ(counted::alive(), 100);
    EXPECT_EQ(rx1.recv()->value(), 0);
    EXPECT_EQ(counted::alive(), 100);
    EXPECT_EQ(rx2.recv()->value(), 0);
    EXPECT_EQ(counted::alive(), 99) << "both have it";
    drop(rx1);
    EXPECT_EQ(counted::alive(), 99);
    EXPECT_EQ(rx2.recv()->value(), 1);
    EXPECT_EQ(counted::alive(), 98);
    drop(rx2);
    EXPECT_EQ(counted::alive(), 0);
}

TEST_F(broadcast, an_overwritten_value_is_let_go) {
    auto [tx, rx] = broadcast_channel<counted>(2);
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    EXPECT_EQ(counted::alive(), 2);
    EXPECT_EQ(lag_of(rx), 3u);
    EXPECT_EQ(rx.recv()->value(), 3);
    EXPECT_EQ(counted::alive(), 1);
}

// tokio: panic_in_clone
struct throws_in_copy {
    int value;
    explicit throws_in_copy(int v) : value(v) {}
    throws_in_copy(throws_in_copy&& other) noexcept : value(other.value) {}
    throws_in_copy(const throws_in_copy& other) : value(other.value) {
        if (value == 0) throw std::runtime_error("copy");
    }
};
TEST_F(broadcast, a_copy_that_throws_loses_that_value_only) {
    auto [tx, rx1] = broadcast_channel<throws_in_copy>(16);
    auto rx2 = tx.subscribe();
    EXPECT_TRUE(tx.send(throws_in_copy(0)));
    EXPECT_TRUE(tx.send(throws_in_copy(1)));
    EXPECT_THROW((void)rx1.try_recv(), std::runtime_error);
    EXPECT_EQ(rx1.try_recv()->value, 1);
    EXPECT_EQ(rx2.try_recv()->value, 0) << "the last one gets the value itself, not a copy";
    EXPECT_EQ(rx2.try_recv()->value, 1);
}

// tokio: resubscribe_points_to_tail, resubscribe_lagged, resubscribe_to_closed_channel
TEST_F(broadcast, resubscribing_starts_at_the_end) {
    auto [tx, rx] = broadcast_channel<int>(1);
    send_all(tx, {1, 2});
    auto again = rx.resubscribe();
    EXPECT_TRUE(again.same_channel(rx));
    EXPECT_EQ(lag_of(rx), 1u);
    EXPECT_TRUE(is_empty(again));
    EXPECT_EQ(rx.try_recv(), 2);
    send_all(tx, {3});
    EXPECT_EQ(again.try_recv(), 3);
    EXPECT_EQ(rx.try_recv(), 3);
    tx = {};
    auto closed = rx.resubscribe();
    EXPECT_TRUE(is_closed(closed));
}

// tokio: sender_len
TEST_F(broadcast, a_sender_knows_what_is_still_wanted) {
    auto [tx, rx1] = broadcast_channel<int>(4);
    auto rx2 = tx.subscribe();
    EXPECT_TRUE(tx.is_empty());
    send_all(tx, {1, 2, 3});
    EXPECT_EQ(tx.len(), 3u);
    EXPECT_TRUE(rx1.recv());
    EXPECT_TRUE(rx1.recv());
    EXPECT_EQ(tx.len(), 3u);
    EXPECT_TRUE(rx2.recv());
    EXPECT_EQ(tx.len(), 2u);
    send_all(tx, {4, 5, 6});
    EXPECT_EQ(tx.len(), 4u);
    drop(rx2);
    EXPECT_EQ(tx.len(), 4u);
    drop(rx1);
    EXPECT_TRUE(tx.is_empty());
}

// tokio: sender_len_random; with receivers that come and go as well
TEST_F(broadcast, len_is_that_of_the_slowest_receiver) {
    std::mt19937 random(4711);
    auto [tx, first] = broadcast_channel<counted>(16);
    std::vector<broadcast_receiver<counted>> receivers;
    receivers.push_back(std::move(first));
    for (int i = 0; i < 2000; ++i) {
        const std::size_t one = receivers.empty() ? 0 : random() % receivers.size();
        switch (random() % 8) {
            case 0:
                receivers.push_back(tx.subscribe());
                break;
            case 1:
                if (!receivers.empty()) {
                    receivers.erase(receivers.begin() + static_cast<std::ptrdiff_t>(one));
                }
                break;
            case 2:
            case 3:
                EXPECT_EQ(tx.send(counted(i)).has_value(), !receivers.empty());
                break;
            default:
                if (!receivers.empty()) (void)receivers[one].try_recv();
        }
        std::size_t slowest = 0;
        for (const auto& each : receivers)
            slowest = std::max(slowest, each.len());
        ASSERT_EQ(tx.len(), std::min<std::size_t>(slowest, 16)) << "step " << i;
        ASSERT_EQ(static_cast<std::size_t>(counted::alive()), tx.len()) << "step " << i;
    }
}

// tokio: broadcast_sender_closed, broadcast_sender_closed_with_extra_subscribe
TEST_F(broadcast, a_sender_waits_for_the_receivers_to_go) {
    auto [tx, rx1] = broadcast_channel<int>(1);
    auto rx2 = tx.subscribe();
    auto closed = tx.async_closed();
    EXPECT_FALSE(d.poll(closed).is_ready());
    EXPECT_TRUE(d.rearm());
    drop(rx1);
    EXPECT_EQ(d.wakes(), 0);
    drop(rx2);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(tx.is_closed());
    auto rx3 = tx.subscribe();
    EXPECT_FALSE(tx.is_closed());
    EXPECT_FALSE(d.poll(closed).is_ready());
    EXPECT_TRUE(d.rearm());
    drop(rx3);
    EXPECT_EQ(d.wakes(), 2);
    EXPECT_TRUE(d.poll(closed).is_ready());
    tx.closed();
}

// tokio: sync_broadcast_weak.rs: weak_sender, downgrade_upgrade_sender_failure, downgrade_drop_upgrade,
// sender_strong_and_weak_count
TEST_F(broadcast, weak_senders_do_not_keep_it_open) {
    auto [tx, rx] = broadcast_channel<int>(4);
    auto weak = tx.downgrade();
    auto weak2 = weak;
    EXPECT_EQ(tx.strong_count(), 1u);
    EXPECT_EQ(rx.sender_weak_count(), 2u);
    EXPECT_EQ(weak.upgrade()->send(1), 1u);
    tx = {};
    EXPECT_FALSE(weak.upgrade());
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_TRUE(rx.recv().error().is_closed());
    drop(rx);
    EXPECT_EQ(weak2.strong_count(), 0u);
    EXPECT_EQ(weak2.weak_count(), 2u);
}

// Pointers, text, wide and empty values: by themselves or in a cell.
TEST_F(broadcast, carries_values_of_every_shape) {
    int target = 0;
    auto [tx1, rx1] = broadcast_channel<int*>(2);
    auto other1 = tx1.subscribe();
    EXPECT_TRUE(tx1.send(&target));
    EXPECT_EQ(rx1.recv(), &target);
    EXPECT_EQ(other1.recv(), &target);
    auto [tx2, rx2] = broadcast_channel<std::string>(2);
    auto other2 = tx2.subscribe();
    EXPECT_TRUE(tx2.send("a text that is too long to be kept in the string itself"));
    EXPECT_EQ(rx2.recv()->size(), 55u);
    EXPECT_EQ(other2.recv()->size(), 55u);
    struct alignas(64) wide {
        int value;
    };
    auto [tx3, rx3] = broadcast_channel<wide>(2);
    EXPECT_TRUE(tx3.send(wide{3}));
    EXPECT_EQ(rx3.recv()->value, 3);
    struct nothing {};
    auto [tx4, rx4] = broadcast_channel<nothing>(2);
    EXPECT_TRUE(tx4.send(nothing{}));
    EXPECT_TRUE(rx4.recv());
}

TEST_F(broadcast, errors_pass_on_as_results) {
    auto [tx, rx] = broadcast_channel<int>(1);
    auto* receiver = &rx;
    const auto receive = [receiver]() -> result<int> { return SENNIT_TRY(receiver->try_recv()); };
    EXPECT_TRUE(is(receive().error(), std::errc::resource_unavailable_try_again));
    send_all(tx, {1, 2});
    EXPECT_TRUE(is(receive().error(), errc::limit_exceeded));
    EXPECT_EQ(receive().value(), 2);
    tx = {};
    EXPECT_TRUE(is(receive().error(), errc::closed));
}

// tokio: receiver_recv_is_cooperative
TEST_F(broadcast, an_always_ready_receive_lets_others_run) {
    runtime rt{{.workers = 1}};
    auto [tx, rx] = broadcast_channel<int>(8);
    std::atomic<bool> other_ran{false};
    const auto& sender = tx;
    auto& receiver = rx;
    auto busy = rt.spawn([&] {
        auto other = rt.spawn([&] { other_ran = true; });
        int turns = 0;
        while (!other_ran && ++turns < 100'000) {
            (void)sender.send(1);
            (void)receiver.recv();
        }
        EXPECT_LT(turns, 100'000);
        other.join();
    });
    busy.join();
}

// tokio: zero_capacity, capacity_too_big
TEST(broadcast_death, misuse_is_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)broadcast_channel<int>(0), "at least one value");
    EXPECT_DEATH((void)broadcast_channel<int>(static_cast<std::size_t>(-1)), "memory can hold");
}

} // namespace
} // namespace sennit
