#include "manual_timers.hpp"
#include <sennit/core/flow.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/runtime.hpp>
#include <sennit/sync/event.hpp>
#include <sennit/time/sleep.hpp>
#include <sennit/time/timeout.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stdexcept>
#include <thread>
#include <type_traits>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using test::manual_timers;

template<class R>
bool timed_out(const R& answer) {
    return !answer.has_value() && is(answer.error(), errc::timed_out);
}

// Runs the same body on a plain thread, on fibers, and in plain functions that tasks call. The body
// expects by itself.
task<void> call_in_task(std::function<void()> body) {
    co_await async_yield();
    body();
    co_await async_yield();
}
void on_every_flow(std::function<void()> body) {
    {
        SCOPED_TRACE("plain thread");
        body();
    }
    for (unsigned workers : {1u, 2u, 4u}) {
        SCOPED_TRACE(workers);
        runtime rt{{.workers = workers}};
        rt.spawn(body).join();
        rt.spawn(call_in_task(body)).join();
    }
}

bool is_clean() { // nothing is left on the flow
    flow& me = *detail::this_thread().current;
    return me.extras.load()->innermost == nullptr && !me.state().is_throwing();
}

static_assert(std::is_same_v<decltype(with_timeout(1s, [] {})), result<void>>);
static_assert(std::is_same_v<decltype(with_timeout(1s, [] { return 1; })), result<int>>);
static_assert(
    std::is_same_v<decltype(with_timeout(1s, [] { return result<int>(1); })), result<int>>);
static_assert(std::is_same_v<decltype(with_timeout(1s, std::declval<int& (&)()>())),
                             result<std::reference_wrapper<int>>>);

