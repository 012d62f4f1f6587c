// The two clocks of the library: time in nanoseconds, and the processor's counter.
//
// What may be assumed:
//   now_ns()  never goes back, is the same for all threads of the machine, stands still while the
//             machine is suspended, and is what std::chrono::steady_clock counts (CLOCK_MONOTONIC).
//             16 ns a call.
//   ticks()   grows at a constant rate on each core (constant_tsc and nonstop_tsc; the generic timer
//             of AArch64) and is synchronised between cores to well under a microsecond on the
//             machines we run on, yet not guaranteed to be ordered between threads. Its rate is not
//             known here: no calibration. The processor may execute the read a few instructions
//             early or late. 7 ns a call. For tracing and for "is it time to look at the clock",
//             never for a deadline.
#pragma once

#include <chrono>
#include <cstdint>

namespace sennit::os {

/// Nanoseconds on the monotonic clock, since an unspecified moment (usually the boot).
///
/// ```cpp
/// const std::int64_t begin = os::now_ns();
/// const std::int64_t elapsed_ns = os::now_ns() - begin;
/// ```
[[nodiscard]] inline std::int64_t now_ns() noexcept {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

/// The processor's free-running counter (rdtsc, cntvct_el0); only differences have a meaning, in
/// unknown units.
///
/// ```cpp
/// const std::uint64_t stamp = os::ticks();
/// ```
[[nodiscard]] inline std::uint64_t ticks() noexcept {
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    std::uint64_t count;
    asm volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#else
    return static_cast<std::uint64_t>(now_ns());
#endif
}

} // namespace sennit::os
