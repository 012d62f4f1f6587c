// The rules of smol-rs/async-task's tests/join.rs, and of what panic.rs and ready.rs say about joining. Above each case stands the
// upstream test; what differs everywhere stands in steps.hpp.
#include "conformance/smol/steps.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::kind;
using test::until;
using test::smol::all_answers;
using test::smol::answer;
using test::smol::counts;
using test::smol::ended;
using test::smol::failure;
using test::smol::how;
using test::smol::output;
using test::smol::row;
using test::smol::script;
using test::smol::step_executor;
using test::smol::until_stopped;

class smol_task_join : public test::smol::with_holder {
protected:
    std::atomic<int> waiting_{0};
};
SENNIT_WITH_HOLDER(smol_task_join);

class smol_task_join_steps : public test::smol::stepwise {};
SENNIT_STEPWISE(smol_task_join_steps);

// drop_and_join: joining a flow that its executor gave up throws `stopped`; the future was dropped before.
TEST_P(smol_task_join_steps, given_up_and_joined) {
    const int polls =
        is_task() ? 0 : 2; // a fiber's first wait looks, and looks again before it gives up
    const script never{.then = answer::pending};
    auto h = start(never);
    home.stopping = true;
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{polls, 0, 1, 0}));
    EXPECT_THROW((void)h.join(), stopped);
    EXPECT_FALSE(h.joinable());
    EXPECT_EQ(now(), (row{polls, 0, 1, 1}));
    EXPECT_EQ(c.outputs_dropped, 0);
}

// run_and_join: the join takes the output, and the cell goes with it.
TEST_P(smol_task_join_steps, run_and_joined) {
    const script ready{};
    auto h = start(ready);
    EXPECT_TRUE(home.run_one());
    {
        const output got = h.join();
        EXPECT_EQ(c.outputs_dropped, 0);
        EXPECT_FALSE(h.joinable());
        EXPECT_EQ(now(), (row{1, 0, 1, 1}));
    }
    EXPECT_EQ(c.outputs_dropped, 1);
}

// panic.rs: run_and_join, try_join_and_run_and_join. The exception does not reach who runs the flow; every form of join has it,
// and then nobody else is told.
TEST_P(smol_task_join_steps, run_and_joined_after_a_failure) {
    const script fails{.then = answer::throws};
    for (int form = 0; form < 4; ++form) {
        auto h = start(fails);
        EXPECT_FALSE(try_join(h));
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{form + 1, 0, form + 1, 0}));
        switch (form) {
            case 0:
                EXPECT_THROW((void)h.join(), failure);
                break;
            case 1: {
                const auto joined = h.try_join();
                ASSERT_EQ(how(joined), ended::failure);
                EXPECT_THROW(joined.error().rethrow(), failure);
                break;
            }
            case 2: {
                auto joining = h.async_join();
                EXPECT_THROW((void)joiner.poll(joining), failure);
                break;
            }
            default: {
                auto joining = h.async_try_join();
                auto joined = joiner.poll(joining);
                ASSERT_TRUE(joined.is_ready());
                EXPECT_EQ(how(std::move(joined).take()), ended::failure);
                break;
            }
        }
        h = {};
        EXPECT_EQ(now(), (row{form + 1, 0, form + 1, 1}));
        EXPECT_EQ(home.uncaught(), 0);
    }
}

// The other half, which upstream leaves to the executor: what nobody joined is reported once, when the handle goes.
TEST_P(smol_task_join_steps, failure_that_nobody_joined_is_reported) {
    const script fails{.then = answer::throws};
    {
        auto h = start(fails);
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(home.uncaught(), 0);
    }
    EXPECT_EQ(home.uncaught(), 1);
    EXPECT_EQ(now(), (row{1, 0, 1, 1}));
}

// try_join_and_run_and_join, step by step. A joiner that looked once and went is not woken by the end; the one that stays is.
TEST_P(smol_task_join_steps, only_the_joiner_that_stays_is_woken) {
    const script ready{};
    for (const bool another_stays : {false, true}) {
        test::driver gone, stays;
        auto h = start(ready);
        EXPECT_TRUE(gone.rearm());
        EXPECT_TRUE(stays.rearm());
        {
            auto joining = h.async_join();
            EXPECT_FALSE(gone.poll(joining).is_ready());
        }
        auto joining = h.async_join();
        if (another_stays) {
            EXPECT_FALSE(stays.poll(joining).is_ready());
        }
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(gone.wakes(), 0);
        EXPECT_EQ(stays.wakes(), another_stays);
        EXPECT_TRUE(stays.poll(joining).is_ready());
    }
}

