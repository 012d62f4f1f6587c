// Signals: masks, and signals as a descriptor. What a thread causes itself, a fault of memory, is
// in fault.hpp.
//
// A thread that blocks a signal never runs its handler, and threads that it starts inherit its
// mask. A signal that is sent to the process goes to any thread that does not block it; when all
// block it, it stays pending until somebody reads it from a signal_fd. So: block in main before the
// first thread starts, and read in one place, in ordinary code.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/fd.hpp>

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace sennit::os {

/// Blocks these signals for the calling thread and the threads that it starts later.
/// Errors: EINVAL (no such signal).
///
/// ```cpp
/// #include <csignal>
/// const std::array stopping{SIGINT, SIGTERM};
/// const auto blocked = os::block_signals(stopping);
/// ```
[[nodiscard]] result<void> block_signals(std::span<const int> signals);

/// While one lives, its thread blocks all signals but those that a thread causes itself (SIGSEGV,
/// SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT) and SIGPROF, which a profiler wants to land
/// everywhere. Threads started meanwhile inherit that: signals for the process go to the program's
/// own threads, and system calls of a worker are not interrupted. The destructor restores the mask.
/// Lives and dies on one thread.
///
/// ```cpp
/// std::thread start_worker(void (*work)()) {
///     os::all_signals_blocked until_started;
///     return std::thread{work};
/// }
/// ```
class all_signals_blocked {
public:
    all_signals_blocked() noexcept;
    all_signals_blocked(const all_signals_blocked&) = delete;
    all_signals_blocked& operator=(const all_signals_blocked&) = delete;
    ~all_signals_blocked();

private:
    alignas(8) std::array<std::byte, 128> earlier_; // a sigset_t
};

/// Signals that can be waited for with epoll (signalfd(2)). Move-only.
///
/// The signals must stay blocked in every thread of the process, otherwise one that does not block
/// them takes them.
///
/// ```cpp
/// const std::array stopping{SIGINT, SIGTERM};
/// auto signals = os::signal_fd::create(stopping);
/// const std::optional<int> signal = signals.value().read_one(); // nothing, or one of the two
/// ```
class signal_fd {
public:
    /// Blocks the signals for the calling thread, as block_signals() does, and opens a descriptor
    /// that is readable while one of them is pending for the process or for the thread that reads.
    /// Errors: EINVAL, EMFILE, ENFILE.
    [[nodiscard]] static result<signal_fd> create(std::span<const int> signals);

    /// Takes one pending signal and returns its number; nothing when there is none. Never waits.
    [[nodiscard]] std::optional<int> read_one() noexcept;

    /// The descriptor to watch for reading.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    explicit signal_fd(unique_fd fd) noexcept : fd_(std::move(fd)) {}

    unique_fd fd_;
};

} // namespace sennit::os
