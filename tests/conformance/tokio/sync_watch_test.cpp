// The rules of tokio's sync_watch.rs. Above each case stand the upstream tests.
#include "sync_support.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::drop;
using test::is_pending;
using test::kind;

class tokio_watch : public test::stepped {
protected:
    // The answer of a receiver that waits for a change while the other side does this.
    template<class T, class Fn>
    bool changed(watch_receiver<T>& rx, Fn other) {
        bool ok = false;
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            const auto answer = co_await by(me, counting(waiting, rx.async_changed()));
            ok = answer.has_value();
            if (!ok) {
                EXPECT_EQ(answer.error(), recv_error::closed);
            }
        });
        await_count(waiting, 1);
        second([&](kind) -> task<void> {
            other();
            co_return;
        });
        join();
        return ok;
    }
    // There is nothing new, and somebody who could send it.
    template<class T>
    void expect_nothing_new(watch_receiver<T>& rx) {
        EXPECT_FALSE(rx.has_changed().value());
        auto future = rx.async_changed();
        EXPECT_TRUE(is_pending(d, future));
    }
    // A loop that never has to wait yields to what is polled beside it.
    template<class Loop>
    void expect_yields(Loop loop) {
        const auto both = [&](kind me) -> task<void> {
            auto one = async_select(biased, on(loop()), on(async_yield()));
            EXPECT_EQ(co_await by(me, std::move(one)), 1u);
        };
        step(0, both);
        step(1, both);
    }
};
SENNIT_PAIRINGS(tokio_watch);

// single_rx_recv. The first value is not news. A send is, and so is the end, which leaves the value.
TEST_P(tokio_watch, a_receiver_learns_of_each_change) {
    auto [tx, rx] = watch_channel<std::string>("one");
    expect_nothing_new(rx);
    EXPECT_EQ(*rx.borrow(), "one");
    EXPECT_TRUE(changed(rx, [&] { EXPECT_TRUE(tx.send("two")); }));
    EXPECT_EQ(*rx.borrow(), "two");
    EXPECT_FALSE(changed(rx, [&] { tx = {}; }));
    EXPECT_EQ(*rx.borrow(), "two");
}

// rx_version_underflow, rx_mark_changed. A value that is marked as not seen is news once more, to this receiver only.
TEST_P(tokio_watch, a_value_may_be_marked_as_changed) {
    auto [tx, rx] = watch_channel<std::string>("one");
    auto other = rx, third = rx;
    step(1, [&](kind me) -> task<void> {
        rx.mark_changed();
        rx.mark_changed();
        EXPECT_TRUE(rx.has_changed().value());
        EXPECT_TRUE(co_await by(me, rx.async_changed()));
        third.mark_changed();
        EXPECT_EQ(*third.borrow(), "one");
        EXPECT_TRUE(third.has_changed().value());
        EXPECT_EQ(*third.borrow_and_update(), "one");
    });
    expect_nothing_new(rx);
    expect_nothing_new(other);
    expect_nothing_new(third);
    act(0, [&] { EXPECT_TRUE(tx.send("two")); });
    for (const bool marks : {false, true}) {
        act(1, [&] {
            if (marks) other.mark_changed();
            EXPECT_TRUE(other.has_changed().value());
            EXPECT_EQ(*other.borrow_and_update(), "two");
            EXPECT_FALSE(other.has_changed().value());
        });
    }
}

// rx_mark_unchanged. A value that is marked as seen is no news, whoever made it so.
TEST_P(tokio_watch, a_value_may_be_marked_as_seen) {
    auto [tx, rx] = watch_channel<std::string>("one");
    auto other = rx;
    act(1, [&] {
        rx.mark_changed();
        rx.mark_unchanged();
    });
    expect_nothing_new(rx);
    act(0, [&] { EXPECT_TRUE(tx.send("two")); });
    act(1, [&] {
        EXPECT_TRUE(other.has_changed().value());
        other.mark_unchanged();
    });
    expect_nothing_new(other);
    EXPECT_EQ(*other.borrow_and_update(), "two");
    EXPECT_EQ(*rx.borrow(), "two");
}

// multi_rx. One send wakes all who wait; one that comes late has seen none of what it missed, only the last.
TEST_P(tokio_watch, a_send_wakes_all_who_wait) {
    auto [tx, rx] = watch_channel<int>(1);
    auto slow = rx, other = rx;
    auto future = slow.async_changed();
    EXPECT_TRUE(is_pending(d, future));
    for (const int v : {2, 3}) {
        std::atomic<int> waiting{0};
        const auto waits = [&](watch_receiver<int>& r) {
            return [&](kind me) -> task<void> {
                EXPECT_TRUE(co_await by(me, counting(waiting, r.async_changed())));
                EXPECT_EQ(*r.borrow(), v);
            };
        };
        first(waits(rx));
        second(waits(other));
        await_count(waiting, 2);
        EXPECT_TRUE(tx.send(v));
        join();
    }
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.finish(future));
    EXPECT_EQ(*slow.borrow(), 3);
    EXPECT_FALSE(slow.has_changed().value());
}

