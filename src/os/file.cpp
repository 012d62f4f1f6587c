// Files through the position-taking calls.
#include <sennit/os/file.hpp>

#include "last_error.hpp"

#include <algorithm>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sennit::os {
namespace {

constexpr std::size_t read_step = 4096;

result<unique_fd> open(const char* path, int flags, std::uint32_t mode, const char* operation) {
    const io_result opened =
        detail::retry_interrupted([&] { return ::open(path, flags | O_CLOEXEC | O_NOCTTY, mode); });
    if (!opened.ok()) return error::from_errno(opened.error, operation);
    return unique_fd{static_cast<int>(opened.value)};
}

file_kind kind_of(std::uint32_t mode) noexcept {
    if (S_ISREG(mode)) return file_kind::regular;
    return S_ISDIR(mode) ? file_kind::directory : file_kind::other;
}

} // namespace

result<unique_fd> open_read(const char* path) {
    return open(path, O_RDONLY | O_NONBLOCK, 0, "open_read");
}

result<unique_fd> create_file(const char* path, std::uint32_t mode) {
    return open(path, O_RDWR | O_CREAT | O_TRUNC, mode, "create_file");
}

result<file_status> status(int fd) {
    struct stat found;
    if (::fstat(fd, &found) < 0) return detail::failed("status");
    constexpr std::int64_t second = 1'000'000'000;
    return file_status{.kind = kind_of(found.st_mode),
                       .size = static_cast<std::uint64_t>(found.st_size),
                       .modified_ns = found.st_mtim.tv_sec * second + found.st_mtim.tv_nsec};
}

io_result pread(int fd, std::span<std::byte> buffer, std::uint64_t position) noexcept {
    const auto offset = static_cast<off_t>(position);
    return detail::retry_interrupted(
        [&] { return ::pread(fd, buffer.data(), buffer.size(), offset); });
}

io_result pwrite(int fd, std::span<const std::byte> bytes, std::uint64_t position) noexcept {
    const auto offset = static_cast<off_t>(position);
    return detail::retry_interrupted(
        [&] { return ::pwrite(fd, bytes.data(), bytes.size(), offset); });
}

io_result sendfile(int to, int from, std::uint64_t position, std::size_t count) noexcept {
    auto offset = static_cast<off_t>(position);
    return detail::retry_interrupted([&] { return ::sendfile(to, from, &offset, count); });
}

// Reads until the kernel says that this is the end: the size in the status is not to be trusted in
// /proc, and may change.
result<std::string> read_file(const char* path) {
    auto fd = open(path, O_RDONLY, 0, "read_file");
    if (!fd) return fd.error();
    std::string text;
    std::size_t length = 0;
    for (;;) {
        if (text.size() - length < read_step) text.resize(std::max(text.size() * 2, read_step));
        const auto room = std::as_writable_bytes(std::span{text}.subspan(length));
        const io_result got = read(fd->get(), room);
        if (!got.ok()) return error::from_errno(got.error, "read_file");
        if (got.value == 0) break;
        length += static_cast<std::size_t>(got.value);
    }
    text.resize(length);
    return text;
}

} // namespace sennit::os
