#include "support.hpp"

namespace sennit {
namespace {

using test::with_runtime;
class joining : public with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, joining, testing::ValuesIn(test::settings), test::name_of);

task<int> failing() {
    co_await async_yield();
    throw std::runtime_error("task");
}
task<void> waits_for(event& e) { co_await e.async_wait(); }
task<void> passes_on(event& from, event& to) {
    co_await from.async_wait();
    to.set();
}

TEST_P(joining, join_rethrows_and_try_join_tells) {
    run([&] {
        EXPECT_THROW(spawn([]() -> int { throw std::runtime_error("fiber"); }).join(),
                     std::runtime_error);
        EXPECT_THROW(spawn(failing()).join(), std::runtime_error);
        auto fiber = spawn([]() -> int { throw std::runtime_error("fiber"); }).try_join();
        ASSERT_FALSE(fiber);
        EXPECT_TRUE(fiber.error().is_panic());
        EXPECT_THROW(fiber.error().rethrow(), std::runtime_error);
        auto task = spawn(failing()).try_join();
        ASSERT_FALSE(task);
        EXPECT_TRUE(task.error().is_panic());
        EXPECT_EQ(spawn([] { return 1; }).try_join().value(), 1);
        EXPECT_TRUE(spawn([] {}).try_join().has_value());
    });
}

TEST_P(joining, destructor_asks_to_stop_and_waits) {
    std::atomic<int> unwound{0};
    run([&] {
        event never;
        {
            auto fiber = spawn([&] {
                struct mark {
                    std::atomic<int>& n;
                    ~mark() { ++n; }
                } m{unwound};
                never.wait();
            });
            auto task = spawn(waits_for(never));
            this_flow::yield();
        }
        EXPECT_EQ(unwound, 1);
    });
}

TEST_P(joining, request_stop_cancels_parked_and_unstarted_flows) {
    run([&] {
        event never;
        auto fiber = spawn([&] { never.wait(); });
        auto task = spawn(waits_for(never));
        fiber.request_stop();
        task.request_stop();
        EXPECT_TRUE(fiber.try_join().error().is_cancelled());
        EXPECT_TRUE(task.try_join().error().is_cancelled());
    });
}

TEST_P(joining, completion_beats_a_stop_request) {
    run([&] {
        event ready;
        ready.set();
        auto fiber = spawn([&] {
            ready.wait();
            return 1;
        });
        fiber.request_stop();
        EXPECT_EQ(fiber.join(), 1);
    });
}

TEST_P(joining, detached_flows_go_on) {
    event open, fiber_ended, task_ended;
    run([&] {
        spawn([&] {
            open.wait();
            fiber_ended.set();
        }).detach();
        spawn(passes_on(open, task_ended)).detach();
        spawn([] { return std::string(1000, 'x'); }).detach();
        open.set();
    });
    fiber_ended.wait();
    task_ended.wait();
}

task<int> joins(join_handle<int>& h) { co_return co_await h.async_join(); }
task<bool> try_joins(join_handle<int>& h) {
    auto answer = co_await h.async_try_join();
    co_return answer.has_value();
}
TEST_P(joining, tasks_await_fibers_and_tasks) {
    run([&] {
        auto fiber = spawn([] {
            this_flow::yield();
            return 5;
        });
        EXPECT_EQ(spawn(joins(fiber)).join(), 5);
        auto bad = spawn(failing());
        EXPECT_FALSE(spawn(try_joins(bad)).join());
    });
}

// Many rounds: the stop and the child's end race, and the child may end when the joiner has given up.
TEST_P(joining, a_stopped_joiner_keeps_the_handle) {
    run([&] {
        for (int round = 0; round < 200; ++round) {
            event open;
            auto child = spawn([&] {
                open.wait();
                return 3;
            });
            auto joiner = spawn([&] { return child.join(); });
            this_flow::yield();
            joiner.request_stop();
            open.set();
            auto answer = joiner.try_join();
            if (!answer) {
                EXPECT_TRUE(answer.error().is_cancelled());
                ASSERT_TRUE(child.joinable());
                EXPECT_EQ(child.join(), 3);
            } else {
                EXPECT_EQ(*answer, 3);
            }
        }
    });
}

TEST_P(joining, state_queries) {
    run([&] {
        join_handle<int> none;
        EXPECT_FALSE(none.joinable());
        auto h = spawn([] { return 1; });
        EXPECT_TRUE(h.joinable());
        EXPECT_NE(h.id(), 0u);
        while (!h.is_finished())
            this_flow::yield();
        none = std::move(h);
        EXPECT_FALSE(h.joinable());
        EXPECT_EQ(none.join(), 1);
        EXPECT_FALSE(none.joinable());
    });
}

} // namespace
} // namespace sennit
