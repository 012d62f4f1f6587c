// The owner's gate in all interleavings with store buffers: the owner enters twice, thieves come once.
// Whoever is inside adds one to a plain counter in two steps.
#include "exec/gate_model.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

struct state {
    gate::words gate;
    std::uint8_t counter;
    std::uint8_t inside;  // how many are, for the check
    std::uint8_t entries; // how many there were
    std::uint8_t owner_read, thief_read[2];
};

// Reads and writes what the gate guards.
void add_one(program<state>& p, const std::string& where, auto reading) {
    p.steps.push_back({where + ": read", [=](auto& t) {
                           ++t->inside;
                           t.check(t->inside == 1, "two are inside");
                           reading(*t) = t.load(t->counter);
                       }});
    p.steps.push_back({where + ": write", [=](auto& t) {
                           --t->inside;
                           ++t->entries;
                           t.store(t->counter, reading(*t) + 1u);
                       }});
}

program<state> owner() {
    program<state> p{"owner", {}};
    for (const char* where : {"first", "second"}) {
        gate::enter(p, where);
        add_one(p, where, [](state& s) -> auto& { return s.owner_read; });
        gate::leave(p, where);
    }
    return p;
}

program<state> thief(std::size_t number, gate::barrier b) {
    program<state> p{"thief " + std::to_string(number), {}};
    gate::claim(p, b);
    add_one(p, "thief", [=](state& s) -> auto& { return s.thief_read[number]; });
    gate::unclaim(p);
    return p;
}

verdict run(memory kind, gate::barrier b, std::size_t thieves) {
    system<state> s{kind, {owner()}};
    for (std::size_t i = 0; i < thieves; ++i)
        s.threads.push_back(thief(i, b));
    s.at_rest = [](const state& w) {
        if (w.counter != w.entries) return "what one wrote inside, the next did not see";
        return w.entries < 2 ? "the owner did not come in twice" : nullptr;
    };
    return explore(s);
}

TEST(owner_gate_model, one_is_inside_at_a_time) {
    for (const std::size_t thieves : {1u, 2u}) {
        const verdict v = run(memory::store_buffers, gate::barrier::there, thieves);
        EXPECT_TRUE(v.holds()) << v;
        EXPECT_GT(v.rests, 1U);
        RecordProperty("states", static_cast<int>(v.states));
    }
}

// The membarrier is what keeps the owner's store from being overtaken by its load.
TEST(owner_gate_model, two_are_inside_without_the_barrier) {
    const verdict v = run(memory::store_buffers, gate::barrier::left_out, 1);
    EXPECT_EQ(v.violation, "two are inside");
    EXPECT_TRUE(run(memory::sequential, gate::barrier::left_out, 1).holds())
        << "only store buffers make the difference";
}

} // namespace
} // namespace sennit::model
