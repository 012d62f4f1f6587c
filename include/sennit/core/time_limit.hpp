// Durations and points in time of every kind, brought to one form that timers understand.
//
// Everything saturates (G-TM-2): what lies more than 292 years away is `never`, what lies in the
// past is now. Parts of a nanosecond are rounded up, so that nothing is early.
#pragma once

#include <sennit/core/driver.hpp>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <type_traits>
#include <utility>

namespace sennit::detail {

// A duration in nanoseconds. What does not fit becomes the nearest end of the range, and so does
// "not a number", which becomes the lower one.
template<class Rep, class Period>
constexpr std::int64_t saturated_ns(const std::chrono::duration<Rep, Period>& d) {
    using limits = std::numeric_limits<std::int64_t>;
    using scale = std::ratio_divide<Period, std::nano>;
    if constexpr (std::is_integral_v<Rep> && scale::den == 1) {
        if (std::cmp_greater(d.count(), limits::max() / scale::num)) return limits::max();
        if (std::cmp_less(d.count(), limits::min() / scale::num)) return limits::min();
        return static_cast<std::int64_t>(d.count()) * scale::num;
    } else {
        const long double ns = static_cast<long double>(d.count()) * scale::num / scale::den;
        if (ns >= 0x1p63L) return limits::max();
        if (!(ns >= -0x1p63L)) return limits::min();
        const auto whole = static_cast<std::int64_t>(ns); // towards zero
        return whole + (ns > static_cast<long double>(whole) ? 1 : 0);
    }
}

// A duration, or a point on one of the two clocks, not yet brought into relation to a driver's now.
struct time_limit {
    enum class kind : std::uint8_t { after, steady, system };

    kind from;
    std::int64_t ns;
};

template<class Clock>
inline constexpr bool is_known_clock = std::is_same_v<Clock, std::chrono::steady_clock> ||
                                       std::is_same_v<Clock, std::chrono::system_clock>;

template<class Rep, class Period>
constexpr time_limit limit_of(const std::chrono::duration<Rep, Period>& d) {
    return {time_limit::kind::after, saturated_ns(d)};
}

template<class Clock, class Duration>
    requires is_known_clock<Clock>
constexpr time_limit limit_of(const std::chrono::time_point<Clock, Duration>& t) {
    constexpr bool steady = std::is_same_v<Clock, std::chrono::steady_clock>;
    return {steady ? time_limit::kind::steady : time_limit::kind::system,
            saturated_ns(t.time_since_epoch())};
}

// The limit on the driver's clock, counted from now; 0 when it has passed, `timer_driver::never`
// when it is never reached. A point of the system clock is translated with that clock's present
// reading: later changes of the clock are not followed.
std::uint64_t deadline_of(time_limit limit, const timer_driver& driver) noexcept;

// A duration becomes the point in time that it leads to, counted from now on the clock of the
// current flow's timers. For waits of several parts.
time_limit limit_from_now(time_limit limit);

} // namespace sennit::detail
