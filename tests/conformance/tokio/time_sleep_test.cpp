// The rules of tokio's time_sleep.rs. A sleep that can be reset is a `timer`. Above each case stands the upstream test.
//
// Other than upstream: a moment is rounded up to 16.4 us (1 us of virtual time) and not to 1 ms, the wheel has no end, so `duration::max` is for
// ever, and a sleep may be made, and waited for, outside a runtime (creating_sleep_outside_of_context).
#include "conformance/timed.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using test::by;
using test::by_hand;
using test::kind;

constexpr nanoseconds tick = 1us; // of a virtual clock
constexpr std::chrono::hours year(365 * 24);

nanoseconds since(runtime_clock::time_point begun) { return runtime_clock::now() - begun; }

class tokio_sleep : public test::timed {};
SENNIT_TIMED_PAIRINGS(tokio_sleep);

// immediate_sleep, short_sleeps: a moment that is now, or has passed, is not waited for; and no time passes.
TEST_P(tokio_sleep, a_moment_that_has_come_is_not_waited_for) {
    run_both([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        co_await by(me, async_sleep_until(begun));
        co_await by(me, async_sleep_until(begun - 1s));
        for (int i = 0; i < 1000; ++i)
            co_await by(me, async_sleep_for(0ms));
        EXPECT_EQ(since(begun), 0ns);
        auto sleep = async_sleep_until(begun);
        by_hand hand(sleep);
        EXPECT_FALSE(hand.is_pending());
    });
}

// is_elapsed: not ready before its moment, however often it is asked, and ready for good from then on.
TEST_P(tokio_sleep, is_ready_from_its_moment_on) {
    run_each([](kind me) -> task<void> {
        auto sleep = async_sleep_for(10ms);
        by_hand hand(sleep);
        for (int i = 0; i < 10; ++i) {
            EXPECT_TRUE(hand.is_pending());
            EXPECT_FALSE(hand.is_woken());
            co_await by(me, virtual_time::async_advance(999us));
        }
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(10us));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_FALSE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(1h));
        EXPECT_FALSE(hand.is_pending());
    });
}

// delayed_sleep_level_0, delayed_sleep_wrapping_level_0: exact lengths, from the start and from an odd moment.
TEST_P(tokio_sleep, lengths_are_exact) {
    const party sleeps = [](kind me) -> task<void> {
        for (const auto length : {1ms, 10ms, 60ms, 5ms, 60ms}) {
            const auto begun = runtime_clock::now();
            co_await by(me, async_sleep_until(begun + length));
            EXPECT_EQ(since(begun), length);
        }
    };
    EXPECT_EQ(run_both(sleeps), 136ms);
}

// sub_ms_delayed_sleep, and the boundaries of every level of the wheel: never early, and late by less than a tick.
TEST_P(tokio_sleep, is_never_early_and_less_than_a_tick_late) {
    run_both([](kind me) -> task<void> {
        std::vector<nanoseconds> lengths{1ms + 1ns, 1ns, 999ns, tick - 1ns, tick, tick + 1ns};
        nanoseconds level = tick;
        for (int i = 0; i < 7; ++i) {
            level *= 64;
            for (const nanoseconds by_this : {-tick, -1ns, 0ns, 1ns, tick})
                lengths.push_back(level + by_this);
            lengths.push_back(63 * level + tick);
        }
        for (const nanoseconds length : lengths) {
            const auto begun = runtime_clock::now();
            co_await by(me, async_sleep_for(length));
            EXPECT_GE(since(begun), length);
            EXPECT_LT(since(begun), length + tick) << length.count();
        }
    });
}

// reset_future_sleep_before_fire, reset_past_sleep_before_turn, reset_past_sleep_before_fire: it fires at the moment that was
// set last, be it later or earlier than the one before.
TEST_P(tokio_sleep, fires_at_the_moment_that_was_set_last) {
    run_each([](kind me) -> task<void> {
        for (const auto moved_to : {200ms, 80ms}) {
            for (const auto moved_at : {0ms, 10ms}) {
                const auto begun = runtime_clock::now();
                timer sleep;
                EXPECT_FALSE(sleep.reset(begun + 100ms));
                auto waiting = sleep.async_wait();
                by_hand hand(waiting);
                EXPECT_TRUE(hand.is_pending());
                co_await by(me, async_sleep_for(moved_at));
                EXPECT_TRUE(sleep.reset(begun + moved_to));
                EXPECT_TRUE(hand.is_woken()) << "whoever waits looks again";
                EXPECT_TRUE(hand.is_pending());
                auto firing = sleep.async_wait();
                EXPECT_EQ(co_await by(me, std::move(firing)), begun + moved_to);
                EXPECT_EQ(since(begun), moved_to);
            }
        }
    });
}

// The same, with the waiter in a flow of its own.
TEST_P(tokio_sleep, whoever_waits_follows) {
    timer sleep(100ms);
    const party waits = [&](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        co_await by(me, sleep.async_wait());
        EXPECT_EQ(since(begun), 250ms);
        co_await by(me, sleep.async_wait());
        EXPECT_EQ(since(begun), 280ms);
    };
    const party moves = [&](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        sleep.reset(begun + 100ms);
        co_await by(me, async_sleep_for(50ms));
        EXPECT_TRUE(sleep.reset(200ms));
        co_await by(me, async_sleep_for(210ms));
        EXPECT_FALSE(sleep.reset(1h)) << "it has fired";
        co_await by(me, async_sleep_for(10ms));
        EXPECT_TRUE(sleep.reset(10ms));
    };
    EXPECT_EQ(run({waits, moves}), 280ms);
}

