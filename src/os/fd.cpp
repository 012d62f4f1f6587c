// File descriptors: owner, modes, plain reading and writing.
#include <sennit/os/fd.hpp>

#include "last_error.hpp"
#include <sennit/base/assert.hpp>

#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

namespace sennit::os {

void unique_fd::reset(int fd) noexcept {
    SENNIT_DEBUG_ASSERT(fd < 0 || fd != fd_, "reset() to the descriptor that is owned closes it");
    if (fd_ >= 0 && ::close(fd_) < 0) {
        // The next open() may have been given this number, and we would have closed a stranger's.
        SENNIT_DEBUG_ASSERT(detail::last_error() != EBADF,
                            "somebody else has closed a descriptor that a unique_fd owns");
    }
    fd_ = fd < 0 ? -1 : fd;
}

result<void> close(unique_fd fd) {
    if (!fd || ::close(fd.release()) == 0) return {};
    if (detail::last_error() == EINTR) return {};
    return detail::failed("close");
}

result<void> set_nonblocking(int fd) {
    const int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        return detail::failed("set_nonblocking");
    }
    return {};
}

io_result read(int fd, std::span<std::byte> buffer) noexcept {
    return detail::retry_interrupted([&] { return ::read(fd, buffer.data(), buffer.size()); });
}

io_result write(int fd, std::span<const std::byte> bytes) noexcept {
    return detail::retry_interrupted([&] { return ::write(fd, bytes.data(), bytes.size()); });
}

result<pipe_ends> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) {
        return detail::failed("pipe");
    }
    return pipe_ends{.reader = unique_fd{ends[0]}, .writer = unique_fd{ends[1]}};
}

bool is_ready(int fd, bool for_writing) noexcept {
    pollfd one{
        .fd = fd, .events = static_cast<short>(for_writing ? POLLOUT : POLLIN), .revents = 0};
    return ::poll(&one, 1, 0) > 0;
}

} // namespace sennit::os
