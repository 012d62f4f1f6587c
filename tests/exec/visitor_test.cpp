// An executor of a user's own, execute(runnable&) and a queue, runs fibers and tasks on threads whose stacks
// cannot be given away (src/exec/visitor.cpp).
#include "core/support.hpp"
#include "exec/support.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/executor.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/coro/task_cell.hpp>
#include <sennit/stack/stack.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using test_support::go_on;
using test_support::queue_executor;
using test_support::signal;
using test_support::spawn_on;

template<class T>
join_handle<T> spawn_task(executor& home, task<T> t) {
    auto& cell = detail::task_cell<T>::make(home, std::source_location::current(), std::move(t));
    join_handle<T> handle(cell);
    cell.launch();
    return handle;
}

// Fails when a test leaves a cell, a frame or a stack behind.
class visitor : public testing::Test {
protected:
    void SetUp() override {
        wait(async_yield());
        before_ = pool_stats();
        stacks_ = stack_pool::stats().in_use;
    }
    void TearDown() override {
        EXPECT_EQ(pool_stats().cells, before_.cells);
        EXPECT_EQ(pool_stats().frames, before_.frames);
        EXPECT_EQ(stack_pool::stats().in_use, stacks_);
    }

    queue_executor home;

private:
    pool_statistics before_{};
    std::size_t stacks_ = 0;
};

TEST_F(visitor, runs_a_fiber_to_its_end) {
    auto h = spawn_on(home, [] { return 3; });
    EXPECT_EQ(home.run_all(), 1);
    EXPECT_EQ(h.join(), 3);
}

TEST_F(visitor, runs_a_task_to_its_end) {
    const auto body = [](int n) -> task<int> { co_return n + 1; };
    auto h = spawn_task(home, body(3));
    EXPECT_EQ(home.run_all(), 1);
    EXPECT_EQ(h.join(), 4);
}

TEST_F(visitor, fiber_waits_on_its_stack_and_goes_on) {
    signal s;
    auto h = spawn_on(home, [&] {
        std::string local = "kept";
        const int n = wait(s.async_wait());
        return local + " " + std::to_string(n);
    });
    EXPECT_EQ(home.run_all(), 1);
    EXPECT_EQ(s.waiters(), 1U);
    EXPECT_FALSE(h.is_finished());
    s.set(7);
    EXPECT_EQ(home.queued(), 1);
    home.run_all();
    EXPECT_EQ(h.join(), "kept 7");
}

TEST_F(visitor, waiting_task_holds_no_stack) {
    signal s;
    const std::size_t stacks = stack_pool::stats().in_use;
    const auto body = [](signal& wanted) -> task<int> { co_return co_await wanted.async_wait(); };
    auto h = spawn_task(home, body(s));
    home.run_all();
    EXPECT_EQ(s.waiters(), 1U);
    EXPECT_EQ(stack_pool::stats().in_use, stacks);
    s.set(8);
    home.run_all();
    EXPECT_EQ(h.join(), 8);
}

// Plain code below a task uses the blocking verb: only then does the step keep a stack, and the others go on.
TEST_F(visitor, task_may_block_in_a_plain_function) {
    signal first, second;
    const auto plain = [&] { return wait(first.async_wait()); };
    const auto body = [](auto call, signal& wanted) -> task<int> {
        const int a = call();
        const int b = co_await wanted.async_wait();
        co_return a + b + call();
    };
    auto h = spawn_task(home, body(plain, second));
    bool other = false;
    go_on(home, [&] { other = true; });
    const std::size_t stacks = stack_pool::stats().in_use;
    home.run_all();
    EXPECT_TRUE(other);
    EXPECT_EQ(stack_pool::stats().in_use, stacks + 1);
    first.set(1);
    home.run_all();
    EXPECT_EQ(stack_pool::stats().in_use, stacks);
    second.set(10);
    home.run_all();
    EXPECT_EQ(h.join(), 12);
}

TEST_F(visitor, yields_go_to_the_back_of_the_queue) {
    std::string order;
    for (const char name : {'a', 'b', 'c'}) {
        go_on(home, [&order, name] {
            for (int i = 0; i < 3; ++i) {
                order += name;
                this_flow::yield();
            }
        });
    }
    home.run_all();
    EXPECT_EQ(order, "abcabcabc");
}

TEST_F(visitor, task_yields_go_to_the_back_of_the_queue) {
    std::string order;
    const auto body = [](std::string& o, char name) -> task<> {
        for (int i = 0; i < 3; ++i) {
            o += name;
            co_await async_yield();
        }
    };
    std::vector<join_handle<void>> handles;
    for (const char name : {'a', 'b', 'c'})
        handles.push_back(spawn_task(home, body(order, name)));
    home.run_all();
    EXPECT_EQ(order, "abcabcabc");
    for (auto& h : handles)
        h.join();
}

TEST_F(visitor, child_is_joined_by_its_parent) {
    auto h = spawn_on(home, [this] {
        auto child = spawn_on(home, [] { return 20; });
        auto other = spawn_on(home, [] { return 22; });
        return child.join() + other.join();
    });
    home.run_all();
    EXPECT_EQ(h.join(), 42);
}

