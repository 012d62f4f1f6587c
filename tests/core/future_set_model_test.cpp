// The queue of a future_set (src/core/future_set.cpp) in all interleavings with store buffers: two children, each woken by
// a thread of its own, and a flow that polls them and may drop the set whenever it is awake. Each cell and the queue are
// freed once, nobody touches the queue afterwards, and no wake is lost: who is at rest has seen every event.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

enum : std::uint8_t { empty, child_a, child_b, closed };     // the queue's head
enum : std::uint8_t { alive = 1, active = 2, notified = 4 }; // a child's state word

struct state {
    std::uint8_t head;
    std::uint8_t users;
    std::uint8_t word[2];
    std::uint8_t event[2];
    std::uint8_t woken;   // the owner's flow
    std::uint8_t next[2]; // the owner of the child's

    // for the checks
    std::uint8_t freed[2], queue_freed;

    // registers of the owner
    std::uint8_t ready, at, seen, strays, taken;
    // registers of the wakers
    std::uint8_t old[2], pinned[2];
};

struct variant {
    bool may_drop = true;
    bool pins = true; // the pusher of the first child keeps the queue
    bool counts_strays_late = false;
    bool wakes = true; // the pusher of the first child wakes the owner
};

void use_queue(turn<state>& t) {
    t.check(t->queue_freed == 0, "the queue is used after it was freed");
}
void free_child(turn<state>& t, std::size_t i) {
    t.check(t->freed[i] == 0, "a cell is freed twice");
    ++t->freed[i];
}
void release(turn<state>& t, int count) {
    use_queue(t);
    if (t.fetch_add(t->users, -count) != count) return;
    t.check(t->queue_freed == 0, "the queue is freed twice");
    ++t->queue_freed;
}

// waker::wake, set_executor::execute and ready_queue::push.
program<state> waker_of(std::size_t i, variant v) {
    program<state> p{i == 0 ? "waker a" : "waker b", {}};
    p.steps = {
        {"event", [=](auto& t) { t.store(t->event[i], 1); }},
        {"wake",
         [=](auto& t) {
             const bool submit = t.locked([=](state& s) {
                 if ((s.word[i] & alive) == 0) return false;
                 const bool asleep = (s.word[i] & active) == 0;
                 s.word[i] |= asleep ? active : notified;
                 return asleep;
             });
             if (!submit) t.end();
         }},
        {"look",
         [=](auto& t) {
             use_queue(t);
             t->old[i] = t.load(t->head);
         }},
        {"pin",
         [=](auto& t) {
             if (t->old[i] != empty || t->pinned[i] != 0 || !v.pins) return;
             t->pinned[i] = 1;
             use_queue(t);
             t.fetch_add(t->users, 1);
         }},
        {"push",
         [=](auto& t) {
             if (t->old[i] == closed) return t.go_to("free");
             t->next[i] = t->old[i];
             use_queue(t);
             const std::uint8_t seen =
                 t.compare_exchange(t->head, t->old[i], child_a + static_cast<unsigned>(i));
             const bool done = seen == t->old[i];
             t->old[i] = seen;
             if (!done) return t.go_to("pin");
             if (seen != empty) t.go_to("unpin");
         }},
        {"read the owner", [=](auto& t) { use_queue(t); }},
        {"wake the owner",
         [=](auto& t) {
             if (v.wakes) t.exchange(t->woken, 1);
         }},
        {"unpin",
         [=](auto& t) {
             if (t->pinned[i] != 0) release(t, 1);
             t.end();
         }},
        {"free", [=](auto& t) { free_child(t, i); }},
        {"finish", [=](auto& t) { t.store(t->word[i], 0); }},
        {"release", [=](auto& t) { release(t, t->pinned[i] != 0 ? 2 : 1); }},
    };
    return p;
}

// What was pushed, taken apart: the children are the owner's now.
std::uint8_t chain_of(const state& s, std::uint8_t head) {
    std::uint8_t bits = 0;
    while (head != empty) {
        const auto i = static_cast<std::size_t>(head - child_a);
        bits |= static_cast<std::uint8_t>(1u << i);
        head = s.next[i];
    }
    return bits;
}

