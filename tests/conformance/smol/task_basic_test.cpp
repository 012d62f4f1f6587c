// The rules of smol-rs/async-task's tests/basic.rs: what a run, a stop, a drop and a detach do to a flow, alone and after each
// other. Above each case stands the upstream test; the columns of the table, and what differs everywhere, stand in steps.hpp.
// Not here: drop_inside_schedule (an executor cannot drop a runnable) and metadata.rs (a flow has flow_locals).
#include "conformance/smol/steps.hpp"

#include <memory>
#include <utility>

namespace sennit {
namespace {

using test::smol::answer;
using test::smol::output;
using test::smol::row;
using test::smol::script;

class smol_task_basic : public test::smol::stepwise {
protected:
    // What a fiber does that is stopped before its first run: it starts, and its first wait looks at the future.
    int polls_when_stopped_unrun() const { return is_task() ? 0 : 1; }
    const script ready{};
};
SENNIT_STEPWISE(smol_task_basic);

// drop_and_detach: a flow that its executor gives up drops the future at once, and its cell when the handle goes.
TEST_P(smol_task_basic, given_up_and_detached) {
    const int polls = polls_when_stopped_unrun();
    auto h = start(ready);
    EXPECT_EQ(now(), (row{0, 0, 0, 0}));
    home.stopping = true;
    EXPECT_EQ(now(), (row{0, 0, 0, 0}));
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{polls, 0, 1, 0}));
    h.detach();
    EXPECT_EQ(now(), (row{polls, 0, 1, 1}));
}

// detach_and_drop: the other way round both go together.
TEST_P(smol_task_basic, detached_and_given_up) {
    auto h = start(ready);
    h.detach();
    EXPECT_EQ(now(), (row{0, 0, 0, 0}));
    home.stopping = true;
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{polls_when_stopped_unrun(), 0, 1, 1}));
}

// detach_and_run: one that is detached runs, and frees itself at its end, with its output.
TEST_P(smol_task_basic, detached_and_run) {
    auto h = start(ready);
    h.detach();
    EXPECT_FALSE(h.joinable());
    EXPECT_EQ(now(), (row{0, 0, 0, 0}));
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 1);
}

// run_and_detach: the future goes with the run, output and cell with the handle.
TEST_P(smol_task_basic, run_and_detached) {
    auto h = start(ready);
    EXPECT_TRUE(home.run_one());
    EXPECT_TRUE(h.is_finished());
    EXPECT_EQ(now(), (row{1, 0, 1, 0}));
    EXPECT_EQ(c.outputs_dropped, 0);
    h.detach();
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 1);
}

// cancel_and_run: a stop before the first run does nothing by itself, schedules nothing, and the run drops a task unpolled.
TEST_P(smol_task_basic, stopped_and_run) {
    const int polls = polls_when_stopped_unrun();
    {
        auto h = start(ready);
        h.request_stop();
        h.request_stop();
        EXPECT_EQ(now(), (row{0, 0, 0, 0}));
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{polls, 0, 1, 0}));
    }
    EXPECT_EQ(now(), (row{polls, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, polls); // of a fiber there is one: its future was ready
}

// run_and_cancel: a stop after the end is nothing, and the handle takes output and cell with it.
TEST_P(smol_task_basic, run_and_dropped) {
    {
        auto h = start(ready);
        EXPECT_TRUE(home.run_one());
        h.request_stop();
        EXPECT_EQ(now(), (row{1, 0, 1, 0}));
        EXPECT_EQ(c.outputs_dropped, 0);
    }
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 1);
}

// cancel_join: a look before the run changes nothing, the look after it yields the output, the cell goes with the handle.
TEST_P(smol_task_basic, looked_at_before_and_after_the_run) {
    {
        auto h = start(ready);
        EXPECT_FALSE(try_join(h));
        EXPECT_EQ(now(), (row{0, 0, 0, 0}));
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{1, 0, 1, 0}));
        EXPECT_TRUE(try_join(h));
        EXPECT_EQ(now(), (row{1, 0, 1, 0}));
        EXPECT_EQ(c.outputs_dropped, 1);
    }
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 1);
}

// schedule, schedule_counter: an executor may pass a runnable on as often as it likes before it runs it; nothing happens to the
// flow meanwhile.
TEST_P(smol_task_basic, passed_on_before_it_is_run) {
    auto h = start(ready);
    for (int i = 1; i <= 3; ++i) {
        runnable* r = home.take();
        ASSERT_NE(r, nullptr);
        EXPECT_EQ(home.queued(), 0);
        home.execute(*r);
        EXPECT_EQ(home.queued(), 1);
        EXPECT_EQ(now(), (row{0, i, 0, 0}));
    }
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{1, 3, 1, 0}));
    h.detach();
}

// waker: each wake of a flow that waits schedules it once, and each run polls it once.
TEST_P(smol_task_basic, woken_again_and_again) {
    const script never{.then = answer::pending};
    auto h = start(never);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{1, 0, 0, 0}));
    for (int i = 1; i <= 3; ++i) {
        EXPECT_FALSE(home.run_one());
        c.wake();
        EXPECT_EQ(now(), (row{i, i, 0, 0}));
        EXPECT_EQ(home.queued(), 1);
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{i + 1, i, 0, 0}));
    }
    h.request_stop();
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(c.dropped, 1);
}

// The same where wakes come faster than runs: they are one, but for a second look (docs/decisions/0001; upstream there is none).
TEST_P(smol_task_basic, woken_several_times_before_it_is_run) {
    const script never{.then = answer::pending};
    auto h = start(never);
    EXPECT_TRUE(home.run_one());
    for (int i = 0; i < 5; ++i)
        c.wake();
    EXPECT_EQ(now(), (row{1, 1, 0, 0}));
    EXPECT_TRUE(home.run_one());
    if (is_task()) {
        EXPECT_EQ(now(), (row{3, 1, 0, 0}));
    } else { // takes the second look in a step of its own
        EXPECT_EQ(now(), (row{2, 2, 0, 0}));
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{3, 2, 0, 0}));
    }
    h.request_stop();
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(c.dropped, 1);
}

// raw: an executor may run what it is given right there.
TEST_P(smol_task_basic, run_inside_of_schedule) {
    struct inline_executor final : executor {
        int schedules = 0;
        void execute(runnable& r) noexcept override {
            ++schedules;
            r.run();
        }
    } at_once;
    const script one_wake{.pending = 1};
    auto h = start_child(GetParam(), at_once, c, one_wake);
    EXPECT_EQ(at_once.schedules, 1);
    EXPECT_EQ(c.polls, 1);
    EXPECT_FALSE(h.is_finished());
    c.wake();
    EXPECT_EQ(at_once.schedules, 2);
    EXPECT_EQ(c.polls, 2);
    EXPECT_TRUE(h.is_finished());
    const output got = h.join();
    EXPECT_EQ(c.dropped, 1);
    EXPECT_EQ(c.outputs_dropped, 0);
}

} // namespace
} // namespace sennit
