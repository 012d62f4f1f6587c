// Channels and select (sync/channel_core.hpp, sync/select_core.hpp) in all interleavings: up to three flows, each with one
// case or a select of two, on two channels of capacity 0 or 1; some may be dropped while they sleep.
//
// What is guarded by a channel's lock is plain state here, touched between the steps that take the lock and give it
// back. Shared words are the locks, the claims, the waiters' stages (read without the lock) and the wakes. Values are
// counted, not told apart; the queues are sets, served from the lowest flow.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

namespace sennit::model {
namespace {

enum : std::uint8_t { busy, open, taken };  // a claim; taken + case
enum : std::uint8_t { idle, queued, done }; // a stage
enum : std::uint8_t {
    single,
    all,
    back
}; // what a case is tried for: steps 2 and 4, and after a drop
constexpr unsigned flows = 3;

struct state {
    // the channels
    std::uint8_t lock[2], count[2], returned[2];
    std::uint8_t receivers[2], senders[2]; // bit 2 * flow + case
    // the flows' shared words
    std::uint8_t claim[flows], at[flows][2], ready[flows];
    // registers
    std::uint8_t mode[flows], which[flows], scan[flows], refill[flows], found[flows];
    std::uint8_t counterpart[flows], dropping[flows], idle_polls[flows];
    std::uint8_t winner[flows];                                 // case + 1
    std::uint8_t over[flows];                                   // 1: fired, 2: dropped
    std::uint8_t entered[flows], decided[flows], unseen[flows]; // bool; by a counterpart; a grant
};

struct one_case {
    std::uint8_t channel;
    bool sends;
};
struct flow_plan {
    std::vector<one_case> cases;
    bool may_drop = false;
};
enum class fault {
    none,
    opens_after_unlocking,
    enters_unseen,      // step 4 does not look again
    enters_each_unseen, // nor does step 3
    opens_after_each,   // step 3 opens the claim at its end
    enters_each_again,  // step 3 with waiters in the lists
    drop_keeps_value,
};

struct model_plan {
    std::vector<flow_plan> flows;
    std::uint8_t capacity[2] = {0, 0};
    fault broken = fault::none;
};

class flow_model {
public:
    flow_model(const model_plan& plan, unsigned f) : plan_(plan), me_(plan.flows[f]), f_(f) {}

    program<state> make() const {
        program<state> p{"flow " + std::to_string(f_), {}, true};
        const auto add = [&](const char* name, void (flow_model::*step)(turn<state>&) const) {
            p.steps.push_back({name, [self = *this, step](turn<state>& t) { (self.*step)(t); }});
        };
        add("begin", &flow_model::begin);
        add("lock one", &flow_model::lock_one);
        add("try", &flow_model::try_case);
        add("grant", &flow_model::grant);
        add("tried", &flow_model::tried);
        add("unlock one", &flow_model::unlock_one);
        add("open first", &flow_model::open_first);
        add("each: lock", &flow_model::each_lock);
        add("each: unlock", &flow_model::each_unlock);
        add("each: next", &flow_model::each_next);
        add("take back", &flow_model::take_back);
        add("lock first", &flow_model::lock_first);
        add("lock second", &flow_model::lock_second);
        add("enter", &flow_model::enter);
        add("open", &flow_model::open_claim);
        add("unlock second", &flow_model::unlock_second);
        add("unlock first", &flow_model::unlock_first);
        add("open late", &flow_model::open_late);
        add("wake", &flow_model::wake);
        add("sleep", &flow_model::sleep);
        add("hold", &flow_model::hold);
        add("out: look", &flow_model::out_look);
        add("out: lock", &flow_model::out_lock);
        add("out: unlock", &flow_model::out_unlock);
        add("finish", &flow_model::finish);
        return p;
    }

private:
    bool is_alone() const { return me_.cases.size() == 1; }
    const one_case& at_case(turn<state>& t) const { return me_.cases[t->which[f_]]; }
    std::uint8_t low() const {
        return is_alone() ? me_.cases[0].channel
                          : std::min(me_.cases[0].channel, me_.cases[1].channel);
    }
    std::uint8_t high() const {
        return is_alone() ? me_.cases[0].channel
                          : std::max(me_.cases[0].channel, me_.cases[1].channel);
    }
    static std::uint8_t bit(unsigned flow, unsigned which) {
        return static_cast<std::uint8_t>(1u << (2 * flow + which));
    }
    void take_lock(turn<state>& t, std::uint8_t c) const {
        t.wait_until(t.compare_exchange(t->lock[c], 0, 1) == 0);
    }

