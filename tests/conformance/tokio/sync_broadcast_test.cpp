// The rules of tokio's sync_broadcast.rs and sync_broadcast_weak.rs. Above each case stand the upstream tests.
//
// Most of upstream's are short scripts of sends and receives; here a script is a list of turns, each taken by a flow.
#include "sync_support.hpp"

#include <algorithm>
#include <atomic>
#include <expected>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counted;
using test::counting;
using test::drop;
using test::is_pending;
using test::kind;

using receiver = broadcast_receiver<int>;

// A turn of a script, of the sender or of one of two receivers, and what it must yield.
struct turn {
    enum class act {
        send,
        drop_sender,
        value,
        lagged,
        empty,
        closed,
        len,
        sender_len,
        resubscribe
    };
    act what;
    int n;
    int who; // receiver
};
constexpr turn sends(int v) { return {turn::act::send, v, 0}; }
constexpr turn sender_goes() { return {turn::act::drop_sender, 0, 0}; }
constexpr turn gets(int v, int who = 0) { return {turn::act::value, v, who}; }
constexpr turn lags(int n, int who = 0) { return {turn::act::lagged, n, who}; }
constexpr turn nothing(int who = 0) { return {turn::act::empty, 0, who}; }
constexpr turn ends(int who = 0) { return {turn::act::closed, 0, who}; }
constexpr turn owed(int n, int who = 0) { return {turn::act::len, n, who}; }
constexpr turn kept(int n) { return {turn::act::sender_len, n, 0}; }
// The second receiver becomes one that begins where the first would, if it were new.
constexpr turn resubscribes() { return {turn::act::resubscribe, 0, 0}; }

class tokio_broadcast : public test::stepped {
protected:
    // Plays the script twice: receives are tries, and then waits. There are two receivers from the start.
    void play(std::size_t capacity, const std::vector<turn>& script) {
        for (const bool waits : {false, true}) {
            auto [tx, rx] = broadcast_channel<int>(capacity);
            std::vector<receiver> all;
            all.push_back(std::move(rx));
            all.push_back(tx.subscribe());
            for (std::size_t i = 0; i < script.size(); ++i) {
                SCOPED_TRACE("turn " + std::to_string(i) + (waits ? ", waiting" : ", trying"));
                const turn t = script[i];
                receiver& each = all[std::size_t(t.who)];
                const auto n = std::size_t(t.n);
                switch (t.what) {
                    case turn::act::send:
                        act(0, [&] { EXPECT_TRUE(tx.send(t.n)); });
                        break;
                    case turn::act::drop_sender:
                        act(0, [&] { tx = {}; });
                        break;
                    case turn::act::len:
                        act(1, [&] { EXPECT_EQ(each.len(), n); });
                        EXPECT_EQ(each.is_empty(), n == 0);
                        break;
                    case turn::act::sender_len:
                        act(0, [&] { EXPECT_EQ(tx.len(), n); });
                        EXPECT_EQ(tx.is_empty(), n == 0);
                        break;
                    case turn::act::resubscribe:
                        act(1, [&] { all[1] = each.resubscribe(); });
                        break;
                    default:
                        step(1, [&](kind me) -> task<void> {
                            if (waits && t.what != turn::act::empty) {
                                expect(t, co_await by(me, each.async_recv()));
                            } else {
                                expect(t, each.try_recv());
                            }
                        });
                }
            }
        }
    }
    // Waits in a flow of either kind for what the second side then does; both get this.
    template<class T, class Fn>
    void expect_both(broadcast_receiver<T>& one, broadcast_receiver<T>& other, Fn done,
                     const std::expected<T, broadcast_recv_error>& expected) {
        std::atomic<int> waiting{0};
        const auto receives = [&](broadcast_receiver<T>& rx) {
            return [&](kind me) -> task<void> {
                const auto got = co_await by(me, counting(waiting, rx.async_recv()));
                EXPECT_EQ(got, expected);
            };
        };
        first(receives(one));
        second(receives(other));
        await_count(waiting, 2);
        done();
        join();
    }

private:
    static void expect(const turn& t, const std::expected<int, broadcast_recv_error>& got) {
        switch (t.what) {
            case turn::act::value:
                EXPECT_EQ(got, t.n);
                break;
            case turn::act::lagged:
                EXPECT_EQ(got.error(), broadcast_recv_error::lagged_by(std::size_t(t.n)));
                break;
            case turn::act::empty:
                EXPECT_TRUE(got.error().is_empty());
                break;
            default:
                EXPECT_TRUE(got.error().is_closed());
        }
    }
};
SENNIT_PAIRINGS(tokio_broadcast);

