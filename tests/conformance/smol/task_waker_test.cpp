// The rules of smol-rs/async-task's tests/waker_ready.rs, waker_panic.rs and waker_pending.rs: wakes before, during and after runs,
// and what a cancellation beside them does. Above each case stands the upstream test; what differs everywhere stands in steps.hpp.
//
// And all of it at once, at random, in threads.
#include "conformance/smol/steps.hpp"

#include <atomic>
#include <optional>
#include <random>
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
using test::smol::failure;
using test::smol::how;
using test::smol::row;
using test::smol::script;
using test::smol::step_executor;

class smol_task_waker : public test::smol::with_holder {
protected:
    // What the holder does while the flow is polled for the second time.
    enum class meanwhile { wakes, cancels, wakes_and_cancels, cancels_and_wakes };
    void during_the_second_run(meanwhile act);
};
SENNIT_WITH_HOLDER(smol_task_waker);

class smol_task_waker_steps : public test::smol::stepwise {
protected:
    const script second_time{.pending = 1};
    const script never{.then = answer::pending};
};
SENNIT_STEPWISE(smol_task_waker_steps);

// waker_ready.rs: wake, wake_by_ref (ours has one of them). A wake schedules the flow that waits; the wake of one that is over
// finds nobody.
TEST_P(smol_task_waker_steps, wake) {
    auto h = start(second_time);
    h.detach();
    EXPECT_EQ(c.waker.load(), nullptr);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{1, 0, 0, 0}));
    EXPECT_EQ(home.queued(), 0);
    c.wake();
    EXPECT_EQ(now(), (row{1, 1, 0, 0}));
    EXPECT_EQ(home.queued(), 1);
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(),
              (row{2, 1, 1, 1})); // a waker keeps nothing: upstream the last one frees the task
    c.wake();
    EXPECT_EQ(now(), (row{2, 1, 1, 1}));
    EXPECT_EQ(home.queued(), 0);
}

// waker_ready.rs: clone. Copies wake the same flow, and know it; those that are left over wake nobody.
TEST_P(smol_task_waker_steps, copies_are_one) {
    auto h = start(second_time);
    h.detach();
    EXPECT_TRUE(home.run_one());
    const waker w1(*c.waker.load());
    const waker w2 = w1, w3 = w2; // NOLINT(performance-unnecessary-copy-initialization)
    EXPECT_TRUE(w1.will_wake(w3));
    EXPECT_FALSE(w1.will_wake(waker::noop()));
    w3.wake();
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{2, 1, 1, 1}));
    w2.wake();
    w1.wake();
    EXPECT_EQ(now(), (row{2, 1, 1, 1}));
    EXPECT_EQ(home.queued(), 0);
}

// waker_ready.rs: wake_dropped. Woken, then given up by its executor; the waker that is left over wakes nobody.
TEST_P(smol_task_waker_steps, woken_and_given_up) {
    const int polls = is_task() ? 1 : 3; // a fiber looks when it wakes, and before it gives up
    auto h = start(never);
    h.detach();
    EXPECT_TRUE(home.run_one());
    c.wake();
    home.stopping = true;
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{polls, 1, 1, 1}));
    c.wake();
    EXPECT_EQ(now(), (row{polls, 1, 1, 1}));
    EXPECT_EQ(home.queued(), 0);
}

// waker_ready.rs: wake_completed. A wake between the end and the handle's going finds nobody either.
TEST_P(smol_task_waker_steps, woken_after_its_end) {
    {
        auto h = start(second_time);
        EXPECT_TRUE(home.run_one());
        c.wake();
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{2, 1, 1, 0}));
        c.wake();
        EXPECT_EQ(now(), (row{2, 1, 1, 0}));
        EXPECT_EQ(home.queued(), 0);
        EXPECT_EQ(how(h.try_join()), ended::value);
    }
    EXPECT_EQ(now(), (row{2, 1, 1, 1}));
}

