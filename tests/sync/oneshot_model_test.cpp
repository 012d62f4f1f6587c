// The word of the oneshot (sync/oneshot_channel.hpp) in all interleavings: a sender that may wait for
// the receiver to go, sends or leaves; a receiver that may wait, close, and leave. The cell is freed
// once, after everybody's last look at it, and nobody waits for what has happened.
#include "model/explore.hpp"

#include <gtest/gtest.h>

namespace sennit::model {
namespace {

enum : std::uint8_t {
    empty,
    sent,
    abandoned,
    closed,
    closed_abandoned,
    receiver_gone,
    waiting // the receiver's flow
};

struct state {
    std::uint8_t word;
    std::uint8_t sender_waker; // 1: the sender's flow
    std::uint8_t sender_woken, receiver_woken;
    std::uint8_t value;                               // 1: alive in the cell
    std::uint8_t freed;                               // how often
    std::uint8_t taken, handed_back, destroyed, made; // fates of the value
    std::uint8_t asleep[2];                           // the sender, the receiver
    std::uint8_t seen[2];                             // registers: of the sender, of the receiver
};

enum class fault { none, closed_without_second_look, leave_without_closing, free_on_close };

void use_cell(turn<state>& t) { t.check(t->freed == 0, "the cell is used after it was freed"); }
void free_cell(turn<state>& t) {
    t.check(t->freed == 0, "the cell is freed twice");
    t.check(t->value == 0, "the cell is freed with a value in it");
    ++t->freed;
}

program<state> sender(fault broken) {
    program<state> p{"sender", {}, true};
    p.steps = {
        {"choose",
         [](auto& t) {
             const unsigned what = t.choose(3);
             t.go_to(what == 0 ? "send: look" : what == 1 ? "leave: look" : "wait: look");
         }},
        // poll_closed(), until the receiver is gone
        {"wait: look",
         [](auto& t) {
             use_cell(t);
             const auto seen = t.load(t->word);
             if (seen == closed || seen == receiver_gone) t.go_to("leave: look");
         }},
        {"wait: leave the waker",
         [=](auto& t) {
             use_cell(t);
             t.exchange(t->sender_waker, 1); // seq_cst
             if (broken == fault::closed_without_second_look)
                 t.go_to("wait: sleep or drop the wait");
         }},
        {"wait: look again",
         [](auto& t) {
             use_cell(t);
             const auto seen = t.load(t->word);
             if (seen == closed || seen == receiver_gone) t.go_to("leave: look");
         }},
        {"wait: sleep or drop the wait",
         [](auto& t) {
             if (t.choose(2) == 1) return t.go_to("send: look");
             t->asleep[0] = 1;
         }},
        {"wait: sleep",
         [](auto& t) {
             t.wait_until(t.exchange(t->sender_woken, 0) == 1);
             t->asleep[0] = 0;
             t.go_to("wait: look");
         }},
        {"send: look",
         [](auto& t) {
             use_cell(t);
             const auto seen = t.load(t->word);
             t->made = 1;
             if (seen == closed || seen == receiver_gone) {
                 t->handed_back = 1;
                 return t.go_to("leave: look");
             }
             t->value = 1;
             t->seen[0] = seen;
         }},
        {"publish",
         [](auto& t) {
             use_cell(t);
             const auto expected = t->seen[0];
             const auto seen = t.compare_exchange(t->word, expected, sent);
             t->seen[0] = seen;
             if (seen == expected) return t.go_to(seen == waiting ? "wake" : "end");
             if (seen != closed && seen != receiver_gone) return t.go_to("publish");
             t->value = 0;
             t->handed_back = 1;
             t.go_to("leave: look");
         }},
        {"leave: look",
         [](auto& t) {
             use_cell(t);
             t->seen[0] = t.load(t->word);
         }},
        {"leave",
         [](auto& t) {
             use_cell(t);
             const auto expected = t->seen[0];
             if (expected == receiver_gone) {
                 free_cell(t);
                 return t.end();
             }
             const auto want = expected == closed ? closed_abandoned : abandoned;
             const auto seen = t.compare_exchange(t->word, expected, want);
             t->seen[0] = seen;
             if (seen != expected) return t.go_to("leave");
             if (seen != waiting) t.end();
         }},
        {"wake", [](auto& t) { t.exchange(t->receiver_woken, 1); }},
        {"end", [](auto& t) { t.end(); }},
    };
    return p;
}

program<state> receiver(fault broken) {
    program<state> p{"receiver", {}, true};
    p.steps = {
        {"choose", [](auto& t) { t.go_to(t.choose(2) == 0 ? "poll: look" : "close: look"); }},
        {"poll: look",
         [](auto& t) {
             use_cell(t);
             t->seen[1] = t.load(t->word);
         }},
        {"poll",
         [](auto& t) {
             use_cell(t);
             const auto expected = t->seen[1];
             if (expected == sent) return t.go_to("take");
             if (expected == abandoned || expected == closed || expected == closed_abandoned)
                 return t.go_to("close: look");
             if (expected == waiting) return t.go_to("sleep or give up");
             t->seen[1] = t.compare_exchange(t->word, expected, waiting);
             if (t->seen[1] != expected) t.go_to("poll");
         }},
        {"sleep or give up",
         [](auto& t) {
             if (t.choose(2) == 1) return t.go_to("close: look");
             t->asleep[1] = 1;
         }},
        {"sleep",
         [](auto& t) {
             t.wait_until(t.exchange(t->receiver_woken, 0) == 1);
             t->asleep[1] = 0;
             t.go_to("poll: look");
         }},
        {"take",
         [](auto& t) {
             use_cell(t);
             t.check(t->value == 1, "there is no value to take");
             t->value = 0;
             t->taken = 1;
             free_cell(t);
             t.end();
         }},
        {"close: look",
         [=](auto& t) {
             use_cell(t);
             t->seen[1] = t.load(t->word);
             if (broken == fault::leave_without_closing) t.go_to("leave: look");
         }},
        {"close",
         [=](auto& t) {
             use_cell(t);
             const auto expected = t->seen[1];
             if (expected != empty && expected != waiting) return t.go_to("leave: look");
             const auto want = broken == fault::free_on_close ? receiver_gone : closed;
             t->seen[1] = t.compare_exchange(t->word, expected, want);
             if (t->seen[1] != expected) t.go_to("close");
         }},
        {"close: look for the sender",
         [](auto& t) {
             use_cell(t);
             if (t.load(t->sender_waker) == 0) t.go_to("leave: look");
         }},
        {"close: wake", [](auto& t) { t.exchange(t->sender_woken, 1); }},
        {"leave: look",
         [](auto& t) {
             if (t->word == receiver_gone) return t.end(); // only in a broken variant
             use_cell(t);
             const auto seen = t.load(t->word);
             t->seen[1] = seen;
             if (seen == sent) {
                 t->value = 0;
                 t->destroyed = 1;
             }
             if (seen != closed && seen != empty && seen != waiting) {
                 free_cell(t);
                 t.end();
             }
         }},
        {"leave",
         [](auto& t) {
             use_cell(t);
             const auto expected = t->seen[1];
             if (t.compare_exchange(t->word, expected, receiver_gone) == expected) return t.end();
             free_cell(t);
             t.end();
         }},
    };
    return p;
}

verdict run(fault broken) {
    system<state> s{memory::store_buffers, {sender(broken), receiver(broken)}};
    s.at_rest = [](const state& w) -> const char* {
        // Each waits for the other: their affair.
        if (w.asleep[0] == 1 && w.asleep[1] == 1 && w.word == waiting) return nullptr;
        if (w.asleep[0] == 1 || w.asleep[1] == 1) return "somebody waits for what has happened";
        if (w.freed != 1) return "the cell is left behind";
        if (w.made != w.taken + w.handed_back + w.destroyed) return "the value has not one fate";
        return nullptr;
    };
    return explore(s);
}

TEST(oneshot_model, one_fate_and_one_end_in_every_interleaving) {
    const verdict v = run(fault::none);
    EXPECT_TRUE(v.holds()) << v;
    EXPECT_GT(v.states, 100u);
    RecordProperty("states", static_cast<int>(v.states));
}

TEST(oneshot_model, broken_variants_are_found_out) {
    EXPECT_FALSE(run(fault::closed_without_second_look).holds());
    EXPECT_FALSE(run(fault::leave_without_closing).holds());
    EXPECT_FALSE(run(fault::free_on_close).holds());
}

} // namespace
} // namespace sennit::model
