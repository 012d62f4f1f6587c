// The meeting of a flow's end and its handle (src/core/flow.cpp: end, poll_done, forget_joiner, detach) in all
// interleavings with store buffers: the cell is freed once, nobody touches it afterwards, whoever waits is
// woken, and whoever is told that the flow has ended sees its result.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

// As in core/flow.hpp; two flows may be the joiner, one after the other.
enum : std::uint8_t { none, done, detached, joiner_a, joiner_b };

struct state {
    std::uint8_t join;
    std::uint8_t result;   // written by the flow before its end
    std::uint8_t woken[2]; // the joiners' own state words

    // for the checks
    std::uint8_t freed;

    // registers
    std::uint8_t flow_old, seen;
};

enum class ending { exchange, load_then_store };

// The cell must be there whenever somebody touches it.
void use_cell(turn<state>& t) { t.check(t->freed == 0, "the cell is used after it was freed"); }
void free_cell(turn<state>& t) {
    t.check(t->freed == 0, "the cell is freed twice");
    ++t->freed;
}

// flow::end().
program<state> flow_that_ends(ending how) {
    program<state> p{"flow", {}};
    p.steps = {
        {"result", [](auto& t) { t.store(t->result, 1); }},
        {"detached already?",
         [](auto& t) {
             use_cell(t);
             if (t.load(t->join) == detached) t.go_to("free");
         }},
    };
    if (how == ending::exchange) {
        p.steps.push_back({"done", [](auto& t) {
                               use_cell(t);
                               t->flow_old = t.exchange(t->join, done);
                           }});
    } else {
        p.steps.push_back({"look", [](auto& t) { t->flow_old = t.load(t->join); }});
        p.steps.push_back({"done", [](auto& t) { t.store(t->join, done); }});
    }
    p.steps.push_back({"what next?", [](auto& t) {
                           if (t->flow_old == detached) return t.go_to("free");
                           if (t->flow_old == none) t.end();
                       }});
    p.steps.push_back({"wake", [](auto& t) {
                           t.exchange(t->woken[t->flow_old - joiner_a], 1);
                           t.end();
                       }});
    p.steps.push_back({"free", free_cell});
    return p;
}

// flow::poll_done(), and sleep until woken if the flow has not ended. Goes on at "ended" or `otherwise`.
void add_poll(program<state>& p, const std::string& where, std::uint8_t mine, bool sleep,
              const std::string& otherwise) {
    p.steps.push_back({where + ": look", [](auto& t) {
                           use_cell(t);
                           t->seen = t.load(t->join);
                       }});
    p.steps.push_back({where + ": leave the waker", [=](auto& t) {
                           use_cell(t);
                           const std::uint8_t seen = t->seen;
                           if (seen == done) return t.go_to("ended");
                           if (seen != mine) {
                               t->seen = t.compare_exchange(t->join, seen, mine);
                               if (t->seen != seen) return t.go_to(where + ": leave the waker");
                           }
                           if (!sleep) t.go_to(otherwise);
                       }});
    if (!sleep) return;
    p.steps.push_back({where + ": sleep", [=](auto& t) {
                           const std::size_t joiner = mine - joiner_a;
                           t.wait_until(t.compare_exchange(t->woken[joiner], 1, 0) == 1);
                           t.go_to(where + ": look");
                       }});
}

// A handle does one of the things that handles do; which, is a choice.
program<state> handle() {
    program<state> p{"handle", {}};
    p.steps.push_back({"choose", [](auto& t) {
                           constexpr const char* uses[] = {"join: look", "detach", "try: look",
                                                           "move: look"};
                           t.go_to(uses[t.choose(4)]);
                       }});
    add_poll(p, "join", joiner_a, true, "");
    add_poll(p, "try", joiner_a, false, "forget");
    // The handle was polled by one flow and is then waited for by another, which may be woken in vain.
    add_poll(p, "move", joiner_a, false, "moved: look");
    add_poll(p, "moved", joiner_b, true, "");
    p.steps.push_back({"forget", [](auto& t) {
                           use_cell(t);
                           t.compare_exchange(t->join, joiner_a, none);
                       }});
    p.steps.push_back({"detach", [](auto& t) {
                           use_cell(t);
                           if (t.exchange(t->join, detached) == done) return t.go_to("free");
                           t.end();
                       }});
    p.steps.push_back({"ended", [](auto& t) {
                           t.check(t.load(t->result) == 1, "the joiner misses the result");
                       }});
    p.steps.push_back({"free", free_cell});
    return p;
}

verdict run(ending how) {
    system<state> s{memory::store_buffers, {flow_that_ends(how), handle()}};
    s.at_rest = [](const state& w) { return w.freed == 1 ? nullptr : "the cell is never freed"; };
    return explore(s);
}

TEST(join_model, cell_is_freed_once_and_the_joiner_is_woken) {
    const verdict v = run(ending::exchange);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_GT(v.rests, 2U);
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(join_model, an_end_in_two_steps_is_found_out) {
    EXPECT_FALSE(run(ending::load_then_store).holds());
}

} // namespace
} // namespace sennit::model
