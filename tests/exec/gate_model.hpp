// The owner's gate (include/sennit/exec/owner_gate.hpp) as steps of a model, for the models of the gate
// and of the queue behind it.
//
// Left out: the number of a thief's looks before it resorts to the barrier, and before it gives up; it may do so at any of them.
#pragma once

#include "model/explore.hpp"

#include <string>

namespace sennit::model::gate {

/// The words of the gate; a state that has one calls it `gate`.
struct words {
    std::uint8_t busy, claimed;
};
enum : std::uint8_t { free = 0, wanted, granted }; // claimed

enum class barrier { there, left_out };

/// Appends what the owner does to come in. `where` makes the names of the steps unique.
template<class State>
void enter(program<State>& p, const std::string& where) {
    const std::string inside = where + ": inside";
    p.steps.push_back({where + ": busy = 1", [](auto& t) { t.store(t->gate.busy, 1); }});
    p.steps.push_back({where + ": claimed?", [=](auto& t) {
                           if (t.load(t->gate.claimed) == 0) t.go_to(inside);
                       }});
    p.steps.push_back({where + ": step back", [](auto& t) { t.store(t->gate.busy, 0); }});
    p.steps.push_back({where + ": consent",
                       [](auto& t) { t.compare_exchange(t->gate.claimed, wanted, granted); }});
    p.steps.push_back(
        {where + ": wait", [](auto& t) { t.wait_until(t.load(t->gate.claimed) != granted); }});
    p.steps.push_back({where + ": another thief?", [=](auto& t) {
                           if (t.load(t->gate.claimed) != free) t.go_to(where + ": consent");
                       }});
    p.steps.push_back({where + ": busy = 1 again", [](auto& t) { t.store(t->gate.busy, 1); }});
    p.steps.push_back({where + ": claimed again?", [=](auto& t) {
                           if (t.load(t->gate.claimed) != 0) t.go_to(where + ": step back");
                       }});
    p.steps.push_back({inside, [](auto&) {}});
}

template<class State>
void leave(program<State>& p, const std::string& where) {
    p.steps.push_back({where + ": busy = 0", [](auto& t) { t.store(t->gate.busy, 0); }});
}

/// Appends what a thief does to come in; it ends if it does not.
template<class State>
void claim(program<State>& p, barrier b) {
    p.steps.push_back({"claim", [](auto& t) {
                           if (t.compare_exchange(t->gate.claimed, free, wanted) != free) t.end();
                       }});
    p.steps.push_back({"granted?", [](auto& t) {
                           if (t.load(t->gate.claimed) == granted) return t.go_to("in the queue");
                           if (t.choose(2) == 0) t.go_to("granted?");
                       }});
    if (b == barrier::there) {
        p.steps.push_back({"membarrier", [](auto& t) { t.process_barrier(); }});
    }
    p.steps.push_back({"busy?", [](auto& t) {
                           if (t.choose(2) == 1) return t.go_to("give up");
                           t.wait_until(t.load(t->gate.busy) == 0);
                           t.go_to("in the queue");
                       }});
    p.steps.push_back({"give up", [](auto& t) {
                           t.store(t->gate.claimed, 0);
                           t.end();
                       }});
    p.steps.push_back({"in the queue", [](auto&) {}});
}

template<class State>
void unclaim(program<State>& p) {
    p.steps.push_back({"unclaim", [](auto& t) { t.store(t->gate.claimed, 0); }});
}

} // namespace sennit::model::gate
