// Chains of a million frames and loops of ten million awaits: nothing may use the stack in proportion, in no
// build type and under no compiler.
#include "coro/support.hpp"
#include <sennit/core/wait.hpp>
#include <sennit/coro/or_return.hpp>
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <stdexcept>
#include <system_error>
#include <tuple>

namespace sennit {
namespace {

using test_support::driver;
using test_support::one_million;
using test_support::ready;
using test_support::signal;
using test_support::ten_million;

class task_depth : public test_support::no_leaks {};

task<int> zero() { co_return 0; }

TEST_F(task_depth, ten_million_awaits_that_are_ready) {
    const auto body = []() -> task<long> {
        long sum = 0;
        for (int i = 0; i < ten_million; ++i)
            sum += co_await ready{1};
        co_return sum;
    };
    EXPECT_EQ(wait(body()), ten_million);
}

TEST_F(task_depth, a_million_tasks_awaited_one_after_the_other) {
    const auto body = []() -> task<long> {
        long sum = 0;
        for (int i = 0; i < one_million; ++i)
            sum += 1 + co_await zero();
        co_return sum;
    };
    EXPECT_EQ(wait(body()), one_million);
}

task<int> nested(int depth) {
    if (depth == 0) co_return 0;
    co_return 1 + co_await nested(depth - 1);
}

TEST_F(task_depth, a_million_nested_tasks_complete) {
    EXPECT_EQ(wait(nested(one_million)), one_million);
}

// Ends, at the bottom, with a value, an error or an exception.
enum class bottom : std::uint8_t { value, error, exception };
task<result<int>> nested_results(int depth, bottom end) {
    if (depth > 0) co_return 1 + co_await or_return(nested_results(depth - 1, end));
    if (end == bottom::exception) throw std::runtime_error("bottom");
    if (end == bottom::error) co_return error(std::make_error_code(std::errc::io_error), "bottom");
    co_return 0;
}

TEST_F(task_depth, a_million_nested_results_complete) {
    EXPECT_EQ(wait(nested_results(one_million, bottom::value)).value(), one_million);
}

TEST_F(task_depth, an_error_passes_through_a_million_nested_tasks) {
    const auto r = wait(nested_results(one_million, bottom::error));
    ASSERT_FALSE(r.has_value());
    EXPECT_TRUE(is(r.error(), std::errc::io_error));
}

TEST_F(task_depth, an_exception_passes_through_a_thousand_nested_results) {
    EXPECT_THROW(std::ignore = wait(nested_results(1000, bottom::exception)), std::runtime_error);
}

struct counts_its_end {
    int& ended;
    int expected;
    ~counts_its_end() {
        EXPECT_EQ(ended, expected);
        ++ended;
    }
};

// Each frame holds a local that knows how many frames are further inside.
task<int> nested_on(int depth, signal& s, int& ended) {
    const counts_its_end local{ended, depth};
    if (depth == 0) co_return co_await s.async_wait();
    co_return 1 + co_await nested_on(depth - 1, s, ended);
}

TEST_F(task_depth, a_million_nested_tasks_wait_and_complete) {
    signal s;
    driver d;
    int ended = 0;
    auto t = nested_on(one_million, s, ended);
    ASSERT_FALSE(d.poll(t).is_ready());
    s.set(1);
    EXPECT_EQ(d.finish(t), one_million + 1);
    EXPECT_EQ(ended, one_million + 1);
}

TEST_F(task_depth, a_million_nested_tasks_are_dropped_innermost_first) {
    signal s;
    driver d;
    int ended = 0;
    {
        auto t = nested_on(one_million, s, ended);
        ASSERT_FALSE(d.poll(t).is_ready());
        EXPECT_EQ(ended, 0);
    }
    EXPECT_EQ(ended, one_million + 1);
    EXPECT_EQ(s.waiters(), 0U);
}

task<int> hold(task<int> inner) { co_return 1 + co_await std::move(inner); }

task<int> tower(int height) {
    task<int> t = zero();
    for (int i = 0; i < height; ++i)
        t = hold(std::move(t));
    return t;
}

TEST_F(task_depth, a_million_tasks_that_never_started_are_destroyed_with_their_arguments) {
    const auto before = pool_stats().frames;
    {
        const task<int> t = tower(one_million);
        EXPECT_EQ(pool_stats().frames, before + one_million + 1);
    }
    EXPECT_EQ(pool_stats().frames, before);
}

TEST_F(task_depth, a_million_tasks_held_in_arguments_run) {
    EXPECT_EQ(wait(tower(one_million)), one_million);
}

TEST_F(task_depth, an_exception_may_drop_a_tower_that_never_started) {
    const auto body = [](task<int> inner) -> task<int> {
        if (inner) throw 1;
        co_return co_await std::move(inner);
    };
    EXPECT_THROW(wait(body(tower(one_million))), int);
}

// Rising and falling again: the frames of a level are gone before the next level begins.
TEST_F(task_depth, saw_teeth_use_the_memory_of_one_tooth) {
    const auto body = []() -> task<long> {
        long sum = 0;
        for (int i = 0; i < 100; ++i)
            sum += co_await nested(one_million / 100);
        co_return sum;
    };
    EXPECT_EQ(wait(body()), 100L * (one_million / 100));
}

} // namespace
} // namespace sennit