    void begin(turn<state>& t) const {
        t->which[f_] = 0;
        t->counterpart[f_] = 0;
        t->found[f_] = 0;
        t->mode[f_] = is_alone() ? all : single;
        if (is_alone()) return t.go_to("lock first");
    }
    // ---- one operation, under the lock of its channel
    void lock_one(turn<state>& t) const {
        take_lock(t, at_case(t).channel);
        t->scan[f_] = t->refill[f_] = t->found[f_] = 0;
    }
    void try_case(turn<state>& t) const {
        state& s = *t;
        const one_case& c = at_case(t);
        const bool sends = c.sends || s.mode[f_] == back; // giving back is like sending
        if (s.scan[f_] == 0 && s.refill[f_] == 0 && !sends) {
            if (s.returned[c.channel] != 0) {
                --s.returned[c.channel];
                s.found[f_] = 1;
                return t.go_to("tried");
            }
            if (s.count[c.channel] != 0) {
                --s.count[c.channel];
                s.found[f_] = s.refill[f_] = 1;
            }
        }
        std::uint8_t& queue = sends ? s.receivers[c.channel] : s.senders[c.channel];
        unsigned i = s.scan[f_];
        while (i < 2 * flows && ((queue >> i & 1) == 0 || i / 2 == f_))
            ++i;
        if (i == 2 * flows) {
            if (sends && s.count[c.channel] < plan_.capacity[c.channel]) {
                ++s.count[c.channel];
                s.found[f_] = 1;
            } else if (s.mode[f_] == back) {
                ++s.returned[c.channel];
                s.found[f_] = 1;
            }
            return t.go_to("tried");
        }
        s.scan[f_] = static_cast<std::uint8_t>(i + 1);
        const unsigned other = i / 2, which = i % 2;
        if (plan_.flows[other].cases.size() > 1) {
            const std::uint8_t seen = t.compare_exchange(s.claim[other], open, taken + which);
            if (seen != open) {
                if (seen >= taken) queue &= static_cast<std::uint8_t>(~(1u << i));
                return t.go_to("try");
            }
        }
        queue &= static_cast<std::uint8_t>(~(1u << i));
        if (s.refill[f_] != 0) ++s.count[c.channel];
        s.found[f_] = 1;
        s.counterpart[f_] = static_cast<std::uint8_t>(i + 1);
    }
    void grant(turn<state>& t) const {
        const unsigned i = t->counterpart[f_] - 1u;
        t.store(t->at[i / 2][i % 2], done);
    }
    void tried(turn<state>& t) const {
        state& s = *t;
        if (s.mode[f_] == back) return t.go_to("unlock one");
        if (s.found[f_] != 0) s.winner[f_] = static_cast<std::uint8_t>(s.which[f_] + 1);
        if (s.mode[f_] == single) return t.go_to("unlock one");
        if (s.found[f_] != 0) return t.go_to("unlock second");
        if (s.which[f_] + 1u < me_.cases.size()) {
            ++s.which[f_];
            s.scan[f_] = s.refill[f_] = 0;
            return t.go_to("try");
        }
        t.go_to("enter");
    }
    void unlock_one(turn<state>& t) const {
        t.store(t->lock[at_case(t).channel], 0);
        if (t->mode[f_] == back || t->found[f_] != 0) return t.go_to("wake");
        if (t->which[f_] + 1u < me_.cases.size()) {
            ++t->which[f_];
            return t.go_to("lock one");
        }
        if (t->entered[f_] != 0 && plan_.broken != fault::enters_each_again)
            return t.go_to("lock first");
        t->which[f_] = 0;
        t->entered[f_] = 1;
    }
    // ---- one by one, with an open claim
    void open_first(turn<state>& t) const {
        if (plan_.broken != fault::opens_after_each) t.store(t->claim[f_], open);
    }
    void each_lock(turn<state>& t) const {
        state& s = *t;
        const one_case& c = at_case(t);
        take_lock(t, c.channel);
        const std::uint8_t there = (c.sends ? s.receivers : s.senders)[c.channel];
        const bool seems_ready =
            there != 0 || (c.sends ? s.count[c.channel] < plan_.capacity[c.channel]
                                   : s.count[c.channel] + s.returned[c.channel] != 0);
        std::uint8_t& queue = (c.sends ? s.senders : s.receivers)[c.channel];
        const bool is_second =
            queue != 0 && low() == high() && plan_.broken != fault::enters_each_again;
        s.found[f_] =
            (seems_ready && plan_.broken != fault::enters_each_unseen) || is_second ? 1 : 0;
        if (s.found[f_] != 0) return;
        queue |= bit(f_, s.which[f_]);
        s.at[f_][s.which[f_]] = queued;
    }
    void each_unlock(turn<state>& t) const {
        t.store(t->lock[at_case(t).channel], 0);
        if (t->found[f_] != 0) return t.go_to("take back");
    }
    void each_next(turn<state>& t) const {
        if (t->which[f_] + 1u < me_.cases.size()) {
            ++t->which[f_];
            return t.go_to("each: lock");
        }
        if (plan_.broken == fault::opens_after_each) t.store(t->claim[f_], open);
        t.go_to("wake");
    }
    void take_back(turn<state>& t) const {
        const std::uint8_t seen = t.compare_exchange(t->claim[f_], open, busy);
        if (seen >= taken) decide(t, seen);
        t->which[f_] = 0;
        t.go_to("out: look");
    }
    void decide(turn<state>& t, std::uint8_t claim) const {
        t->winner[f_] = static_cast<std::uint8_t>(claim - taken + 1);
        t->decided[f_] = 1;
    }
    // ---- all of them
    void lock_first(turn<state>& t) const {
        take_lock(t, low());
        t->mode[f_] = all;
        t->which[f_] = t->scan[f_] = t->refill[f_] = t->found[f_] = 0;
    }
    void lock_second(turn<state>& t) const {
        if (low() != high()) take_lock(t, high());
        t.go_to(plan_.broken == fault::enters_unseen && !is_alone() ? "enter" : "try");
    }
    void enter(turn<state>& t) const {
        for (unsigned i = 0; i < me_.cases.size(); ++i) {
            const one_case& c = me_.cases[i];
            (c.sends ? t->senders : t->receivers)[c.channel] |= bit(f_, i);
            t->at[f_][i] = queued;
        }
        t->entered[f_] = 1;
    }
    void open_claim(turn<state>& t) const {
        if (!is_alone() && plan_.broken != fault::opens_after_unlocking)
            t.store(t->claim[f_], open);
    }
    void unlock_second(turn<state>& t) const {
        if (low() != high()) t.store(t->lock[high()], 0);
    }
    void unlock_first(turn<state>& t) const {
        t.store(t->lock[low()], 0);
        if (t->winner[f_] != 0) return t.go_to("wake");
    }
    void open_late(turn<state>& t) const {
        if (!is_alone() && plan_.broken == fault::opens_after_unlocking)
            t.store(t->claim[f_], open);
    }
    void wake(turn<state>& t) const {
        const std::uint8_t other = std::exchange(t->counterpart[f_], 0);
        if (other != 0) t.exchange(t->ready[(other - 1) / 2], 1);
        if (t->mode[f_] == back) return t.go_to("finish");
        if (t->winner[f_] == 0) return t.go_to("sleep");
        t->which[f_] = 0;
        t.go_to("out: look");
    }
    // ---- asleep, and after
    void sleep(turn<state>& t) const {
        // It sleeps on, is dropped, or is polled for nothing: the first flow, once.
        const unsigned choice = t.choose(3);
        if (choice == 1) {
            if (!me_.may_drop) return t.wait_until(false);
            t->dropping[f_] = 1;
            return t.go_to("hold");
        }
        if (choice == 2) {
            if (f_ != 0 || t->idle_polls[f_] != 0) return t.wait_until(false);
            t->idle_polls[f_] = 1;
            return t.go_to("hold");
        }
        t.wait_until(t.exchange(t->ready[f_], 0) == 1);
    }
    void hold(turn<state>& t) const {
        t->which[f_] = 0;
        if (is_alone()) {
            if (t.load(t->at[f_][0]) == done) {
                t->winner[f_] = 1;
            } else if (t->dropping[f_] == 0) {
                return t.go_to("sleep");
            }
            return t.go_to(t->dropping[f_] != 0 ? "out: lock" : "finish");
        }
        const std::uint8_t seen = t.compare_exchange(t->claim[f_], open, busy);
        if (seen >= taken) {
            decide(t, seen);
            return t.go_to("out: look");
        }
        t.go_to(t->dropping[f_] != 0 ? "out: look" : "begin");
    }
    // Case by case. The one that was granted need not be locked when its grant is seen.
    void out_look(turn<state>& t) const {
        const unsigned i = t->which[f_];
        if (t->winner[f_] != i + 1 || t.load(t->at[f_][i]) != done) return;
        next_out(t);
    }
    void out_lock(turn<state>& t) const {
        const one_case& c = at_case(t);
        take_lock(t, c.channel);
        (c.sends ? t->senders : t->receivers)[c.channel] &=
            static_cast<std::uint8_t>(~bit(f_, t->which[f_]));
    }
    void out_unlock(turn<state>& t) const {
        t.store(t->lock[at_case(t).channel], 0);
        // A drop learns only under the lock what became of one that waits alone.
        if (is_alone() && t->at[f_][0] == done) t->winner[f_] = 1;
        next_out(t);
    }
    void next_out(turn<state>& t) const {
        if (t->which[f_] + 1u < me_.cases.size()) {
            ++t->which[f_];
            return t.go_to("out: look");
        }
        t->entered[f_] = 0;
        const std::uint8_t winner = t->winner[f_];
        if (winner == 0 && t->dropping[f_] == 0) return t.go_to("lock first");
        if (winner != 0 && t->decided[f_] != 0 && t->at[f_][winner - 1u] != done) t->unseen[f_] = 1;
        const bool has_value = winner != 0 && !me_.cases[winner - 1u].sends;
        if (t->dropping[f_] != 0 && has_value && plan_.broken != fault::drop_keeps_value) {
            t->mode[f_] = back;
            t->which[f_] = static_cast<std::uint8_t>(winner - 1);
            return t.go_to("lock one");
        }
        t.go_to("finish");
    }
    void finish(turn<state>& t) const {
        t->over[f_] = static_cast<std::uint8_t>(1 + t->dropping[f_]);
        t.end();
    }

