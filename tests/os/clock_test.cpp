#include <sennit/os/clock.hpp>

#include <gtest/gtest.h>

#include <chrono>

namespace sennit::os {
namespace {

TEST(now_ns, never_goes_back) {
    std::int64_t last = now_ns();
    for (int i = 0; i < 10'000; ++i) {
        const std::int64_t now = now_ns();
        ASSERT_GE(now, last);
        last = now;
    }
}

TEST(now_ns, is_the_steady_clock) {
    const auto before = std::chrono::steady_clock::now().time_since_epoch();
    const std::chrono::nanoseconds now{now_ns()};
    const auto after = std::chrono::steady_clock::now().time_since_epoch();
    EXPECT_LE(before, now);
    EXPECT_LE(now, after);
}

// A microsecond is hundreds of ticks on x86-64 and dozens on AArch64.
TEST(ticks, advance_with_time) {
    const std::uint64_t first = ticks();
    const std::int64_t begin = now_ns();
    while (now_ns() - begin < 1000) {}
    EXPECT_GT(ticks(), first);
}

} // namespace
} // namespace sennit::os
