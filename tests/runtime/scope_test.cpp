// The rules are those of golang.org/x/sync/errgroup (errgroup_test.go: JustErrors, Parallel, WithContext, TryGo,
// GoLimit) and of nurseries; nothing is timed.
#include "runtime/support.hpp"

#include <array>
#include <atomic>
#include <stdexcept>
#include <system_error>
#include <vector>

namespace sennit {
namespace {

using test::counted;

// Counts when it goes.
struct defer_count {
    std::atomic<int>& to;
    ~defer_count() { ++to; }
};

class scope_test : public test::with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, scope_test, testing::ValuesIn(test::settings), test::name_of);

// errgroup TestGroup_Parallel: children write into the frame around the scope.
TEST_P(scope_test, children_may_borrow_from_the_frame) {
    run([] {
        std::array<int, 20> squares{};
        scope s;
        for (int i = 0; i < 20; ++i)
            s.go([&, i] {
                this_flow::yield();
                squares[static_cast<std::size_t>(i)] = i * i;
            });
        s.join();
        for (int i = 0; i < 20; ++i)
            EXPECT_EQ(squares[static_cast<std::size_t>(i)], i * i);
    });
}

TEST_P(scope_test, leaving_waits_for_children_and_for_what_they_captured) {
    counted::alive = 0;
    run([] {
        std::atomic<int> ended{0};
        {
            scope s;
            for (int i = 0; i < 10; ++i)
                s.go([&ended, held = counted()] {
                    for (int k = 0; k < 3; ++k)
                        this_flow::yield();
                    ++ended;
                });
        }
        EXPECT_EQ(ended, 10);
        EXPECT_EQ(counted::alive, 0);
    });
}

// errgroup TestWithContext: the first failure stops the others, and is the one that is told.
TEST_P(scope_test, first_exception_stops_the_siblings_and_is_rethrown) {
    run([] {
        event never;
        std::atomic<int> stopped_children{0};
        scope s;
        for (int i = 0; i < 5; ++i) {
            s.go([&] {
                try {
                    never.wait();
                } catch (const stopped&) {
                    ++stopped_children;
                    throw;
                }
            });
        }
        s.go([] { throw std::runtime_error("first"); });
        try {
            s.join();
            ADD_FAILURE() << "join must throw";
        } catch (const std::runtime_error& e) {
            EXPECT_STREQ(e.what(), "first");
        }
        EXPECT_TRUE(s.is_stop_requested());
        // A child that started after the failure is born stopped: its first wait tells.
        EXPECT_EQ(stopped_children, 5);
    });
}

// errgroup TestZeroGroup and TestGroup_JustErrors: a result with an error is a failure.
TEST_P(scope_test, an_error_result_is_returned_by_try_join) {
    run([] {
        scope s;
        s.go([]() -> result<void> { return std::unexpected(error(errc::closed, "child")); });
        s.go([]() -> result<int> { return 3; });
        const result<void> r = s.try_join();
        ASSERT_FALSE(r.has_value());
        EXPECT_TRUE(is(r.error(), errc::closed));
        EXPECT_TRUE(s.try_join().has_value()) << "it is told once";
    });
}

TEST_P(scope_test, join_throws_an_error_result_as_system_error) {
    run([] {
        scope s;
        s.go([]() -> result<void> { return std::unexpected(error(errc::timed_out, "child")); });
        EXPECT_THROW(s.join(), std::system_error);
    });
}

TEST_P(scope_test, an_exception_in_the_body_stops_the_children) {
    run([] {
        event never;
        std::atomic<int> ended{0};
        EXPECT_THROW(
            {
                scope s;
                for (int i = 0; i < 3; ++i)
                    s.go([&] {
                        const defer_count count{ended};
                        never.wait();
                    });
                throw std::logic_error("body");
            },
            std::logic_error);
        EXPECT_EQ(ended, 3);
    });
}

TEST_P(scope_test, a_handle_yields_the_value_and_a_failure_reaches_both) {
    run([] {
        {
            scope s;
            auto seven = s.spawn([](int a, int b) { return a + b; }, 3, 4);
            EXPECT_EQ(seven.join(), 7);
            s.join();
        }
        scope s;
        auto fails = s.spawn([]() -> int { throw std::runtime_error("both"); });
        EXPECT_THROW(fails.join(), std::runtime_error);
        EXPECT_THROW(s.join(), std::runtime_error);
    });
}

TEST_P(scope_test, tasks_are_children_too) {
    run([] {
        event go_on;
        std::atomic<int> sum{0};
        const auto body = [](event& e, std::atomic<int>& to, int n) -> task<void> {
            co_await e.async_wait();
            to += n;
        };
        const auto make = [](int n) -> task<int> { co_return n; };
        scope s;
        for (int n = 1; n <= 4; ++n)
            s.go(body(go_on, sum, n));
        auto five = s.spawn(make(5));
        go_on.set();
        EXPECT_EQ(five.join(), 5);
        s.join();
        EXPECT_EQ(sum, 10);
    });
}

TEST_P(scope_test, a_task_that_fails_stops_tasks_and_fibers) {
    counted::alive = 0;
    run([] {
        event never;
        const auto waits = [](event& e) -> task<void> {
            const counted held;
            co_await e.async_wait();
        };
        const auto fails = []() -> task<void> {
            co_await async_yield();
            throw std::runtime_error("task");
        };
        scope s;
        s.go(waits(never));
        s.go([&] { never.wait(); });
        s.go(fails());
        EXPECT_THROW(s.join(), std::runtime_error);
        EXPECT_EQ(counted::alive, 0);
    });
}

// errgroup TestGoLimit.
TEST_P(scope_test, a_limit_bounds_how_many_run_at_once) {
    run([] {
        std::atomic<int> running{0}, most{0};
        scope s({.limit = 2});
        for (int i = 0; i < 40; ++i) {
            s.go([&] {
                const int now = ++running;
                int seen = most;
                while (seen < now && !most.compare_exchange_weak(seen, now)) {}
                this_flow::yield();
                --running;
            });
        }
        s.join();
        EXPECT_LE(most, 2);
        EXPECT_GE(most, 1);
    });
}

// errgroup TestTryGo.
TEST_P(scope_test, try_go_refuses_when_the_limit_is_reached) {
    run([] {
        event open;
        scope s({.limit = 2});
        EXPECT_TRUE(s.try_go([&] { open.wait(); }));
        EXPECT_TRUE(s.try_go([&] { open.wait(); }));
        EXPECT_FALSE(s.try_go([] {}));
        open.set();
        s.join();
        EXPECT_TRUE(s.try_go([] {}));
        s.join();
    });
}

TEST_P(scope_test, children_may_start_siblings) {
    run([] {
        std::atomic<int> count{0};
        scope s;
        struct tree {
            static void grow(scope& in, std::atomic<int>& c, int depth) {
                ++c;
                if (depth == 0) return;
                for (int i = 0; i < 2; ++i)
                    in.go([&in, &c, depth] { grow(in, c, depth - 1); });
            }
        };
        s.go([&] { tree::grow(s, count, 6); });
        s.join();
        EXPECT_EQ(count, 127);
    });
}

TEST_P(scope_test, stopping_the_owner_stops_the_children) {
    run([] {
        event never, ready;
        std::atomic<int> ended{0};
        auto owner = spawn([&] {
            scope s;
            for (int i = 0; i < 3; ++i)
                s.go([&] {
                    const defer_count count{ended};
                    never.wait();
                });
            ready.set();
            s.join();
        });
        ready.wait();
        owner.request_stop();
        const auto end = owner.try_join();
        ASSERT_FALSE(end.has_value());
        EXPECT_TRUE(end.error().is_cancelled());
        EXPECT_EQ(ended, 3);
    });
}

TEST_P(scope_test, request_stop_reaches_the_token_of_a_child) {
    run([] {
        event ready;
        scope s;
        s.go([&] {
            const std::stop_token token = this_flow::stop_token();
            ready.set();
            while (!token.stop_requested())
                this_flow::yield();
        });
        ready.wait();
        s.request_stop();
        s.join();
    });
}

TEST_P(scope_test, works_on_a_plain_thread) {
    std::atomic<int> sum{0};
    scope s;
    for (int i = 0; i < 4; ++i)
        s.go([&] { ++sum; });
    s.join();
    EXPECT_EQ(sum, 4);
}

TEST_P(scope_test, async_scope_waits_for_children_of_both_kinds) {
    run([] {
        const auto body = []() -> task<int> {
            int a = 0, b = 0;
            const auto add = [](int& to) -> task<void> {
                co_await async_yield();
                to += 1;
            };
            const int seven = co_await async_scope([&](scope& s) -> task<int> {
                s.go([&] { a = 1; });
                s.go(add(b));
                co_return 7;
            });
            co_return a + b + seven;
        };
        EXPECT_EQ(wait(body()), 9);
    });
}

TEST_P(scope_test, async_scope_throws_what_a_child_throws) {
    run([] {
        const auto body = []() -> task<void> {
            event never;
            co_await async_scope([&](scope& s) -> task<void> {
                s.go([&] { never.wait(); });
                s.go([] { throw std::runtime_error("child"); });
                co_return;
            });
        };
        EXPECT_THROW(wait(body()), std::runtime_error);
    });
}

TEST_P(scope_test, async_scope_throws_what_its_body_throws) {
    run([] {
        const auto body = []() -> task<void> {
            event never;
            co_await async_scope([&](scope& s) -> task<void> {
                s.go([&] { never.wait(); });
                co_await async_yield();
                throw std::logic_error("body");
            });
        };
        EXPECT_THROW(wait(body()), std::logic_error);
    });
}

// the outer task goes; its children are stopped, and gone when its destruction is over.
TEST_P(scope_test, dropping_an_async_scope_stops_and_waits) {
    counted::alive = 0;
    run([] {
        event never, ready;
        const auto waits = [](event& e) -> task<void> {
            const counted held;
            co_await e.async_wait();
        };
        const auto body = [&waits](event& e, event& r) -> task<void> {
            co_await async_scope([&](scope& s) -> task<void> {
                s.go([&, held = counted()] { e.wait(); });
                s.go(waits(e));
                r.set();
                co_await e.async_wait();
            });
        };
        auto handle = spawn(body(never, ready));
        ready.wait();
        handle.request_stop();
        (void)handle.try_join();
        EXPECT_EQ(counted::alive, 0);
    });
}

// Many scopes whose children fail, end and are stopped in every order.
TEST_P(scope_test, failures_and_ends_race) {
    constexpr int rounds = SENNIT_TSAN ? 40 : 200;
    counted::alive = 0;
    run([] {
        for (int round = 0; round < rounds; ++round) {
            event gate;
            std::atomic<int> children{0};
            scope s;
            for (int i = 0; i < 8; ++i) {
                s.go([&, i, held = counted()] {
                    const defer_count count{children};
                    for (int k = 0; k < (i * 7 + round) % 5; ++k)
                        this_flow::yield();
                    if (i == round % 8) throw std::runtime_error("one");
                    if (i % 2 == 0) gate.wait();
                });
            }
            EXPECT_THROW(s.join(), std::runtime_error);
            EXPECT_EQ(children, 8);
        }
    });
    EXPECT_EQ(counted::alive, 0);
}

TEST(scope_death_test, a_failure_that_nobody_asks_for_ends_the_program) {
    testing::FLAGS_gtest_death_test_style = "threadsafe";
    EXPECT_DEATH(sennit::run([] {
                     scope s;
                     s.go([] { throw std::runtime_error("lost"); });
                     return 0;
                 }),
                 "a scope was left whose child had failed.*lost");
}

} // namespace
} // namespace sennit
