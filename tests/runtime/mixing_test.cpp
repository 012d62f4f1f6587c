// Fibers, tasks and plain threads on one scheduler, waiting for each other.
#include "support.hpp"

#include <thread>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::with_runtime;
class mixing : public with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, mixing, testing::ValuesIn(test::settings), test::name_of);

// Plain code, deep inside, that blocks.
int deep_library(event& e, int depth) {
    if (depth > 0) return deep_library(e, depth - 1) + 1;
    e.wait();
    return 0;
}
task<int> calls_blocking_code(event& e) {
    co_await async_yield();
    const int n = deep_library(e, 10);
    co_await async_yield();
    co_return n + deep_library(e, 5);
}

TEST_P(mixing, a_task_may_block_while_other_tasks_go_on) {
    run([&] {
        event e;
        auto blocked = spawn(calls_blocking_code(e));
        int others = 0;
        for (int i = 0; i < 20; ++i) {
            others += spawn([](int n) -> task<int> {
                          co_await async_yield();
                          co_return n;
                      }(1))
                          .join();
        }
        EXPECT_EQ(others, 20);
        EXPECT_FALSE(blocked.is_finished());
        e.set();
        EXPECT_EQ(blocked.join(), 15);
    });
}

TEST_P(mixing, a_stopped_task_unwinds_its_blocking_step) {
    run([&] {
        event never;
        auto blocked = spawn(calls_blocking_code(never));
        for (int i = 0; i < 10; ++i)
            this_flow::yield();
        blocked.request_stop();
        auto answer = blocked.try_join();
        ASSERT_FALSE(answer);
        EXPECT_TRUE(answer.error().is_cancelled());
    });
}

task<void> set_in_a_task(event& e) {
    co_await async_yield();
    e.set();
}
task<void> wait_in_a_task(event& e) { co_await e.async_wait(); }

// Every pair of a setter and a waiter of the three kinds.
TEST_P(mixing, an_event_works_between_all_kinds_of_flow) {
    for (int setter = 0; setter < 3; ++setter) {
        for (int waiter = 0; waiter < 3; ++waiter) {
            event e;
            std::vector<std::thread> threads;
            std::vector<join_handle<void>> handles;
            if (waiter == 0) handles.push_back(rt_->spawn([&] { e.wait(); }));
            if (waiter == 1) handles.push_back(rt_->spawn(wait_in_a_task(e)));
            if (waiter == 2) threads.emplace_back([&] { e.wait(); });
            if (setter == 0) handles.push_back(rt_->spawn([&] { e.set(); }));
            if (setter == 1) handles.push_back(rt_->spawn(set_in_a_task(e)));
            if (setter == 2) threads.emplace_back([&] { e.set(); });
            for (auto& h : handles)
                h.join();
            for (auto& t : threads)
                t.join();
            EXPECT_TRUE(e.is_set());
        }
    }
}

TEST_P(mixing, a_fiber_waits_for_a_task_in_place) {
    run([&] {
        event e;
        auto opener = spawn(set_in_a_task(e));
        wait(wait_in_a_task(e));
        opener.join();
        EXPECT_EQ(wait([](int a) -> task<int> { co_return a + 1; }(1)), 2);
    });
}

task<result<int>> checked(bool ok) {
    co_await async_yield();
    if (!ok) co_return std::unexpected(error(errc::closed, "test"));
    co_return 3;
}
task<result<int>> adds(bool ok) {
    test::counted local;
    const int a = co_await or_return(checked(true));
    const int b = co_await or_return(co_await checked(ok));
    co_return a + b;
}
TEST_P(mixing, or_return_leaves_early_and_destroys_locals) {
    run([&] {
        EXPECT_EQ(spawn(adds(true)).join().value(), 6);
        const result<int> failed = spawn(adds(false)).join();
        ASSERT_FALSE(failed);
        EXPECT_TRUE(is(failed.error(), errc::closed));
        EXPECT_EQ(test::counted::alive, 0);
        EXPECT_FALSE(wait(adds(false)));
    });
}

TEST_P(mixing, sleepers_of_both_kinds_wake) {
    run([&] {
        std::vector<join_handle<void>> all;
        for (int i = 0; i < 100; ++i) {
            all.push_back(spawn([i] { sleep_for(std::chrono::microseconds(i * 10)); }));
            all.push_back(spawn([](int n) -> task<void> {
                co_await async_sleep_for(std::chrono::microseconds(n * 10));
            }(i)));
        }
        for (auto& h : all)
            h.join();
    });
}

TEST_P(mixing, always_ready_work_leaves_room_for_others) {
    // A task whose awaits are always ready must not keep the worker: its budget runs out.
    run([&] {
        event ready;
        ready.set();
        std::atomic<bool> stop{false};
        auto hog = spawn([](event& e, std::atomic<bool>& s) -> task<void> {
            while (!s)
                co_await e.async_wait();
        }(ready, stop));
        auto fiber_hog = spawn([&] {
            while (!stop)
                ready.wait();
        });
        for (int i = 0; i < 10; ++i)
            this_flow::yield();
        stop = true;
        hog.join();
        fiber_hog.join();
    });
}

TEST_P(mixing, blocking_calls_leave_the_worker_free) {
    run([&] {
        event e;
        auto other = spawn([&] { e.set(); });
        // A real thread blocks until the other flow has run.
        EXPECT_EQ(blocking([&] {
                      e.wait();
                      return 4;
                  }),
                  4);
        other.join();
    });
}

} // namespace
} // namespace sennit