// waker_panic.rs: panic_and_poll. A look at the handle of a flow that is woken finds nothing; after the run that fails it throws.
TEST_P(smol_task_waker_steps, failed_and_looked_at) {
    const script fails{.pending = 1, .then = answer::throws};
    {
        auto h = start(fails);
        EXPECT_TRUE(home.run_one());
        c.wake();
        EXPECT_EQ(now(), (row{1, 1, 0, 0}));
        EXPECT_FALSE(try_join(h));
        EXPECT_TRUE(home.run_one());
        EXPECT_EQ(now(), (row{2, 1, 1, 0}));
        EXPECT_THROW((void)try_join(h), failure);
        EXPECT_EQ(now(), (row{2, 1, 1, 0}));
    }
    EXPECT_EQ(now(), (row{2, 1, 1, 1}));
    EXPECT_EQ(home.uncaught(), 0);
}

// waker_pending.rs: drop_last_waker, drop_last_task. A difference: wakers are not counted, so a flow that nobody can wake is not
// scheduled to be dropped. It waits until its executor stops and wakes it, or for ever.
TEST_P(smol_task_waker_steps, detached_where_it_waits) {
    auto h = start(never);
    EXPECT_TRUE(home.run_one());
    flow* const kept = c.waker.exchange(nullptr);
    h.detach();
    EXPECT_EQ(now(), (row{1, 0, 0, 0}));
    EXPECT_EQ(home.queued(), 0);
    home.stopping = true;
    waker(*kept).wake();
    EXPECT_EQ(now(), (row{1, 1, 0, 0}));
    EXPECT_TRUE(home.run_one());
    EXPECT_EQ(now(), (row{is_task() ? 1 : 3, 1, 1, 1}));
}

void smol_task_waker::during_the_second_run(meanwhile act) {
    const bool cancels = act != meanwhile::wakes;
    for (const answer then : all_answers) {
        step_executor home;
        counts c;
        std::atomic<bool> acted{false};
        const script s{.pending = 1, .then = then, .gate_at = 2, .gate = [&](flow&) {
                           while (!acted)
                               std::this_thread::yield();
                       }};
        auto h = start_scripted(home, c, s);
        EXPECT_TRUE(home.run_one());
        const waker w(*c.waker.load());
        w.wake();
        EXPECT_EQ(home.queued(), 1);
        holder([&](kind me) -> task<void> {
            co_await until(me, c.polls, 2);
            if (act == meanwhile::wakes || act == meanwhile::wakes_and_cancels) w.wake();
            if (cancels) h.request_stop();
            if (act == meanwhile::cancels_and_wakes) w.wake();
            EXPECT_EQ(c.polls, 2);
            EXPECT_EQ(home.schedules(), 1);
            EXPECT_EQ(home.queued(), 0);
            EXPECT_EQ(c.dropped, 0);
            acted = true;
            auto joining = h.async_try_join();
            const auto joined = co_await by(me, std::move(joining));
            EXPECT_EQ(how(joined), then == answer::pending ? ended::cancelled : how(then));
            EXPECT_EQ(c.dropped, 1);
        });
        EXPECT_TRUE(home.run_one());
        if (then != answer::pending || cancels) {
            // It is over: neither the wake nor the stop is left for another run. Before a fiber gives up it looks once more.
            EXPECT_EQ(c.polls, then == answer::pending && !is_task() ? 3 : 2);
            EXPECT_EQ(home.schedules(), 1);
        } else {
            // The wake is a second look: a task's in the same step, a fiber's in the next (upstream always in the next).
            EXPECT_EQ(home.queued(), is_task() ? 0 : 1);
            EXPECT_EQ(home.run_one(), !is_task());
            EXPECT_EQ(c.polls, 3);
            EXPECT_EQ(home.schedules(), is_task() ? 1 : 2);
            EXPECT_EQ(c.dropped, 0);
            h.request_stop();
            EXPECT_TRUE(home.run_one());
        }
        EXPECT_EQ(c.dropped, 1);
        EXPECT_EQ(home.queued(), 0);
        join();
        w.wake();
        EXPECT_EQ(home.queued(), 0);
        EXPECT_EQ(c.outputs_dropped, then == answer::ready);
        EXPECT_EQ(home.uncaught(), 0);
    }
}

