#include <sennit/io/async_fd.hpp>

#include "support.hpp"

#include <filesystem>
#include <thread>

namespace sennit {
namespace {

using test::own_reactor;

TEST(async_fd, waits_until_readable) {
    own_reactor own;
    test_support::driver driver;
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.reader.get());
    readiness_future ready = fd.async_readable();
    EXPECT_FALSE(driver.poll(ready).is_ready());
    EXPECT_EQ(own.poll_all(), 0U);
    EXPECT_TRUE(driver.rearm());
    test::put(ends.writer.get(), "x");
    EXPECT_EQ(own.poll_all(), 1U);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(driver.poll(ready).is_ready());
}

// Edge-triggered epoll would not tell of the rest again.
TEST(async_fd, tells_again_of_what_was_not_taken) {
    own_reactor own;
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.reader.get());
    test::put(ends.writer.get(), "abc");
    for (int i = 0; i < 3; ++i) {
        test_support::driver driver;
        readiness_future ready = fd.async_readable();
        EXPECT_FALSE(driver.poll(ready).is_ready());
        EXPECT_TRUE(driver.rearm());
        EXPECT_EQ(own.poll_all(), 1U);
        EXPECT_EQ(driver.wakes(), 1);
        EXPECT_TRUE(driver.poll(ready).is_ready());
    }
}

TEST(async_fd, the_directions_are_independent) {
    own_reactor own;
    test_support::driver reading, writing;
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.writer.get());
    readiness_future readable = fd.async_readable();
    readiness_future writable = fd.async_writable();
    EXPECT_FALSE(reading.poll(readable).is_ready());
    EXPECT_FALSE(writing.poll(writable).is_ready());
    EXPECT_TRUE(reading.rearm());
    EXPECT_TRUE(writing.rearm());
    own.poll_all();
    EXPECT_EQ(reading.wakes(), 0);
    EXPECT_EQ(writing.wakes(), 1);
    EXPECT_TRUE(writing.poll(writable).is_ready());
}

TEST(async_fd, close_ends_waits_and_keeps_a_borrowed_descriptor) {
    own_reactor own;
    test_support::driver driver;
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.reader.get());
    EXPECT_EQ(fd.fd(), ends.reader.get());
    readiness_future ready = fd.async_readable();
    EXPECT_FALSE(driver.poll(ready).is_ready());
    EXPECT_TRUE(driver.rearm());
    fd.close();
    EXPECT_EQ(driver.wakes(), 1);
    auto answer = driver.poll(ready);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_TRUE(is(std::move(answer).take().error(), errc::closed));
    EXPECT_EQ(fd.fd(), -1);
    EXPECT_EQ(test::put(ends.writer.get(), "x"), 1U);
    EXPECT_EQ(test::take(ends.reader.get()), "x");
}

TEST(async_fd, closes_an_owned_descriptor) {
    const auto before = test::open_descriptors();
    os::pipe_ends ends = *os::make_pipe();
    { async_fd fd(ends.reader.release(), async_fd::ownership::owned); }
    EXPECT_EQ(test::open_descriptors(), before + 1);
}

TEST(async_fd, a_regular_file_cannot_be_waited_for) {
    own_reactor own;
    test_support::driver driver;
    const auto path = std::filesystem::temp_directory_path() / "sennit_async_fd_test";
    std::FILE* file = std::fopen(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    {
        async_fd fd(fileno(file));
        auto answer = driver.finish(fd.async_readable());
        ASSERT_FALSE(answer);
        EXPECT_TRUE(is(answer.error(), std::errc::operation_not_permitted));
    }
    std::fclose(file);
    std::filesystem::remove(path);
}

TEST(async_fd, blocks_a_plain_thread) {
    test::polled_reactor own;
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.reader.get());
    std::thread writer([&] { test::put(ends.writer.get(), "x"); });
    EXPECT_TRUE(fd.readable());
    EXPECT_EQ(test::take(ends.reader.get()), "x");
    writer.join();
}

// The event of the registration may be there before the operation has entered its lane.
TEST(async_fd, sees_what_was_readable_when_it_registered) {
    test::polled_reactor own;
    for (int i = 0; i < 300; ++i) {
        os::pipe_ends ends = *os::make_pipe();
        test::put(ends.writer.get(), "x");
        async_fd fd(ends.reader.get());
        ASSERT_TRUE(fd.readable());
    }
}

} // namespace
} // namespace sennit
