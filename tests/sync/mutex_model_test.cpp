// The state word of the mutex (sync/mutex.hpp) in all interleavings: three flows that lock and
// unlock, one of them three times, the other two of which may drop their lock at any moment.
//
// A flow's wait is one byte, `ready`, which its waker sets; the queue is a small array. What happens
// under lock_ is one step: everything but the compare-and-swaps on the word is private to it, and
// the steps that touch the word without lock_ (try_lock, the quick unlock) stand by themselves.
#include "model/explore.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sennit::model {
namespace {

enum : std::uint8_t { locked = 1, waiting = 2, woken = 4, handing = 8 };
enum : std::uint8_t { idle, queued, woken_up, granted };
constexpr unsigned flows = 3;

struct state {
    std::uint8_t word;
    std::uint8_t at[flows];
    std::uint8_t queue[flows]; // flow + 1, first come first
    std::uint8_t ready[flows]; // the flows' own wakes
    std::uint8_t owners;       // for the checks: who believes to own it
    std::uint8_t losses[flows], most_losses;
    std::uint8_t laps;        // of the last flow, which comes again
    std::uint8_t seen[flows]; // registers
};

enum class fault { none, park_without_mark, drop_keeps_the_wake, barge_always };

void push(state& s, unsigned f, bool front) {
    std::uint8_t i = 0;
    while (i < flows && s.queue[i] != 0)
        ++i;
    if (front) {
        for (; i > 0; --i)
            s.queue[i] = s.queue[i - 1];
    }
    s.queue[i] = static_cast<std::uint8_t>(f + 1);
    s.at[f] = queued;
}
unsigned pop(state& s) {
    const unsigned f = s.queue[0] - 1u;
    for (unsigned i = 0; i + 1 < flows; ++i)
        s.queue[i] = s.queue[i + 1];
    s.queue[flows - 1] = 0;
    return f;
}
void remove(state& s, unsigned f) {
    unsigned i = 0;
    while (s.queue[i] != f + 1)
        ++i;
    for (; i + 1 < flows; ++i)
        s.queue[i] = s.queue[i + 1];
    s.queue[flows - 1] = 0;
}
std::uint8_t rest(const state& s) { return s.queue[0] != 0 ? waiting : 0; }

// The last flow locks three times, so that a waiter could lose to it more than once.
void lap(turn<state>& t, unsigned f) {
    if (f == flows - 1 && ++t->laps < 3) return t.go_to("try_lock: look");
    t.end();
}

void own(turn<state>& t, unsigned f) {
    ++t->owners;
    t.check(t->owners == 1, "two flows own the mutex");
    t->losses[f] = 0;
}

// poll_slowly(): true when it is ours.
bool poll_slowly(turn<state>& t, unsigned f, fault broken) {
    return t.locked([&](state& s) {
        switch (s.at[f]) {
            case granted:
                s.at[f] = idle;
                return true;
            case queued:
                return false;
            case idle:
                if ((s.word & locked) == 0) {
                    s.word |= locked;
                    return true;
                }
                if (broken != fault::park_without_mark) s.word |= waiting;
                push(s, f, false);
                return false;
            default:
                s.word &= static_cast<std::uint8_t>(~woken);
                if ((s.word & locked) == 0) {
                    s.word |= locked;
                    s.at[f] = idle;
                    return true;
                }
                ++s.losses[f];
                s.most_losses = std::max(s.most_losses, s.losses[f]);
                s.word |= broken == fault::barge_always ? waiting : waiting | handing;
                push(s, f, true);
                return false;
        }
    });
}

void unlock_under_lock(turn<state>& t, unsigned f) {
    t.locked([&](state& s) {
        if ((s.word & waiting) == 0 || (s.word & woken) != 0) return t.go_to("unlock");
        const unsigned next = pop(s);
        if ((s.word & handing) != 0) {
            s.at[next] = granted;
            s.word = locked | rest(s);
        } else {
            s.at[next] = woken_up;
            s.word = woken | rest(s);
        }
        --s.owners;
        s.seen[f] = static_cast<std::uint8_t>(next);
        t.go_to("wake");
    });
}

void drop_under_lock(turn<state>& t, unsigned f, fault broken) {
    t.locked([&](state& s) {
        const std::uint8_t was = s.at[f];
        s.at[f] = idle;
        if (was == queued) {
            remove(s, f);
            if (rest(s) == 0) s.word &= static_cast<std::uint8_t>(~(waiting | handing));
            return t.end();
        }
        if (was == granted) {
            ++s.owners;
            return t.go_to("unlock");
        }
        if (broken == fault::drop_keeps_the_wake) return t.end();
        if ((s.word & locked) != 0 || (s.word & waiting) == 0) {
            s.word &= static_cast<std::uint8_t>(~woken);
            return t.end();
        }
        const unsigned next = pop(s);
        s.at[next] = woken_up;
        s.word = static_cast<std::uint8_t>((s.word & ~waiting) | rest(s));
        s.seen[f] = static_cast<std::uint8_t>(next);
        t.go_to("wake");
    });
}

program<state> flow(unsigned f, bool may_drop, fault broken) {
    program<state> p{"flow " + std::to_string(f), {}};
    p.steps = {
        {"try_lock: look", [=](auto& t) { t->seen[f] = t.load(t->word); }},
        {"try_lock: take",
         [=](auto& t) {
             const std::uint8_t seen = t->seen[f];
             if ((seen & locked) != 0) return t.go_to("poll");
             t->seen[f] = t.compare_exchange(t->word, seen, seen | locked);
             if (t->seen[f] != seen) return t.go_to("try_lock: take");
             own(t, f);
             t.go_to("unlock");
         }},
        {"poll",
         [=](auto& t) {
             if (!poll_slowly(t, f, broken)) return t.go_to("sleep");
             own(t, f);
             t.go_to("unlock");
         }},
        {"sleep",
         [=](auto& t) {
             if (may_drop && t.choose(2) == 1) return t.go_to("drop");
             t.wait_until(t.exchange(t->ready[f], 0) == 1);
             t.go_to("poll");
         }},
        {"drop", [=](auto& t) { drop_under_lock(t, f, broken); }},
        {"unlock", [=](auto& t) { t->seen[f] = t.load(t->word); }},
        {"unlock: quickly",
         [=](auto& t) {
             const std::uint8_t seen = t->seen[f];
             t.check((seen & locked) != 0, "an owner finds the mutex unlocked");
             if ((seen & waiting) != 0 && (seen & woken) == 0) return; // slowly
             if (t.compare_exchange(t->word, seen, seen & ~locked) != seen)
                 return t.go_to("unlock");
             --t->owners;
             lap(t, f);
         }},
        {"unlock: slowly", [=](auto& t) { unlock_under_lock(t, f); }},
        {"wake",
         [=](auto& t) {
             t.exchange(t->ready[t->seen[f]], 1);
             lap(t, f);
         }},
    };
    return p;
}

verdict run(fault broken) {
    system<state> s{memory::store_buffers,
                    {flow(0, true, broken), flow(1, true, broken), flow(2, false, broken)}};
    s.always = [](const state& w) -> const char* {
        if ((w.word & woken) != 0 && (w.word & handing) != 0) return "woken and handing together";
        if (w.most_losses > 1) return "a waiter lost twice";
        return nullptr;
    };
    s.at_rest = [](const state& w) { return w.word == 0 ? nullptr : "the mutex stays taken"; };
    return explore(s);
}

TEST(mutex_model, excludes_and_wakes_in_every_interleaving) {
    const verdict v = run(fault::none);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_GT(v.states, 1000u);
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(mutex_model, broken_variants_are_found_out) {
    EXPECT_FALSE(run(fault::park_without_mark).holds());
    EXPECT_FALSE(run(fault::drop_keeps_the_wake).holds());
    EXPECT_EQ(run(fault::barge_always).violation, "a waiter lost twice");
}

} // namespace
} // namespace sennit::model
