// The rules of golang/go's time/sleep_test.go and tick_test.go, and those of context's tests about deadlines, by a virtual
// clock. Above each case stands the upstream test.
#include "conformance/timed.hpp"

#include <chrono>
#include <optional>
#include <random>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::by;
using test::kind;

class go_time : public test::timed {};
SENNIT_TIMED_PAIRINGS(go_time);

// TestSleep, TestSleepZeroDeadlock, TestOverflowSleep. A sleep takes its time; of nothing or less it takes none; what is
// too long for the clock does not wrap around.
TEST_P(go_time, a_sleep_takes_its_time) {
    const party sleeps = [](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        co_await by(me, async_sleep_for(100ms));
        EXPECT_EQ(runtime_clock::now() - begun, 100ms);
        co_await by(me, async_sleep_for(0ms));
        co_await by(me, async_sleep_for(-1h));
        co_await by(me, async_sleep_for(std::chrono::nanoseconds::min()));
        EXPECT_EQ(runtime_clock::now() - begun, 100ms);
        auto one = async_select(on(after(std::chrono::nanoseconds::max())), on(after(25ms)));
        const std::size_t fired = co_await by(me, std::move(one));
        EXPECT_EQ(fired, 1u);
        EXPECT_EQ(runtime_clock::now() - begun, 125ms);
    };
    EXPECT_EQ(run({sleeps, sleeps}), 125ms);
}

// TestAfter, TestAfterQueuing. Sleepers wake in the order of their moments, whatever the order in which they began.
TEST_P(go_time, sleepers_wake_in_the_order_of_their_moments) {
    const std::vector<int> slots{5, 3, 6, 6, 6, 1, 1, 2, 7, 9, 4, 8, 0};
    std::vector<int> order;
    std::vector<party> parties;
    for (const int slot : slots) {
        parties.push_back([&order, slot](kind me) -> task<void> {
            auto waiting = after(milliseconds(slot * 25));
            co_await by(me, std::move(waiting));
            order.push_back(slot);
        });
    }
    EXPECT_EQ(run(parties), 225ms);
    EXPECT_EQ(order, (std::vector{0, 1, 1, 2, 3, 4, 5, 6, 6, 6, 7, 8, 9}));
}

// TestAfterFunc, TestAfterTick. A chain: each time it fires it is set again.
TEST_P(go_time, a_timer_is_set_again_and_again) {
    run_both([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        timer t;
        for (int i = 1; i <= 10; ++i) {
            EXPECT_FALSE(t.reset(100us)) << "it had fired";
            auto firing = t.async_wait();
            co_await by(me, std::move(firing));
            EXPECT_EQ(runtime_clock::now() - begun, i * 100us);
        }
    });
}

// TestAfterStop, TestTimerStopStress, TestResetTimer, G-TM-4. stop and reset say whether they came first.
TEST_P(go_time, stop_and_reset_say_whether_they_came_first) {
    run_both([](kind me) -> task<void> {
        timer t(100ms);
        co_await by(me, async_sleep_for(50ms));
        EXPECT_TRUE(t.reset(150ms)) << "50 ms are left";
        auto early = timeout(100ms, t.async_wait());
        EXPECT_FALSE(co_await by(me, std::move(early))) << "the first moment is no more";
        auto right = timeout(100ms, t.async_wait());
        EXPECT_TRUE(co_await by(me, std::move(right)));
        EXPECT_FALSE(t.reset(50ms)) << "it had fired";
        EXPECT_TRUE(t.stop());
        EXPECT_FALSE(t.stop());
        auto never = timeout(1h, t.async_wait());
        EXPECT_FALSE(co_await by(me, std::move(never)));
        EXPECT_FALSE(t.reset(1ms));
        auto again = timeout(1h, t.async_wait());
        EXPECT_TRUE(co_await by(me, std::move(again)));
    });
}

