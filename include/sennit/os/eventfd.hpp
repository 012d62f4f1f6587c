// A descriptor that a thread makes readable to wake another one out of epoll (eventfd(2)).
//
// Always true: readable exactly while signals are not drained. Signals add up and never block.
// signal() may be called from any thread and from a signal handler; it and drain() may run at the
// same time.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/fd.hpp>

#include <cstdint>
#include <utility>

namespace sennit::os {

/// A wake-up that can be polled. Move-only.
///
/// ```cpp
/// os::eventfd wake = SENNIT_TRY(os::eventfd::create());
/// wake.signal();                              // in any thread: wake.fd() becomes readable
/// const std::uint64_t signals = wake.drain(); // in the loop: 1, and no longer readable
/// ```
class eventfd {
public:
    /// A new one, not signalled, non-blocking and close-on-exec. Errors: EMFILE, ENFILE, ENOMEM.
    [[nodiscard]] static result<eventfd> create();

    /// Makes fd() readable. What was written before is visible to the thread that sees it readable.
    void signal() noexcept;

    /// Makes fd() not readable any more; returns how many signals there were, 0 for none.
    std::uint64_t drain() noexcept;

    /// The descriptor to watch for reading.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    explicit eventfd(unique_fd fd) noexcept : fd_(std::move(fd)) {}

    unique_fd fd_;
};

} // namespace sennit::os