TEST_F(visitor, stop_finds_the_fiber_in_its_wait_and_drops_the_task) {
    signal never;
    bool unwound = false, dropped = false;
    struct flag {
        bool& set;
        ~flag() { set = true; }
    };
    auto fiber = spawn_on(home, [&] {
        const flag f{unwound};
        wait(never.async_wait());
    });
    const auto body = [](signal& s, bool& end) -> task<> {
        const flag f{end};
        co_await s.async_wait();
    };
    auto t = spawn_task(home, body(never, dropped));
    home.run_all();
    EXPECT_EQ(never.waiters(), 2U);
    fiber.request_stop();
    t.request_stop();
    home.run_all();
    EXPECT_TRUE(unwound && dropped);
    EXPECT_EQ(never.waiters(), 0U);
    EXPECT_TRUE(fiber.try_join().error().is_cancelled());
    EXPECT_TRUE(t.try_join().error().is_cancelled());
}

TEST_F(visitor, a_stopped_task_that_never_ran_is_dropped) {
    bool ran = false;
    const auto body = [](bool& flag) -> task<> {
        flag = true;
        co_return;
    };
    auto t = spawn_task(home, body(ran));
    t.request_stop();
    home.run_all();
    EXPECT_FALSE(ran);
    EXPECT_TRUE(t.try_join().error().is_cancelled());
}

TEST_F(visitor, handler_of_an_exception_may_wait) {
    signal s;
    auto h = spawn_on(home, [&]() -> int {
        try {
            throw std::runtime_error("kept");
        } catch (const std::runtime_error&) {
            wait(s.async_wait());
            throw;
        }
    });
    home.run_all();
    EXPECT_EQ(std::current_exception(), nullptr);
    try {
        throw std::logic_error("between");
    } catch (const std::logic_error&) {
        s.set(1);
        home.run_all();
    }
    EXPECT_THROW(h.join(), std::runtime_error);
}

TEST_F(visitor, stack_class_of_the_flow_is_honoured) {
    auto& cell = test_support::make_fiber(home, [] { return detail::this_thread().stack->size(); });
    cell.stack_class = stack_pool::class_for(4 << 20);
    join_handle<std::size_t> h(cell);
    cell.launch();
    home.run_all();
    EXPECT_GE(h.join(), std::size_t{4} << 20);
}

TEST_F(visitor, serves_a_loop_inside_of_a_flow_of_another_executor) {
    queue_executor inner;
    signal s;
    std::string order;
    auto outer = spawn_on(home, [&] {
        auto h = spawn_on(inner, [&] {
            order += "in ";
            const int n = wait(s.async_wait());
            order += "on ";
            return n;
        });
        inner.run_all();
        this_flow::yield();
        order += "out ";
        s.set(5);
        inner.run_all();
        return h.join();
    });
    home.run_all();
    EXPECT_EQ(outer.join(), 5);
    EXPECT_EQ(order, "in out on ");
}

// The loop of the user's executor runs in a fiber of a scheduler, and its flows wake flows of that scheduler.
TEST_F(visitor, flows_in_a_loop_on_a_worker_may_wake_the_workers_flows) {
    constexpr int rounds = 200;
    {
        test_support::workers w(1);
        std::deque<signal> signals(rounds);
        std::atomic<int> woken{0};
        for (int i = 0; i < rounds; ++i)
            w.go([&, i] { woken += wait(signals[i].async_wait()) == i ? 1 : 0; });
        auto h = w.spawn([&] {
            while (signals.back().waiters() == 0)
                this_flow::yield();
            queue_executor inner;
            for (int i = 0; i < rounds; ++i) {
                go_on(inner, [&, i] { signals[i].set(i); });
                // And starts one there.
                go_on(inner, [&] { w.go([&] { ++woken; }); });
            }
            inner.run_all();
        });
        h.join();
        w.drain();
        EXPECT_EQ(woken, 2 * rounds);
    }
}

// Two threads run one queue: every wait may end on the other one.
TEST_F(visitor, flows_move_between_the_threads_that_run_them) {
    constexpr int flows = 50, rounds = SENNIT_TSAN || SENNIT_ASAN ? 20 : 100;
    std::atomic<bool> over{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            while (!over)
                if (!home.run_one()) std::this_thread::yield();
        });
    }
    std::vector<join_handle<int>> handles;
    for (int i = 0; i < flows; ++i) {
        handles.push_back(spawn_on(home, [] {
            int sum = 0;
            for (int round = 0; round < rounds; ++round) {
                try {
                    throw round;
                } catch (int n) {
                    this_flow::yield();
                    sum += n == round ? 1 : 0;
                }
            }
            return sum;
        }));
        const auto body = [](queue_executor& e) -> task<int> {
            int sum = 0;
            for (int round = 0; round < rounds; ++round) {
                auto child = spawn_on(e, [] { return 1; });
                sum += co_await child.async_join();
                child.detach();
                co_await async_yield();
            }
            co_return sum;
        };
        handles.push_back(spawn_task(home, body(home)));
    }
    for (auto& h : handles)
        EXPECT_EQ(h.join(), rounds);
    over = true;
    for (std::thread& t : threads)
        t.join();
}

} // namespace
} // namespace sennit