// future_set::poll_each, and set_core::clear.
program<state> owner(variant v) {
    program<state> p{"owner", {}};
    p.steps.push_back({"turn", [=](auto& t) {
                           if (v.may_drop && t.choose(2) == 1) t.go_to("drop");
                       }});
    p.steps.push_back({"take", [](auto& t) {
                           use_queue(t);
                           const std::uint8_t head = t.exchange(t->head, empty);
                           t->ready |= chain_of(*t, head);
                       }});
    p.steps.push_back({"next", [=](auto& t) {
                           if (t->freed[0] != 0 && t->freed[1] != 0) return t.go_to("close");
                           if (t->ready == 0) return t.go_to("sleep");
                           t->at = (t->ready & 1) != 0 ? 0 : 1;
                           t->ready &= static_cast<std::uint8_t>(~(1u << t->at));
                       }});
    p.steps.push_back({"poll", [](auto& t) { t->seen = t.load(t->event[t->at]); }});
    p.steps.push_back({"park", [](auto& t) {
                           if (t->seen != 0) return t.go_to("finish");
                           const bool again = t.locked([](state& s) {
                               const bool is_notified = (s.word[s.at] & notified) != 0;
                               s.word[s.at] &=
                                   static_cast<std::uint8_t>(~(is_notified ? notified : active));
                               return is_notified;
                           });
                           if (again) t->ready |= static_cast<std::uint8_t>(1u << t->at);
                           t.go_to("next");
                       }});
    p.steps.push_back({"finish", [](auto& t) {
                           t.store(t->word[t->at], 0);
                           free_child(t, t->at);
                           t.go_to("next");
                       }});
    p.steps.push_back({"sleep", [=](auto& t) {
                           if (v.may_drop && t.choose(2) == 1) return t.go_to("drop");
                           t.wait_until(t.exchange(t->woken, 0) == 1);
                           t.go_to("turn");
                       }});

    p.steps.push_back({"drop", [](auto& t) {
                           if (t->ready == 0) return t.go_to("stray a?");
                           t->at = (t->ready & 1) != 0 ? 0 : 1;
                           t->ready &= static_cast<std::uint8_t>(~(1u << t->at));
                           t.store(t->word[t->at], 0);
                           free_child(t, t->at);
                           t.go_to("drop");
                       }});
    for (const std::size_t i : {0u, 1u}) {
        p.steps.push_back({i == 0 ? "stray a?" : "stray b?", [=](auto& t) {
                               if (t->freed[i] != 0) return;
                               const bool mine = t.locked([=](state& s) {
                                   const bool asleep = (s.word[i] & active) == 0;
                                   s.word[i] = asleep ? 0 : s.word[i] | notified;
                                   return asleep;
                               });
                               if (mine) {
                                   free_child(t, i);
                               } else {
                                   ++t->strays;
                               }
                           }});
    }
    const step<state> count_strays = {"count strays", [](auto& t) {
                                          use_queue(t);
                                          t.fetch_add(t->users, t->strays);
                                      }};
    const step<state> close = {"close", [](auto& t) {
                                   use_queue(t);
                                   const std::uint8_t bits =
                                       chain_of(*t, t.exchange(t->head, closed));
                                   for (const std::size_t i : {0u, 1u}) {
                                       if ((bits >> i & 1) == 0) continue;
                                       free_child(t, i);
                                       ++t->taken;
                                   }
                               }};
    p.steps.push_back(v.counts_strays_late ? close : count_strays);
    p.steps.push_back(v.counts_strays_late ? count_strays : close);
    p.steps.push_back({"release", [](auto& t) { release(t, t->taken + 1); }});
    return p;
}

verdict run(variant v) {
    system<state> s{memory::store_buffers, {owner(v), waker_of(0, v), waker_of(1, v)}};
    s.at_rest = [](const state& w) -> const char* {
        if (w.freed[0] != 1 || w.freed[1] != 1) return "a cell is never freed";
        return w.queue_freed == 1 ? nullptr : "the queue is never freed";
    };
    state initial{};
    initial.users = 1;
    initial.word[0] = initial.word[1] = alive | active;
    initial.ready = 3;
    return explore(s, initial);
}

TEST(future_set_model, no_wake_is_lost) {
    const verdict v = run({.may_drop = false});
    EXPECT_TRUE(v.holds()) << v;
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(future_set_model, set_may_be_dropped_at_any_time) {
    const verdict v = run({});
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_GT(v.rests, 2U);
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(future_set_model, mistakes_are_found_out) {
    EXPECT_FALSE(run({.pins = false}).holds()) << "the set goes while the pusher wakes its flow";
    EXPECT_FALSE(run({.counts_strays_late = true}).holds());
    EXPECT_FALSE(run({.may_drop = false, .wakes = false}).holds());
}

} // namespace
} // namespace sennit::model
