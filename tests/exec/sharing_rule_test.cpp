// The rule is a function of what it is told: the tests are the worker, and the time is theirs.
#include <sennit/exec/sharing_rule.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace sennit::detail {
namespace {

constexpr std::uint64_t fast = 50, slow = fast * sharing_rule::slower_by + 1;

// A worker that has measured its turns while it was alone.
class sharing : public testing::Test {
protected:
    sharing() { look(fast, true); }

    // One look, `step` after the last.
    void look(std::uint64_t turn_ns, bool alone, std::uint64_t waiting = 0) {
        now_ += step;
        rule.note(now_, turn_ns, waiting, alone);
    }
    void look_often(std::uint32_t times, std::uint64_t turn_ns) {
        for (std::uint32_t i = 0; i < times; ++i)
            look(turn_ns, false);
    }
    // Sharing turns out badly.
    void fail() { look_often(sharing_rule::slow_looks_max, slow); }
    // For how long nothing is to be taken from now on, in turns that tell nothing.
    std::uint64_t kept_for() {
        const std::uint64_t begin = now_;
        while (rule.is_keeping())
            look(fast, true);
        return now_ - begin;
    }

    static constexpr std::uint64_t step = 20'000;
    sharing_rule rule;

private:
    std::uint64_t now_ = 1'000'000;
};

// ---- what siblings may take

TEST_F(sharing, one_flow_is_its_owners_next) {
    EXPECT_FALSE(rule.has_surplus(0, 0));
    EXPECT_FALSE(rule.has_surplus(1, 1));
    rule.note_long_turn();
    EXPECT_FALSE(rule.has_surplus(1, 1));
}

TEST_F(sharing, free_flows_may_be_taken_and_bound_ones_not) {
    EXPECT_TRUE(rule.has_surplus(2, 1));
    EXPECT_FALSE(rule.has_surplus(1'000, 0));
}

TEST_F(sharing, an_overloaded_worker_shares_bound_flows_too) {
    const std::uint64_t waiting = sharing_rule::overload_ns / fast;
    look(fast, false, waiting);
    EXPECT_FALSE(rule.is_overloaded()) << "a flow queued now waits no longer than the limit";
    look(fast, false, waiting + 1);
    EXPECT_TRUE(rule.is_overloaded());
    EXPECT_TRUE(rule.has_surplus(2, 0));
    look(fast, false, waiting);
    EXPECT_FALSE(rule.is_overloaded());
    EXPECT_FALSE(rule.has_surplus(2, 0));
}

TEST_F(sharing, a_long_turn_is_an_overload_until_the_next_look) {
    rule.note_long_turn();
    EXPECT_TRUE(rule.has_surplus(2, 0));
    look(fast, false);
    EXPECT_FALSE(rule.is_overloaded());
}

// ---- when sharing turns out badly

TEST_F(sharing, so_many_slow_looks_in_a_row_end_it) {
    look_often(sharing_rule::slow_looks_max - 1, slow);
    EXPECT_FALSE(rule.is_keeping());
    look(slow, false, 1'000);
    EXPECT_TRUE(rule.is_keeping());
    EXPECT_FALSE(rule.is_overloaded()) << "nothing is to be taken, however long the queue is";
    EXPECT_FALSE(rule.has_surplus(1'000, 1'000));
}

TEST_F(sharing, what_the_monitor_finds_overrides_it) {
    fail();
    rule.note_long_turn();
    EXPECT_TRUE(rule.has_surplus(2, 0));
}

TEST_F(sharing, a_better_look_among_the_slow_ones_begins_the_count_anew) {
    for (const bool alone : {false, true}) {
        look_often(sharing_rule::slow_looks_max - 1, slow);
        look(fast, alone);
        look_often(sharing_rule::slow_looks_max - 1, slow);
        EXPECT_FALSE(rule.is_keeping());
        look(fast, alone);
    }
}

TEST_F(sharing, turns_up_to_three_times_as_long_are_not_slow) {
    look_often(sharing_rule::slow_looks_max * 2, slow - 1);
    EXPECT_FALSE(rule.is_keeping());
}

TEST_F(sharing, long_turns_are_worth_moving_a_flow_however_slow) {
    look_often(sharing_rule::slow_looks_max * 2, sharing_rule::worth_moving_ns);
    EXPECT_FALSE(rule.is_keeping());
    look_often(sharing_rule::slow_looks_max, sharing_rule::worth_moving_ns - 1);
    EXPECT_TRUE(rule.is_keeping());
}

TEST(sharing_rule, a_worker_that_was_never_alone_has_nothing_to_compare_with) {
    sharing_rule rule;
    for (std::uint64_t now = 0; now < 100; ++now)
        rule.note(now, sharing_rule::worth_moving_ns - 1, 0, false);
    EXPECT_FALSE(rule.is_keeping());
}

TEST_F(sharing, turns_alone_are_measured_as_a_mean_that_forgets) {
    look(slow * 8, true); // the mean is (7 * fast + 8 * slow) / 8 now
    look_often(sharing_rule::slow_looks_max, slow * sharing_rule::slower_by);
    EXPECT_FALSE(rule.is_keeping()) << "some of it counts at once";
    look_often(sharing_rule::slow_looks_max, slow * 4);
    EXPECT_TRUE(rule.is_keeping()) << "but not all of it";
    while (rule.is_keeping())
        look(fast, true);
    fail();
    EXPECT_TRUE(rule.is_keeping()) << "and by now it is forgotten";
}

// ---- for how long

TEST_F(sharing, ends_for_twice_as_long_each_time_up_to_a_limit) {
    for (const std::uint64_t ms : {5, 10, 20, 40, 80, 160, 160, 160}) {
        fail();
        EXPECT_EQ(kept_for(), ms * 1'000'000);
    }
}

TEST_F(sharing, what_stays_slow_while_nothing_is_taken_makes_it_longer) {
    fail();
    fail();
    EXPECT_EQ(kept_for(), 2 * sharing_rule::keep_ns_min);
}

TEST_F(sharing, many_better_looks_let_it_end_for_a_short_time_again) {
    fail();
    kept_for();
    fail();
    kept_for();
    look_often(sharing_rule::good_looks_max - 1, fast);
    fail(); // too few: and they are counted anew
    EXPECT_EQ(kept_for(), 4 * sharing_rule::keep_ns_min);
    look_often(sharing_rule::good_looks_max - 1, fast);
    fail();
    EXPECT_EQ(kept_for(), 8 * sharing_rule::keep_ns_min);
    look_often(sharing_rule::good_looks_max, fast);
    fail();
    EXPECT_EQ(kept_for(), sharing_rule::keep_ns_min);
}

TEST_F(sharing, goes_on_when_the_time_is_over) {
    fail();
    kept_for();
    EXPECT_TRUE(rule.has_surplus(2, 1));
    EXPECT_FALSE(rule.has_surplus(2, 0));
    look(fast, false, 1'000);
    EXPECT_TRUE(rule.has_surplus(2, 0));
}

} // namespace
} // namespace sennit::detail
