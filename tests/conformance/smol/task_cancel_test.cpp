// The rules of smol-rs/async-task's tests/cancel.rs, and of what ready.rs, panic.rs and waker_pending.rs say about a flow that is
// cancelled while it runs. Above each case stands the upstream test; what differs everywhere stands in steps.hpp.
#include "conformance/smol/steps.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace sennit {
namespace {

using test::by;
using test::kind;
using test::until;
using test::smol::all_answers;
using test::smol::answer;
using test::smol::counts;
using test::smol::ended;
using test::smol::how;
using test::smol::row;
using test::smol::script;
using test::smol::step_executor;
using test::smol::until_stopped;

class smol_task_cancel : public test::smol::with_holder {};
SENNIT_WITH_HOLDER(smol_task_cancel);

class smol_task_cancel_steps : public test::smol::stepwise {};
SENNIT_STEPWISE(smol_task_cancel_steps);

// run_and_cancel: a flow that has ended is not cancelled any more: its output is there.
TEST_P(smol_task_cancel_steps, run_and_cancelled) {
    const script ready{};
    {
        auto h = start(ready);
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{1, 0, 1, 0}));
        EXPECT_EQ(c.outputs_dropped, 0);
        h.request_stop();
        EXPECT_EQ(how(h.try_join()), ended::value);
    }
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 1);
}

// waker_pending.rs: cancel_last_task. A stop schedules a flow that waits, once however often it is asked for, and the run drops
// the future: a task's unpolled; a fiber looks when it wakes, and before it gives up.
TEST_P(smol_task_cancel_steps, waiting_and_cancelled) {
    const script never{.then = answer::pending};
    auto h = start(never);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{1, 0, 0, 0}));
    h.request_stop();
    h.request_stop();
    EXPECT_EQ(now(), (row{1, 1, 0, 0}));
    EXPECT_EQ(home.queued(), 1);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{is_task() ? 1 : 3, 1, 1, 0}));
    EXPECT_EQ(how(h.try_join()), ended::cancelled);
    EXPECT_EQ(now(), (row{is_task() ? 1 : 3, 1, 1, 1}));
}

// The same of a flow that is woken and asked to stop before it runs: what is ready by then is a fiber's, not a task's.
TEST_P(smol_task_cancel_steps, woken_and_cancelled) {
    const script second_time{.pending = 1};
    auto h = start(second_time);
    EXPECT_TRUE(home.run_one());
    c.wake();
    h.request_stop();
    EXPECT_EQ(now(), (row{1, 1, 0, 0}));
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{is_task() ? 1 : 2, 1, 1, 0}));
    EXPECT_EQ(how(h.try_join()), is_task() ? ended::cancelled : ended::value);
}

// cancel_and_run: cancelled before its first run a task is dropped unpolled. A fiber starts, and its first wait decides: it has
// what is ready, and what is pending is looked at once more before `stopped` is thrown.
TEST_P(smol_task_cancel, cancelled_and_run) {
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        const script s{.then = then};
        auto h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            h.request_stop();
            auto joining = h.async_try_join();
            const auto joined = co_await by(me, std::move(joining));
            const bool decided = !is_task() && then != answer::pending;
            EXPECT_EQ(how(joined), decided ? how(then) : ended::cancelled);
            EXPECT_EQ(c.dropped, 1);
        });
        home.await_stop_of_first();
        EXPECT_EQ(c.polls, 0);
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, is_task() ? 0 : then == answer::pending ? 2 : 1);
        EXPECT_EQ(c.dropped, 1);
        EXPECT_EQ(home.schedules(), 0);
        join();
        EXPECT_EQ(c.outputs_dropped, !is_task() && then == answer::ready);
    }
}

// cancel_during_run: cancelled while it is polled. A difference: what the poll yields is delivered, upstream it is thrown away.
// When it is pending the same step goes on to the end; nothing is scheduled.
TEST_P(smol_task_cancel, cancelled_during_its_run) {
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        const script s{.then = then, .gate_at = 1, .gate = until_stopped};
        auto h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 1);
            EXPECT_EQ(c.dropped, 0);
            h.request_stop();
            auto joining = h.async_try_join();
            const auto joined = co_await by(me, std::move(joining));
            EXPECT_EQ(how(joined), then == answer::pending ? ended::cancelled : how(then));
            EXPECT_EQ(c.dropped, 1);
        });
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, !is_task() && then == answer::pending ? 2 : 1);
        EXPECT_EQ(c.dropped, 1);
        EXPECT_EQ(home.schedules(), 0);
        join();
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
        EXPECT_EQ(home.uncaught(), 0); // the joiner has it
    }
}

// ready.rs, panic.rs, waker_pending.rs: cancel_during_run. The handle is dropped while its flow is polled: the drop returns when
// the future is gone. Output and exception have nobody to go to: the one is destroyed, the other reported.
TEST_P(smol_task_cancel, dropped_during_its_run) {
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        const script s{.then = then, .gate_at = 1, .gate = until_stopped};
        std::optional h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 1);
            EXPECT_EQ(c.dropped, 0);
            h.reset();
            EXPECT_EQ(c.dropped, 1);
            EXPECT_EQ(c.outputs_dropped, then == answer::ready);
            EXPECT_EQ(home.uncaught(), then == answer::throws);
        });
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, !is_task() && then == answer::pending ? 2 : 1);
        EXPECT_EQ(c.dropped, 1);
        EXPECT_EQ(home.schedules(), 0);
        join();
    }
}

// waker_pending.rs: cancel_last_task, by a drop of the handle from elsewhere: the flow that waits is scheduled, and the drop
// returns when its run has dropped the future.
TEST_P(smol_task_cancel, dropped_while_it_waits) {
    step_executor home;
    counts c;
    const script never{.then = answer::pending};
    std::optional h = start_scripted(home, c, never);
    EXPECT_TRUE(home.run_one());
    holder([&](kind) -> task<void> {
        h.reset();
        EXPECT_EQ(c.dropped, 1);
        co_return;
    });
    test::await_count(home.schedule_count(), 1);
    EXPECT_EQ(c.dropped, 0);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(c.dropped, 1);
    EXPECT_EQ(c.polls, is_task() ? 1 : 3);
    join();
    EXPECT_EQ(home.schedules(), 1);
}

// ready.rs, panic.rs: detach_during_run. The flow goes on without a handle; at its end the output is destroyed with it, and an
// exception is reported.
TEST_P(smol_task_cancel, detached_during_its_run) {
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        std::atomic<bool> detached{false};
        const script s{.then = then, .gate_at = 1, .gate = [&](flow&) {
                           while (!detached)
                               std::this_thread::yield();
                       }};
        auto h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 1);
            h.detach();
            EXPECT_EQ(c.dropped, 0);
            EXPECT_EQ(c.outputs_dropped, 0);
            detached = true;
        });
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, 1);
        EXPECT_EQ(c.dropped, then != answer::pending);
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
        EXPECT_EQ(home.uncaught(), then == answer::throws);
        EXPECT_EQ(home.schedules(), 0);
        if (then == answer::pending) { // it waits, and only its executor can stop it
            home.stopping = true;
            c.wake();
            EXPECT_TRUE(home.run_one());
            EXPECT_EQ(c.dropped, 1);
        }
        join();
    }
}

} // namespace
} // namespace sennit