// TestChan in tick_test.go, G-TM-3. After stop or reset no moment of before is seen, also if it had come.
TEST_P(go_time, no_stale_moment_is_seen) {
    run_both([](kind me) -> task<void> {
        const auto not_now = [](timer& t) {
            return async_select(on(t.async_wait(), [] { ADD_FAILURE() << "stale"; }), otherwise());
        };
        timer t(10ms);
        co_await by(me, async_sleep_for(20ms)); // it has come, and nobody took it
        t.reset(30ms);
        co_await by(me, not_now(t));
        co_await by(me, async_sleep_for(20ms));
        co_await by(me, not_now(t));
        co_await by(me, async_sleep_for(20ms));
        t.stop();
        co_await by(me, not_now(t));
        ticker pulse(10ms);
        co_await by(me, async_sleep_for(15ms));
        pulse.reset(100ms);
        const auto begun = runtime_clock::now();
        auto tick = pulse.async_tick();
        co_await by(me, std::move(tick));
        EXPECT_EQ(runtime_clock::now() - begun, 100ms);
    });
}

// TestTimerModifiedEarlier, TestReset. A waiter follows a timer that another flow moves to an earlier or a later moment.
TEST_P(go_time, a_waiter_follows_the_timer) {
    timer earlier(1000h), later(10ms);
    const party waits = [&](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        auto a = later.async_wait();
        co_await by(me, std::move(a));
        EXPECT_EQ(runtime_clock::now() - begun, 5ms + 100ms);
        auto b = earlier.async_wait();
        co_await by(me, std::move(b));
        EXPECT_EQ(runtime_clock::now() - begun, 5ms + 200ms);
    };
    const party moves = [&](kind me) -> task<void> {
        co_await by(me, async_sleep_for(5ms));
        EXPECT_TRUE(later.reset(100ms));
        EXPECT_TRUE(earlier.reset(200ms));
    };
    EXPECT_EQ(run({waits, moves}), 205ms);
}

// TestAdjustTimers. Many timers that are moved, stopped and set again at random: each fires at its last moment, once.
TEST_P(go_time, timers_moved_at_random_fire_at_their_last_moment) {
    constexpr int n = 40;
    std::vector<party> parties;
    for (int i = 0; i < n; ++i) {
        parties.push_back([i](kind me) -> task<void> {
            std::mt19937 random(unsigned(i) + 1);
            timer t(milliseconds(random() % 50 + 1));
            const auto begun = runtime_clock::now();
            for (int k = 0; k < 20; ++k) {
                const auto length = milliseconds(random() % 50 + 1);
                switch (random() % 3) {
                    case 0:
                        t.stop();
                        [[fallthrough]];
                    case 1:
                        t.reset(length);
                        break;
                    default:
                        co_await by(me, async_sleep_for(length));
                        t.reset(length);
                        break;
                }
            }
            const auto last = runtime_clock::now();
            t.reset(77ms);
            auto firing = t.async_wait();
            const auto due = co_await by(me, std::move(firing));
            EXPECT_EQ(due - last, 77ms);
            EXPECT_GE(last, begun);
            auto once_more = timeout(1s, t.async_wait());
            EXPECT_FALSE(co_await by(me, std::move(once_more)));
        });
    }
    run(parties);
}

// TestTicker. The rate is kept, is changed by reset, and ends with stop.
TEST_P(go_time, a_ticker_keeps_its_rate) {
    const party ticks = [](kind me) -> task<void> {
        constexpr int count = 10;
        const auto begun = runtime_clock::now();
        ticker pulse(20ms);
        for (int i = 0; i < count; ++i) {
            auto tick = pulse.async_tick();
            co_await by(me, std::move(tick));
            if (i == count / 2 - 1) pulse.reset(40ms);
        }
        EXPECT_EQ(runtime_clock::now() - begun, 5 * 20ms + 5 * 40ms);
        pulse.stop();
        auto none = timeout(1h, pulse.async_tick());
        EXPECT_FALSE(co_await by(me, std::move(none)));
    };
    EXPECT_EQ(run({ticks, ticks}), 300ms + 1h);
}

// TestTicker, NewTicker's contract. A slow receiver loses ticks and gets back into step.
TEST_P(go_time, a_slow_receiver_loses_ticks) {
    run_both([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        ticker pulse(10ms);
        co_await by(me, async_sleep_for(35ms));
        std::vector<std::chrono::nanoseconds> seen;
        for (int i = 0; i < 3; ++i) {
            auto tick = pulse.async_tick();
            co_await by(me, std::move(tick));
            seen.push_back(runtime_clock::now() - begun);
        }
        EXPECT_EQ(seen, (std::vector<std::chrono::nanoseconds>{35ms, 40ms, 50ms}));
    });
}

