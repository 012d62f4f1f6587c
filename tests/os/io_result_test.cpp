#include <sennit/os/io_result.hpp>

#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>

namespace sennit::os {
namespace {

// Two words that travel in registers: the reason why this type exists.
static_assert(sizeof(io_result) == 16 && std::is_trivially_copyable_v<io_result>);

TEST(io_result, success_counts_and_has_no_error) {
    constexpr io_result got = io_result::success(42);
    EXPECT_TRUE(got.ok());
    EXPECT_EQ(got.value, 42);
    EXPECT_EQ(got.error, 0);
}

TEST(io_result, the_end_of_a_stream_is_a_success) { EXPECT_TRUE(io_result::success(0).ok()); }

TEST(io_result, failure_keeps_the_errno_value) {
    constexpr io_result got = io_result::failure(EPIPE);
    EXPECT_FALSE(got.ok());
    EXPECT_EQ(got.value, -1);
    EXPECT_EQ(got.error, EPIPE);
}

TEST(io_result, compares_by_value) {
    EXPECT_EQ(io_result::success(1), io_result::success(1));
    EXPECT_NE(io_result::success(1), io_result::success(2));
    EXPECT_NE(io_result::failure(EPIPE), io_result::failure(EAGAIN));
}

TEST(io_result, only_not_now_would_block) {
    EXPECT_TRUE(would_block(EAGAIN));
    EXPECT_TRUE(would_block(EWOULDBLOCK));
    EXPECT_FALSE(would_block(0));
    EXPECT_FALSE(would_block(EINTR));
    EXPECT_FALSE(would_block(EINPROGRESS));
}

} // namespace
} // namespace sennit::os
