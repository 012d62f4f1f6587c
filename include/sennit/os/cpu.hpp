// Processors: how many this process may use, binding a thread to one, and the time spent on them.
//
// Nothing is cached: limits of a container may change while a program runs, and the caller knows
// how often it wants to look (available_cpus() reads half a dozen small files, some 70
// microseconds).
#pragma once

#include <sennit/base/result.hpp>

#include <chrono>
#include <optional>
#include <vector>

namespace sennit::os {

/// The numbers of the processors that the calling thread may run on (its affinity mask), in
/// ascending order.
///
/// ```cpp
/// const std::vector<unsigned> cpus = SENNIT_TRY(os::allowed_cpus());
/// SENNIT_TRY(os::pin_to(cpus.front()));
/// ```
[[nodiscard]] result<std::vector<unsigned>> allowed_cpus();

/// How many threads can run at once: the least of `allowed` and `limit` rounded up, and at least 1.
/// A pure function.
///
/// Rounding up is Go's rule since 1.25 (G-SC-14): a limit of 2.5 CPUs gives 3. Go never goes below
/// 2 under a limit; we go down to 1, because one worker is a supported configuration here and two
/// on half a CPU only throttle each other.
[[nodiscard]] unsigned usable_cpus(unsigned allowed, std::optional<double> limit) noexcept;

/// How many threads of this process can run at once: usable_cpus() of the affinity mask and of the
/// cgroup's CPU quota (cgroup_cpu_limit(), all levels of the hierarchy). Where neither can be read:
/// what the standard library says.
///
/// ```cpp
/// const unsigned workers = os::available_cpus();
/// ```
[[nodiscard]] unsigned available_cpus();

/// Binds the calling thread to one processor. Errors: EINVAL (no such processor, or not in this
/// container).
[[nodiscard]] result<void> pin_to(unsigned cpu);

/// Processor time, user and system, that the calling thread has used so far.
///
/// ```cpp
/// const std::chrono::nanoseconds before = os::thread_cpu_time();
/// const std::chrono::nanoseconds used = os::thread_cpu_time() - before;
/// ```
[[nodiscard]] std::chrono::nanoseconds thread_cpu_time() noexcept;

/// Processor time, user and system, that all threads of the process have used so far.
[[nodiscard]] std::chrono::nanoseconds process_cpu_time() noexcept;

} // namespace sennit::os