// send_try_recv_bounded, send_two_recv. Each receiver gets each value, and then finds nothing; the sender learns how many
// there are.
TEST_P(tokio_broadcast, each_receiver_gets_each_value) {
    play(16, {nothing(), nothing(1), sends(1), gets(1), gets(1, 1), nothing(), nothing(1)});
    auto [tx, rx] = broadcast_channel<std::string>(16);
    act(0, [&] { EXPECT_EQ(tx.send("hello"), 1u); });
    auto other = tx.subscribe();
    act(0, [&] { EXPECT_EQ(tx.send("world"), 2u); });
    act(1, [&] {
        EXPECT_EQ(other.try_recv(), "world");
        EXPECT_EQ(rx.try_recv(), "hello");
    });
}

// send_recv_bounded, send_two_recv_bounded. One send wakes all who wait; who does not wait is not woken, and gets the value
// all the same.
TEST_P(tokio_broadcast, a_send_wakes_all_who_wait) {
    auto [tx, rx] = broadcast_channel<std::string>(16);
    auto other = tx.subscribe();
    expect_both<std::string>(rx, other, [&] { EXPECT_EQ(tx.send("hello"), 2u); }, "hello");
    auto waits = rx.async_recv();
    EXPECT_TRUE(is_pending(d, waits));
    (void)e.rearm();
    act(0, [&] { EXPECT_TRUE(tx.send("world")); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    EXPECT_EQ(d.finish(waits), "world");
    step(1,
         [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, other.async_recv()), "world"); });
}

