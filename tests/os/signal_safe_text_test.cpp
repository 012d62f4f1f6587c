#include <sennit/os/signal_safe_text.hpp>

#include "os/support.hpp"
#include <sennit/os/fd.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <limits>
#include <string>

namespace sennit::os {
namespace {

using test_support::text_of;

TEST(signal_safe_text, puts_text_and_numbers_together) {
    signal_safe_text text;
    EXPECT_EQ(text.view(), "");
    text.append("size ").append_decimal(4096).append(" at ").append_hex(0xDEADBEEF).append("");
    EXPECT_EQ(text.view(), "size 4096 at 0xdeadbeef");
}

TEST(signal_safe_text, writes_the_smallest_and_the_largest_number) {
    signal_safe_text text;
    constexpr auto largest = std::numeric_limits<std::uint64_t>::max();
    text.append_decimal(0)
        .append(" ")
        .append_hex(0)
        .append(" ")
        .append_decimal(largest)
        .append(" ")
        .append_hex(largest);
    EXPECT_EQ(text.view(), "0 0x0 18446744073709551615 0xffffffffffffffff");
}

TEST(signal_safe_text, cuts_what_does_not_fit) {
    signal_safe_text text;
    text.append(std::string(signal_safe_text::size_max - 3, 'x'))
        .append_decimal(123456)
        .append("y");
    EXPECT_EQ(text.view().size(), signal_safe_text::size_max);
    EXPECT_TRUE(text.view().ends_with("xx123"));
}

TEST(signal_safe_text, writes_itself_to_a_descriptor) {
    const pipe_ends ends = make_pipe().value();
    signal_safe_text text;
    text.append("hello\n").write(ends.writer.get());
    std::array<std::byte, 16> buffer;
    ASSERT_EQ(read(ends.reader.get(), buffer), io_result::success(6));
    EXPECT_EQ(text_of(std::span{buffer}.first(6)), "hello\n");
}

TEST(signal_safe_text, write_leaves_errno_alone) {
    errno = EXDEV;
    signal_safe_text{}.append("x").write(-1);
    EXPECT_EQ(errno, EXDEV);
}

} // namespace
} // namespace sennit::os
