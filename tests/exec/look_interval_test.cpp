#include <sennit/exec/look_interval.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>

namespace sennit::detail {
namespace {

std::uint32_t after(std::uint32_t turns, std::uint64_t elapsed_ns) {
    look_interval interval(turns);
    interval.note(1'000'000, elapsed_ns);
    return interval.turns();
}

TEST(look_interval, grows_by_one_when_a_look_comes_too_soon) {
    EXPECT_EQ(after(1, look_ns_min - 1), 2U);
    EXPECT_EQ(after(look_interval_max - 1, 0), look_interval_max);
    EXPECT_EQ(after(look_interval_max, 0), look_interval_max);
}

TEST(look_interval, stays_where_looks_are_neither_too_often_nor_too_rare) {
    EXPECT_EQ(after(30, look_ns_min), 30U);
    EXPECT_EQ(after(30, look_ns_max), 30U);
}

// Down to what would have been soonest, not step by step.
TEST(look_interval, falls_at_once_when_turns_become_long) {
    EXPECT_EQ(after(60, look_ns_max + 1), 29U);
    EXPECT_EQ(after(60, 60 * look_ns_wanted), 1U);
    EXPECT_EQ(after(60, UINT64_MAX), 1U) << "a look after every turn at the least";
    EXPECT_EQ(after(1, look_ns_max + 1), 1U);
}

TEST(look_interval, grows_again_only_after_a_while) {
    look_interval interval;
    std::uint64_t now = 1'000'000;
    interval.note(now, 100);
    EXPECT_EQ(interval.turns(), 2U);
    interval.note(now + look_ns_max - 1, 100);
    EXPECT_EQ(interval.turns(), 2U);
    interval.note(now += look_ns_max, 100);
    EXPECT_EQ(interval.turns(), 3U);
    interval.note(now += look_ns_max, look_ns_max + 1);
    EXPECT_EQ(interval.turns(), 1U);
    interval.note(now + 1, 100);
    EXPECT_EQ(interval.turns(), 1U) << "it fell just now";
}

// From any beginning, with turns of one length, looks come to be at most `look_ns_max` apart, unless one turn is longer.
TEST(look_interval, settles) {
    for (std::uint64_t turn_ns = 1; turn_ns < 1'000'000; turn_ns += turn_ns / 8 + 1) {
        for (std::uint32_t begin = 1; begin <= look_interval_max; ++begin) {
            look_interval interval(begin);
            std::uint64_t now = 0;
            const auto look = [&] {
                const std::uint64_t elapsed = interval.turns() * turn_ns;
                interval.note(now += elapsed + look_ns_max, elapsed);
                return elapsed;
            };
            for (std::uint32_t looks = 0; looks < look_interval_max; ++looks)
                look();
            const std::uint32_t settled = interval.turns();
            const std::uint64_t apart = look();
            EXPECT_EQ(interval.turns(), settled);
            EXPECT_TRUE(settled == 1 || apart <= look_ns_max) << turn_ns;
            EXPECT_TRUE(settled == look_interval_max || apart >= look_ns_min) << turn_ns;
        }
    }
}

// A flow that computes for 50 µs a turn, among others that wake for a moment: as many as came due meanwhile run before its next
// turn. However many those were at first, a look comes soon.
TEST(look_interval, a_burst_of_short_turns_does_not_put_off_the_next_looks) {
    constexpr std::uint64_t long_ns = 50'000, short_ns = 200, due_each_ns = 5'000;
    look_interval interval(look_interval_max);
    std::uint64_t now = 1'000'000, last_look = now, waiting = 400, seen = now;
    std::uint32_t turn = 0;
    std::uint64_t longest = 0;
    for (int long_turns = 0; long_turns < 4000;) {
        std::uint64_t elapsed = long_ns;
        if (waiting != 0) {
            --waiting;
            elapsed = short_ns;
        } else {
            ++long_turns;
        }
        now += elapsed;
        if (++turn < interval.turns()) continue;
        turn = 0;
        interval.note(now, now - last_look);
        if (long_turns > 200) longest = std::max(longest, now - last_look);
        last_look = now;
        waiting += (now - seen) / due_each_ns; // they are woken by the look
        seen = now - (now - seen) % due_each_ns;
    }
    EXPECT_LE(longest, 4 * long_ns);
}

} // namespace
} // namespace sennit::detail
