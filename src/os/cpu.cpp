// Affinity, quota and processor clocks.
#include <sennit/os/cpu.hpp>

#include "last_error.hpp"
#include "timespec.hpp"
#include <sennit/os/cgroup.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <ctime>
#include <sched.h>
#include <thread>

namespace sennit::os {
namespace {

// The kernel refuses a mask that is smaller than its own; Linux is configured for 8192 processors
// at most.
constexpr std::size_t cpus_max = 8192;
constexpr std::size_t bits_in_word = 8 * sizeof(unsigned long);
using cpu_mask = std::vector<unsigned long>;

cpu_mask empty_mask() { return cpu_mask(cpus_max / bits_in_word); }

cpu_set_t* kernel_mask(cpu_mask& mask) noexcept {
    return reinterpret_cast<cpu_set_t*>(mask.data());
}

std::size_t byte_size(const cpu_mask& mask) noexcept { return mask.size() * sizeof(unsigned long); }

std::chrono::nanoseconds read_clock(clockid_t clock) noexcept {
    timespec time{};
    ::clock_gettime(clock, &time);
    return detail::to_nanoseconds(time);
}

} // namespace

result<std::vector<unsigned>> allowed_cpus() {
    cpu_mask mask = empty_mask();
    if (::sched_getaffinity(0, byte_size(mask), kernel_mask(mask)) < 0)
        return detail::failed("allowed_cpus");
    std::vector<unsigned> cpus;
    for (unsigned cpu = 0; cpu < cpus_max; ++cpu) {
        if ((mask[cpu / bits_in_word] >> (cpu % bits_in_word) & 1) != 0) cpus.push_back(cpu);
    }
    return cpus;
}

unsigned usable_cpus(unsigned allowed, std::optional<double> limit) noexcept {
    unsigned usable = std::max(allowed, 1U);
    if (limit && *limit < usable) usable = static_cast<unsigned>(std::ceil(std::max(*limit, 0.0)));
    return std::max(usable, 1U);
}

unsigned available_cpus() {
    const auto cpus = allowed_cpus();
    const unsigned allowed =
        cpus ? static_cast<unsigned>(cpus->size()) : std::thread::hardware_concurrency();
    return usable_cpus(allowed, cgroup_cpu_limit());
}

result<void> pin_to(unsigned cpu) {
    if (cpu >= cpus_max) return error::from_errno(EINVAL, "pin_to");
    cpu_mask mask = empty_mask();
    mask[cpu / bits_in_word] = 1UL << (cpu % bits_in_word);
    if (::sched_setaffinity(0, byte_size(mask), kernel_mask(mask)) < 0)
        return detail::failed("pin_to");
    return {};
}

std::chrono::nanoseconds thread_cpu_time() noexcept { return read_clock(CLOCK_THREAD_CPUTIME_ID); }

std::chrono::nanoseconds process_cpu_time() noexcept {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

} // namespace sennit::os
