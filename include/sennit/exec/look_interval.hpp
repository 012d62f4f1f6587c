// How many turns a worker lets pass between two looks at clock, timers, readiness and injector: so many that the looks are some
// 20 µs apart.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sennit::detail {

inline constexpr std::uint32_t look_interval_max =
    61; // turns; Go's figure for the fair look at the global queue (G-SC-5)
inline constexpr std::uint64_t look_ns_min = 10'000, look_ns_wanted = 25'000, look_ns_max = 50'000;

// The next interval, where `interval` turns have taken so long together. Down at once, since turns that became long make every
// timer late; up by and by.
constexpr std::uint32_t look_interval_after(std::uint32_t interval,
                                            std::uint64_t elapsed_ns) noexcept {
    if (elapsed_ns > look_ns_max) {
        const std::uint64_t fitting = interval * look_ns_wanted / elapsed_ns;
        return std::max(static_cast<std::uint32_t>(fitting), 1u);
    }
    return elapsed_ns < look_ns_min ? std::min(interval + 1, look_interval_max) : interval;
}

} // namespace sennit::detail
