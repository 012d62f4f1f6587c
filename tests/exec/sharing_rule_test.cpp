// The rule is a function of what it is told: the tests are the worker, and the time is theirs.
#include <sennit/exec/sharing_rule.hpp>

#include <gtest/gtest.h>

#include <cstdint>

namespace sennit::detail {
namespace {

constexpr std::uint64_t fast = 50;
constexpr std::uint64_t loss_max = sharing_rule::loss_max_ns;

// A worker that has measured its turns while it was alone.
class sharing : public testing::Test {
protected:
    sharing() { look(fast, true); }

    // One look, `step` after the last.
    void look(std::uint64_t turn_ns, bool alone, std::uint64_t waiting = 0) {
        now_ += step;
        rule.note(now_, turn_ns, waiting, alone);
    }
    // A thief has run `turns` turns, and spent so much more on them than they are worth.
    void lose(std::int64_t loss_ns, std::uint64_t turns = 1'000) {
        const std::uint64_t worth = turns * fast * sharing_rule::worth_of_turn;
        rule.note_taken(now_, turns, worth + static_cast<std::uint64_t>(loss_ns));
    }
    // Sharing turns out badly.
    void fail() { lose(sharing_rule::loss_max_ns); }
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

TEST_F(sharing, ends_when_so_much_is_lost) {
    lose(loss_max - 1);
    EXPECT_FALSE(rule.is_keeping());
    lose(1);
    EXPECT_TRUE(rule.is_keeping()) << "at once, not at the owner's next look";
    look(fast, false, 1'000);
    EXPECT_TRUE(rule.is_keeping());
    EXPECT_FALSE(rule.is_overloaded()) << "nothing is to be taken, however long the queue is";
    EXPECT_FALSE(rule.has_surplus(1'000, 1'000));
}

TEST_F(sharing, what_the_monitor_finds_overrides_it) {
    fail();
    rule.note_long_turn();
    EXPECT_TRUE(rule.has_surplus(2, 0));
}

TEST_F(sharing, twice_the_time_is_no_loss) {
    for (int i = 0; i < 1'000; ++i)
        lose(0);
    EXPECT_FALSE(rule.is_keeping());
}

TEST_F(sharing, gains_are_counted_against_losses) {
    rule.note_taken(0, 1'000, 1'000 * fast); // half of what that is worth
    lose(1'000 * fast + loss_max - 1);
    EXPECT_FALSE(rule.is_keeping());
    lose(1);
    EXPECT_TRUE(rule.is_keeping());
}

TEST_F(sharing, but_not_for_ever) {
    for (int i = 0; i < 1'000; ++i)
        rule.note_taken(0, 1'000, 1'000 * fast);
    lose(2 * loss_max - 1);
    EXPECT_FALSE(rule.is_keeping());
    lose(1);
    EXPECT_TRUE(rule.is_keeping());
}

TEST_F(sharing, what_was_taken_and_never_ran_is_a_loss) {
    rule.note_taken(0, 0, loss_max);
    EXPECT_TRUE(rule.is_keeping());
}

TEST_F(sharing, long_turns_are_worth_moving_a_flow_however_slow) {
    for (int i = 0; i < 100; ++i)
        rule.note_taken(0, 10, 10 * sharing_rule::worth_moving_ns);
    EXPECT_FALSE(rule.is_keeping());
    for (int i = 0; i < 2; ++i)
        rule.note_taken(0, 10, 10 * sharing_rule::worth_moving_ns - 1);
    EXPECT_TRUE(rule.is_keeping()) << "the first made up for what had been gained";
}

TEST(sharing_rule, a_worker_that_was_never_alone_has_nothing_to_compare_with) {
    sharing_rule rule;
    rule.note(1, fast, 0, false);
    rule.note_taken(2, 1, sharing_rule::worth_moving_ns - 1);
    rule.note_taken(2, 1'000, 1'000'000'000);
    EXPECT_FALSE(rule.is_keeping());
}

TEST_F(sharing, turns_alone_are_measured_as_a_mean_that_forgets) {
    constexpr std::uint64_t longer = fast * 4;
    look(longer, true); // the mean is (7 * fast + longer) / 8 now
    lose(loss_max);
    EXPECT_FALSE(rule.is_keeping()) << "some of it counts at once";
    lose(loss_max);
    EXPECT_TRUE(rule.is_keeping()) << "but not all of it";
    kept_for();
    fail();
    EXPECT_TRUE(rule.is_keeping()) << "and by now it is forgotten";
}

TEST_F(sharing, one_look_at_a_turn_without_a_processor_counts_for_little) {
    sharing_rule other;
    for (sharing_rule* one : {&rule, &other})
        one->note(0, fast, 0, true);
    rule.note(1, fast * 4, 0, true);
    other.note(1, fast * 1'000'000, 0, true);
    for (sharing_rule* one : {&rule, &other})
        one->note_taken(2, 1'000, 1'000 * fast * sharing_rule::worth_of_turn + 2 * loss_max);
    EXPECT_EQ(rule.is_keeping(), other.is_keeping());
    EXPECT_TRUE(other.is_keeping());
}

// ---- for how long

TEST_F(sharing, ends_for_twice_as_long_each_time_up_to_a_limit) {
    for (const std::uint64_t ms : {5, 10, 20, 40, 80, 160, 160, 160}) {
        fail();
        EXPECT_EQ(kept_for(), ms * 1'000'000);
    }
}

TEST_F(sharing, a_gain_as_large_lets_it_end_for_a_short_time_again) {
    fail();
    kept_for();
    fail();
    EXPECT_EQ(kept_for(), 2 * sharing_rule::keep_ns_min);
    rule.note_taken(0, loss_max / fast - 1, loss_max - fast); // not quite
    lose(2 * loss_max);
    EXPECT_EQ(kept_for(), 4 * sharing_rule::keep_ns_min);
    rule.note_taken(0, loss_max / fast, loss_max);
    lose(2 * loss_max);
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
