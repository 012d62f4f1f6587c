#include <sennit/exec/look_interval.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace sennit::detail {
namespace {

TEST(look_interval, grows_by_one_while_looks_come_too_soon) {
    EXPECT_EQ(look_interval_after(1, look_ns_min - 1), 2U);
    EXPECT_EQ(look_interval_after(look_interval_max - 1, 0), look_interval_max);
    EXPECT_EQ(look_interval_after(look_interval_max, 0), look_interval_max);
}

TEST(look_interval, stays_where_looks_are_neither_too_often_nor_too_rare) {
    EXPECT_EQ(look_interval_after(30, look_ns_min), 30U);
    EXPECT_EQ(look_interval_after(30, look_ns_max), 30U);
}

// Down to what would have been soonest, not step by step.
TEST(look_interval, falls_at_once_when_turns_become_long) {
    EXPECT_EQ(look_interval_after(60, look_ns_max + 1), 29U);
    EXPECT_EQ(look_interval_after(60, 60 * look_ns_wanted), 1U);
    EXPECT_EQ(look_interval_after(60, UINT64_MAX), 1U) << "a look after every turn at the least";
    EXPECT_EQ(look_interval_after(1, look_ns_max + 1), 1U);
}

// From any beginning, with turns of one length, looks come to be at most `look_ns_max` apart, unless one turn is longer.
TEST(look_interval, settles) {
    for (std::uint64_t turn_ns = 1; turn_ns < 1'000'000; turn_ns += turn_ns / 8 + 1) {
        for (std::uint32_t begin = 1; begin <= look_interval_max; ++begin) {
            std::uint32_t interval = begin;
            for (std::uint32_t look = 0; look < look_interval_max; ++look)
                interval = look_interval_after(interval, interval * turn_ns);
            EXPECT_EQ(look_interval_after(interval, interval * turn_ns), interval);
            EXPECT_TRUE(interval == 1 || interval * turn_ns <= look_ns_max) << turn_ns;
            EXPECT_TRUE(interval == look_interval_max || interval * turn_ns >= look_ns_min)
                << turn_ns;
        }
    }
}

} // namespace
} // namespace sennit::detail
