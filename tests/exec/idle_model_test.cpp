// Who sleeps and who wakes (include/sennit/exec/idle_set.hpp, scheduler::wake_one, worker::idle) in all
// interleavings with store buffers: two producers push a runnable each, two workers search, look and sleep.
//
// Left out: what else may wake a worker (readiness, the monitor), because the protocol must not need it.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

constexpr std::size_t workers = 2, producers = 2;

enum : std::uint8_t { awake, notified, in_futex }; // of a sleeper's word

struct state {
    std::uint8_t injector; // how many runnables are in it
    std::uint8_t idle_count;
    std::uint8_t searching;
    std::uint8_t sleeper[workers];

    std::uint8_t idle_workers; // a bit for each; guarded by the idle set's lock
    std::uint8_t in_kernel[workers];

    // for the checks
    std::uint8_t taken;

    // registers
    std::uint8_t target[producers + 1]; // the last one is a leaving worker's
    std::uint8_t seen[workers];
    std::uint8_t timeouts[workers];
};

struct variant {
    bool last_look = true;     // at the injector, after the entry into the idle set
    std::uint8_t timeouts = 0; // how often a worker's sleep may end by itself
    // Worker 1 stands in for a stuck one and leaves for good when it finds nothing to steal.
    enum { none, leaves_silently, wakes_one_when_it_leaves } spare = none;
};

// Appends scheduler::wake_one(); `me` names the registers. Goes on at `after`.
void add_wake_one(program<state>& p, std::size_t me, const std::string& after) {
    const std::initializer_list<step<state>> steps = {
        {"does anybody sleep?",
         [=](auto& t) {
             if (t.load(t->idle_count) == 0) t.go_to(after);
         }},
        {"does anybody search?",
         [=](auto& t) {
             if (t.load(t->searching) != 0) t.go_to(after);
         }},
        {"take one of the set",
         [=](auto& t) {
             const unsigned first = t.choose(workers); // which, must not matter
             const bool found = t.locked([&](state& s) {
                 for (unsigned i = 0; i < workers; ++i) {
                     const unsigned w = (first + i) % workers;
                     if ((s.idle_workers >> w & 1) == 0) continue;
                     s.idle_workers &= static_cast<std::uint8_t>(~(1u << w));
                     --s.idle_count;
                     s.target[me] = static_cast<std::uint8_t>(w);
                     return true;
                 }
                 return false;
             });
             if (!found) t.go_to(after);
         }},
        {"notify",
         [=](auto& t) {
             if (t.exchange(t->sleeper[t->target[me]], notified) != in_futex) t.go_to(after);
         }},
        {"futex wake", [=](auto& t) { t.exchange(t->in_kernel[t->target[me]], 0); }},
        {after, [](auto& t) { t.end(); }},
    };
    p.steps.insert(p.steps.end(), steps);
}

// scheduler::inject()
program<state> producer(std::size_t me) {
    program<state> p{"producer " + std::to_string(me), {}};
    p.steps.push_back({"push", [](auto& t) { t.fetch_add(t->injector, 1); }});
    add_wake_one(p, me, "done");
    return p;
}

// worker::next_or_idle() and idle(), sleeper::sleep().
program<state> worker(std::size_t me, const variant& v) {
    const auto bit = static_cast<std::uint8_t>(1u << me);
    const bool leaves = me == 1 && v.spare != variant::none;
    program<state> p{"worker " + std::to_string(me), {}, true};
    p.steps = {
        {"look at the injector",
         [](auto& t) {
             if (t.load(t->injector) == 0) t.go_to("may I search?");
         }},
        {"pop",
         [](auto& t) {
             t.locked([](state& s) {
                 if (s.injector == 0) return;
                 --s.injector;
                 ++s.taken;
             });
             t.go_to("look at the injector");
         }},
        {"may I search?",
         [](auto& t) {
             if (t.load(t->searching) * 2u >= workers) t.go_to("search is over");
         }},
        {"search", [](auto& t) { t.fetch_add(t->searching, 1); }},
        {"find nothing", [](auto& t) { t.fetch_add(t->searching, -1); }},
        {"search is over",
         [=](auto& t) {
             if (!leaves) return;
             if (v.spare == variant::leaves_silently) return t.end();
             t.go_to("does anybody sleep?");
         }},
        {"enter the set",
         [=](auto& t) {
             t.locked([=](state& s) {
                 s.idle_workers |= bit;
                 ++s.idle_count;
             });
         }},
        {"last look",
         [=](auto& t) {
             if (v.last_look && t.load(t->injector) != 0) t.go_to("leave the set");
         }},
        {"doze off",
         [=](auto& t) {
             if (t.compare_exchange(t->sleeper[me], awake, in_futex) != awake) t.go_to("get up");
         }},
        {"futex wait",
         [=](auto& t) {
             // The kernel compares and queues in one step.
             if (t.load(t->sleeper[me]) != in_futex) return t.go_to("get up");
             t->in_kernel[me] = 1;
         }},
        {"in the kernel",
         [=](auto& t) {
             if (t->timeouts[me] < v.timeouts && t.choose(2) == 1) {
                 ++t->timeouts[me];
                 t->in_kernel[me] = 0;
                 return t.go_to("get up");
             }
             t.wait_until(t->in_kernel[me] == 0);
             t.go_to("futex wait");
         }},
        {"get up", [=](auto& t) { t.exchange(t->sleeper[me], awake); }},
        {"leave the set",
         [=](auto& t) {
             t.locked([=](state& s) {
                 if ((s.idle_workers & bit) == 0) return;
                 s.idle_workers &= static_cast<std::uint8_t>(~bit);
                 --s.idle_count;
             });
             t.go_to("look at the injector");
         }},
    };
    if (leaves) add_wake_one(p, producers, "gone");
    return p;
}

verdict run(const variant& v) {
    system<state> s{memory::store_buffers, {producer(0), producer(1), worker(0, v), worker(1, v)}};
    s.at_rest = [](const state& w) {
        return w.taken == producers ? nullptr : "everybody sleeps and the injector is not empty";
    };
    return explore(s);
}

TEST(idle_model, nobody_sleeps_for_ever_while_work_waits) {
    const verdict v = run({});
    EXPECT_TRUE(v.holds()) << v;
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(idle_model, a_sleep_that_ends_by_itself_swallows_no_wake) {
    const verdict v = run({.timeouts = 1});
    EXPECT_TRUE(v.holds()) << v;
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(idle_model, work_is_left_without_the_last_look) {
    EXPECT_EQ(run({.last_look = false}).violation,
              "everybody sleeps and the injector is not empty");
}

// A producer may have seen the spare searching and left the waking to it.
TEST(idle_model, a_spare_that_leaves_wakes_another) {
    EXPECT_EQ(run({.spare = variant::leaves_silently}).violation,
              "everybody sleeps and the injector is not empty");
    const verdict v = run({.spare = variant::wakes_one_when_it_leaves});
    EXPECT_TRUE(v.holds()) << v;
}

} // namespace
} // namespace sennit::model
