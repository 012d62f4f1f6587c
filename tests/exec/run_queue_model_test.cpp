// The run queue (include/sennit/exec/run_queue.hpp, src/exec/run_queue.cpp) behind its gate, in all
// interleavings with store buffers: the owner pushes three runnables into a ring of four that is about to
// wrap, takes one out of the middle and pops; thieves take half. Every runnable is delivered once.
//
// Left out: the slot (the owner's alone, but for a stuck queue) and growth, which happens inside the gate.
#include "exec/gate_model.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace sennit::model {
namespace {

constexpr unsigned capacity = 4, items = 3, child = 2; // `child` is run in place by its joiner

struct state {
    gate::words gate{};
    std::uint8_t head = 3, tail = 3;
    std::array<std::uint8_t, capacity> ring{}; // 0: a hole

    // for the checks
    std::array<std::uint8_t, items + 1> delivered{};

    // registers
    std::uint8_t owner_head = 0, owner_tail = 0, owner_item = 0, child_index = 0;
    struct thief {
        std::uint8_t head, tail, left;
    };
    std::array<thief, 2> thieves{};
};

void deliver(turn<state>& t, std::uint8_t item) {
    ++t->delivered[item];
    t.check(t->delivered[item] == 1, "a runnable is delivered twice");
}

void add_push(program<state>& p, std::uint8_t item) {
    const std::string where = "push " + std::to_string(item);
    gate::enter(p, where);
    p.steps.push_back({where + ": tail", [](auto& t) { t->owner_tail = t.load(t->tail); }});
    p.steps.push_back({where + ": slot", [=](auto& t) {
                           if (item == child) t->child_index = t->owner_tail;
                           t.store(t->ring[t->owner_tail % capacity], item);
                       }});
    p.steps.push_back(
        {where + ": tail + 1", [](auto& t) { t.store(t->tail, t->owner_tail + 1u); }});
    gate::leave(p, where);
}

// run_queue::take()
void add_take(program<state>& p) {
    gate::enter(p, "take");
    p.steps.push_back({"take: head", [](auto& t) { t->owner_head = t.load(t->head); }});
    p.steps.push_back({"take: tail", [](auto& t) {
                           t->owner_tail = t.load(t->tail);
                           const unsigned index = t->child_index;
                           if (index - t->owner_head >= unsigned(t->owner_tail) - t->owner_head) {
                               t.go_to("take: busy = 0");
                           }
                       }});
    p.steps.push_back({"take: is it there?", [](auto& t) {
                           const unsigned index = t->child_index;
                           if (t.load(t->ring[index % capacity]) != child) {
                               return t.go_to("take: busy = 0");
                           }
                           deliver(t, child);
                           if (index + 1 != t->owner_tail) t.go_to("take: hole");
                       }});
    p.steps.push_back({"take: tail - 1", [](auto& t) {
                           t.store(t->tail, t->owner_tail - 1u);
                           t.go_to("take: busy = 0");
                       }});
    p.steps.push_back(
        {"take: hole", [](auto& t) { t.store(t->ring[t->child_index % capacity], 0); }});
    gate::leave(p, "take");
}

// run_queue::pop(), until the queue is empty.
void add_pops(program<state>& p) {
    gate::enter(p, "pop");
    p.steps.push_back({"pop: head", [](auto& t) { t->owner_head = t.load(t->head); }});
    p.steps.push_back({"pop: tail", [](auto& t) {
                           t->owner_item = 0;
                           if (t.load(t->tail) == t->owner_head) t.go_to("pop: busy = 0");
                       }});
    p.steps.push_back({"pop: slot", [](auto& t) {
                           t->owner_item = t.load(t->ring[t->owner_head % capacity]);
                           ++t->owner_head;
                       }});
    p.steps.push_back({"pop: head + 1", [](auto& t) {
                           t.store(t->head, t->owner_head);
                           if (t->owner_item == 0) return t.go_to("pop: tail");
                           deliver(t, t->owner_item);
                       }});
    gate::leave(p, "pop");
    p.steps.push_back({"again?", [](auto& t) {
                           if (t->owner_item != 0) t.go_to("pop: busy = 1");
                       }});
}

program<state> owner() {
    program<state> p{"owner", {}};
    add_push(p, 1);
    add_push(p, 2);
    add_push(p, 3);
    add_take(p);
    add_pops(p);
    return p;
}

// run_queue::steal()
program<state> thief(std::size_t me, gate::barrier b) {
    program<state> p{"thief " + std::to_string(me), {}};
    gate::claim(p, b);
    p.steps.push_back({"head", [=](auto& t) { t->thieves[me].head = t.load(t->head); }});
    p.steps.push_back({"tail", [=](auto& t) {
                           auto& mine = t->thieves[me];
                           mine.tail = t.load(t->tail);
                           const unsigned size = unsigned(mine.tail) - mine.head;
                           t.check(size <= capacity, "the ring is inconsistent");
                           mine.left = static_cast<std::uint8_t>((size + 1) / 2);
                       }});
    p.steps.push_back({"one more?", [=](auto& t) {
                           if (t->thieves[me].left-- == 0) {
                               t->thieves[me].left = 0;
                               t.go_to("new head");
                           }
                       }});
    p.steps.push_back({"slot", [=](auto& t) {
                           const std::uint8_t item =
                               t.load(t->ring[t->thieves[me].head++ % capacity]);
                           if (item != 0) deliver(t, item);
                           t.go_to("one more?");
                       }});
    p.steps.push_back({"new head", [=](auto& t) { t.store(t->head, t->thieves[me].head); }});
    gate::unclaim(p);
    return p;
}

verdict run(memory kind, gate::barrier b, std::size_t thieves) {
    system<state> s{kind, {owner()}};
    for (std::size_t i = 0; i < thieves; ++i)
        s.threads.push_back(thief(i, b));
    s.at_rest = [](const state& w) {
        for (unsigned item = 1; item <= items; ++item) {
            if (w.delivered[item] != 1) return "a runnable is lost";
        }
        return static_cast<const char*>(nullptr);
    };
    return explore(s);
}

TEST(run_queue_model, every_runnable_is_delivered_once) {
    for (const std::size_t thieves : {1u, 2u}) {
        const verdict v = run(memory::store_buffers, gate::barrier::there, thieves);
        EXPECT_TRUE(v.holds()) << v;
        EXPECT_GT(v.rests, 1U);
        RecordProperty("states", static_cast<int>(v.states));
    }
}

TEST(run_queue_model, runnables_are_lost_or_doubled_without_the_barrier) {
    const verdict v = run(memory::store_buffers, gate::barrier::left_out, 1);
    EXPECT_FALSE(v.holds());
    EXPECT_TRUE(run(memory::sequential, gate::barrier::left_out, 1).holds());
}

} // namespace
} // namespace sennit::model
