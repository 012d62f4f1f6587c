// The flow's state word in all interleavings with store buffers: two wakers, each after an event of its own,
// against a flow that polls both events and parks until it has seen them, run by either of two workers.
#include "model/explore.hpp"
#include <sennit/core/flow_state.hpp>

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

constexpr unsigned alive = flow_state::alive, active = flow_state::active,
                   notified = flow_state::notified;

struct state {
    std::uint8_t word = alive | active;
    std::uint8_t event[2] = {0, 0};
    std::uint8_t waiting[2] = {0, 0};
    std::uint8_t queued = 1; // how often the flow stands in the executor's queue

    // for the checks
    std::uint8_t owners = 0;
    std::uint8_t done = 0;

    // registers
    std::uint8_t waker_seen[2] = {0, 0};
    std::uint8_t worker_seen[2] = {0, 0};
};

enum class marked { writes, skips };

// Appends flow_state::signal() and what a `submit` asks for.
void add_wake(program<state>& p, std::size_t me, const std::string& where, marked on_notified) {
    const auto want = [](unsigned seen) {
        return seen | ((seen & active) == 0 ? active : notified);
    };
    const std::string mark = where + ": mark", after = where + ": done";
    p.steps.push_back({where + ": look", [=](auto& t) { t->waker_seen[me] = t.load(t->word); }});
    p.steps.push_back({mark, [=](auto& t) {
                           const std::uint8_t seen = t->waker_seen[me];
                           if ((seen & alive) == 0) return t.go_to(after);
                           if (on_notified == marked::skips && want(seen) == seen) {
                               return t.go_to(after);
                           }
                           t->waker_seen[me] = t.compare_exchange(t->word, seen, want(seen));
                           if (t->waker_seen[me] != seen) return t.go_to(mark);
                           if ((seen & active) != 0) t.go_to(after);
                       }});
    p.steps.push_back({where + ": submit", [](auto& t) {
                           t.check(t.fetch_add(t->queued, 1) == 0, "the flow is queued twice");
                       }});
    p.steps.push_back({after, [](auto&) {}});
}

program<state> waker(std::size_t me, marked on_notified = marked::writes) {
    program<state> p{"waker " + std::to_string(me), {}};
    p.steps.push_back({"event", [=](auto& t) { t.store(t->event[me], 1); }});
    add_wake(p, me, "wake", on_notified);
    return p;
}

// Begins a worker: it takes the flow from the queue and polls.
program<state> worker(std::size_t me) {
    return {"worker " + std::to_string(me),
            {{"take",
              [](auto& t) {
                  t.wait_until(t.compare_exchange(t->queued, 1, 0) == 1);
                  t.check(t->owners == 0, "the flow has two owners");
                  ++t->owners;
              }}},
            true};
}

// Appends flow_state::park().
void add_park(program<state>& p, std::size_t me) {
    p.steps.push_back({"park: look", [=](auto& t) { t->worker_seen[me] = t.load(t->word); }});
    p.steps.push_back({"park", [=](auto& t) {
                           const std::uint8_t seen = t->worker_seen[me];
                           const bool again = (seen & notified) != 0;
                           const unsigned want = again ? seen & ~notified : seen & ~active;
                           t->worker_seen[me] = t.compare_exchange(t->word, seen, want);
                           if (t->worker_seen[me] != seen) return t.go_to("park");
                           if (again) return t.go_to("poll");
                           --t->owners;
                           t.go_to("take");
                       }});
}

// The flow waits until it has seen both events in one poll.
program<state> worker_of_one_flow(std::size_t me) {
    program<state> p = worker(me);
    for (const std::size_t event : {0u, 1u}) {
        p.steps.push_back({event == 0 ? "poll" : "poll the other", [=](auto& t) {
                               if (t.load(t->event[event]) == 0) t.go_to("park: look");
                           }});
    }
    p.steps.push_back({"finish", [](auto& t) {
                           t.store(t->word, 0);
                           ++t->done;
                           t.end();
                       }});
    add_park(p, me);
    return p;
}

// A flow waits for event 0 and ends; its memory becomes a flow that waits for event 1. Both leave their waker
// where the event finds it, under the lock of the event.
program<state> worker_of_two_flows(std::size_t me) {
    program<state> p = worker(me);
    p.steps.push_back({"poll", [=](auto& t) {
                           const bool ready = t.locked([](state& s) {
                               s.waiting[s.done] = 1;
                               return s.event[s.done] != 0;
                           });
                           if (!ready) t.go_to("park: look");
                       }});
    p.steps.push_back({"finish", [](auto& t) {
                           t.store(t->word, 0);
                           if (++t->done == 2) t.end();
                       }});
    p.steps.push_back({"start", [](auto& t) {
                           t.store(t->word, alive | active);
                           t.go_to("poll");
                       }});
    add_park(p, me);
    return p;
}

program<state> waker_of_who_waits(std::size_t me) {
    program<state> p{"waker " + std::to_string(me), {}};
    p.steps.push_back({"event", [=](auto& t) {
                           const bool waiting = t.locked([=](state& s) {
                               s.event[me] = 1;
                               return s.waiting[me] != 0;
                           });
                           if (!waiting) t.end();
                       }});
    add_wake(p, me, "wake", marked::writes);
    return p;
}

verdict run(marked on_notified, memory kind = memory::store_buffers) {
    system<state> s{kind,
                    {waker(0, on_notified), waker(1, on_notified), worker_of_one_flow(0),
                     worker_of_one_flow(1)}};
    s.at_rest = [](const state& w) {
        return w.done == 1 ? nullptr : "the flow sleeps although both events are there";
    };
    return explore(s);
}

TEST(flow_state_model, loses_no_wake_and_has_one_owner) {
    const verdict v = run(marked::writes);
    EXPECT_TRUE(v.holds()) << v;
    RecordProperty("states", static_cast<int>(v.states));
}

// The mark that is there already may be consumed before the event is visible.
TEST(flow_state_model, loses_a_wake_that_does_not_write_its_mark_again) {
    const verdict v = run(marked::skips);
    EXPECT_EQ(v.violation, "the flow sleeps although both events are there");
    EXPECT_TRUE(run(marked::skips, memory::sequential).holds())
        << "only store buffers make the difference";
}

// A waker wakes once more after the flow may have ended and its memory may be another flow: that costs the
// other one a poll and nothing else.
TEST(flow_state_model, outdated_wake_harms_neither_free_memory_nor_the_next_flow) {
    program<state> twice = waker_of_who_waits(0);
    add_wake(twice, 0, "outdated wake", marked::writes);
    system<state> s{memory::store_buffers,
                    {twice, waker_of_who_waits(1), worker_of_two_flows(0), worker_of_two_flows(1)}};
    s.at_rest = [](const state& w) {
        return w.done == 2 ? nullptr : "a flow sleeps although its event is there";
    };
    const verdict v = explore(s);
    EXPECT_TRUE(v.holds()) << v;
    RecordProperty("states", static_cast<int>(v.states));
}

} // namespace
} // namespace sennit::model
