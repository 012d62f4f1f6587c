#include <sennit/core/time_limit.hpp>

#include "time/manual_timers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>

namespace sennit::detail {
namespace {

using namespace std::chrono_literals;
namespace chrono = std::chrono;
using limits = std::numeric_limits<std::int64_t>;
using test::manual_timers;

TEST(time_limit, durations_become_nanoseconds) {
    EXPECT_EQ(saturated_ns(1ns), 1);
    EXPECT_EQ(saturated_ns(-3us), -3000);
    EXPECT_EQ(saturated_ns(2h), 7'200'000'000'000);
    EXPECT_EQ(saturated_ns(chrono::duration<unsigned char, std::milli>(200)), 200'000'000);
}

TEST(time_limit, parts_of_a_nanosecond_are_rounded_up) {
    using picoseconds = chrono::duration<std::int64_t, std::pico>;
    EXPECT_EQ(saturated_ns(picoseconds(1000)), 1);
    EXPECT_EQ(saturated_ns(picoseconds(1001)), 2);
    EXPECT_EQ(saturated_ns(picoseconds(-1)), 0);
    EXPECT_EQ(saturated_ns(chrono::duration<double>(0.5)), 500'000'000);
    EXPECT_EQ(saturated_ns(chrono::duration<double, std::nano>(1.25)), 2);
}

TEST(time_limit, what_does_not_fit_saturates) {
    EXPECT_EQ(saturated_ns(chrono::hours::max()), limits::max());
    EXPECT_EQ(saturated_ns(chrono::hours::min()), limits::min());
    EXPECT_EQ(saturated_ns(chrono::nanoseconds::max()), limits::max());
    EXPECT_EQ(saturated_ns(chrono::duration<std::uint64_t, std::nano>(~std::uint64_t{0})),
              limits::max());
    EXPECT_EQ(saturated_ns(chrono::duration<double>(1e300)), limits::max());
    EXPECT_EQ(saturated_ns(chrono::duration<double>(-1e300)), limits::min());
    EXPECT_EQ(saturated_ns(chrono::duration<double>(std::numeric_limits<double>::infinity())),
              limits::max());
    EXPECT_EQ(saturated_ns(chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())),
              limits::min());
    static_assert(saturated_ns(chrono::years(1000)) == limits::max());
}

TEST(time_limit, a_duration_counts_from_the_drivers_now) {
    manual_timers timers;
    EXPECT_EQ(deadline_of(limit_of(5ms), timers), manual_timers::start_ns + 5'000'000);
    EXPECT_EQ(deadline_of(limit_of(0ms), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(-1h), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(chrono::hours::max()), timers), timer_driver::never);
}

TEST(time_limit, a_point_of_the_steady_clock_is_the_deadline) {
    manual_timers timers;
    const auto at = [](std::uint64_t ns) {
        return chrono::steady_clock::time_point(chrono::nanoseconds(ns));
    };
    constexpr std::uint64_t now = manual_timers::start_ns;
    EXPECT_EQ(deadline_of(limit_of(at(now + 7)), timers), now + 7);
    EXPECT_EQ(deadline_of(limit_of(at(now)), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(at(now - 1)), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(chrono::steady_clock::time_point::min()), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(chrono::steady_clock::time_point::max()), timers),
              timer_driver::never);
}

TEST(time_limit, a_point_of_the_system_clock_is_as_far_away_as_it_is_there) {
    manual_timers timers;
    const auto before = chrono::system_clock::now();
    const std::uint64_t deadline = deadline_of(limit_of(before + 1h), timers);
    const auto passed = chrono::system_clock::now() - before;
    EXPECT_LE(deadline, manual_timers::start_ns + 3'600'000'000'000);
    EXPECT_GE(deadline, manual_timers::start_ns + 3'600'000'000'000 -
                            static_cast<std::uint64_t>(chrono::nanoseconds(passed).count()));
    EXPECT_EQ(deadline_of(limit_of(before - 1h), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(chrono::system_clock::time_point::min()), timers), 0u);
    EXPECT_EQ(deadline_of(limit_of(chrono::system_clock::time_point::max()), timers),
              timer_driver::never);
    EXPECT_EQ(deadline_of(limit_of(chrono::sys_days(chrono::year(1969) / 1 / 1)), timers), 0u);
}

} // namespace
} // namespace sennit::detail
