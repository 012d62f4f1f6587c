#include <sennit/os/file.hpp>

#include "os/support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sennit::os {
namespace {

using test_support::bytes_of;
using test_support::text_of;

/// A path that nobody else uses, and whose file is gone at the end.
class scratch_path {
public:
    scratch_path()
        : path_(::testing::TempDir() + "sennit_file_test_" + std::to_string(::getpid())) {}
    scratch_path(const scratch_path&) = delete;
    scratch_path& operator=(const scratch_path&) = delete;
    ~scratch_path() { ::unlink(path_.c_str()); }

    const char* get() const { return path_.c_str(); }

private:
    std::string path_;
};

unique_fd file_with(const scratch_path& path, std::string_view contents) {
    unique_fd file = create_file(path.get()).value();
    EXPECT_EQ(pwrite(file.get(), bytes_of(contents), 0).value,
              static_cast<std::int64_t>(contents.size()));
    return file;
}

TEST(open_read, reports_a_missing_file) {
    const auto file = open_read("/no/such/file");
    ASSERT_FALSE(file.has_value());
    EXPECT_EQ(file.error().code(), std::errc::no_such_file_or_directory);
    EXPECT_STREQ(file.error().operation(), "open_read");
}

TEST(open_read, is_close_on_exec_and_cannot_write) {
    const scratch_path path;
    (void)file_with(path, "x");
    const unique_fd file = open_read(path.get()).value();
    EXPECT_NE(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_EQ(pwrite(file.get(), bytes_of("y"), 0), io_result::failure(EBADF));
}

TEST(open_read, does_not_wait_for_the_writer_of_a_fifo) {
    const scratch_path path;
    ASSERT_EQ(::mkfifo(path.get(), 0600), 0);
    const auto fifo = open_read(path.get());
    ASSERT_TRUE(fifo.has_value());
    EXPECT_EQ(status(fifo->get()).value().kind, file_kind::other);
}

TEST(create_file, truncates_and_sets_the_mode) {
    const scratch_path path;
    (void)file_with(path, "old and long");
    const unique_fd file = create_file(path.get()).value();
    EXPECT_EQ(status(file.get()).value().size, 0U);
    ASSERT_EQ(::unlink(path.get()), 0);
    const unique_fd secret = create_file(path.get(), 0600).value();
    struct stat found = {};
    ASSERT_EQ(::fstat(secret.get(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777U, 0600U);
}

TEST(create_file, reports_a_missing_directory) {
    EXPECT_EQ(create_file("/no/such/directory/x").error().code(),
              std::errc::no_such_file_or_directory);
}

TEST(status, tells_kind_size_and_time) {
    const scratch_path path;
    const unique_fd file = file_with(path, "12345");
    const std::array<timespec, 2> times{
        {{.tv_sec = 1, .tv_nsec = 2}, {.tv_sec = 1'700'000'000, .tv_nsec = 123}}};
    ASSERT_EQ(::futimens(file.get(), times.data()), 0);
    const file_status found = status(file.get()).value();
    EXPECT_EQ(found.kind, file_kind::regular);
    EXPECT_EQ(found.size, 5U);
    EXPECT_EQ(found.modified_ns, 1'700'000'000'000'000'123);
    EXPECT_EQ(status(open_read("/").value().get()).value().kind, file_kind::directory);
    EXPECT_EQ(status(open_read("/dev/null").value().get()).value().kind, file_kind::other);
    EXPECT_EQ(status(-1).error().code(), std::errc::bad_file_descriptor);
}

TEST(pread_and_pwrite, keep_to_their_positions) {
    const scratch_path path;
    const unique_fd file = file_with(path, "hello world");
    EXPECT_EQ(pwrite(file.get(), bytes_of("W"), 6), io_result::success(1));
    std::array<std::byte, 5> buffer;
    EXPECT_EQ(pread(file.get(), buffer, 6), io_result::success(5));
    EXPECT_EQ(text_of(buffer), "World");
    EXPECT_EQ(pread(file.get(), buffer, 9), io_result::success(2));
    EXPECT_EQ(pread(file.get(), buffer, 11), io_result::success(0));
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 0);
}

TEST(pread_and_pwrite, report_errors) {
    std::array<std::byte, 1> buffer{};
    EXPECT_EQ(pread(-1, buffer, 0), io_result::failure(EBADF));
    EXPECT_EQ(pwrite(-1, buffer, 0), io_result::failure(EBADF));
    const pipe_ends ends = make_pipe().value();
    EXPECT_EQ(pread(ends.reader.get(), buffer, 0), io_result::failure(ESPIPE));
}

TEST(sendfile, moves_a_part_of_a_file_into_a_socket) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    const unique_fd ours{ends[0]};
    const unique_fd theirs{ends[1]};
    const scratch_path path;
    const unique_fd file = file_with(path, "0123456789");
    EXPECT_EQ(sendfile(ours.get(), file.get(), 3, 4), io_result::success(4));
    EXPECT_EQ(sendfile(ours.get(), file.get(), 8, 100), io_result::success(2));
    EXPECT_EQ(sendfile(ours.get(), file.get(), 10, 100), io_result::success(0));
    std::array<std::byte, 16> buffer;
    EXPECT_EQ(read(theirs.get(), buffer), io_result::success(6));
    EXPECT_EQ(text_of(std::span{buffer}.first(6)), "345689");
    EXPECT_EQ(::lseek(file.get(), 0, SEEK_CUR), 0);
}

TEST(sendfile, answers_not_now_when_the_socket_is_full) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    const unique_fd ours{ends[0]};
    const unique_fd theirs{ends[1]};
    const scratch_path path;
    const unique_fd file = file_with(path, std::string(1 << 20, 'x'));
    io_result sent = io_result::success(0);
    while (sent.ok())
        sent = sendfile(ours.get(), file.get(), 0, 1 << 20);
    EXPECT_EQ(sent, io_result::failure(EAGAIN));
}

TEST(read_file, reads_everything) {
    const scratch_path path;
    for (const std::size_t size : {0, 1, 4095, 4096, 4097, 100'000}) {
        const std::string contents(size, 'x');
        (void)file_with(path, contents);
        EXPECT_EQ(read_file(path.get()).value(), contents);
    }
}

TEST(read_file, reads_files_that_claim_to_be_empty) {
    EXPECT_NE(read_file("/proc/self/status").value().find("VmRSS"), std::string::npos);
}

TEST(read_file, reports_what_cannot_be_read) {
    EXPECT_EQ(read_file("/no/such/file").error().code(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(read_file("/").error().code(), std::errc::is_a_directory);
}

} // namespace
} // namespace sennit::os