// TestTeardown, TestTimerGC. Timers and tickers that nobody waits for, or whose waits are dropped, hold nothing up.
TEST_P(go_time, timers_that_go_early_hold_nothing_up) {
    const party comes_and_goes = [](kind me) -> task<void> {
        for (int i = 0; i < 20; ++i) {
            ticker idle(10h);
            timer unused(10h);
            ticker pulse(1ms);
            auto tick = pulse.async_tick();
            co_await by(me, std::move(tick));
            auto given_up = timeout(1ms, unused.async_wait());
            EXPECT_FALSE(co_await by(me, std::move(given_up)));
        }
    };
    EXPECT_EQ(run({comes_and_goes, comes_and_goes}), 40ms);
}

// context: XTestDeadline, XTestTimeout, XTestCanceledTimeout. A bound in time ends a wait with its own error, the earlier
// one first; one that was not reached does nothing later.
TEST_P(go_time, the_earlier_deadline_wins) {
    const party bounded = [](kind me) -> task<void> {
        event never;
        const auto begun = runtime_clock::now();
        // The bounds of blocking code, which in a task is a step that blocks.
        const auto inner_first = with_timeout(1h, [&] {
            const auto inner = with_timeout(50ms, [&] { never.wait(); });
            EXPECT_FALSE(inner);
            EXPECT_TRUE(is(inner.error(), errc::timed_out));
            EXPECT_FALSE(this_flow::stop_requested());
            return 1;
        });
        EXPECT_TRUE(inner_first);
        EXPECT_EQ(runtime_clock::now() - begun, 50ms);
        const auto outer_first = with_timeout(50ms, [&] {
            EXPECT_EQ(this_flow::deadline(), begun + 100ms);
            (void)with_timeout(1h, [&] {
                EXPECT_EQ(this_flow::deadline(), begun + 100ms) << "the parent's, which is earlier";
                never.wait();
            });
            ADD_FAILURE() << "the outer bound has expired";
        });
        EXPECT_FALSE(outer_first);
        EXPECT_TRUE(is(outer_first.error(), errc::timed_out));
        EXPECT_EQ(runtime_clock::now() - begun, 100ms);
        // And those of a future.
        auto a = timeout(10ms, never.async_wait());
        EXPECT_FALSE(co_await by(me, std::move(a)));
        auto b = timeout(10ms, async_sleep_for(5ms));
        EXPECT_TRUE(co_await by(me, std::move(b)));
        co_await by(me, async_sleep_for(1s));
        EXPECT_FALSE(this_flow::stop_requested());
    };
    EXPECT_EQ(run({bounded, bounded}), 100ms + 10ms + 5ms + 1s);
}

// context: XTestLayersTimeout. Bounds in layers of random length: the wait ends at the earliest of them, and the layer that
// it belongs to is told.
TEST_P(go_time, the_earliest_of_many_layers_ends_the_wait) {
    struct layers {
        std::vector<milliseconds> lengths;
        std::vector<bool> expired;
        void enter(std::size_t i) {
            if (i == lengths.size()) {
                sleep_for(10h);
                return;
            }
            const auto end = with_timeout(lengths[i], [&] { enter(i + 1); });
            expired[i] = !end;
        }
    };
    run_both([](kind) -> task<void> {
        std::mt19937 random(3);
        for (int round = 0; round < 10; ++round) {
            layers l;
            for (int i = 0; i < 6; ++i)
                l.lengths.push_back(milliseconds(random() % 1000 * 10 + i)); // all different
            l.expired.resize(l.lengths.size());
            const auto begun = runtime_clock::now();
            l.enter(0);
            const auto earliest = std::ranges::min_element(l.lengths);
            EXPECT_EQ(runtime_clock::now() - begun, *earliest);
            EXPECT_TRUE(l.expired[std::size_t(earliest - l.lengths.begin())]);
            EXPECT_EQ(std::ranges::count(l.expired, true), 1);
        }
        co_return;
    });
}

// tick_test.go: TestNewTickerLtZeroDuration, TestTickerResetLtZeroDuration.
TEST(go_time_death, a_period_of_nothing_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(ticker(-1s), "more than zero");
    EXPECT_DEATH(ticker(1s).reset(0s), "more than zero");
}

} // namespace
} // namespace sennit
