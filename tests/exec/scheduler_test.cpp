// Workers with threads and nothing around them. What users see of them: tests/runtime.
#include <sennit/exec/scheduler.hpp>

#include "core/support.hpp"
#include "exec/support.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task_cell.hpp>
#include <sennit/stack/stack.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using test_support::signal;
using test_support::workers;

constexpr int scaled_down = SENNIT_TSAN || SENNIT_ASAN ? 10 : 1;

class scheduler : public testing::TestWithParam<unsigned> {
protected:
    void SetUp() override {
        wait(async_yield());
        cells_ = pool_stats().cells;
        stacks_ = stack_pool::stats().in_use;
    }
    void TearDown() override {
        EXPECT_EQ(pool_stats().cells, cells_);
        EXPECT_EQ(stack_pool::stats().in_use, stacks_);
    }

private:
    std::int64_t cells_ = 0;
    std::size_t stacks_ = 0;
};

INSTANTIATE_TEST_SUITE_P(of, scheduler, testing::Values(1u, 2u, 5u), [](const auto& param) {
    return std::to_string(param.param) + "_workers";
});

TEST_P(scheduler, starts_and_stops_at_once) {
    for (int i = 0; i < 100; ++i) {
        const workers w(GetParam());
    }
}

TEST_P(scheduler, runs_everything_once) {
    const int flows = 20'000 / scaled_down;
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(flows));
    {
        workers w(GetParam());
        for (int i = 0; i < flows; ++i)
            w.go([&runs, i] { ++runs[static_cast<std::size_t>(i)]; });
        w.drain();
        EXPECT_EQ(w.scheduler().live(), 0U);
    }
    for (const auto& n : runs)
        ASSERT_EQ(n, 1);
}

TEST_P(scheduler, flows_start_flows) {
    const int width = 100, depth = 200 / scaled_down;
    std::atomic<int> runs{0};
    {
        workers w(GetParam());
        for (int i = 0; i < width; ++i) {
            w.go([&] {
                for (int n = 0; n < depth; ++n)
                    w.go([&] { ++runs; });
            });
        }
    }
    EXPECT_EQ(runs, width * depth);
}

TEST_P(scheduler, parked_fibers_are_woken_from_a_foreign_thread) {
    constexpr int fibers = 500;
    std::deque<signal> signals(fibers);
    std::atomic<int> woken{0};
    workers w(GetParam());
    for (int i = 0; i < fibers; ++i)
        w.go([&, i] { woken += wait(signals[static_cast<std::size_t>(i)].async_wait()) == i; });
    for (int i = 0; i < fibers; ++i) {
        while (signals[static_cast<std::size_t>(i)].waiters() == 0)
            std::this_thread::yield();
        signals[static_cast<std::size_t>(i)].set(i);
    }
    w.drain();
    EXPECT_EQ(woken, fibers);
}

TEST_P(scheduler, yields_take_turns) {
    constexpr int fibers = 10, turns = 500;
    std::atomic<int> sum{0};
    workers w(GetParam());
    for (int i = 0; i < fibers; ++i) {
        w.go([&] {
            for (int n = 0; n < turns; ++n) {
                ++sum;
                this_flow::yield();
            }
        });
    }
    w.drain();
    EXPECT_EQ(sum, fibers * turns);
}

int fib(workers& w, int n) {
    if (n < 2) return n;
    auto left = w.spawn([&w, n] { return fib(w, n - 1); });
    const int right = fib(w, n - 2);
    return left.join() + right;
}

TEST_P(scheduler, fork_join_recursion) {
    workers w(GetParam());
    EXPECT_EQ(w.spawn([&] { return fib(w, SENNIT_TSAN || SENNIT_ASAN ? 12 : 18); }).join(),
              SENNIT_TSAN || SENNIT_ASAN ? 144 : 2584);
}

TEST_P(scheduler, exception_that_nobody_joins_is_handed_over) {
    std::atomic<int> seen{0};
    detail::scheduler_parts parts;
    parts.on_uncaught = [&](const flow&, std::exception_ptr e) {
        try {
            std::rethrow_exception(e);
        } catch (const std::runtime_error&) {
            ++seen;
        }
    };
    workers w(GetParam(), parts);
    w.go([] { throw std::runtime_error("boom"); });
    w.drain();
    EXPECT_EQ(seen, 1);
}

