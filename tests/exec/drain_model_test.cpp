// The end of the last flow against scheduler::wait_drained() (src/core/flow.cpp, src/exec/scheduler.cpp): who
// waits for the executor to be empty is told. Two threads that each write and then look for the other's
// write, with the counter on a worker's hottest path; so the waiter pays for both sides with a membarrier.
#include "model/explore.hpp"

#include <gtest/gtest.h>

namespace sennit::model {
namespace {

struct state {
    std::uint8_t finished; // of one flow that was started
    std::uint8_t draining;
    std::uint8_t drained_word;
    std::uint8_t in_kernel;

    // registers
    std::uint8_t seen;
};

// The last lines of flow::end(), and scheduler::flow_finished().
program<state> last_flow() {
    return {"last flow",
            {{"finished", [](auto& t) { t.store(t->finished, 1); }},
             {"draining?",
              [](auto& t) {
                  if (t.load(t->draining) == 0) t.end();
              }},
             {"change the word", [](auto& t) { t.fetch_add(t->drained_word, 1); }},
             {"am I the last?",
              [](auto& t) {
                  if (t.load(t->finished) == 0) t.end();
              }},
             {"futex wake", [](auto& t) { t.exchange(t->in_kernel, 0); }}}};
}

enum class barrier { left_out, there };

program<state> waiter(barrier b) {
    program<state> p{"waiter", {{"draining = 1", [](auto& t) { t.exchange(t->draining, 1); }}}};
    if (b == barrier::there) {
        p.steps.push_back({"membarrier", [](auto& t) { t.process_barrier(); }});
    }
    const std::initializer_list<step<state>> rest = {
        {"word", [](auto& t) { t->seen = t.load(t->drained_word); }},
        {"empty?",
         [](auto& t) {
             if (t.load(t->finished) == 1) t.end();
         }},
        {"futex wait",
         [](auto& t) {
             if (t.load(t->drained_word) != t->seen) return t.go_to("word");
             t->in_kernel = 1;
         }},
        {"in the kernel",
         [](auto& t) {
             t.wait_until(t->in_kernel == 0);
             t.go_to("word");
         }},
    };
    p.steps.insert(p.steps.end(), rest);
    return p;
}

TEST(drain_model, the_waiter_is_told_that_the_last_flow_ended) {
    const verdict v =
        explore(system<state>{memory::store_buffers, {last_flow(), waiter(barrier::there)}});
    EXPECT_TRUE(v.holds()) << v;
}

TEST(drain_model, the_waiter_sleeps_for_ever_without_the_barrier) {
    const verdict v =
        explore(system<state>{memory::store_buffers, {last_flow(), waiter(barrier::left_out)}});
    EXPECT_EQ(v.violation, "deadlock: waiter waits for ever at: in the kernel") << v;
}

} // namespace
} // namespace sennit::model
