// Waiting for a descriptor that somebody else reads and writes: libraries with a descriptor of
// their own, devices, timerfd, inotify.
//
// No buffer is held while waiting (golang/go#15735). The kernel is asked anew for each wait, so it
// does not matter how much of what was there the caller has taken.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/io/source.hpp>

namespace sennit {

/// The future of `async_fd::async_readable` and `async_writable`. Dropping it withdraws it.
class [[nodiscard]] readiness_future : private detail::io_operation {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    readiness_future(detail::source& on, detail::direction way) noexcept : io_operation(&on, way) {}
    readiness_future(readiness_future&&) noexcept = default;

    sennit::poll<result<void>> poll(context& cx);
};

/// A descriptor that flows wait for. Move-only; any number of flows may wait, from any thread.
///
/// ```cpp
/// // fd is a non-blocking descriptor of some library
/// sennit::task<sennit::result<void>> pump(int fd) {
///     sennit::async_fd events(fd);
///     for (;;) {
///         co_await sennit::or_return(events.async_readable());
///         // ask the library to read until it says EAGAIN
///     }
/// }
/// ```
class async_fd {
public:
    /// Whether the descriptor is closed with the object.
    enum class ownership { borrowed, owned };

    /// Takes any descriptor that epoll(7) can watch. One that is borrowed is to be closed after
    /// this object, and only one async_fd at a time waits for it. Allocates.
    explicit async_fd(int fd, ownership who = ownership::borrowed);

    /// Waits until the descriptor is readable, has ended or is broken. May be wrong: others may
    /// have taken what was there, so read without blocking and wait again on EAGAIN.
    ///
    /// Errors: `errc::closed`; `errc::stopped`; EPERM (a regular file: always ready, cannot be
    /// watched), EEXIST (watched by another async_fd), EBADF, ENOSPC (the user's limit of watches).
    /// Cost: a registration, or one epoll_ctl(2) later, and a wake.
    ///
    /// ```cpp
    /// sennit::async_fd input(0);
    /// if (!input.readable()) std::puts("not a terminal or pipe");
    /// ```
    result<void> readable() { return wait(async_readable()); }
    [[nodiscard]] readiness_future async_readable();
    /// The same for writing.
    result<void> writable() { return wait(async_writable()); }
    [[nodiscard]] readiness_future async_writable();

    /// Ends all waits with `errc::closed`, and closes the descriptor if it is owned. From any
    /// thread.
    void close() noexcept;
    /// The descriptor, or -1 when closed.
    int fd() const noexcept;

private:
    detail::source_ptr source_;
};

} // namespace sennit
