#include <sennit/os/fd.hpp>

#include "os/support.hpp"
#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace sennit::os {
namespace {

using test_support::bytes_of;
using test_support::interruptions;
using test_support::text_of;

static_assert(!std::is_copy_constructible_v<unique_fd>);
static_assert(!std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd>);
static_assert(std::is_nothrow_move_assignable_v<unique_fd>);
static_assert(sizeof(unique_fd) == sizeof(int));

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(unique_fd, starts_with_nothing) {
    const unique_fd fd;
    EXPECT_FALSE(fd);
    EXPECT_EQ(fd.get(), -1);
}

TEST(unique_fd, a_negative_number_is_nothing) {
    const unique_fd fd{-7};
    EXPECT_FALSE(fd);
    EXPECT_EQ(fd.get(), -1);
}

TEST(unique_fd, closes_when_it_dies) {
    int number = -1;
    {
        const pipe_ends ends = make_pipe().value();
        number = ends.reader.get();
        EXPECT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(unique_fd, moves_the_ownership) {
    pipe_ends ends = make_pipe().value();
    const int number = ends.reader.get();
    unique_fd second = std::move(ends.reader);
    EXPECT_FALSE(ends.reader);
    EXPECT_EQ(second.get(), number);
    EXPECT_TRUE(is_open(number));
}

TEST(unique_fd, assignment_closes_what_was_owned) {
    pipe_ends ends = make_pipe().value();
    const int reader = ends.reader.get();
    const int writer = ends.writer.get();
    ends.reader = std::move(ends.writer);
    EXPECT_FALSE(is_open(reader));
    EXPECT_TRUE(is_open(writer));
    EXPECT_EQ(ends.reader.get(), writer);
}

TEST(unique_fd, assignment_to_itself_keeps_the_descriptor) {
    pipe_ends ends = make_pipe().value();
    unique_fd& same = ends.reader;
    ends.reader = std::move(same);
    EXPECT_TRUE(ends.reader);
    EXPECT_TRUE(is_open(ends.reader.get()));
}

TEST(unique_fd, release_leaves_the_closing_to_the_caller) {
    pipe_ends ends = make_pipe().value();
    const int number = ends.reader.release();
    EXPECT_FALSE(ends.reader);
    EXPECT_TRUE(is_open(number));
    EXPECT_TRUE(close(unique_fd{number}).has_value());
}

TEST(unique_fd, reset_closes_and_takes_over) {
    pipe_ends ends = make_pipe().value();
    const int reader = ends.reader.get();
    ends.reader.reset(ends.writer.release());
    EXPECT_FALSE(is_open(reader));
    EXPECT_TRUE(ends.reader);
    ends.reader.reset();
    EXPECT_FALSE(ends.reader);
}

TEST(unique_fd, asserts_that_nobody_else_closes_in_debug_builds) {
    if (!SENNIT_DEBUG) GTEST_SKIP() << "a release build does not look";
    const auto close_twice = [] {
        const pipe_ends ends = make_pipe().value();
        const unique_fd second{ends.reader.get()};
    };
    EXPECT_DEATH(close_twice(), "somebody else has closed");
    const auto reset_to_own = [] {
        pipe_ends ends = make_pipe().value();
        ends.reader.reset(ends.reader.get());
    };
    EXPECT_DEATH(reset_to_own(), "closes it");
}

TEST(close, reports_what_the_kernel_answers) {
    EXPECT_TRUE(close(unique_fd{}).has_value());
    const int number = make_pipe().value().reader.get(); // closed at the end of the statement
    const auto closed = close(unique_fd{number});
    ASSERT_FALSE(closed.has_value());
    EXPECT_EQ(closed.error().code(), std::errc::bad_file_descriptor);
    EXPECT_STREQ(closed.error().operation(), "close");
}

TEST(set_nonblocking, sets_the_flag_and_keeps_the_others) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const unique_fd reader{ends[0]};
    const unique_fd writer{ends[1]};
    const int before = ::fcntl(reader.get(), F_GETFL);
    EXPECT_EQ(before & O_NONBLOCK, 0);
    ASSERT_TRUE(set_nonblocking(reader.get()).has_value());
    EXPECT_EQ(::fcntl(reader.get(), F_GETFL), before | O_NONBLOCK);
}

TEST(set_nonblocking, reports_a_closed_descriptor) {
    const auto done = set_nonblocking(-1);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), std::errc::bad_file_descriptor);
}

TEST(make_pipe, both_ends_are_nonblocking_and_close_on_exec) {
    const pipe_ends ends = make_pipe().value();
    for (const int fd : {ends.reader.get(), ends.writer.get()}) {
        EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    }
}

TEST(read_and_write, carry_bytes_and_tell_the_end) {
    pipe_ends ends = make_pipe().value();
    std::array<std::byte, 16> buffer;
    EXPECT_EQ(read(ends.reader.get(), buffer), io_result::failure(EAGAIN));
    EXPECT_EQ(write(ends.writer.get(), bytes_of("hello")), io_result::success(5));
    const io_result got = read(ends.reader.get(), buffer);
    ASSERT_EQ(got, io_result::success(5));
    EXPECT_EQ(text_of(std::span{buffer}.first(5)), "hello");
    ends.writer.reset();
    EXPECT_EQ(read(ends.reader.get(), buffer), io_result::success(0));
}

TEST(read_and_write, report_a_closed_descriptor) {
    std::array<std::byte, 1> buffer;
    EXPECT_EQ(read(-1, buffer), io_result::failure(EBADF));
    EXPECT_EQ(write(-1, buffer), io_result::failure(EBADF));
}

// A reader that blocks is interrupted again and again before the byte comes; it must see the byte
// and no EINTR.
TEST(read, goes_on_after_a_signal) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const unique_fd reader{ends[0]};
    const unique_fd writer{ends[1]};
    const interruptions active;
    io_result got;
    std::thread reading([&] {
        std::array<std::byte, 1> buffer;
        got = read(reader.get(), buffer);
    });
    interruptions::send_until(reading.native_handle(), [] { return interruptions::count >= 100; });
    EXPECT_EQ(write(writer.get(), bytes_of("x")), io_result::success(1));
    reading.join();
    EXPECT_EQ(got, io_result::success(1));
}

} // namespace
} // namespace sennit::os
