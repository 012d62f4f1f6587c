// Relating a limit to a driver's clock.
#include <sennit/core/time_limit.hpp>

#include <sennit/core/current.hpp>

#include <limits>

namespace sennit::detail {
namespace {

std::int64_t system_now_ns() noexcept {
    return saturated_ns(std::chrono::system_clock::now().time_since_epoch());
}

} // namespace

std::uint64_t deadline_of(time_limit limit, const timer_driver& driver) noexcept {
    if (limit.ns <= 0 && limit.from != time_limit::kind::system) return 0; // the clock is not asked
    if (limit.ns == std::numeric_limits<std::int64_t>::max()) return timer_driver::never;
    const std::uint64_t now = driver.now_ns();
    std::uint64_t deadline = 0;
    switch (limit.from) {
        case time_limit::kind::after:
            deadline = now + static_cast<std::uint64_t>(limit.ns);
            break;
        case time_limit::kind::steady:
            deadline = static_cast<std::uint64_t>(limit.ns);
            break;
        case time_limit::kind::system: {
            const std::int64_t system_now = system_now_ns();
            if (limit.ns <= system_now) return 0;
            // Both are within 64 bits of nanoseconds, of which a clock after 1970 uses 63.
            deadline =
                now + static_cast<std::uint64_t>(limit.ns) - static_cast<std::uint64_t>(system_now);
            break;
        }
    }
    return deadline <= now ? 0 : deadline;
}

time_limit limit_from_now(time_limit limit) {
    using limits = std::numeric_limits<std::int64_t>;
    if (limit.from != time_limit::kind::after || limit.ns == limits::max()) return limit;
    if (limit.ns <= 0) return {time_limit::kind::steady, 0};
    const auto now = static_cast<std::int64_t>(current_timers(this_thread()).now_ns());
    const bool fits = limit.ns < limits::max() - now;
    return {time_limit::kind::steady, fits ? now + limit.ns : limits::max()};
}

} // namespace sennit::detail
