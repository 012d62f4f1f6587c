// The rules of tokio's bounded mpsc (R-MP-1); the tests of tokio/tests/sync_mpsc.rs, sync_mpsc_weak.rs
// and of smol's async-channel are named.
#include <sennit/sync/mpsc_channel.hpp>

#include "counted.hpp"
#include "support.hpp"

namespace sennit {
namespace {

using test::counted;
using test::driver;
using test::drop;
using test::fragile;

// The channels of each test are gone after it, with all that they held.
class mpsc : public testing::Test {
protected:
    void TearDown() override {
        EXPECT_EQ(counted::alive(), 0);
        EXPECT_EQ(pool_stats().frames, frames_) << "a channel is left behind";
    }
    driver d, e;

private:
    std::int64_t frames_ = pool_stats().frames;
};

// tokio: send_recv_with_buffer
TEST_F(mpsc, buffers_and_ends_with_its_sender) {
    auto [tx, rx] = mpsc_channel<int>(16);
    EXPECT_TRUE(tx.try_send(1));
    EXPECT_TRUE(tx.send(2));
    drop(tx);
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(rx.recv(), 2);
    EXPECT_FALSE(rx.recv());
}

// tokio: start_send_past_cap, send_recv_buffer_limited
TEST_F(mpsc, a_full_channel_makes_senders_wait_in_order) {
    auto [tx, rx] = mpsc_channel<int>(1);
    auto tx2 = tx;
    EXPECT_TRUE(tx.send(1));
    auto second = tx.async_send(2);
    auto third = tx2.async_send(3);
    EXPECT_FALSE(d.poll(second).is_ready());
    EXPECT_FALSE(e.poll(third).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(e.rearm());
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    EXPECT_EQ(tx.try_send(9).error().reason, try_send_reason::full)
        << "a waiting sender was passed";
    EXPECT_TRUE(d.finish(second));
    EXPECT_EQ(rx.recv(), 2);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_TRUE(e.finish(third));
    EXPECT_EQ(rx.recv(), 3);
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
}

// A send that is dropped before it is ready has sent nothing, also when its turn had come.
TEST_F(mpsc, a_dropped_send_passes_its_turn_on) {
    auto [tx, rx] = mpsc_channel<counted>(1);
    EXPECT_TRUE(tx.send(counted(1)));
    std::optional<mpsc_send_future<counted>> dropped(tx.async_send(counted(2)));
    auto next = tx.async_send(counted(3));
    EXPECT_FALSE(d.poll(*dropped).is_ready());
    EXPECT_FALSE(e.poll(next).is_ready());
    EXPECT_TRUE(e.rearm());
    EXPECT_EQ(rx.recv()->value(), 1);
    EXPECT_EQ(e.wakes(), 0);
    dropped.reset();
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_TRUE(e.finish(next));
    EXPECT_EQ(rx.recv()->value(), 3);
}

TEST_F(mpsc, a_dropped_recv_loses_nothing_and_is_not_woken) {
    auto [tx, rx] = mpsc_channel<int>(1);
    {
        auto waiting = rx.async_recv();
        EXPECT_FALSE(d.poll(waiting).is_ready());
        EXPECT_TRUE(d.rearm());
    }
    EXPECT_TRUE(tx.send(1));
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(rx.recv(), 1);
}

// tokio: reserve_disarm, drop_permit_releases_permit
TEST_F(mpsc, a_permit_holds_a_slot_and_gives_it_back) {
    auto [tx, rx] = mpsc_channel<int>(2);
    auto permit1 = tx.reserve();
    auto permit2 = tx.try_reserve();
    ASSERT_TRUE(permit1);
    ASSERT_TRUE(permit2);
    EXPECT_EQ(tx.try_reserve().error().reason, try_send_reason::full);
    auto waiting = tx.async_reserve();
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    drop(*permit1);
    EXPECT_EQ(d.wakes(), 1);
    auto permit3 = d.finish(waiting);
    ASSERT_TRUE(permit3);
    EXPECT_TRUE(permit3->send(3));
    EXPECT_TRUE(permit2->send(2));
    EXPECT_EQ(rx.recv(), 3);
    EXPECT_EQ(rx.recv(), 2);
}

// tokio: test_tx_capacity
TEST_F(mpsc, counts_its_free_slots) {
    auto [tx, rx] = mpsc_channel<int>(10);
    EXPECT_EQ(tx.capacity(), 10u);
    EXPECT_EQ(tx.max_capacity(), 10u);
    {
        auto permit = tx.reserve();
        EXPECT_EQ(tx.capacity(), 9u);
        EXPECT_EQ(rx.capacity(), 9u);
        EXPECT_TRUE(permit->send(1));
        EXPECT_EQ(tx.capacity(), 9u);
        auto held = tx.reserve_many(3);
        EXPECT_EQ(tx.capacity(), 6u);
    }
    EXPECT_EQ(tx.capacity(), 9u);
    EXPECT_EQ(rx.len(), 1u);
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(tx.capacity(), 10u);
    EXPECT_TRUE(rx.is_empty());
}

// tokio: reserve_many_and_send, try_reserve_many_edge_cases, try_reserve_many_zero, try_reserve_many_full,
// drop_permit_iterator_releases_permits
TEST_F(mpsc, reserves_many_at_once) {
    auto [tx, rx] = mpsc_channel<int>(8);
    EXPECT_TRUE(tx.try_reserve_many(0));
    EXPECT_TRUE(tx.try_reserve_many(9).error().is_full());
    auto permits = tx.reserve_many(5);
    ASSERT_TRUE(permits);
    EXPECT_TRUE(tx.try_reserve_many(4).error().is_full());
    auto waiting = tx.async_reserve_many(6);
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(tx.try_reserve().error().is_full()) << "a large request was passed";
    EXPECT_TRUE(permits->send(1));
    EXPECT_TRUE(permits->take().send(2));
    EXPECT_EQ(permits->count(), 3u);
    permits->give_back();
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.finish(waiting)->count(), 6u);
    EXPECT_EQ(tx.capacity(), 6u);
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(rx.recv(), 2);
}

// tokio: tx_close_gets_none
TEST_F(mpsc, the_last_sender_wakes_the_receiver) {
    auto [tx, rx] = mpsc_channel<int>(1);
    auto tx2 = tx;
    auto waiting = rx.async_recv();
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    drop(tx);
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_FALSE(rx.is_closed());
    drop(tx2);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.finish(waiting));
    EXPECT_TRUE(rx.is_closed());
}

TEST_F(mpsc, an_empty_sender_is_assigned_to_drop_one) {
    mpsc_sender<int> none;
    EXPECT_FALSE(none);
    auto copy = none;
    EXPECT_FALSE(copy);
    auto [tx, rx] = mpsc_channel<int>(1);
    EXPECT_TRUE(tx);
    none = tx;
    EXPECT_TRUE(none.same_channel(tx));
    tx = {};
    EXPECT_FALSE(tx);
    EXPECT_FALSE(rx.is_closed());
    none = {};
    EXPECT_TRUE(rx.is_closed());
    EXPECT_FALSE(rx.recv());
}

// tokio: recv_close_gets_none_idle, reserve_many_on_closed_channel, try_reserve_fails
TEST_F(mpsc, close_refuses_what_comes_after_it) {
    auto [tx, rx] = mpsc_channel<int>(10);
    EXPECT_TRUE(tx.send(1));
    rx.close();
    EXPECT_TRUE(tx.is_closed());
    EXPECT_TRUE(rx.is_closed());
    EXPECT_EQ(tx.send(7).error().value, 7);
    EXPECT_TRUE(tx.try_send(8).error().is_closed());
    EXPECT_EQ(tx.try_send(8).error().value, 8);
    EXPECT_FALSE(tx.reserve());
    EXPECT_FALSE(tx.reserve_many(2));
    EXPECT_TRUE(tx.try_reserve_many(2).error().is_closed());
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_FALSE(rx.recv());
    EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
}

// tokio: recv_close_gets_none_reserved, dropping_last_permit_wakes_closed_receiver,
// sending_last_permit_wakes_closed_receiver, try_recv_after_receiver_close_with_permit
TEST_F(mpsc, permits_outlive_close) {
    for (const bool use : {false, true}) {
        auto [tx, rx] = mpsc_channel<int>(1);
        auto permit = tx.reserve();
        auto refused = tx.async_send(2);
        EXPECT_FALSE(e.poll(refused).is_ready());
        (void)e.rearm();
        const int before = e.wakes();
        rx.close();
        EXPECT_EQ(e.wakes(), before + 1);
        EXPECT_EQ(e.finish(refused).error().value, 2);
        EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
        {
            driver w;
            auto waiting = rx.async_recv();
            EXPECT_FALSE(w.poll(waiting).is_ready());
            EXPECT_TRUE(w.rearm());
            if (use) {
                EXPECT_TRUE(permit->send(1));
            } else {
                permit->give_back();
            }
            EXPECT_EQ(w.wakes(), 1);
            EXPECT_EQ(w.finish(waiting), use ? std::optional(1) : std::nullopt);
        }
        EXPECT_FALSE(rx.recv());
    }
}

// tokio: cancelled_reserve_wakes_closed_receiver, ready_close_cancel_bounded,
// permit_available_not_acquired_close. A slot that was granted before the close may be used after it.
TEST_F(mpsc, a_granted_sender_counts_until_it_is_dropped) {
    auto [tx, rx] = mpsc_channel<int>(1);
    EXPECT_TRUE(tx.send(1));
    std::optional<mpsc_reserve_future<int, mpsc_permit<int>>> granted(tx.async_reserve());
    EXPECT_FALSE(d.poll(*granted).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(d.wakes(), 1);
    rx.close();
    auto waiting = rx.async_recv();
    EXPECT_FALSE(e.poll(waiting).is_ready());
    EXPECT_TRUE(e.rearm());
    granted.reset();
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_FALSE(e.finish(waiting));
}

// tokio: dropping_rx_closes_channel, dropping_rx_closes_channel_for_try
TEST_F(mpsc, a_dropped_receiver_hands_values_back) {
    auto [tx, rx] = mpsc_channel<counted>(1);
    auto permit = tx.reserve();
    auto waiting = tx.async_send(counted(1));
    auto closed = tx.async_closed();
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_FALSE(e.poll(closed).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(e.rearm());
    drop(rx);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_TRUE(e.poll(closed).is_ready());
    EXPECT_EQ(d.finish(waiting).error().value.value(), 1);
    EXPECT_EQ(tx.try_send(counted(2)).error().value.value(), 2);
    EXPECT_EQ(tx.send(counted(3)).error().value.value(), 3);
    auto sent = permit->send(counted(4));
    ASSERT_FALSE(sent);
    EXPECT_EQ(sent.error().value.value(), 4);
    EXPECT_FALSE(*permit);
}

// tokio: unconsumed_messages_are_dropped, sync_mpsc_weak test_msgs_dropped_on_rx_drop
TEST_F(mpsc, unreceived_values_go_with_the_receiver) {
    auto [tx, rx] = mpsc_channel<counted>(500);
    for (int i = 0; i < 300; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    EXPECT_EQ(counted::alive(), 300);
    drop(rx);
    EXPECT_EQ(counted::alive(), 0);
}

// tokio: try_recv_bounded, try_recv_after_receiver_close, try_recv_close_while_empty_bounded
TEST_F(mpsc, try_recv_tells_empty_from_closed) {
    auto [tx, rx] = mpsc_channel<int>(5);
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    for (int i = 0; i < 5; ++i)
        EXPECT_TRUE(tx.try_send(i));
    EXPECT_TRUE(tx.try_send(5).error().is_full());
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(rx.try_recv(), i);
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    EXPECT_TRUE(tx.try_send(6));
    drop(tx);
    EXPECT_EQ(rx.try_recv(), 6);
    EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
}

// tokio: async_send_recv_many_with_buffer, send_recv_many_bounded_capacity,
// recv_many_with_non_empty_buffer_bounded_rx_closed_and_idle
TEST_F(mpsc, receives_many_at_once) {
    auto [tx, rx] = mpsc_channel<counted>(200);
    for (int i = 0; i < 150; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
    std::vector<counted> out;
    EXPECT_EQ(rx.recv_many(out, 0), 0u);
    EXPECT_EQ(rx.recv_many(out, 4), 4u);
    EXPECT_EQ(rx.recv_many(out, 1000), 146u);
    ASSERT_EQ(out.size(), 150u);
    for (int i = 0; i < 150; ++i)
        EXPECT_EQ(out[static_cast<std::size_t>(i)].value(), i);
    EXPECT_EQ(tx.capacity(), 200u);
    {
        auto waiting = rx.async_recv_many(out, 10);
        EXPECT_FALSE(d.poll(waiting).is_ready());
        EXPECT_TRUE(d.rearm());
        EXPECT_TRUE(tx.send(counted(7)));
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_EQ(d.finish(waiting), 1u);
    }
    rx.close();
    EXPECT_EQ(rx.recv_many(out, 10), 0u);
}

TEST_F(mpsc, receiving_many_lets_many_senders_go) {
    auto [tx, rx] = mpsc_channel<int>(70);
    for (int i = 0; i < 70; ++i)
        EXPECT_TRUE(tx.send(i));
    std::vector<std::unique_ptr<mpsc_send_future<int>>> waiting;
    for (int i = 70; i < 140; ++i) {
        waiting.push_back(std::make_unique<mpsc_send_future<int>>(tx.async_send(i)));
        EXPECT_FALSE(d.poll(*waiting.back()).is_ready());
    }
    std::vector<int> out;
    EXPECT_EQ(rx.recv_many(out, 70), 70u);
    for (auto& each : waiting)
        EXPECT_TRUE(d.poll(*each).is_ready());
    EXPECT_EQ(rx.recv_many(out, 70), 70u);
    for (int i = 0; i < 140; ++i)
        EXPECT_EQ(out[static_cast<std::size_t>(i)], i);
}

// Grants go out in batches, and the permits that are given back were all that kept the core.
TEST_F(mpsc, many_permits_given_back_at_once_serve_many) {
    auto [tx, rx] = mpsc_channel<int>(100);
    auto all = tx.reserve_many(100);
    std::vector<std::unique_ptr<mpsc_send_future<int>>> waiting;
    for (int i = 0; i < 100; ++i) {
        waiting.push_back(std::make_unique<mpsc_send_future<int>>(tx.async_send(i)));
        EXPECT_FALSE(d.poll(*waiting.back()).is_ready());
    }
    all->give_back();
    for (auto& each : waiting)
        EXPECT_TRUE(d.poll(*each).is_ready());
    EXPECT_EQ(rx.len(), 100u);
}

// tokio: test_rx_is_closed_*, test_rx_is_not_closed_when_there_are_permits_but_not_senders,
// test_rx_len_*
TEST_F(mpsc, says_whether_it_is_closed_and_how_much_it_holds) {
    auto [tx, rx] = mpsc_channel<int>(10);
    EXPECT_FALSE(rx.is_closed());
    EXPECT_TRUE(rx.is_empty());
    EXPECT_TRUE(tx.send(1));
    EXPECT_TRUE(tx.send(2));
    EXPECT_EQ(rx.len(), 2u);
    auto permit = tx.reserve();
    drop(tx);
    EXPECT_FALSE(rx.is_closed());
    drop(*permit);
    EXPECT_TRUE(rx.is_closed());
    EXPECT_EQ(rx.len(), 2u);
    EXPECT_EQ(rx.recv(), 1);
    EXPECT_EQ(rx.len(), 1u);
    rx.close();
    EXPECT_EQ(rx.recv(), 2);
    EXPECT_TRUE(rx.is_empty());
}

// tokio: sync_mpsc_weak weak_sender, downgrade_upgrade_sender_failure, downgrade_drop_upgrade,
// downgrade_get_permit_upgrade_no_senders, sender_strong_and_weak_conut
TEST_F(mpsc, weak_senders_do_not_keep_it_open) {
    auto [tx, rx] = mpsc_channel<int>(1);
    auto weak = tx.downgrade();
    auto weak2 = weak;
    EXPECT_EQ(tx.weak_count(), 2u);
    EXPECT_EQ(tx.strong_count(), 1u);
    {
        auto strong = weak.upgrade();
        ASSERT_TRUE(strong);
        EXPECT_TRUE(strong->same_channel(tx));
        EXPECT_EQ(rx.sender_strong_count(), 2u);
        EXPECT_TRUE(strong->send(1));
    }
    EXPECT_EQ(rx.recv(), 1);
    {
        auto permit = tx.reserve();
        drop(tx);
        EXPECT_TRUE(weak.upgrade());
        EXPECT_FALSE(rx.is_closed());
    }
    EXPECT_FALSE(weak.upgrade());
    EXPECT_TRUE(rx.is_closed());
    EXPECT_FALSE(rx.recv());
    EXPECT_EQ(rx.sender_weak_count(), 2u);
    drop(rx);
    EXPECT_EQ(weak2.strong_count(), 0u);
}

// Values whose moves throw: what was not sent is not in the channel, what was is not lost with it.
TEST_F(mpsc, a_move_that_throws_leaves_the_channel_whole) {
    {
        auto [tx, rx] = mpsc_channel<fragile>(2);
        fragile::fuse = 1;
        EXPECT_THROW((void)tx.try_send(fragile(1)), std::runtime_error);
        fragile::fuse = 0;
        EXPECT_EQ(tx.capacity(), 2u);
        EXPECT_TRUE(tx.send(fragile(2)));
        EXPECT_TRUE(tx.send(fragile(3)));
        fragile::fuse = 1;
        EXPECT_THROW((void)rx.try_recv(), std::runtime_error); // takes the first with it
        fragile::fuse = 0;
        EXPECT_EQ(rx.try_recv()->value, 3);
        EXPECT_TRUE(tx.send(fragile(4)));
        EXPECT_TRUE(tx.send(fragile(5)));
        std::vector<fragile> out;
        out.reserve(2);
        fragile::fuse = 2;
        EXPECT_THROW((void)rx.recv_many(out, 2), std::runtime_error);
        fragile::fuse = 0;
        EXPECT_TRUE(rx.is_empty());
    }
    EXPECT_EQ(fragile::alive, 0);
}

// The error turns into the library's own, so the short operator works.
TEST_F(mpsc, errors_pass_on_as_results) {
    auto [tx, rx] = mpsc_channel<int>(1);
    const auto send = [&tx]() -> result<void> {
        SENNIT_TRY(tx.try_send(1));
        return {};
    };
    EXPECT_TRUE(send());
    EXPECT_TRUE(is(send().error(), std::errc::resource_unavailable_try_again));
    rx.close();
    EXPECT_TRUE(is(send().error(), errc::closed));
}

TEST_F(mpsc, range_for_receives_to_the_end) {
    auto [tx, rx] = mpsc_channel<std::unique_ptr<int>>(3);
    for (int i = 1; i <= 3; ++i)
        EXPECT_TRUE(tx.send(std::make_unique<int>(i)));
    drop(tx);
    int sum = 0;
    for (auto& v : rx)
        sum += *v;
    EXPECT_EQ(sum, 6);
}

TEST_F(mpsc, a_stopped_sender_throws_and_its_value_is_gone) {
    runtime rt{{.workers = 1}};
    auto [tx, rx] = mpsc_channel<counted>(1);
    EXPECT_TRUE(tx.send(counted(1)));
    event begun;
    auto waiting = rt.spawn([&] {
        begun.set();
        (void)tx.send(counted(2));
    });
    begun.wait();
    waiting.request_stop();
    EXPECT_TRUE(waiting.try_join().error().is_cancelled());
    EXPECT_EQ(counted::alive(), 1);
    EXPECT_EQ(rx.recv()->value(), 1);
    EXPECT_EQ(tx.capacity(), 1u);
}

// tokio: buffer_gteq_one, reserve_many_above_cap
TEST(mpsc_death, misuse_is_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)mpsc_channel<int>(0), "at least one value");
    const auto too_many = [] {
        auto [tx, rx] = mpsc_channel<int>(4);
        (void)tx.reserve_many(5);
    };
    EXPECT_DEATH(too_many(), "max_capacity");
}

} // namespace
} // namespace sennit
