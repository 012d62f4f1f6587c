// eventfd(2).
#include <sennit/os/eventfd.hpp>

#include "last_error.hpp"
#include <sennit/base/assert.hpp>

#include <cerrno>
#include <span>
#include <sys/eventfd.h>

namespace sennit::os {

result<eventfd> eventfd::create() {
    unique_fd fd{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    if (!fd) return detail::failed("eventfd");
    return eventfd{std::move(fd)};
}

// EAGAIN: the counter is full (2^64 - 2 signals), so it is readable, which is all that was asked
// for.
void eventfd::signal() noexcept {
    const std::uint64_t one = 1;
    const io_result put = write(fd_.get(), std::as_bytes(std::span{&one, 1}));
    SENNIT_ASSERT(put.ok() || would_block(put.error),
                  "signal an eventfd that is open and not moved from");
}

std::uint64_t eventfd::drain() noexcept {
    std::uint64_t count = 0;
    const io_result got = read(fd_.get(), std::as_writable_bytes(std::span{&count, 1}));
    SENNIT_ASSERT(got.ok() || would_block(got.error),
                  "drain an eventfd that is open and not moved from");
    return got.ok() ? count : 0;
}

} // namespace sennit::os
