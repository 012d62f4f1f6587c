// The calling thread, through pthread and the scheduler's calls.
#include <sennit/os/thread.hpp>

#include <cstddef>
#include <cstring>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sennit::os {
namespace {

constexpr std::size_t name_length_max = 15;

} // namespace

void set_name(const char* name) noexcept {
    char cut[name_length_max + 1] = {};
    if (name != nullptr) std::memcpy(cut, name, ::strnlen(name, name_length_max));
    ::pthread_setname_np(::pthread_self(), cut);
}

std::int32_t gettid() noexcept { return static_cast<std::int32_t>(::syscall(SYS_gettid)); }

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