    const model_plan& plan_;
    const flow_plan& me_;
    unsigned f_;
};

// Whether a waiter of this case could be met.
bool is_waiting(const model_plan& plan, const state& s, unsigned f, unsigned i) {
    if (f >= plan.flows.size() || i >= plan.flows[f].cases.size() || s.over[f] != 0) return false;
    const one_case& c = plan.flows[f].cases[i];
    return ((c.sends ? s.senders : s.receivers)[c.channel] >> (2 * f + i) & 1) != 0;
}

const char* at_rest(const model_plan& plan, const state& s) {
    int sent = 0, received = 0;
    for (unsigned f = 0; f < plan.flows.size(); ++f) {
        if (s.unseen[f] != 0) return "a grant was not seen";
        if (s.over[f] == 0 && (s.claim[f] >= taken || s.at[f][0] == done))
            return "decided, and asleep";
        if (s.over[f] == 0 || s.winner[f] == 0) continue;
        const one_case& c = plan.flows[f].cases[s.winner[f] - 1u];
        sent += c.sends;
        received += !c.sends && s.over[f] == 1;
    }
    int left = 0;
    for (unsigned c = 0; c < 2; ++c)
        left += s.count[c] + s.returned[c];
    if (sent != received + left) return "a value is lost or doubled";
    for (unsigned f = 0; f < flows; ++f) {
        for (unsigned i = 0; i < 2; ++i) {
            if (!is_waiting(plan, s, f, i)) continue;
            const one_case& c = plan.flows[f].cases[i];
            if (c.sends && s.count[c.channel] < plan.capacity[c.channel])
                return "a sender waits, and there is room";
            if (!c.sends && s.count[c.channel] + s.returned[c.channel] != 0)
                return "a receiver waits, and there is a value";
            for (unsigned g = 0; g < flows; ++g) {
                for (unsigned j = 0; j < 2; ++j) {
                    if (g == f || !is_waiting(plan, s, g, j)) continue;
                    const one_case& d = plan.flows[g].cases[j];
                    if (c.channel == d.channel && c.sends != d.sends)
                        return "two that could meet wait";
                }
            }
        }
    }
    return nullptr;
}

verdict run(const model_plan& plan) {
    system<state> s{memory::store_buffers, {}};
    for (unsigned f = 0; f < plan.flows.size(); ++f)
        s.threads.push_back(flow_model(plan, f).make());
    s.always = [](const state& w) -> const char* {
        for (unsigned f = 0; f < flows; ++f) {
            if (w.claim[f] > taken + 1) return "a claim that nobody wrote";
        }
        return nullptr;
    };
    s.at_rest = [&plan](const state& w) { return at_rest(plan, w); };
    return explore(s);
}

constexpr one_case send_0{0, true}, recv_0{0, false}, send_1{1, true}, recv_1{1, false};

void expect_holds(const model_plan& plan) {
    const verdict v = run(plan);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_GT(v.states, 100u);
    EXPECT_GT(v.rests, 0u);
    testing::Test::RecordProperty("states", static_cast<int>(v.states));
}

TEST(channel_model, values_are_neither_lost_nor_doubled) {
    for (const std::uint8_t capacity : {0, 1}) {
        expect_holds({{{{send_0}}, {{recv_0}, true}, {{recv_0}}}, {capacity, 0}});
        expect_holds({{{{send_0}}, {{send_0}, true}, {{recv_0}, true}}, {capacity, 0}});
        expect_holds({{{{recv_0}, true}, {{recv_0}, true}, {{send_0}}}, {capacity, 0}});
    }
}

TEST(channel_model, a_value_that_a_drop_keeps_is_missed) {
    EXPECT_EQ(run({{{{send_0}}, {{recv_0}, true}}, {0, 0}, fault::drop_keeps_value}).violation,
              "a value is lost or doubled");
}

TEST(select_model, two_selects_meet_once) {
    expect_holds({{{{recv_0, send_1}}, {{send_0, recv_1}}}});
    expect_holds({{{{recv_0, send_0}}, {{send_0, recv_0}}}}); // both directions of one channel
    expect_holds({{{{recv_0, recv_1}}, {{send_1, send_0}}}, {1, 0}});
}

TEST(select_model, two_selects_and_one_who_sends) {
    expect_holds({{{{recv_0, send_1}}, {{send_0, recv_1}}, {{send_0}}}});
    expect_holds({{{{recv_0, recv_1}}, {{send_0}}, {{send_1}}}});
    expect_holds({{{{recv_0, recv_0}}, {{send_0}}, {{send_0}}}}); // one list twice
}

TEST(select_model, dropped_selects_pass_on_what_they_were_given) {
    expect_holds({{{{recv_0, send_1}, true}, {{send_0}}, {{recv_1}}}});
    expect_holds({{{{recv_0, recv_1}, true}, {{recv_0, send_1}}, {{send_0}}}});
}

TEST(select_model, broken_variants_are_found_out) {
    const std::vector<flow_plan> two = {{{recv_0, send_1}}, {{send_0, recv_1}}};
    const std::vector<flow_plan> both_ways = {{{recv_0, send_0}}, {{send_0, recv_0}}};
    const std::vector<flow_plan> with_one = {{{send_0}},
                                             {{recv_0, recv_1}}}; // the first is polled for nothing
    EXPECT_FALSE(run({both_ways, {0, 0}, fault::opens_after_unlocking}).holds());
    EXPECT_FALSE(run({two, {0, 0}, fault::opens_after_unlocking}).holds());
    EXPECT_FALSE(run({both_ways, {0, 0}, fault::enters_unseen}).holds());
    EXPECT_FALSE(run({two, {0, 0}, fault::enters_unseen}).holds());
    EXPECT_FALSE(run({two, {0, 0}, fault::enters_each_unseen}).holds());
    EXPECT_FALSE(run({with_one, {0, 0}, fault::enters_each_unseen}).holds());
    EXPECT_FALSE(run({two, {0, 0}, fault::opens_after_each}).holds());
    EXPECT_FALSE(run({with_one, {0, 0}, fault::opens_after_each}).holds());
    EXPECT_EQ(run({{{{recv_0, recv_1}}, {{send_0}}}, {0, 0}, fault::enters_each_again}).violation,
              "a grant was not seen");
    EXPECT_FALSE(
        run({{{{recv_0, recv_1}, true}, {{send_0}}}, {0, 0}, fault::drop_keeps_value}).holds());
}

} // namespace
} // namespace sennit::model
