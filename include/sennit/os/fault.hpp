// Faults of memory, SIGSEGV and SIGBUS: who decides about them, and the stack to decide on.
//
// The handler runs on the faulting thread, on an alternate stack, because the stack in use may be
// the one that ran out. In it only async-signal-safe functions may be called: of this library
// signal_safe_text, eventfd::signal(), and what says so in its contract.
#pragma once

#include <sennit/base/result.hpp>

#include <array>
#include <cstddef>

namespace sennit::os {

/// A stack for the signal handlers of one thread. A fault handler can run at all only where the
/// faulting thread has one: a stack that ran out cannot carry the handler. Each thread that runs
/// fibers makes one at its start.
///
/// The destructor restores the stack there was before (sanitizers have theirs). Lives and dies on
/// one thread.
///
/// ```cpp
/// auto handlers = os::alternate_stack::install();
/// if (!handlers) std::puts(handlers.error().message().c_str());
/// ```
class alternate_stack {
public:
    /// Enough for a report and for the frame that the kernel saves the registers in, AVX-512 and
    /// AMX included.
    static constexpr std::size_t size_default = 64 * 1024;

    /// Makes and installs one of at least `size` bytes, with a guard page below. Errors: ENOMEM,
    /// EPERM (called on it).
    [[nodiscard]] static result<alternate_stack> install(std::size_t size = size_default);

    alternate_stack(alternate_stack&& other) noexcept;
    alternate_stack& operator=(alternate_stack&&) = delete;
    ~alternate_stack();

private:
    alternate_stack(void* memory, std::size_t size) noexcept : memory_(memory), size_(size) {}

    void* memory_ = nullptr; // the guard page, then the stack
    std::size_t size_ = 0;   // of both
    bool installed_ = false;
    alignas(8) std::array<std::byte, 24> earlier_{}; // a stack_t, to be restored while installed_
};

/// Decides about a fault: `fault_address` is the address that could not be accessed, `ucontext` the
/// ucontext_t of the faulting thread. True: the cause is gone, run the instruction again. False:
/// not ours.
using fault_handler = bool (*)(void* fault_address, void* ucontext);

/// Handles SIGSEGV and SIGBUS of the whole process: `handler` is asked on the faulting thread, on
/// its alternate stack if it has one, with all signals blocked. When it says false, what was
/// installed before is done: an earlier handler is called (sanitizers report), and the default
/// kills with the true signal and, if enabled, a core of the faulting instruction. Calling it again
/// only replaces `handler`, also by null. Errors: none that a program could cause.
///
/// ThreadSanitizer's report ends after its first lines unless TSAN_OPTIONS has
/// report_signal_unsafe=0, because it takes its own work for that of our handler.
///
/// ```cpp
/// const auto installed = os::install_fault_handler([](void* address, void*) {
///     os::signal_safe_text text;
///     const auto place = reinterpret_cast<std::uintptr_t>(address);
///     text.append("fault at ").append_hex(place).append("\n").write(2);
///     return false;
/// });
/// ```
[[nodiscard]] result<void> install_fault_handler(fault_handler handler);

} // namespace sennit::os
