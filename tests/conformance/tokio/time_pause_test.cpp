// The rules of tokio's time_pause.rs, rt_time_start_paused.rs and the misuse of time_panic.rs. Above each case stands the
// upstream test.
//
// Other than upstream, a runtime is made with virtual time, which is paused from the start; a runtime that was not has none.
#include "conformance/timed.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <random>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;
using test::by;
using test::by_hand;
using test::kind;

nanoseconds since(runtime_clock::time_point begun) { return runtime_clock::now() - begun; }

class tokio_pause : public test::timed {};
SENNIT_TIMED_PAIRINGS(tokio_pause);

// pause_time_in_main, pause_time_in_task: every flow of the runtime may let the clock go on and stop it.
TEST_P(tokio_pause, any_flow_may_stop_the_clock) {
    run_each([](kind) -> task<void> {
        EXPECT_TRUE(virtual_time::is_available());
        EXPECT_TRUE(virtual_time::is_paused());
        virtual_time::resume();
        EXPECT_FALSE(virtual_time::is_paused());
        virtual_time::pause();
        EXPECT_TRUE(virtual_time::is_paused());
        co_return;
    });
}

// rt_time_start_paused.rs: test_start_paused: real time may pass; the clock stands still.
TEST_P(tokio_pause, real_time_does_not_move_the_clock) {
    run_both([](kind) -> task<void> {
        const auto now = runtime_clock::now();
        for (int i = 0; i < 5; ++i) {
            const auto real = std::chrono::steady_clock::now();
            while (std::chrono::steady_clock::now() < real + 100us) {}
            EXPECT_EQ(runtime_clock::now(), now);
        }
        co_return;
    });
}

