// The time that a flow lives by: the monotonic clock, or the virtual one of its runtime.
#pragma once

#include <chrono>

namespace sennit {

/// A clock like `std::chrono::steady_clock`, with the same time points, that follows virtual time
/// where the current runtime has it. Elsewhere the two agree.
///
/// ```cpp
/// const auto begun = sennit::runtime_clock::now();
/// sennit::sleep_until(begun + std::chrono::milliseconds(1));
/// ```
struct runtime_clock {
    using duration = std::chrono::steady_clock::duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::steady_clock::time_point;
    static constexpr bool is_steady = true;

    static time_point now() noexcept;
};

} // namespace sennit
