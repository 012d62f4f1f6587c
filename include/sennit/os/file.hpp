// Files: opening, reading and writing at a position, sending to a socket without a copy.
//
// These calls may wait for the disk: on a worker they belong into the blocking pool, unless the
// caller knows better. Descriptors are close-on-exec. Positions and sizes are in bytes. Calls that
// a signal interrupts are repeated.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/fd.hpp>
#include <sennit/os/io_result.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace sennit::os {

/// Opens a file for reading. Never waits for the other end of a FIFO (O_NONBLOCK, which regular
/// files ignore) and never makes a terminal the controlling one. Directories open as well; ask
/// status(). Errors: ENOENT, EACCES, EMFILE, ….
///
/// ```cpp
/// auto file = os::open_read("/etc/hostname");
/// if (!file) std::puts(file.error().message().c_str());
/// ```
[[nodiscard]] result<unique_fd> open_read(const char* path);

/// Opens a file for reading and writing, empty: made with `mode` minus the umask when it is
/// missing, truncated when not.
[[nodiscard]] result<unique_fd> create_file(const char* path, std::uint32_t mode = 0666);

/// What kind of thing a descriptor or path is.
enum class file_kind { regular, directory, other };

/// What fstat(2) says, as far as a server of files needs it.
struct file_status {
    file_kind kind = file_kind::other;
    std::uint64_t size = 0;
    std::int64_t modified_ns = 0; ///< of the contents, nanoseconds since 1970 (UTC)
};

/// The status of an open file.
///
/// ```cpp
/// result<std::uint64_t> size_of(int fd) {
///     return SENNIT_TRY(os::status(fd)).size;
/// }
/// ```
[[nodiscard]] result<file_status> status(int fd);

/// Reads at `position` without moving the file's own. 0 is the end of the file.
[[nodiscard]] io_result pread(int fd, std::span<std::byte> buffer, std::uint64_t position) noexcept;

/// Writes at `position` without moving the file's own. May write less than asked.
[[nodiscard]] io_result pwrite(int fd, std::span<const std::byte> bytes,
                               std::uint64_t position) noexcept;

/// Sends up to `count` bytes of a file, from `position` on, to a socket or pipe; returns how many
/// went, 0 at the end of the file. May send less than asked; the kernel moves at most 2 GiB at
/// once. The file must be one that mmap knows. Writing to a socket whose peer is gone raises
/// SIGPIPE, as sendfile(2) has no flag against it; a thread started under all_signals_blocked is
/// safe.
///
/// ```cpp
/// os::io_result send_rest(int socket, int file, std::uint64_t position, std::size_t left) {
///     return os::sendfile(socket, file, position, left);
/// }
/// ```
[[nodiscard]] io_result sendfile(int to, int from, std::uint64_t position,
                                 std::size_t count) noexcept;

/// The whole contents of a file, also of one in /proc, whose size reads as 0. Blocks; meant for
/// small files.
///
/// ```cpp
/// const std::string limit = os::read_file("/proc/sys/vm/max_map_count").value_or("");
/// ```
[[nodiscard]] result<std::string> read_file(const char* path);

} // namespace sennit::os