// paused_time_is_deterministic: a program of random sleeps in several flows sees the same times and the same order, each
// time it runs.
TEST_P(tokio_pause, times_and_their_order_are_the_same_each_time) {
    struct seen {
        int flow;
        nanoseconds at;
        bool operator==(const seen&) const = default;
    };
    const auto program = [this] {
        constexpr int flows = 5, sleeps = test::rounds_scaled(2000);
        std::vector<seen> all;
        std::vector<party> parties;
        for (int i = 0; i < flows; ++i) {
            parties.push_back([&all, i](kind me) -> task<void> {
                const auto begun = runtime_clock::now();
                std::mt19937 random(unsigned(i) + 1);
                for (int n = 0; n < sleeps; ++n) {
                    co_await by(me, async_sleep_for(nanoseconds(random() % 1'000'000'000)));
                    all.push_back({i, since(begun)});
                }
            });
        }
        run(parties);
        return all;
    };
    const auto once = program();
    EXPECT_EQ(once.size(), 5u * test::rounds_scaled(2000));
    // Rounding to the clock's microseconds begins where the runtime's clock did: the next runs begin on a whole one.
    const auto again = program();
    ASSERT_EQ(again.size(), once.size());
    for (std::size_t i = 0; i < once.size(); ++i) {
        ASSERT_EQ(again[i].flow, once[i].flow) << i;
        ASSERT_EQ(again[i].at, once[i].at) << i;
    }
}

// advance_after_poll, sleep_no_poll, sleep_same_task, sleep_same_task_no_poll, regression_3710_with_submillis_advance: the
// clock goes on by what was said, to the nanosecond, and does not run off to the next deadline; whether that was polled
// before or not.
TEST_P(tokio_pause, advancing_goes_no_further_than_was_said) {
    run_each([](kind me) -> task<void> {
        co_await by(me, async_sleep_for(1ms));
        for (const nanoseconds length : {nanoseconds(100ms), nanoseconds(51'592us)}) {
            for (const bool polled_before : {true, false}) {
                const auto start = runtime_clock::now();
                auto sleep = async_sleep_until(start + 300ms);
                by_hand hand(sleep);
                if (polled_before) {
                    EXPECT_TRUE(hand.is_pending());
                }
                co_await by(me, virtual_time::async_advance(length));
                EXPECT_EQ(since(start), length);
                EXPECT_TRUE(hand.is_pending());
                co_await by(me, virtual_time::async_advance(300ms - length));
                EXPECT_FALSE(hand.is_pending());
            }
        }
    });
}

// The sleeper in a flow of its own: it is not woken before its time.
TEST_P(tokio_pause, a_sleeper_is_not_woken_early) {
    std::vector<int> order;
    const party sleeps = [&](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        co_await by(me, async_sleep_for(300ms));
        EXPECT_EQ(since(start), 300ms);
        order.push_back(300);
    };
    const party advances = [&](kind me) -> task<void> {
        for (int at = 100; at <= 500; at += 100) {
            co_await by(me, virtual_time::async_advance(100ms));
            order.push_back(at);
        }
    };
    run({sleeps, advances});
    EXPECT_EQ(order, (std::vector{100, 200, 300, 300, 400, 500}));
}

// test_time_advance_sub_ms, test_time_advance_3ms_and_change, exact_1ms_advance: each step is exact, however small.
TEST_P(tokio_pause, steps_are_exact) {
    run_each([](kind me) -> task<void> {
        nanoseconds sum = 0ns;
        const auto start = runtime_clock::now();
        for (const nanoseconds step :
             {nanoseconds(51'592us), nanoseconds(1us), nanoseconds(3'141'592us),
              nanoseconds(3'123'456us), nanoseconds(1ms), nanoseconds(1ms), 1ns, 0ns, 999'999ns}) {
            const auto before = runtime_clock::now();
            co_await by(me, virtual_time::async_advance(step));
            EXPECT_EQ(since(before), step);
            sum += step;
        }
        EXPECT_EQ(since(start), sum);
    });
}

// advance_once_with_timer: one step over the deadline wakes the sleeper.
TEST_P(tokio_pause, a_step_over_the_deadline_wakes) {
    run_each([](kind me) -> task<void> {
        auto sleep = async_sleep_for(1ms);
        by_hand hand(sleep);
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(250us));
        EXPECT_FALSE(hand.is_woken());
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(1500us));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_FALSE(hand.is_pending());
    });
}

// advance_multi_with_timer: steps that are smaller than a timer's resolution add up.
TEST_P(tokio_pause, small_steps_add_up) {
    run_each([](kind me) -> task<void> {
        for (const nanoseconds step : {nanoseconds(250us), nanoseconds(1us), nanoseconds(100ns)}) {
            constexpr nanoseconds length = 1ms;
            // From a whole microsecond on, which is what timers are rounded to.
            co_await by(me, async_sleep_for(1us));
            auto sleep = async_sleep_for(length);
            by_hand hand(sleep);
            for (nanoseconds passed = 0ns; passed < length; passed += step) {
                EXPECT_TRUE(hand.is_pending());
                EXPECT_FALSE(hand.is_woken());
                co_await by(me, virtual_time::async_advance(step));
            }
            EXPECT_TRUE(hand.is_woken());
            EXPECT_FALSE(hand.is_pending());
        }
    });
}

// R-TM-6: a step over several deadlines wakes in the order of the deadlines.
TEST_P(tokio_pause, a_step_wakes_in_the_order_of_deadlines) {
    run_each([](kind me) -> task<void> {
        std::vector<int> order;
        wake_callback first([&] { order.push_back(1); });
        wake_callback second([&] { order.push_back(2); });
        wake_callback third([&] { order.push_back(3); });
        auto sleep3 = async_sleep_for(3s), sleep1 = async_sleep_for(1s),
             sleep2 = async_sleep_for(2s);
        EXPECT_FALSE(sleep3.poll(third.context()).is_ready());
        EXPECT_FALSE(sleep1.poll(first.context()).is_ready());
        EXPECT_FALSE(sleep2.poll(second.context()).is_ready());
        for (wake_callback* each : {&first, &second, &third})
            EXPECT_TRUE(each->rearm());
        co_await by(me, virtual_time::async_advance(2500ms));
        EXPECT_EQ(order, (std::vector{1, 2}));
        co_await by(me, virtual_time::async_advance(500ms));
        EXPECT_EQ(order, (std::vector{1, 2, 3}));
    });
}

// R-TM-6: before the step is over all flows that it woke have run, and no others. In which order they run is not promised.
TEST_P(tokio_pause, who_is_woken_by_a_step_runs_before_it_ends) {
    std::vector<int> woken;
    std::vector<party> parties;
    for (const int n : {3, 1, 2}) {
        parties.push_back([&woken, n](kind me) -> task<void> {
            co_await by(me, async_sleep_for(std::chrono::seconds(n)));
            woken.push_back(n);
        });
    }
    parties.push_back([&woken](kind me) -> task<void> {
        co_await by(me, async_yield()); // all sleep now
        co_await by(me, virtual_time::async_advance(2500ms));
        EXPECT_THAT(woken, testing::UnorderedElementsAre(1, 2));
    });
    EXPECT_EQ(run(parties), 3s);
    EXPECT_EQ(woken.back(), 3);
}

// Two clocks do not know each other.
TEST(tokio_pause_alone, each_runtime_has_its_own_clock) {
    runtime here({.current_thread = true, .virtual_time = true});
    runtime there({.current_thread = true, .virtual_time = true});
    const auto now_in = [](runtime& rt) {
        return rt.block_on([] { return runtime_clock::now(); });
    };
    const auto here_before = now_in(here), there_before = now_in(there);
    here.block_on([] { sleep_for(1h); });
    EXPECT_EQ(now_in(here) - here_before, 1h);
    EXPECT_EQ(now_in(there), there_before);
}

// pause_time_in_main_threads, pause_time_in_spawn_threads: several workers have no virtual time.
// time_panic.rs: pause_panic_caller, resume_panic_caller: stopping a clock that stands, or starting one that runs.
TEST(tokio_pause_death, misuse_is_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(runtime({.workers = 4, .virtual_time = true}), "current_thread");
    EXPECT_DEATH(
        {
            runtime rt({.workers = 1});
            rt.block_on([] { virtual_time::pause(); });
        },
        "virtual time is for flows");
    EXPECT_DEATH(
        {
            runtime rt({.workers = 1});
            rt.block_on([] { spawn([] { virtual_time::pause(); }).join(); });
        },
        "virtual time is for flows");
    EXPECT_DEATH(
        {
            runtime rt({.current_thread = true, .virtual_time = true});
            rt.block_on([] { virtual_time::pause(); });
        },
        "paused already");
    EXPECT_DEATH(
        {
            runtime rt({.current_thread = true, .virtual_time = true});
            rt.block_on([] {
                virtual_time::resume();
                virtual_time::resume();
            });
        },
        "running already");
}

} // namespace
} // namespace sennit