// await_output: values of all sorts come out as they went in.
template<class T>
task<T> give(T value) {
    co_return std::move(value);
}
TEST_P(smol_task_join_steps, the_output_comes_out_as_it_went_in) {
    const auto through = [&]<class T>(T value) {
        if (is_task()) {
            auto h = spawn_on(home, give(std::move(value)));
            EXPECT_TRUE(home.run_one());
            return h.join();
        }
        auto h = spawn_on(home, [v = std::move(value)]() mutable { return std::move(v); });
        EXPECT_TRUE(home.run_one());
        return h.join();
    };
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(through(i), i);
        const std::vector<int> v(unsigned(i), 7);
        EXPECT_EQ(through(v), v);
    }
    EXPECT_EQ(through(std::string("foo")), "foo");
    EXPECT_EQ(*through(std::make_unique<int>(7)), 7);
    int object = 0;
    EXPECT_EQ(&through(std::ref(object)).get(), &object);
}

// join_twice: the second is refused: the handle is empty.
TEST(smol_task_join_death, join_twice) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const auto join_twice = [] {
        step_executor home;
        auto h = spawn_on(home, [] {});
        home.run_one();
        h.join();
        h.join();
    };
    EXPECT_DEATH(join_twice(), "was joined");
}

// join_and_run: one that waits for the end has it, in every case of an end.
TEST_P(smol_task_join, joined_and_run) {
    for (const answer then : {answer::ready, answer::throws}) {
        step_executor home;
        counts c;
        const script s{.then = then};
        auto h = start_scripted(home, c, s);
        waiting_ = 0;
        holder([&](kind me) -> task<void> {
            ended seen = ended::none;
            try {
                const output got = co_await by(me, counting(waiting_, h.async_join()));
                EXPECT_EQ(c.outputs_dropped, 0);
                seen = ended::value;
            } catch (const failure&) {
                seen = ended::failure;
            }
            EXPECT_EQ(seen, how(then));
            EXPECT_EQ(c.polls, 1);
            EXPECT_EQ(c.dropped, 1);
            EXPECT_EQ(c.outputs_dropped, then == answer::ready);
        });
        await_count(waiting_, 1);
        EXPECT_EQ(c.polls, 0);
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, 1);
        EXPECT_EQ(c.dropped, 1);
        EXPECT_EQ(home.schedules(), 0);
        join();
        EXPECT_EQ(home.uncaught(), 0);
    }
}

// join_and_cancel: one that waits for the end of a flow that its executor then gives up finds it stopped.
TEST_P(smol_task_join, joined_and_given_up) {
    step_executor home;
    counts c;
    const script never{.then = answer::pending};
    auto h = start_scripted(home, c, never);
    holder([&](kind me) -> task<void> {
        const auto joined = co_await by(me, counting(waiting_, h.async_try_join()));
        EXPECT_EQ(how(joined), ended::cancelled);
        EXPECT_EQ(c.dropped, 1);
    });
    await_count(waiting_, 1);
    home.stopping = true;
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(c.polls, is_task() ? 0 : 2);
    EXPECT_EQ(c.dropped, 1);
    join();
    EXPECT_EQ(home.schedules(), 0);
}

// ready.rs, panic.rs: join_during_run. The joiner comes while the flow is polled.
TEST_P(smol_task_join, joined_during_its_run) {
    for (const answer then : {answer::ready, answer::throws}) {
        step_executor home;
        counts c;
        waiting_ = 0;
        const script s{
            .then = then, .gate_at = 1, .gate = [&](flow&) { await_count(waiting_, 1); }};
        auto h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 1);
            const auto joined = co_await by(me, counting(waiting_, h.async_try_join()));
            EXPECT_EQ(how(joined), how(then));
            EXPECT_EQ(c.dropped, 1);
            EXPECT_EQ(c.outputs_dropped, 0);
        });
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, 1);
        EXPECT_EQ(home.schedules(), 0);
        join();
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
        EXPECT_EQ(home.uncaught(), 0);
    }
}