// change_tasks. Who polled last is woken.
TEST_P(tokio_broadcast, a_receive_may_change_hands) {
    auto [tx, rx] = broadcast_channel<int>(1);
    auto waits = rx.async_recv();
    EXPECT_TRUE(is_pending(d, waits));
    EXPECT_TRUE(is_pending(e, waits));
    act(0, [&] { EXPECT_TRUE(tx.send(1)); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_EQ(e.finish(waits), 1);
}

// send_slow_rx. One that is woken and does not poll for a while gets the value that woke it, and then the others.
TEST_P(tokio_broadcast, a_slow_receiver_gets_all_in_order) {
    auto [tx, rx] = broadcast_channel<int>(16);
    auto slow = tx.subscribe();
    {
        auto waits = slow.async_recv();
        EXPECT_TRUE(is_pending(d, waits));
        std::atomic<int> waiting{0};
        second([&](kind me) -> task<void> {
            for (const int v : {1, 2, 3})
                EXPECT_EQ(co_await by(me, counting(waiting, rx.async_recv())), v);
        });
        await_count(waiting, 1);
        first([&](kind) -> task<void> {
            for (const int v : {1, 2, 3})
                EXPECT_TRUE(tx.send(v));
            co_return;
        });
        join();
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_EQ(d.finish(waits), 1);
    }
    EXPECT_EQ(slow.try_recv(), 2);
    EXPECT_EQ(slow.try_recv(), 3);
}

// drop_rx_while_values_remain, unconsumed_messages_are_dropped. A value lives until the last receiver that has not seen it
// has, or is gone.
TEST_P(tokio_broadcast, values_live_until_all_have_seen_them) {
    auto [tx, rx] = broadcast_channel<counted>(16);
    auto other = tx.subscribe();
    act(0, [&] {
        EXPECT_TRUE(tx.send(counted(1)));
        EXPECT_TRUE(tx.send(counted(2)));
    });
    EXPECT_EQ(counted::alive(), 2);
    act(1, [&] {
        EXPECT_EQ(rx.try_recv()->value(), 1);
        EXPECT_EQ(counted::alive(), 2);
        EXPECT_EQ(other.try_recv()->value(), 1);
        EXPECT_EQ(counted::alive(), 1);
    });
    act(1, [&] { drop(other); });
    EXPECT_EQ(counted::alive(), 1);
    act(0, [&] { drop(rx); });
    EXPECT_EQ(counted::alive(), 0);
}

// lagging_rx. A receiver that was overtaken is told by how many, and goes on with the oldest that is kept.
TEST_P(tokio_broadcast, a_receiver_that_lags_is_told) {
    play(2, {sends(1), sends(2), gets(1), sends(3), lags(1, 1), gets(2, 1), gets(2), gets(3),
             sends(4), sends(5), lags(1, 1), sends(6), lags(1, 1)});
}

// send_no_rx. Without a receiver the value comes back; one that subscribes later gets what is sent later.
TEST_P(tokio_broadcast, a_send_without_receivers_fails) {
    auto [tx, rx] = broadcast_channel<std::string>(16);
    act(1, [&] { drop(rx); });
    act(0, [&] {
        const auto refused = tx.send("hello");
        EXPECT_EQ(refused.error().value, "hello");
    });
    auto late = tx.subscribe();
    act(0, [&] { EXPECT_TRUE(tx.send("world")); });
    act(1, [&] { EXPECT_EQ(late.try_recv(), "world"); });
}

// Cannot be copied while it is zero.
struct touchy {
    int value;
    explicit touchy(int v) : value(v) {}
    touchy(touchy&&) = default;
    touchy(const touchy& other) : value(other.value) {
        if (value == 0) throw std::runtime_error("touchy");
    }
};

// panic_in_clone. A copy that throws reaches the receiver, which has lost that value and gets the next.
TEST_P(tokio_broadcast, a_copy_that_throws_loses_that_value_only) {
    auto [tx, rx] = broadcast_channel<touchy>(16);
    auto other = tx.subscribe(); // so that values are copied
    act(0, [&] {
        EXPECT_TRUE(tx.send(touchy(0)));
        EXPECT_TRUE(tx.send(touchy(1)));
    });
    step(1, [&](kind me) -> task<void> {
        EXPECT_THROW((void)rx.try_recv(), std::runtime_error);
        const auto next = co_await by(me, rx.async_recv());
        EXPECT_EQ(next->value, 1);
    });
}

// dropping_tx_notifies_rx. The last sender, and not one before it, ends the wait of all receivers.
TEST_P(tokio_broadcast, the_last_sender_ends_it) {
    auto [tx, rx] = broadcast_channel<int>(16);
    auto other = tx.subscribe();
    auto sender = tx;
    auto waits = tx.subscribe();
    auto future = waits.async_recv();
    EXPECT_TRUE(is_pending(d, future));
    act(0, [&] { tx = {}; });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_FALSE(rx.is_closed());
    expect_both<int>(
        rx, other, [&] { sender = {}; }, std::unexpected(broadcast_recv_error::closed()));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.finish(future).error().is_closed());
}

// single_capacity_recvs, single_capacity_recvs_after_drop_1, single_capacity_recvs_after_drop_2,
// single_slot_capacity_lag_semantics. With room for one: the last value is received, also after its sender.
TEST_P(tokio_broadcast, room_for_one) {
    play(1, {sends(1), gets(1), nothing(), sends(2), sends(3), lags(1), gets(3), nothing()});
    play(1, {sends(1), sender_goes(), gets(1), ends(), ends()});
    play(1, {sends(1), sends(2), sender_goes(), lags(1), gets(2), ends()});
}

// dropping_sender_does_not_overwrite, lagging_receiver_recovers_after_wrap_closed_1, …_closed_2, …_open. The end takes no
// room: what is kept is received before it.
TEST_P(tokio_broadcast, the_end_overwrites_nothing) {
    play(2, {sends(1), sends(2), sender_goes(), gets(1), gets(2), ends()});
    play(2, {sends(1), sends(2), sends(3), sender_goes(), lags(1), gets(2), gets(3), ends()});
    play(2, {sends(1), sends(2), sends(3), sends(4), sender_goes(), lags(2), gets(3), gets(4),
             ends()});
    play(2, {sends(1), sends(2), sends(3), lags(1), gets(2), gets(3), nothing()});
}

// receiver_len_with_lagged, receiver_len_after_lag_error_advances_cursor. What a receiver is owed counts what it has missed,
// until it was told.
TEST_P(tokio_broadcast, len_counts_what_was_missed) {
    play(3, {sends(1), sends(2), sends(3), sends(4), owed(4), gets(1), sends(5), sends(6), owed(5),
             lags(1)});
    play(2, {sends(1), sends(2), sends(3), sends(4), owed(4), lags(2), owed(2), gets(3), owed(1),
             gets(4), owed(0)});
}

// resubscribe_points_to_tail, resubscribe_lagged, resubscribe_to_closed_channel. Who subscribes again gets what is sent
// from now on, however far behind the other is, and does not disturb it; after the senders, the end.
TEST_P(tokio_broadcast, resubscribing_begins_at_the_end) {
    play(3, {sends(1), resubscribes(), nothing(1), gets(1), sends(2), gets(2, 1), sends(3), gets(2),
             gets(3), nothing(), gets(3, 1), nothing(1)});
    play(1,
         {sends(1), sends(2), resubscribes(), lags(1), nothing(1), gets(2), nothing(), nothing(1)});
    play(2, {sends(1), sender_goes(), resubscribes(), ends(1), gets(1), ends()});
}

// sender_len. What is kept is what the slowest receiver has not seen, and no more than there is room for.
TEST_P(tokio_broadcast, the_sender_knows_how_much_is_kept) {
    play(4, {kept(0), sends(1), sends(2), sends(3), kept(3), gets(1), gets(2), kept(3), gets(1, 1),
             kept(2), sends(4), sends(5), sends(6), kept(4)});
}

// sender_len_random. The same at random, from a seed.
TEST_P(tokio_broadcast, what_is_kept_follows_the_slowest) {
    std::mt19937 random(1);
    auto [tx, rx] = broadcast_channel<int>(16);
    auto other = tx.subscribe();
    for (int round = 0; round < 20; ++round) {
        act(round, [&] {
            for (int i = 0; i < 50; ++i) {
                switch (random() % 4) {
                    case 0:
                        (void)rx.try_recv();
                        break;
                    case 1:
                        (void)other.try_recv();
                        break;
                    default:
                        EXPECT_TRUE(tx.send(0));
                }
                const std::size_t slowest = std::max(rx.len(), other.len());
                EXPECT_EQ(tx.len(), std::min<std::size_t>(slowest, 16));
            }
        });
    }
}

// send_in_waker_drop. A waker may send on the same channel: it runs outside of the lock. (Wakers here own nothing that they
// could drop.)
TEST_P(tokio_broadcast, a_waker_may_send) {
    auto [tx, rx] = broadcast_channel<int>(16);
    {
        auto waits = rx.async_recv();
        wake_callback sends_too([&] { EXPECT_TRUE(tx.send(2)); });
        EXPECT_FALSE(waits.poll(sends_too.context()).is_ready());
        EXPECT_TRUE(sends_too.rearm());
        EXPECT_FALSE(waits.poll(d.context()).is_ready()); // another takes over
        EXPECT_FALSE(waits.poll(sends_too.context()).is_ready());
        EXPECT_TRUE(sends_too.rearm());
        act(0, [&] { EXPECT_TRUE(tx.send(1)); });
        EXPECT_EQ(d.finish(waits), 1);
    }
    EXPECT_EQ(rx.try_recv(), 2);
}

// receiver_recv_is_cooperative. A loop that never has to wait yields to what is polled beside it.
TEST_P(tokio_broadcast, a_receive_that_is_always_ready_yields) {
    auto [tx, rx] = broadcast_channel<int>(8);
    const auto loops = [&]() -> task<void> {
        for (;;) {
            EXPECT_TRUE(tx.send(1));
            EXPECT_TRUE(co_await rx.async_recv());
        }
    };
    const auto both = [&](kind me) -> task<void> {
        auto one = async_select(biased, on(loops()), on(async_yield()));
        EXPECT_EQ(co_await by(me, std::move(one)), 1u);
    };
    step(0, both);
    step(1, both);
}

// broadcast_sender_closed. It is closed when the last receiver goes, not before.
TEST_P(tokio_broadcast, it_is_closed_while_there_is_no_receiver) {
    auto [tx, rx] = broadcast_channel<int>(1);
    auto other = tx.subscribe();
    auto closed = tx.async_closed();
    EXPECT_TRUE(is_pending(d, closed));
    act(1, [&] { drop(rx); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_FALSE(tx.is_closed());
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        co_await by(me, counting(waiting, tx.async_closed()));
        EXPECT_TRUE(tx.is_closed());
    });
    await_count(waiting, 1);
    second([&](kind) -> task<void> {
        drop(other);
        co_return;
    });
    join();
    EXPECT_EQ(d.wakes(), 1);
    d.finish(closed);
}

// broadcast_sender_closed_with_extra_subscribe, broadcast_sender_new_must_be_closed. Who subscribes opens it again, also
// for one that was woken and has not looked yet.
TEST_P(tokio_broadcast, subscribing_opens_it_again) {
    auto [tx, rx] = broadcast_channel<int>(1);
    auto closed = tx.async_closed();
    EXPECT_TRUE(is_pending(d, closed));
    act(1, [&] { drop(rx); });
    EXPECT_EQ(d.wakes(), 1);
    {
        auto again = tx.subscribe();
        EXPECT_TRUE(is_pending(d, closed));
        EXPECT_FALSE(tx.is_closed());
        act(1, [&] { drop(again); });
    }
    EXPECT_EQ(d.wakes(), 2);
    d.finish(closed);
    step(0, [&](kind me) -> task<void> { co_await by(me, tx.async_closed()); });
    auto last = tx.subscribe();
    auto once_more = tx.async_closed();
    EXPECT_TRUE(is_pending(e, once_more));
    act(1, [&] { drop(last); });
    EXPECT_EQ(e.wakes(), 1);
    e.finish(once_more);
}

// slow_receiver_within_capacity_does_not_lag, lag_is_per_receiver. Only who is too far behind lags.
TEST_P(tokio_broadcast, lag_is_each_receivers_own) {
    play(2, {sends(1), sends(2), gets(1), gets(2), nothing(), gets(1, 1), gets(2, 1), nothing(1)});
    play(2, {sends(1), sends(2), gets(1), gets(2), sends(3), sends(4), gets(3), gets(4), lags(2, 1),
             gets(3, 1), gets(4, 1), nothing(1), nothing()});
}

// capacity_overflow_reports_lagged_then_oldest_retained, lagged_count_matches_number_of_overwritten_messages,
// lag_uses_power_of_two_buffer_length, async_recv_lagged_then_resumes_from_oldest_retained. How many are told is how many
// were missed; the room is a power of two.
TEST_P(tokio_broadcast, lag_counts_what_was_overwritten) {
    play(2, {sends(1), sends(2), sends(3), lags(1), gets(2), gets(3), nothing()});
    play(4, {sends(1), sends(2), sends(3), sends(4), gets(1), sends(5), sends(6), sends(7),
             sends(8), lags(3), gets(5), gets(6), gets(7), gets(8), nothing()});
    play(3, {sends(1), sends(2), sends(3), sends(4), owed(4), gets(1), sends(5), owed(4), sends(6),
             owed(5), lags(1), gets(3), gets(4), gets(5), gets(6), nothing()});
}

// lag_catch_up_then_lag_again, lag_again_before_reading_retained_messages. Each lag counts from where the last was told.
TEST_P(tokio_broadcast, a_second_lag_counts_anew) {
    play(2, {sends(1), sends(2), sends(3), lags(1), gets(2), gets(3), nothing(), sends(4), sends(5),
             sends(6), lags(1), gets(5), gets(6), nothing()});
    play(2, {sends(1), sends(2), sends(3), lags(1), sends(4), sends(5), sends(6), lags(3), gets(5),
             gets(6), nothing()});
}

// sync_broadcast_weak.rs: weak_sender, downgrade_upgrade_sender_failure, downgrade_drop_upgrade. A weak sender becomes a
// strong one while there is any.
TEST_P(tokio_broadcast, a_weak_sender_becomes_a_strong_one) {
    auto [tx, rx] = broadcast_channel<int>(16);
    auto copy = tx;
    auto weak = copy.downgrade();
    copy = {};
    const auto sends = [&](kind) -> task<void> {
        for (int i = 0; i < 10; ++i)
            EXPECT_TRUE(tx.send(i));
        auto second = weak.upgrade();
        EXPECT_TRUE(second.has_value());
        tx = {};
        EXPECT_TRUE(second->send(20));
        weak = second->downgrade();
        co_return;
    };
    together(sends, [&](kind me) -> task<void> {
        for (int i = 0; i < 10; ++i)
            EXPECT_EQ(co_await by(me, rx.async_recv()), i);
        EXPECT_EQ(co_await by(me, rx.async_recv()), 20);
        const auto end = co_await by(me, rx.async_recv());
        EXPECT_TRUE(end.error().is_closed());
    });
    act(1, [&] { EXPECT_FALSE(weak.upgrade()); });
}

// sync_broadcast_weak.rs: test_tx_count_weak_sender, test_rx_is_closed_when_dropping_all_senders_except_weak_senders,
// sender_strong_count_when_cloned, sender_weak_count_when_downgraded, sender_strong_count_when_dropped,
// sender_weak_count_when_dropped, sender_strong_and_weak_conut. Every handle tells both counts; weak senders keep nothing
// open.
TEST_P(tokio_broadcast, every_handle_knows_the_counts) {
    auto [tx, rx] = broadcast_channel<int>(10);
    const auto weak = tx.downgrade();
    const auto expect = [&](std::size_t strong_count, std::size_t weak_count) {
        if (tx) {
            EXPECT_EQ(tx.strong_count(), strong_count);
            EXPECT_EQ(tx.weak_count(), weak_count);
        }
        EXPECT_EQ(rx.sender_strong_count(), strong_count);
        EXPECT_EQ(rx.sender_weak_count(), weak_count);
        EXPECT_EQ(weak.strong_count(), strong_count);
        EXPECT_EQ(weak.weak_count(), weak_count);
        EXPECT_EQ(rx.is_closed(), strong_count == 0);
    };
    auto tx2 = tx;
    auto weak2 = tx2.downgrade();
    act(0, [&] { expect(2, 2); });
    act(1, [&] { tx2 = {}; });
    act(0, [&] { expect(1, 2); });
    act(1, [&] { drop(weak2); });
    act(0, [&] { expect(1, 1); });
    act(1, [&] { tx = {}; });
    act(0, [&] { expect(0, 1); });
}

// zero_capacity, capacity_too_big; sync_panic.rs: broadcast_channel_panic_caller. Misuse ends the program, with advice.
TEST(tokio_broadcast_death, misuse_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)broadcast_channel<int>(0), "at least one value");
    EXPECT_DEATH((void)broadcast_channel<int>(std::size_t(-1)), "memory can hold");
}

} // namespace
} // namespace sennit
