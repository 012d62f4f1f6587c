// What the kernel knows about the calling thread: name, number, stack, and its turn on the
// processor.
//
// Everything here is about the operating system's thread. On a fiber that means the thread which
// runs the fiber at this moment, and the answer is old after the next switch.
#pragma once

#include <sennit/base/result.hpp>

#include <cstdint>

namespace sennit::os {

/// Names the calling thread for debuggers, `top -H` and /proc. Cut to the kernel's 15 bytes; null
/// names it "".
///
/// ```cpp
/// os::set_name("sennit-0");
/// ```
void set_name(const char* name) noexcept;

/// The kernel's number of the calling thread, unique on the machine while the thread lives. A
/// system call each time.
///
/// ```cpp
/// const std::int32_t id = os::gettid();
/// ```
[[nodiscard]] std::int32_t gettid() noexcept;

/// What a thread of this process does, as another one sees it.
struct thread_activity {
    std::uint64_t cpu_ns = 0; ///< processor time it has used
    bool runnable = false; ///< it runs or waits for a processor; false: it is blocked in the kernel
};

/// Looks at the thread with the number `tid` (see `gettid`). Cost: three system calls on /proc and one on a clock. Errors: ESRCH and
/// ENOENT (no such thread, or no /proc), EINVAL.
///
/// ```cpp
/// const bool mine = os::activity_of(os::gettid()).value().runnable;  // true
/// ```
[[nodiscard]] result<thread_activity> activity_of(std::int32_t tid);

/// Lets another thread that is ready run on this processor (sched_yield(2)).
///
/// ```cpp
/// void wait_politely(const std::atomic<bool>& done) {
///     while (!done.load(std::memory_order_acquire)) os::yield();
/// }
/// ```
void yield() noexcept;

/// The memory between `low` (included) and `high` (excluded); a stack grows from high to low.
struct stack_bounds {
    void* low = nullptr;
    void* high = nullptr;

    /// True when `address` lies in the stack.
    [[nodiscard]] bool contains(const void* address) const noexcept {
        const auto place = reinterpret_cast<std::uintptr_t>(address);
        return place >= reinterpret_cast<std::uintptr_t>(low) &&
               place < reinterpret_cast<std::uintptr_t>(high);
    }
};

/// The stack that the kernel or pthread_create gave to the calling thread, without its guard: also
/// when a fiber's stack is in use. The main thread's `low` is where its limit lets it grow to.
/// Allocates, and reads /proc/self/maps on the main thread, so ask once for each thread. Errors:
/// ENOMEM, ENOENT (no /proc).
///
/// ```cpp
/// int local = 0;
/// const bool on_own_stack = os::current_stack_bounds().value().contains(&local);
/// ```
[[nodiscard]] result<stack_bounds> current_stack_bounds();

} // namespace sennit::os