// ready.rs, panic.rs: try_join_during_run. A look while the flow is polled finds nothing, and drops nothing; the drop of the
// handle that follows waits for the end.
TEST_P(smol_task_join, looked_at_during_its_run_and_dropped) {
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        const script s{.then = then, .gate_at = 1, .gate = until_stopped};
        std::optional h = start_scripted(home, c, s);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 1);
            {
                test::driver once;
                auto joining = h->async_join();
                EXPECT_FALSE(once.poll(joining).is_ready());
            }
            EXPECT_EQ(c.polls, 1);
            EXPECT_EQ(c.dropped, 0);
            EXPECT_EQ(c.outputs_dropped, 0);
            h.reset();
            EXPECT_EQ(c.dropped, 1);
            EXPECT_EQ(home.uncaught(), then == answer::throws);
        });
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.dropped, 1);
        join();
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
    }
}

// try_join_and_run_and_join: a look before the run, and then a join.
TEST_P(smol_task_join, looked_at_and_run_and_joined) {
    for (const answer then : {answer::ready, answer::throws}) {
        step_executor home;
        counts c;
        const script s{.then = then};
        auto h = start_scripted(home, c, s);
        waiting_ = 0;
        holder([&](kind me) -> task<void> {
            {
                test::driver once;
                auto joining = h.async_join();
                EXPECT_FALSE(once.poll(joining).is_ready());
            }
            EXPECT_EQ(c.polls, 0);
            EXPECT_EQ(c.dropped, 0);
            const auto joined = co_await by(me, counting(waiting_, h.async_try_join()));
            EXPECT_EQ(how(joined), how(then));
            EXPECT_EQ(c.polls, 1);
            EXPECT_EQ(c.dropped, 1);
        });
        await_count(waiting_, 1);
        EXPECT_TRUE(home.run_one());
        join();
        EXPECT_EQ(home.schedules(), 0);
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
    }
}

// try_join_and_cancel_and_run: a look before the run, and then the handle goes: a task is dropped unpolled by its run, which the
// drop of the handle waits for (upstream does not).
TEST_P(smol_task_join, looked_at_and_dropped_and_run) {
    step_executor home;
    counts c;
    const script never{.then = answer::pending};
    std::optional h = start_scripted(home, c, never);
    holder([&](kind) -> task<void> {
        {
            test::driver once;
            auto joining = h->async_join();
            EXPECT_FALSE(once.poll(joining).is_ready());
        }
        EXPECT_EQ(c.dropped, 0);
        h.reset();
        EXPECT_EQ(c.dropped, 1);
        co_return;
    });
    home.await_stop_of_first();
    EXPECT_EQ(c.dropped, 0);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(c.polls, is_task() ? 0 : 2);
    EXPECT_EQ(c.dropped, 1);
    join();
    EXPECT_EQ(home.schedules(), 0);
}

// try_join_and_run_and_cancel: a look before the run, the run, and then the handle goes, and the output with it.
TEST_P(smol_task_join, looked_at_and_run_and_dropped) {
    for (const answer then : {answer::ready, answer::throws}) {
        step_executor home;
        counts c;
        const script s{.then = then};
        std::optional h = start_scripted(home, c, s);
        event looked, run;
        holder([&](kind me) -> task<void> {
            {
                test::driver once;
                auto joining = h->async_join();
                EXPECT_FALSE(once.poll(joining).is_ready());
            }
            looked.set();
            co_await by(me, run.async_wait());
            EXPECT_EQ(c.outputs_dropped, 0);
            EXPECT_EQ(home.uncaught(), 0);
            h.reset();
            EXPECT_EQ(c.outputs_dropped, then == answer::ready);
            EXPECT_EQ(home.uncaught(), then == answer::throws);
        });
        looked.wait();
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(c.polls, 1);
        EXPECT_EQ(c.dropped, 1);
        run.set();
        join();
        EXPECT_EQ(home.schedules(), 0);
    }
}

// The verb itself, for whoever has a stack: as join_and_run.
TEST_P(smol_task_join, the_verb_waits_for_the_end) {
    step_executor home;
    counts c;
    const script two_wakes{.pending = 2};
    auto h = start_scripted(home, c, two_wakes);
    std::atomic<bool> over{false};
    holder([&](kind) -> task<void> {
        {
            const output got = h.join();
            EXPECT_EQ(c.outputs_dropped, 0);
        }
        EXPECT_EQ(c.outputs_dropped, 1);
        over = true;
        co_return;
    });
    for (int i = 0; i < 2; ++i) {
        EXPECT_TRUE(home.run_one());
        EXPECT_FALSE(over);
        c.wake();
    }
    EXPECT_TRUE(home.run_one());
    join();
    EXPECT_EQ(c.polls, 3);
    EXPECT_EQ(home.schedules(), 2);
}

} // namespace
} // namespace sennit
