// A program compiled without optimisation on a library compiled with it, and the other way round: this file gets
// the opposite of what the rest gets (CMakeLists.txt). GCC then transfers control between frames in both ways in
// one chain, see sennit/coro/promise.hpp.
#include "coro/support.hpp"
#include <sennit/core/wait.hpp>
#include <sennit/coro/or_return.hpp>
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

namespace sennit {
namespace {

using test_support::driver;
using test_support::one_million;
using test_support::ready;
using test_support::signal;

class task_mixed : public test_support::no_leaks {};

// Types of its own, so that no other file's instantiations stand in for this one's.
struct own {
    long number;
};

task<own> nested(int depth) {
    if (depth == 0) co_return own{0};
    const own inner = co_await nested(depth - 1);
    co_return own{inner.number + 1};
}

TEST_F(task_mixed, nested_tasks_complete) {
    EXPECT_EQ(wait(nested(one_million / 10)).number, one_million / 10);
}

task<own> waits(int depth, signal& s) {
    if (depth == 0) co_return own{co_await s.async_wait()};
    co_return co_await waits(depth - 1, s);
}

TEST_F(task_mixed, nested_tasks_wait) {
    signal s;
    driver d;
    auto t = waits(1'000, s);
    ASSERT_FALSE(d.poll(t).is_ready());
    s.set(4);
    EXPECT_EQ(d.poll(t).take().number, 4);
}

TEST_F(task_mixed, loops_of_awaits_do_not_grow_the_stack) {
    const auto body = []() -> task<own> {
        own sum{0};
        for (int i = 0; i < one_million / 10; ++i) {
            sum.number += co_await ready{1L};
            sum.number += (co_await nested(1)).number;
        }
        co_return sum;
    };
    EXPECT_EQ(wait(body()).number, 2 * (one_million / 10));
}

task<result<own>> leaves(int depth) {
    if (depth == 0) {
        const own n = co_await or_return(
            result<own>(error(std::make_error_code(std::errc::io_error), "leaves")));
        co_return n;
    }
    co_return co_await or_return(leaves(depth - 1));
}

TEST_F(task_mixed, errors_leave) { EXPECT_FALSE(wait(leaves(100)).has_value()); }

} // namespace
} // namespace sennit
