// File descriptors: the owner, closing, non-blocking mode, and plain read, write and pipe.
//
// Always true: a unique_fd holds -1 or a descriptor that nobody else closes. Everything here may be
// called from any thread. Two threads must not use one unique_fd object at the same time; the
// descriptor inside may be used by any number of them.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/io_result.hpp>

#include <cstddef>
#include <span>

namespace sennit::os {

/// The only owner of a descriptor; closes it when it dies. Move-only.
///
/// The destructor and reset() ignore what close(2) answers, because there is nobody to tell; call
/// close() where the answer matters (a written file on a full network disk).
///
/// ```cpp
/// os::pipe_ends ends = SENNIT_TRY(os::make_pipe());
/// os::unique_fd kept = std::move(ends.reader);
/// const bool moved = kept && !ends.reader; // true
/// ```
class unique_fd {
public:
    /// Owns nothing.
    unique_fd() noexcept = default;
    /// Takes ownership of `fd`; any negative number means "nothing".
    explicit unique_fd(int fd) noexcept : fd_(fd < 0 ? -1 : fd) {}
    unique_fd(unique_fd&& other) noexcept : fd_(other.release()) {}
    unique_fd& operator=(unique_fd&& other) noexcept {
        reset(other.release());
        return *this;
    }
    ~unique_fd() { reset(); }

    /// Gives the descriptor to the caller, who now has to close it; owns nothing afterwards.
    [[nodiscard]] int release() noexcept {
        const int fd = fd_;
        fd_ = -1;
        return fd;
    }
    /// Closes what is owned, then takes ownership of `fd`.
    void reset(int fd = -1) noexcept;

    /// The descriptor, or -1.
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// True when a descriptor is owned.
    explicit operator bool() const noexcept { return fd_ >= 0; }

private:
    int fd_ = -1;
};

/// Closes and tells what close(2) answered.
///
/// The descriptor is gone in every case: Linux frees the number before it can fail, so a close is
/// never repeated. EINTR counts as success for the same reason. Errors: EIO, ENOSPC, EDQUOT (the
/// data did not reach the disk).
///
/// ```cpp
/// result<void> finish(os::unique_fd file) { return os::close(std::move(file)); }
/// ```
[[nodiscard]] result<void> close(unique_fd fd);

/// Puts the open file description into non-blocking mode (O_NONBLOCK), for every process that
/// shares it.
///
/// ```cpp
/// const int standard_input = 0;
/// SENNIT_TRY(os::set_nonblocking(standard_input));
/// ```
[[nodiscard]] result<void> set_nonblocking(int fd);

/// read(2), repeated while signals interrupt it. A `value` of 0 is the end of the file or stream.
///
/// ```cpp
/// std::byte buffer[512];
/// const os::io_result got = os::read(0, buffer);
/// ```
[[nodiscard]] io_result read(int fd, std::span<std::byte> buffer) noexcept;

/// write(2), repeated while signals interrupt it. May write less than asked.
///
/// Writing to a pipe without a reader also raises SIGPIPE unless the program ignores it; sockets
/// have send().
///
/// ```cpp
/// const std::string_view text = "hello\n";
/// const os::io_result put = os::write(1, std::as_bytes(std::span{text}));
/// ```
[[nodiscard]] io_result write(int fd, std::span<const std::byte> bytes) noexcept;

/// The two ends of a pipe.
struct pipe_ends {
    unique_fd reader;
    unique_fd writer;
};

/// A new pipe; both ends are close-on-exec and non-blocking. Errors: EMFILE, ENFILE.
///
/// ```cpp
/// const os::pipe_ends ends = SENNIT_TRY(os::make_pipe());
/// std::byte buffer[1];
/// const os::io_result nothing_yet = os::read(ends.reader.get(), buffer); // EAGAIN
/// ```
[[nodiscard]] result<pipe_ends> make_pipe();

/// Whether reading (or writing) would not block now: poll(2) with no timeout. Errors and hang-ups count as ready.
[[nodiscard]] bool is_ready(int fd, bool for_writing) noexcept;

} // namespace sennit::os