TEST(with_timeout, delivers_the_value) {
    on_every_flow([] {
        EXPECT_EQ(with_timeout(1h, [] { return 42; }).value(), 42);
        EXPECT_TRUE(with_timeout(1h, [] { this_flow::yield(); }).has_value());
        int target = 0;
        EXPECT_EQ(&with_timeout(1h, [&]() -> int& { return target; })->get(), &target);
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, ends_a_wait_that_throws) {
    on_every_flow([] {
        event never;
        bool unwound = false;
        const result<int> answer = with_timeout(1ms, [&] {
            try {
                never.wait();
            } catch (const stopped& s) {
                unwound = s.cause() == errc::timed_out;
                throw;
            }
            return 1;
        });
        EXPECT_TRUE(timed_out(answer));
        EXPECT_EQ(answer.error().message(), "with_timeout: timed out");
        EXPECT_TRUE(unwound);
        EXPECT_TRUE(is_clean());
        sleep_for(1us); // and the flow waits on as before
    });
}

TEST(with_timeout, ends_a_wait_that_returns_a_result) {
    on_every_flow([] {
        event never;
        bool reached = false;
        const result<void> answer = with_timeout(1ms, [&]() -> result<void> {
            result<void> inner = wait(timeout(1h, never.async_wait()));
            reached = true;
            return inner;
        });
        EXPECT_TRUE(reached);
        EXPECT_TRUE(timed_out(answer));
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, without_time_ends_the_first_wait_that_has_to_sleep) {
    on_every_flow([] {
        event set, never;
        set.set();
        int reached = 0;
        for (auto d : {0ms, -1ms}) {
            EXPECT_TRUE(timed_out(with_timeout(d, [&] {
                set.wait(); // ready: delivered
                ++reached;
                never.wait();
                ++reached;
            })));
        }
        EXPECT_EQ(reached, 2);
    });
}

TEST(with_timeout, delivers_a_value_that_comes_late_without_waiting) {
    // Virtual time: it runs out while `f` computes.
    manual_timers timers;
    const result<int> answer = with_timeout(1ms, [&] {
        timers.pass(1s);
        return 5;
    });
    EXPECT_EQ(answer.value(), 5);
    EXPECT_EQ(timers.armed(), 0u);
}

TEST(with_timeout, does_not_limit_what_is_ready) {
    manual_timers timers;
    event set;
    set.set();
    const auto answer = with_timeout(1ms, [&] {
        timers.pass(1s);
        for (int i = 0; i < 1'000; ++i)
            set.wait();
    });
    EXPECT_TRUE(answer.has_value());
}

TEST(with_timeout, passes_other_exceptions) {
    on_every_flow([] {
        EXPECT_THROW((void)with_timeout(1h, [] { throw std::logic_error("mine"); }),
                     std::logic_error);
        // A `stopped` that no bound has caused.
        EXPECT_THROW((void)with_timeout(0s, [] { throw stopped(errc::stopped); }), stopped);
        EXPECT_THROW((void)with_timeout(1h, [] { throw stopped(errc::timed_out); }), stopped);
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, too_long_for_the_clock_arms_nothing) {
    manual_timers timers;
    EXPECT_TRUE(with_timeout(std::chrono::hours::max(), [] {}).has_value());
    EXPECT_EQ(timers.inserted, 0u);
}

TEST(with_timeout, disarms_its_timer) {
    manual_timers timers;
    EXPECT_TRUE(with_timeout(1s, [&] { EXPECT_EQ(timers.armed(), 1u); }).has_value());
    EXPECT_EQ(timers.removed, 1u);
}

// ---- nesting

TEST(with_timeout, inner_bound_ends_the_inner_code_only) {
    on_every_flow([] {
        event never;
        const result<int> outer = with_timeout(1h, [&] {
            EXPECT_TRUE(timed_out(with_timeout(1ms, [&] { never.wait(); })));
            sleep_for(1us);
            return 1;
        });
        EXPECT_EQ(outer.value(), 1);
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, outer_bound_passes_through_the_inner_one) {
    on_every_flow([] {
        event never;
        bool between = false;
        const result<void> outer = with_timeout(1ms, [&] {
            (void)with_timeout(1h, [&] { never.wait(); });
            between = true;
        });
        EXPECT_TRUE(timed_out(outer));
        EXPECT_FALSE(between);
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, both_expired_end_one_after_the_other) {
    on_every_flow([] {
        event never;
        std::optional<result<void>> inner;
        bool after = false;
        const result<void> outer = with_timeout(0s, [&] {
            inner = with_timeout(0s, [&] { never.wait(); });
            never.wait();
            after = true;
        });
        EXPECT_TRUE(timed_out(*inner));
        EXPECT_TRUE(timed_out(outer));
        EXPECT_FALSE(after);
        EXPECT_TRUE(is_clean());
    });
}

// ---- stop and shields

TEST(with_timeout, a_stop_request_is_no_time_out) {
    std::atomic<bool> cause_was_stop{false};
    runtime rt{{.workers = 2}};
    auto handle = rt.spawn([&] {
        event never;
        try {
            (void)with_timeout(1h, [&] { never.wait(); });
        } catch (const stopped& s) {
            cause_was_stop = s.cause() == errc::stopped;
            throw;
        }
    });
    handle.request_stop();
    EXPECT_FALSE(handle.try_join().has_value());
    EXPECT_TRUE(cause_was_stop.load());
}

TEST(with_timeout, leaves_shielded_code_alone) {
    on_every_flow([] {
        event never;
        bool cleaned_up = false;
        EXPECT_TRUE(timed_out(with_timeout(0s, [&] {
            shielded([&] {
                sleep_for(1ms);
                cleaned_up = true;
            });
            never.wait();
        })));
        EXPECT_TRUE(cleaned_up);
    });
}

TEST(with_timeout, is_seen_by_long_computations) {
    manual_timers timers;
    (void)with_timeout(1ms, [&] {
        EXPECT_FALSE(this_flow::stop_requested());
        timers.pass(1s);
        EXPECT_TRUE(this_flow::stop_requested());
    });
    EXPECT_FALSE(this_flow::stop_requested());
}

// ---- deadlines

TEST(with_deadline, bounds_by_points_of_both_clocks) {
    on_every_flow([] {
        event never;
        const auto forever = [&] { never.wait(); };
        EXPECT_TRUE(timed_out(with_deadline(steady_clock::now() + 1ms, forever)));
        EXPECT_TRUE(timed_out(with_deadline(steady_clock::time_point::min(), forever)));
        EXPECT_TRUE(timed_out(with_deadline(system_clock::now() + 1ms, forever)));
        EXPECT_TRUE(timed_out(with_deadline(system_clock::now() - 1h, forever)));
        EXPECT_EQ(with_deadline(steady_clock::time_point::max(), [] { return 1; }).value(), 1);
        EXPECT_TRUE(is_clean());
    });
}

TEST(with_timeout, races_with_the_event_it_bounds) {
    // Many flows wait for an event that is set around the moment when their bounds expire. Each
    // ends one way or the other, and nothing hangs or is touched late.
    constexpr int rounds = SENNIT_TSAN ? 50 : 300;
    runtime rt{{.workers = 4}};
    for (int round = 0; round < rounds; ++round) {
        event done;
        std::vector<join_handle<bool>> handles;
        for (int i = 0; i < 8; ++i) {
            handles.push_back(rt.spawn(
                [&done, i] { return with_timeout(i * 20us, [&] { done.wait(); }).has_value(); }));
        }
        const bool here = with_timeout(50us, [&] { done.wait(); }).has_value();
        done.set();
        for (auto& h : handles)
            (void)h.join();
        EXPECT_FALSE(here); // nobody had set it
    }
}

} // namespace
} // namespace sennit