// reset_future_sleep_after_fire, reset_after_firing: set again after it fired, it waits again.
TEST_P(tokio_sleep, waits_again_when_it_is_set_again) {
    run_each([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        timer sleep(100ms);
        co_await by(me, sleep.async_wait());
        EXPECT_EQ(since(begun), 100ms);
        EXPECT_FALSE(sleep.reset(begun + 110ms));
        co_await by(me, sleep.async_wait());
        EXPECT_EQ(since(begun), 110ms);
        EXPECT_FALSE(sleep.reset(600s));
        auto waiting = sleep.async_wait();
        by_hand hand(waiting);
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE(hand.is_pending());
        EXPECT_FALSE(hand.is_woken());
    });
}

// reset_sleep_to_past: set to a moment that has passed, it is ready at once.
TEST_P(tokio_sleep, set_to_the_past_it_is_ready) {
    run_each([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        timer sleep(100ms);
        auto waiting = sleep.async_wait();
        by_hand hand(waiting);
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, async_sleep_for(50ms));
        EXPECT_FALSE(hand.is_woken());
        EXPECT_TRUE(sleep.reset(begun + 40ms));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_FALSE(hand.is_pending());
        EXPECT_EQ(hand.take(), begun + 40ms);
        EXPECT_EQ(since(begun), 50ms);
    });
}

// greater_than_max, multi_long_sleeps, long_sleeps: years are kept to the tick.
TEST_P(tokio_sleep, years_are_kept) {
    const party sleeps = [](kind me) -> task<void> {
        auto begun = runtime_clock::now();
        for (int i = 0; i < 5; ++i)
            co_await by(me, async_sleep_for(year));
        EXPECT_EQ(since(begun), 5 * year);
        begun = runtime_clock::now();
        co_await by(me, async_sleep_until(begun + 10 * year));
        EXPECT_GE(since(begun), 10 * year);
        EXPECT_LT(since(begun), 10 * year + tick);
    };
    EXPECT_EQ(run_both(sleeps), 15 * year);
}

// exactly_max, no_out_of_bounds_close_to_max, issue_5183: what is too long for the clock does not wrap around. (Upstream
// ends after some decades; here it is for ever.)
TEST_P(tokio_sleep, too_long_is_for_ever) {
    run_both([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        for (const nanoseconds length : {nanoseconds::max(), nanoseconds::max() - 1ms}) {
            auto first =
                async_select(biased, on(async_sleep_for(length)), on(async_sleep_for(1ns)));
            EXPECT_EQ(co_await by(me, std::move(first)), 1u);
            auto given_up = timeout(5 * year, async_sleep_for(length));
            EXPECT_FALSE(co_await by(me, std::move(given_up)));
        }
        auto in_hours = timeout(1h, async_sleep_for(std::chrono::hours::max()));
        EXPECT_FALSE(co_await by(me, std::move(in_hours)));
        auto in_seconds = timeout(1h, async_sleep_for(std::chrono::seconds(INT64_MAX / 10)));
        EXPECT_FALSE(co_await by(me, std::move(in_seconds)));
        EXPECT_LT(since(begun), 10 * year + 3h);
    });
}

// drop_after_reschedule_at_new_scheduled_time: one that was moved to another's moment may be dropped there.
TEST_P(tokio_sleep, one_that_was_moved_may_be_dropped) {
    run_each([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        timer a(5ms), c(10ms);
        auto wait_a = a.async_wait();
        auto wait_c = c.async_wait();
        by_hand hand_a(wait_a), hand_c(wait_c);
        {
            timer b(5ms);
            auto wait_b = b.async_wait();
            by_hand hand_b(wait_b);
            EXPECT_TRUE(hand_a.is_pending());
            EXPECT_TRUE(hand_b.is_pending());
            EXPECT_TRUE(hand_c.is_pending());
            b.reset(begun + 10ms);
            EXPECT_TRUE(hand_b.is_pending());
            co_await by(me, virtual_time::async_advance(6ms));
            EXPECT_FALSE(hand_a.is_pending());
            EXPECT_TRUE(hand_b.is_pending());
        }
        co_await by(me, virtual_time::async_advance(5ms));
        EXPECT_TRUE(hand_c.is_woken());
        EXPECT_FALSE(hand_c.is_pending());
    });
}

// drop_from_wake: the waker of one that fires may drop all that fire with it, itself included.
TEST_P(tokio_sleep, a_waker_may_drop_those_that_fire_with_it) {
    run_each([](kind me) -> task<void> {
        std::vector<std::unique_ptr<sleep_future>> sleeps;
        int wakes = 0;
        wake_callback drops([&] {
            ++wakes;
            sleeps.clear();
        });
        for (int i = 0; i < 100; ++i) {
            sleeps.push_back(std::make_unique<sleep_future>(async_sleep_for(10ms)));
            EXPECT_FALSE(sleeps.back()->poll(drops.context()).is_ready());
        }
        while (!drops.rearm()) {}
        co_await by(me, async_sleep_for(11ms));
        EXPECT_EQ(wakes, 1);
        EXPECT_TRUE(sleeps.empty());
    });
}

// creating_sleep_outside_of_context: it is made anywhere, and begins where it is polled first.
TEST(tokio_sleep_alone, is_made_outside_a_runtime) {
    auto sleep = async_sleep_for(1h);
    runtime rt({.current_thread = true, .virtual_time = true});
    rt.block_on([&] {
        const auto begun = runtime_clock::now();
        wait(sleep);
        EXPECT_EQ(since(begun), 1h);
    });
    const auto begun = std::chrono::steady_clock::now();
    sleep_until(begun);
    sleep_for(1us);
    EXPECT_GE(std::chrono::steady_clock::now() - begun, 1us);
}

} // namespace
} // namespace sennit