TEST_P(scheduler, forced_migration_moves_whatever_is_woken) {
    constexpr int rounds = 200;
    std::set<std::thread::id> threads;
    detail::scheduler_parts parts;
    parts.force_migration = true;
    workers w(GetParam(), parts);
    auto h = w.spawn([&] {
        for (int i = 0; i < rounds; ++i) {
            signal s;
            auto child = w.spawn([&] {
                while (s.waiters() == 0)
                    this_flow::yield();
                s.set(i);
            });
            EXPECT_EQ(wait(s.async_wait()), i);
            threads.insert(std::this_thread::get_id());
            child.join();
        }
    });
    h.join();
    EXPECT_EQ(threads.size() > 1, GetParam() > 1);
}

// One flow holds its worker until all the others have run: a spare thread must run them.
TEST_P(scheduler, flows_that_hold_every_worker_do_not_stop_the_others) {
    const unsigned count = GetParam();
    std::atomic<unsigned> holding{0};
    std::atomic<bool> released{false};
    workers w(count);
    for (unsigned i = 0; i < count; ++i) {
        w.go([&] {
            ++holding;
            while (!released)
                std::this_thread::yield();
        });
    }
    while (holding != count)
        std::this_thread::yield();
    w.go([&] { released = true; });
    w.drain();
    EXPECT_GE(w.scheduler().stuck_events.get(), 1U);
}

TEST_P(scheduler, waiting_until_it_is_drained_may_time_out) {
    signal s;
    workers w(GetParam());
    w.go([&] { wait(s.async_wait()); });
    EXPECT_FALSE(w.scheduler().wait_drained(0));
    s.set(1);
    EXPECT_TRUE(w.scheduler().wait_drained(timer_driver::never));
}

// The last flow ends while the other side begins to wait for that, again and again.
TEST_P(scheduler, drained_is_never_missed) {
    const int rounds = 3'000 / scaled_down;
    workers w(GetParam());
    for (int i = 0; i < rounds; ++i) {
        w.go([] {});
        w.drain();
        ASSERT_EQ(w.scheduler().live(), 0U);
    }
}

// More fibers wait than there may be stacks: the rest wait for one, and in the end all have run, and new fibers
// may be started again.
TEST_P(scheduler, fibers_wait_for_stacks_when_they_run_out) {
    constexpr int fibers = 100;
    const std::size_t limit = stack_pool::count_max();
    std::atomic<int> ended{0};
    {
        signal s;
        workers w(GetParam());
        while (w.scheduler().idle.count() < GetParam()) // a spare may have joined them
            std::this_thread::yield();
        stack_pool::set_count_max(stack_pool::stats().in_use + 20);
        for (int i = 0; i < fibers; ++i) {
            w.go([&] {
                wait(s.async_wait());
                ++ended;
            });
        }
        while (!stack_pool::exhausted())
            std::this_thread::yield();
        s.set(1);
        w.drain();
        EXPECT_FALSE(stack_pool::exhausted());
    }
    stack_pool::set_count_max(limit);
    EXPECT_EQ(ended, fibers);
}

TEST_P(scheduler, tasks_and_fibers_of_several_thousand_meet) {
    const int pairs = 2'000 / scaled_down;
    std::deque<signal> to_task(static_cast<std::size_t>(pairs)),
        to_fiber(static_cast<std::size_t>(pairs));
    std::atomic<int> met{0};
    const auto body = [](signal& mine, signal& other, std::atomic<int>& m) -> task<> {
        const int n = co_await mine.async_wait();
        other.set(n + 1);
        ++m;
    };
    workers w(GetParam());
    for (int i = 0; i < pairs; ++i) {
        auto& a = to_task[static_cast<std::size_t>(i)];
        auto& b = to_fiber[static_cast<std::size_t>(i)];
        auto& cell = detail::task_cell<void>::make(w.scheduler(), std::source_location::current(),
                                                   body(a, b, met));
        cell.set_detached();
        cell.launch();
        w.go([&a, &b, &met, i] {
            a.set(i);
            met += wait(b.async_wait()) == i + 1;
        });
    }
    w.drain();
    EXPECT_EQ(met, 2 * pairs);
}

} // namespace
} // namespace sennit
