#include <sennit/time/sleep.hpp>

#include "counting_waker.hpp"
#include "manual_timers.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/stop.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/runtime.hpp>
#include <sennit/time/timer_queue.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <type_traits>
#include <utility>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;
using test::counting_waker;
using test::manual_timers;

static_assert(std::is_nothrow_move_constructible_v<sleep_future>);
static_assert(!std::is_copy_constructible_v<sleep_future>);
static_assert(std::is_void_v<future_output_t<sleep_future>>);

steady_clock::time_point at(std::uint64_t ns) {
    return steady_clock::time_point(std::chrono::nanoseconds(ns));
}

// ---- virtual time, polled by hand

TEST(sleep_future, is_ready_at_its_moment_and_not_before) {
    manual_timers timers;
    counting_waker w;
    sleep_future nap = async_sleep_for(10ms);
    EXPECT_EQ(timers.inserted, 0u); // nothing happens until it is polled
    timers.pass(1h);
    EXPECT_FALSE(w.is_ready(nap));
    timers.pass(10ms - 1ns);
    EXPECT_EQ(w.wakes(), 0);
    EXPECT_FALSE(w.is_ready(nap));
    timers.pass(1ns + std::chrono::nanoseconds(timer_wheel::tick_ns));
    EXPECT_EQ(w.wakes(), 1);
    EXPECT_TRUE(w.is_ready(nap));
    EXPECT_TRUE(w.is_ready(nap)); // and stays so
    EXPECT_EQ(timers.inserted, 1u);
    EXPECT_EQ(timers.removed, 0u);
}

TEST(sleep_future, without_a_future_moment_is_ready_at_once) {
    manual_timers timers;
    counting_waker w;
    const auto expect_ready = [&](sleep_future nap) { EXPECT_TRUE(w.is_ready(nap)); };
    expect_ready(async_sleep_for(0ms));
    expect_ready(async_sleep_for(-1h));
    expect_ready(async_sleep_for(std::chrono::hours::min()));
    expect_ready(async_sleep_until(at(timers.now_ns())));
    expect_ready(async_sleep_until(steady_clock::time_point::min()));
    expect_ready(async_sleep_until(system_clock::now() - 1s));
    EXPECT_EQ(timers.inserted, 0u);
}

TEST(sleep_future, until_a_point_fires_there) {
    manual_timers timers;
    counting_waker steady, system;
    sleep_future first = async_sleep_until(at(timers.now_ns() + 3'000'000));
    sleep_future second = async_sleep_until(system_clock::now() + 1h);
    EXPECT_FALSE(steady.is_ready(first));
    EXPECT_FALSE(system.is_ready(second));
    timers.pass(4ms);
    EXPECT_TRUE(steady.is_ready(first));
    EXPECT_FALSE(system.is_ready(second));
    timers.pass(1h);
    EXPECT_TRUE(system.is_ready(second));
}

TEST(sleep_future, too_long_for_the_clock_is_for_ever) {
    manual_timers timers;
    counting_waker w;
    sleep_future nap = async_sleep_for(std::chrono::hours::max());
    EXPECT_FALSE(w.is_ready(nap));
    EXPECT_EQ(timers.next_deadline_ns(), timer_driver::never);
    timers.pass(std::chrono::hours(24 * 365 * 200));
    EXPECT_FALSE(w.is_ready(nap));
}

TEST(sleep_future, wakes_the_flow_of_the_latest_poll) {
    manual_timers timers;
    counting_waker first, latest;
    sleep_future nap = async_sleep_for(1ms);
    EXPECT_FALSE(first.is_ready(nap));
    EXPECT_FALSE(latest.is_ready(nap));
    timers.pass(2ms);
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(latest.wakes(), 1);
}

TEST(sleep_future, dropped_disarms_its_timer) {
    manual_timers timers;
    counting_waker w;
    {
        sleep_future nap = async_sleep_for(1ms);
        EXPECT_FALSE(w.is_ready(nap));
        EXPECT_EQ(timers.armed(), 1u);
    }
    EXPECT_EQ(timers.armed(), 0u);
    EXPECT_EQ(timers.removed, 1u);
    timers.pass(1h);
    EXPECT_EQ(w.wakes(), 0);
}

TEST(sleep_future, dropped_unpolled_or_fired_leaves_the_timers_alone) {
    counting_waker w;
    { sleep_future unpolled = async_sleep_for(1ms); }
    std::optional<sleep_future> fired;
    {
        manual_timers timers;
        fired.emplace(async_sleep_for(1ms));
        EXPECT_FALSE(w.is_ready(*fired));
        timers.pass(2ms);
    }
    fired.reset(); // its timers are gone
}

TEST(sleep_future, may_be_moved_until_it_is_polled) {
    manual_timers timers;
    counting_waker w;
    sleep_future made = async_sleep_for(1ms);
    sleep_future nap = std::move(made);
    EXPECT_FALSE(w.is_ready(nap));
    timers.pass(2ms);
    EXPECT_TRUE(w.is_ready(nap));
}

TEST(sleep_future, moved_after_a_poll_ends_the_program_with_advice) {
    manual_timers timers;
    counting_waker w;
    sleep_future nap = async_sleep_for(1ms);
    EXPECT_FALSE(w.is_ready(nap));
    EXPECT_DEATH({ sleep_future moved(std::move(nap)); }, "until it is first polled");
}

