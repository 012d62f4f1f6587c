#include <sennit/coro/task.hpp>

#include "coro/support.hpp"
#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>

namespace sennit {
namespace {

using test_support::driver;
using test_support::event_log;
using test_support::ready;
using test_support::signal;
using test_support::traced;

static_assert(future<task<int>> && future<task<>> && future<task<int&>>);
static_assert(std::is_same_v<future_output_t<task<std::string>>, std::string>);
static_assert(std::is_same_v<task<>, task<void>>);
static_assert(std::is_nothrow_move_constructible_v<task<int>>);
static_assert(std::is_nothrow_move_assignable_v<task<int>>);
static_assert(!std::is_copy_constructible_v<task<int>> &&
              !std::is_default_constructible_v<task<int>>);

class task_test : public test_support::no_leaks {};

task<int> add(int a, int b) { co_return a + b; }

TEST_F(task_test, returns_a_value) { EXPECT_EQ(wait(add(1, 2)), 3); }

TEST_F(task_test, returns_nothing) {
    bool ran = false;
    const auto body = [](bool& flag) -> task<> {
        flag = true;
        co_return;
    };
    wait(body(ran));
    EXPECT_TRUE(ran);
}

TEST_F(task_test, returns_a_reference) {
    int object = 1;
    const auto body = [](int& r) -> task<int&> { co_return r; };
    EXPECT_EQ(&wait(body(object)), &object);
    const auto outer = [](task<int&> inner) -> task<int&> { co_return co_await std::move(inner); };
    EXPECT_EQ(&wait(outer(body(object))), &object);
}

TEST_F(task_test, returns_what_can_only_be_moved) {
    const auto body = [](int n) -> task<std::unique_ptr<int>> {
        co_return std::make_unique<int>(n);
    };
    EXPECT_EQ(*wait(body(5)), 5);
    const auto outer = [](auto inner) -> task<std::unique_ptr<int>> {
        std::unique_ptr<int> p = co_await std::move(inner);
        ++*p;
        co_return p;
    };
    EXPECT_EQ(*wait(outer(body(5))), 6);
}

struct no_default {
    explicit no_default(int n) : number(n) {}
    int number;
};

TEST_F(task_test, returns_what_has_no_default_and_converts) {
    const auto body = []() -> task<no_default> { co_return no_default(7); };
    EXPECT_EQ(wait(body()).number, 7);
    const auto text = []() -> task<std::string> { co_return "text"; };
    EXPECT_EQ(wait(text()), "text");
}

struct constant {
    const int number;
};
task<constant> give_constant(int n) { co_return constant{n}; }
// As a future, and as a task, which is awaited in another way.
task<int> product(ready<constant> a, task<constant> b) {
    const constant left = co_await a;
    const constant right = co_await std::move(b);
    co_return left.number* right.number;
}

TEST_F(task_test, awaits_what_cannot_be_assigned) {
    EXPECT_EQ(wait(product(ready<constant>{{6}}, give_constant(7))), 42);
}

TEST_F(task_test, is_lazy) {
    bool ran = false;
    const auto body = [](bool& flag) -> task<> {
        flag = true;
        co_return;
    };
    auto t = body(ran);
    EXPECT_FALSE(ran);
    EXPECT_TRUE(t);
    wait(t);
    EXPECT_TRUE(ran);
    EXPECT_FALSE(t);
}

TEST_F(task_test, never_started_destroys_its_arguments) {
    event_log log;
    const auto body = [](traced, traced) -> task<> { co_return; };
    { auto t = body(traced(log, "first"), traced(log, "second")); }
    EXPECT_EQ(log.size(), 2U);
}

TEST_F(task_test, moves_by_construction_and_assignment) {
    event_log log;
    const auto body = [](traced, int n) -> task<int> { co_return n; };
    task<int> a = body(traced(log, "a"), 1);
    task<int> b = std::move(a);
    EXPECT_FALSE(a);
    EXPECT_TRUE(log.empty());
    b = body(traced(log, "b"), 2);
    EXPECT_EQ(log, event_log{"~a"}) << "what was there is dropped";
    EXPECT_EQ(wait(b), 2);
    EXPECT_EQ(log.back(), "~b");
}

TEST_F(task_test, awaits_futures_and_tasks) {
    const auto body = []() -> task<int> {
        const int a = co_await ready{1};
        const int b = co_await add(10, 20);
        ready<int> named{100};
        const int c = co_await named;
        task<int> later = add(1'000, 0);
        co_return a + b + c + co_await std::move(later);
    };
    EXPECT_EQ(wait(body()), 1'131);
}

TEST_F(task_test, awaits_in_every_kind_of_expression) {
    const auto body = [](std::vector<int>& seen) -> task<> {
        for (int i = co_await ready{0}; i < co_await ready{3}; i += co_await add(0, 1)) {
            seen.push_back(co_await add(i, co_await ready{i}));
        }
        if (co_await ready{true}) seen.push_back(co_await ready{false} ? 1 : co_await add(40, 2));
    };
    std::vector<int> seen;
    wait(body(seen));
    EXPECT_EQ(seen, (std::vector{0, 2, 4, 42}));
}

task<int> throws_at(int level) {
    if (level == 0) throw std::runtime_error("from the bottom");
    co_return 1 + co_await throws_at(level - 1);
}

TEST_F(task_test, exception_passes_through_three_levels) {
    EXPECT_THROW(wait(throws_at(0)), std::runtime_error);
    EXPECT_THROW(wait(throws_at(3)), std::runtime_error);
}

TEST_F(task_test, exception_passes_through_ten_thousand_levels) {
    EXPECT_THROW(wait(throws_at(10'000)), std::runtime_error);
}

TEST_F(task_test, exception_is_caught_on_the_way_and_the_frames_are_gone) {
    event_log log;
    const auto bottom = [](event_log& l) -> task<int> {
        const traced local(l, "bottom");
        throw std::runtime_error("boom");
        co_return 0;
    };
    const auto middle = [&](event_log& l) -> task<int> {
        const traced local(l, "middle");
        co_return co_await bottom(l);
    };
    const auto top = [&](event_log& l) -> task<std::string> {
        try {
            co_await middle(l);
        } catch (const std::runtime_error& e) {
            l.push_back("caught");
            co_return e.what();
        }
        co_return "";
    };
    EXPECT_EQ(wait(top(log)), "boom");
    EXPECT_EQ(log, (event_log{"~bottom", "~middle", "caught"}));
}

TEST_F(task_test, exception_from_a_suspended_task_comes_after_its_wake) {
    signal s;
    driver d;
    const auto body = [](signal& wanted) -> task<> {
        const int n = co_await wanted.async_wait();
        throw std::out_of_range(std::to_string(n));
    };
    const auto outer = [&](signal& wanted) -> task<> { co_await body(wanted); };
    auto t = outer(s);
    ASSERT_FALSE(d.poll(t).is_ready());
    s.set(5);
    EXPECT_THROW((void)d.poll(t), std::out_of_range);
    EXPECT_FALSE(t);
}

TEST_F(task_test, awaits_inside_of_try_and_after_catch) {
    const auto body = []() -> task<int> {
        int sum = 0;
        for (int i = 0; i < 5; ++i) {
            try {
                sum += co_await add(i, 0);
                if (i % 2 == 1) co_await throws_at(1);
            } catch (const std::runtime_error&) {
                sum += 100;
            }
            sum += co_await ready{10};
        }
        co_return sum;
    };
    EXPECT_EQ(wait(body()), 10 + 200 + 50);
}

TEST_F(task_test, value_of_a_child_lives_until_the_full_expression_ends) {
    event_log log;
    const auto child = [](event_log& l) -> task<traced> { co_return traced(l, "value"); };
    const auto parent = [&](event_log& l) -> task<> {
        (void)co_await child(l);
        l.push_back("after");
    };
    wait(parent(log));
    EXPECT_EQ(log, (event_log{"~value", "after"}));
}

TEST_F(task_test, misuse_is_refused_with_advice) {
    EXPECT_DEATH(
        {
            task<int> t = add(1, 2);
            task<int> other = std::move(t);
            wait(t);
        },
        "moved from");
    EXPECT_DEATH(
        {
            signal never;
            driver d;
            const auto body = [](signal& s) -> task<> { co_await s.async_wait(); };
            auto t = body(never);
            (void)d.poll(t).is_ready();
            const auto outer = [](task<> polled) -> task<> { co_await std::move(polled); };
            wait(outer(std::move(t)));
        },
        "was polled already");
}

} // namespace
} // namespace sennit
