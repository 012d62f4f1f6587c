// The calling thread, through pthread and the scheduler's calls.
#include <sennit/os/thread.hpp>

#include <sennit/os/fd.hpp>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace sennit::os {
namespace {

constexpr std::size_t name_length_max = 15;

// The processor clock of a thread, as clock_getcpuclockid(3) encodes it: the complement of its number above three bits that say
// "of one thread, from the scheduler".
clockid_t processor_clock_of(std::int32_t tid) noexcept {
    constexpr unsigned of_a_thread_from_the_scheduler = 6;
    return static_cast<clockid_t>((~static_cast<std::uint32_t>(tid) << 3) |
                                  of_a_thread_from_the_scheduler);
}

} // namespace

void set_name(const char* name) noexcept {
    char cut[name_length_max + 1] = {};
    if (name != nullptr) std::memcpy(cut, name, ::strnlen(name, name_length_max));
    ::pthread_setname_np(::pthread_self(), cut);
}

std::int32_t gettid() noexcept { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

result<thread_activity> activity_of(std::int32_t tid) {
    timespec used{};
    if (::clock_gettime(processor_clock_of(tid), &used) != 0)
        return error::from_errno(errno, "activity_of");
    std::array<char, 64> path{};
    (void)std::snprintf(path.data(), path.size(), "/proc/self/task/%d/stat", tid);
    const unique_fd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
    if (!file) return error::from_errno(errno, "activity_of");
    std::array<char, 128> text{}; // "number (name) state ...": the name has at most 15 bytes
    const ssize_t count = ::read(file.get(), text.data(), text.size() - 1);
    if (count < 0) return error::from_errno(errno, "activity_of");
    const char* name_end = std::strrchr(text.data(), ')');
    constexpr std::uint64_t ns_per_s = 1'000'000'000;
    return thread_activity{
        .cpu_ns = static_cast<std::uint64_t>(used.tv_sec) * ns_per_s +
                  static_cast<std::uint64_t>(used.tv_nsec),
        .runnable = name_end != nullptr && name_end[1] == ' ' && name_end[2] == 'R',
    };
}

void yield() noexcept { ::sched_yield(); }

result<stack_bounds> current_stack_bounds() {
    pthread_attr_t attributes;
    if (const int number = ::pthread_getattr_np(::pthread_self(), &attributes); number != 0) {
        return error::from_errno(number, "current_stack_bounds");
    }
    void* low = nullptr;
    std::size_t size = 0;
    ::pthread_attr_getstack(&attributes, &low, &size);
    ::pthread_attr_destroy(&attributes);
    return stack_bounds{.low = low, .high = static_cast<std::byte*>(low) + size};
}

} // namespace sennit::os