TEST(sleep_future, stays_with_the_timers_of_its_first_poll) {
    manual_timers first;
    counting_waker w;
    {
        sleep_future nap = async_sleep_for(1ms);
        EXPECT_FALSE(w.is_ready(nap));
        manual_timers second; // as on another worker
        EXPECT_FALSE(w.is_ready(nap));
        EXPECT_EQ(second.inserted, 0u);
    }
    EXPECT_EQ(first.removed, 1u);
}

// ---- threads

TEST(sleep_future, dropped_while_it_fires_on_another_thread) {
    // The owner drops its futures around the moment when two other threads fire them.
    timer_queue timers;
    std::atomic<bool> stop{false};
    std::thread firers[2];
    for (std::thread& t : firers) {
        t = std::thread([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                timers.fire(timers.now_ns());
                std::this_thread::yield();
            }
        });
    }
    detail::thread_state& me = detail::this_thread();
    timer_driver* const before = std::exchange(me.timers, &timers);
    counting_waker first, second;
    std::mt19937 random(3);
    for (int i = 0; i < 4'000; ++i) {
        auto nap = std::make_unique<sleep_future>(async_sleep_for(random() % 40 * 1us));
        bool ready = first.is_ready(*nap);
        if (i % 3 == 0) ready = second.is_ready(*nap);
        if (i % 4 == 0) {
            for (; !ready; ready = first.is_ready(*nap))
                std::this_thread::yield();
        } else if (i % 4 == 1) {
            std::this_thread::yield();
        }
    }
    me.timers = before;
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& t : firers)
        t.join();
    timers.settle();
    EXPECT_EQ(timers.next_deadline_ns(), timer_driver::never);
}

TEST(sleep_for, waits_at_least_that_long_on_a_plain_thread) {
    const auto begin = steady_clock::now();
    sleep_for(2ms);
    EXPECT_GE(steady_clock::now() - begin, 2ms);
    sleep_for(0s);
    sleep_for(-1h);
}

TEST(sleep_until, waits_for_points_of_both_clocks) {
    const auto steady = steady_clock::now() + 2ms;
    sleep_until(steady);
    EXPECT_GE(steady_clock::now(), steady);
    sleep_until(steady);
    const auto begin = steady_clock::now();
    sleep_until(system_clock::now() + 2ms);
    EXPECT_GE(steady_clock::now() - begin,
              1ms); // the system clock may have been corrected a little
    sleep_until(system_clock::time_point::min());
}

// ---- fibers and tasks

TEST(sleep_for, waits_in_a_fiber) {
    runtime rt{{.workers = 2}};
    const auto begin = steady_clock::now();
    rt.spawn([] {
          sleep_for(1ms);
          sleep_until(steady_clock::now() + 1ms);
      }).join();
    EXPECT_GE(steady_clock::now() - begin, 2ms);
}

task<int> nap_twice() {
    co_await async_sleep_for(1ms);
    co_await async_sleep_until(steady_clock::now() + 1ms);
    co_return 7;
}

TEST(async_sleep_for, waits_in_a_task) {
    runtime rt{{.workers = 2}};
    const auto begin = steady_clock::now();
    EXPECT_EQ(rt.spawn(nap_twice()).join(), 7);
    EXPECT_GE(steady_clock::now() - begin, 2ms);
}

task<void> nap_in_plain_code() {
    co_await async_sleep_for(0ms);
    sleep_for(1ms);
}

TEST(sleep_for, waits_in_a_plain_function_of_a_task) {
    runtime rt{{.workers = 2}};
    rt.spawn(nap_in_plain_code()).join();
}

TEST(sleep_for, many_sleepers_all_wake) {
    runtime rt{{.workers = 2}};
    constexpr int count = SENNIT_TSAN ? 200 : 2'000;
    std::atomic<int> awake{0};
    std::vector<join_handle<void>> handles;
    std::mt19937 random(4);
    for (int i = 0; i < count; ++i) {
        handles.push_back(rt.spawn([&awake, d = random() % 5'000 * 1us] {
            sleep_for(d);
            awake.fetch_add(1, std::memory_order_relaxed);
        }));
    }
    for (join_handle<void>& h : handles)
        h.join();
    EXPECT_EQ(awake.load(), count);
}

TEST(sleep_for, leaves_by_stopped_when_the_flow_is_asked_to_stop) {
    runtime rt{{.workers = 2}};
    std::atomic<bool> stopped_inside{false};
    auto sleeper = rt.spawn([&] {
        try {
            sleep_for(1h);
        } catch (const stopped& s) {
            stopped_inside = s.cause() == errc::stopped;
            throw;
        }
    });
    sleeper.request_stop();
    EXPECT_FALSE(sleeper.try_join().has_value());
    EXPECT_TRUE(stopped_inside.load());
}

task<void> nap_for_an_hour() { co_await async_sleep_for(1h); }

TEST(async_sleep_for, is_dropped_with_its_task) {
    runtime rt{{.workers = 2}};
    auto sleeper = rt.spawn(nap_for_an_hour());
    sleeper.request_stop();
    EXPECT_FALSE(sleeper.try_join().has_value());
}

} // namespace
} // namespace sennit