// rx_observes_final_value, changed_errors_on_closed_channel_with_seen_value. After the senders a value that was seen is no
// news, but the end.
TEST_P(tokio_watch, the_end_comes_after_the_last_value) {
    {
        auto [tx, rx] = watch_channel<int>(1);
        act(0, [&] { tx = {}; });
        step(1, [&](kind me) -> task<void> {
            EXPECT_FALSE(co_await by(me, rx.async_changed()));
            EXPECT_EQ(*rx.borrow(), 1);
        });
    }
    auto [tx, rx] = watch_channel<int>(1);
    act(0, [&] { EXPECT_TRUE(tx.send(2)); });
    step(1, [&](kind me) -> task<void> { EXPECT_TRUE(co_await by(me, rx.async_changed())); });
    auto future = rx.async_changed();
    EXPECT_TRUE(is_pending(d, future));
    act(0, [&] {
        EXPECT_TRUE(tx.send(3));
        tx = {};
    });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.finish(future));
    EXPECT_EQ(*rx.borrow(), 3);
    step(1, [&](kind me) -> task<void> { EXPECT_FALSE(co_await by(me, rx.async_changed())); });
    EXPECT_EQ(*rx.borrow(), 3);
}

// changed_succeeds_on_closed_channel_with_unseen_value. A last value is news, also after its sender.
TEST_P(tokio_watch, the_last_value_is_never_missed) {
    auto [tx, rx] = watch_channel<std::string>("A");
    act(0, [&] {
        EXPECT_TRUE(tx.send("B"));
        tx = {};
    });
    step(1, [&](kind me) -> task<void> {
        EXPECT_TRUE(co_await by(me, rx.async_changed()));
        EXPECT_EQ(*rx.borrow(), "B");
    });
}

// has_changed_errors_on_closed_channel_with_unseen_value, …_with_seen_value. The question, as against the wait, is answered
// with the end as soon as the senders are gone.
TEST_P(tokio_watch, has_changed_says_first_that_it_is_over) {
    for (const bool sends : {false, true}) {
        auto [tx, rx] = watch_channel<int>(1);
        act(0, [&] {
            if (sends) {
                EXPECT_TRUE(tx.send(2));
            }
            tx = {};
        });
        act(1, [&] { EXPECT_EQ(rx.has_changed().error(), recv_error::closed); });
    }
}

// poll_close. A sender may wait until nobody looks any more; then a value comes back.
TEST_P(tokio_watch, the_last_receiver_closes_it) {
    auto [tx, rx] = watch_channel<int>(1);
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        co_await by(me, counting(waiting, tx.async_closed()));
        EXPECT_EQ(tx.send(2).error().value, 2);
    });
    await_count(waiting, 1);
    second([&](kind) -> task<void> {
        drop(rx);
        co_return;
    });
    join();
    EXPECT_EQ(*tx.borrow(), 1);
}

// borrow_and_update. To look may count as having seen, or not.
TEST_P(tokio_watch, looking_may_count_as_having_seen) {
    auto [tx, rx] = watch_channel<std::string>("one");
    expect_nothing_new(rx);
    act(0, [&] { EXPECT_TRUE(tx.send("two")); });
    step(1, [&](kind me) -> task<void> {
        EXPECT_EQ(*rx.borrow(), "two");
        EXPECT_TRUE(rx.has_changed().value());
        EXPECT_TRUE(co_await by(me, rx.async_changed()));
    });
    expect_nothing_new(rx);
    act(0, [&] { EXPECT_TRUE(tx.send("three")); });
    act(1, [&] {
        EXPECT_TRUE(rx.has_changed().value());
        const auto seen = rx.borrow_and_update();
        EXPECT_EQ(*seen, "three");
        EXPECT_TRUE(seen.has_changed());
    });
    expect_nothing_new(rx);
    act(0, [&] { tx = {}; });
    step(1, [&](kind me) -> task<void> {
        EXPECT_EQ(*rx.borrow_and_update(), "three");
        EXPECT_FALSE(co_await by(me, rx.async_changed()));
        EXPECT_FALSE(rx.has_changed());
    });
}

// reopened_after_subscribe. It is closed while there is no receiver.
TEST_P(tokio_watch, subscribing_opens_it_again) {
    auto [tx, rx] = watch_channel<int>(1);
    EXPECT_FALSE(tx.is_closed());
    act(1, [&] { drop(rx); });
    EXPECT_TRUE(tx.is_closed());
    std::optional<watch_receiver<int>> again;
    act(1, [&] { again = tx.subscribe(); });
    EXPECT_FALSE(tx.is_closed());
    expect_nothing_new(*again);
    act(1, [&] { again.reset(); });
    EXPECT_TRUE(tx.is_closed());
}

