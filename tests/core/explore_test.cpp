// The model checker on models whose answers are known: the litmus tests of TSO, a deadlock, a lost update.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <array>

namespace sennit::model {
namespace {

struct words {
    std::uint8_t x, y;
    std::array<std::uint8_t, 2> seen;
};

enum class side { nothing, barrier, process_barrier };

// A thread that stores to its own word and then looks at the other's.
program<words> look_after_store(std::size_t me, side between) {
    const auto mine = me == 0 ? &words::x : &words::y;
    const auto others = me == 0 ? &words::y : &words::x;
    program<words> p{me == 0 ? "left" : "right", {}};
    p.steps.push_back({"store", [=](auto& t) { t.store((*t).*mine, 1); }});
    if (between == side::barrier) p.steps.push_back({"barrier", [](auto& t) { t.barrier(); }});
    if (between == side::process_barrier) {
        p.steps.push_back({"process barrier", [](auto& t) { t.process_barrier(); }});
    }
    p.steps.push_back({"load", [=](auto& t) { t->seen[me] = t.load((*t).*others); }});
    return p;
}

verdict store_buffering(memory kind, side left, side right) {
    system<words> s{kind, {look_after_store(0, left), look_after_store(1, right)}};
    s.at_rest = [](const words& w) {
        return w.seen[0] == 0 && w.seen[1] == 0 ? "neither saw the other" : nullptr;
    };
    return explore(s);
}

TEST(explore, finds_the_store_buffers_of_tso) {
    EXPECT_TRUE(store_buffering(memory::sequential, side::nothing, side::nothing).holds());
    const verdict v = store_buffering(memory::store_buffers, side::nothing, side::nothing);
    EXPECT_EQ(v.violation, "neither saw the other");
    EXPECT_FALSE(v.trace.empty());
}

TEST(explore, needs_a_barrier_on_both_sides_or_one_for_the_process) {
    const auto run = [](side left, side right) {
        return store_buffering(memory::store_buffers, left, right);
    };
    EXPECT_FALSE(run(side::barrier, side::nothing).holds());
    EXPECT_FALSE(run(side::nothing, side::barrier).holds());
    EXPECT_TRUE(run(side::barrier, side::barrier).holds());
    EXPECT_TRUE(run(side::nothing, side::process_barrier).holds());
    EXPECT_TRUE(run(side::process_barrier, side::nothing).holds());
}

TEST(explore, stores_of_a_thread_arrive_in_order) {
    system<words> s{
        memory::store_buffers,
        {{"writer",
          {{"data", [](auto& t) { t.store(t->x, 1); }},
           {"flag", [](auto& t) { t.store(t->y, 1); }}}},
         {"reader",
          {{"flag", [](auto& t) { t.wait_until(t.load(t->y) == 1); }},
           {"data", [](auto& t) { t.check(t.load(t->x) == 1, "flag before data"); }}}}}};
    const verdict v = explore(s);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_EQ(v.rests, 1U);
}

TEST(explore, a_thread_sees_its_own_newest_store) {
    system<words> s{memory::store_buffers,
                    {{"writer",
                      {{"one", [](auto& t) { t.store(t->x, 1); }},
                       {"two", [](auto& t) { t.store(t->x, 2); }},
                       {"look", [](auto& t) { t.check(t.load(t->x) == 2, "an old value"); }}}}}};
    EXPECT_TRUE(explore(s).holds());
}

program<words> increment_by_load_and_store(std::size_t me) {
    return {"adder",
            {{"load", [=](auto& t) { t->seen[me] = t.load(t->x); }},
             {"store", [=](auto& t) { t.store(t->x, t->seen[me] + 1u); }}}};
}

TEST(explore, finds_a_lost_update_and_none_with_fetch_add) {
    system<words> s{memory::sequential,
                    {increment_by_load_and_store(0), increment_by_load_and_store(1)}};
    s.at_rest = [](const words& w) { return w.x == 2 ? nullptr : "an update is lost"; };
    const verdict lost = explore(s);
    EXPECT_EQ(lost.violation, "an update is lost");
    EXPECT_EQ(lost.trace.size(), 4U) << lost;

    const program<words> atomic{"adder", {{"add", [](auto& t) { t.fetch_add(t->x, 1); }}}};
    s.threads = {atomic, atomic};
    EXPECT_TRUE(explore(s).holds());
}

// Two locks taken in opposite orders.
TEST(explore, finds_a_deadlock_and_names_it) {
    const auto lock = [](auto word) {
        return [=](auto& t) { t.wait_until(t.compare_exchange((*t).*word, 0, 1) == 0); };
    };
    const system<words> s{memory::sequential,
                          {{"ab", {{"lock a", lock(&words::x)}, {"lock b", lock(&words::y)}}},
                           {"ba", {{"lock b", lock(&words::y)}, {"lock a", lock(&words::x)}}}}};
    const verdict v = explore(s);
    EXPECT_EQ(v.violation.find("deadlock: "), 0U) << v;
}

TEST(explore, tries_every_choice_and_ends_loops) {
    system<words> s{
        memory::sequential,
        {{"chooser",
          {{"choose", [](auto& t) { t->seen[0] = static_cast<std::uint8_t>(t.choose(3)); }},
           {"again", [](auto& t) {
                if (t->seen[0] != 2) t.go_to("choose");
            }}}}}};
    const verdict v = explore(s);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_EQ(v.rests, 1U);
}

TEST(explore, objects_to_a_step_that_touches_two_words) {
    const system<words> s{memory::sequential,
                          {{"both", {{"copy", [](auto& t) { t.store(t->y, t.load(t->x)); }}}}}};
    EXPECT_EQ(explore(s).violation, "a step touches two shared words");
}

} // namespace
} // namespace sennit::model