// waker_panic.rs, waker_pending.rs: wake_during_run.
TEST_P(smol_task_waker, woken_during_its_run) { during_the_second_run(meanwhile::wakes); }

// waker_panic.rs, waker_pending.rs: cancel_during_run.
TEST_P(smol_task_waker, cancelled_during_its_second_run) {
    during_the_second_run(meanwhile::cancels);
}

// waker_panic.rs, waker_pending.rs: wake_and_cancel_during_run.
TEST_P(smol_task_waker, woken_and_cancelled_during_its_run) {
    during_the_second_run(meanwhile::wakes_and_cancels);
}

// waker_panic.rs, waker_pending.rs: cancel_and_wake_during_run.
TEST_P(smol_task_waker, cancelled_and_woken_during_its_run) {
    during_the_second_run(meanwhile::cancels_and_wakes);
}

// All of these files: runs here, wakes there, and a handle that is joined, dropped, stopped or detached elsewhere, from a seed and
// without any order between them. The flow ends, once; its future and its output are destroyed, once; no run is for nothing.
TEST_P(smol_task_waker, everything_at_once) {
    constexpr int rounds = test::rounds_scaled(40);
    std::mt19937 random(GetParam().workers);
    for (int round = 0; round < rounds; ++round) {
        enum action { joins, drops, stops_and_joins, detaches };
        const auto act = static_cast<action>(random() % 4);
        answer then = all_answers[random() % 3];
        if (act == joins && then == answer::pending) then = answer::ready; // it would never end
        step_executor home;
        counts c;
        const script s{.pending = int(random() % 4), .then = then};
        const int delay = int(random() % 3);
        ended seen = ended::none;
        std::atomic<int> parties_over{0};
        std::optional h = start_scripted(home, c, s);
        start_party(1, [&](kind me) -> task<void> {
            for (int i = 0; i < delay; ++i)
                co_await by(me, async_yield());
            if (act == stops_and_joins) h->request_stop();
            if (act == joins || act == stops_and_joins) {
                auto joining = h->async_try_join();
                const auto joined = co_await by(me, std::move(joining));
                seen = how(joined);
            } else if (act == detaches) {
                h->detach();
                if (then == answer::pending) home.stopping = true;
            }
            h.reset();
            ++parties_over;
        });
        start_party(3, [&](kind me) -> task<void> {
            while (c.dropped == 0) {
                if (flow* f = c.waker) waker(*f).wake();
                co_await by(me, async_yield());
            }
            ++parties_over;
        });
        while (parties_over < 2 || home.queued() != 0) {
            if (!home.run_one()) std::this_thread::yield();
        }
        join();
        EXPECT_EQ(c.dropped, 1);
        if (then != answer::pending) { // none after the answer
            EXPECT_LE(c.polls, s.pending + 1);
        }
        EXPECT_LE(home.schedules(), c.polls + 1); // a run polls, or it is the last
        const int failures = home.uncaught();
        if (seen != ended::none) {
            EXPECT_EQ(c.outputs_dropped, seen == ended::value);
            EXPECT_EQ(failures, 0);
            if (act == joins) {
                EXPECT_EQ(seen, how(then));
                EXPECT_EQ(c.polls, s.pending + 1);
            }
            if (then == answer::pending) {
                EXPECT_EQ(seen, ended::cancelled);
            }
        } else {
            EXPECT_LE(c.outputs_dropped, then == answer::ready);
            EXPECT_LE(failures, then == answer::throws);
            if (act == detaches && then != answer::pending) {
                EXPECT_EQ(c.outputs_dropped, then == answer::ready);
                EXPECT_EQ(failures, then == answer::throws);
            }
        }
    }
}

} // namespace
} // namespace sennit