// send_modify_panic. A function that throws while it changes the value reaches its caller, wakes nobody, and what comes
// later works. Unlike tokio's, the change is not seen: it was made to a copy.
TEST_P(tokio_watch, a_change_that_throws_has_not_happened) {
    auto [tx, rx] = watch_channel<std::string>("one");
    act(0, [&] { tx.send_modify([](std::string& v) { v = "two"; }); });
    EXPECT_EQ(*rx.borrow_and_update(), "two");
    auto other = rx;
    auto future = other.async_changed();
    EXPECT_TRUE(is_pending(d, future));
    act(0, [&] {
        const auto throws = [](std::string& v) {
            v = "half";
            throw std::runtime_error("modify");
        };
        EXPECT_THROW(tx.send_modify(throws), std::runtime_error);
    });
    EXPECT_EQ(d.wakes(), 0);
    act(1, [&] { EXPECT_EQ(*rx.borrow(), "two"); });
    act(0, [&] { tx.send_modify([](std::string& v) { v = "three"; }); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(d.finish(future));
    act(1, [&] { EXPECT_EQ(*rx.borrow_and_update(), "three"); });
}

// multiple_sender. A copy of a sender is another one.
TEST_P(tokio_watch, there_may_be_several_senders) {
    auto [tx, rx] = watch_channel<int>(0);
    auto tx2 = tx;
    EXPECT_TRUE(changed(rx, [&] { EXPECT_TRUE(tx.send(1)); }));
    EXPECT_EQ(*rx.borrow_and_update(), 1);
    EXPECT_TRUE(changed(rx, [&] { EXPECT_TRUE(tx2.send(2)); }));
    EXPECT_EQ(*rx.borrow_and_update(), 2);
    EXPECT_EQ(tx.sender_count(), 2u);
}

// receiver_is_notified_when_last_sender_is_dropped. Not when one before it is.
TEST_P(tokio_watch, the_last_sender_ends_it) {
    auto [tx, rx] = watch_channel<int>(0);
    auto tx2 = tx;
    auto future = rx.async_changed();
    EXPECT_TRUE(is_pending(d, future));
    act(0, [&] { tx = {}; });
    EXPECT_EQ(d.wakes(), 0);
    act(0, [&] { tx2 = {}; });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.finish(future));
}

// receiver_changed_is_cooperative, receiver_changed_is_cooperative_ok.
TEST_P(tokio_watch, a_change_that_is_always_there_yields) {
    auto [tx, rx] = watch_channel<int>(0);
    expect_yields([&]() -> task<void> {
        for (;;) {
            EXPECT_TRUE(tx.send(1));
            EXPECT_TRUE(co_await rx.async_changed());
        }
    });
    tx = {};
    (void)rx.borrow_and_update();
    expect_yields([&]() -> task<void> {
        for (;;)
            EXPECT_FALSE(co_await rx.async_changed());
    });
}

// receiver_wait_for_is_cooperative, receiver_wait_for_is_cooperative_ok.
TEST_P(tokio_watch, a_value_that_is_always_there_yields) {
    auto [tx, rx] = watch_channel<int>(0);
    const auto is_one = [](int v) { return v == 1; };
    expect_yields([&]() -> task<void> {
        for (;;) {
            EXPECT_TRUE(tx.send(1));
            EXPECT_TRUE(co_await rx.async_wait_for(is_one));
        }
    });
    act(0, [&] {
        EXPECT_TRUE(tx.send(0));
        tx = {};
    });
    expect_yields([&]() -> task<void> {
        for (;;)
            EXPECT_FALSE(co_await rx.async_wait_for(is_one));
    });
}

// sender_closed_is_cooperative.
TEST_P(tokio_watch, an_end_that_is_always_there_yields) {
    auto [tx, rx] = watch_channel<int>(0);
    drop(rx);
    expect_yields([&]() -> task<void> {
        for (;;)
            co_await tx.async_closed();
    });
}

// wait_for_errors_on_closed_channel_true_predicate. A last value that is what was waited for beats the end.
TEST_P(tokio_watch, a_value_that_is_wanted_beats_the_end) {
    auto [tx, rx] = watch_channel<std::string>("A");
    act(0, [&] {
        EXPECT_TRUE(tx.send("B"));
        tx = {};
    });
    step(1, [&](kind me) -> task<void> {
        const auto any = [](const std::string&) { return true; };
        const auto got = co_await by(me, rx.async_wait_for(any));
        EXPECT_EQ(**got, "B");
        const auto other = [](const std::string& v) { return v == "C"; };
        EXPECT_FALSE(co_await by(me, rx.async_wait_for(other)));
    });
}

// sync_errors.rs: watch_error_bound.
static_assert(std::is_convertible_v<send_error<std::string>, error>);

} // namespace
} // namespace sennit
