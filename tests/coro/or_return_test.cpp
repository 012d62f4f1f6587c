#include <sennit/coro/or_return.hpp>

#include "coro/support.hpp"
#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <system_error>

namespace sennit {
namespace {

using test_support::driver;
using test_support::event_log;
using test_support::ready;
using test_support::signal;
using test_support::traced;

class or_return_test : public test_support::no_leaks {};

result<int> number(bool good) {
    if (!good) return error(std::make_error_code(std::errc::io_error), "number");
    return 20;
}
result<void> nothing(bool good) {
    if (!good) return error(std::make_error_code(std::errc::broken_pipe), "nothing");
    return {};
}
// Ready when the signal is set: with the number, or with an error when it is negative.
struct number_when_set {
    signal::waiting inner;
    sennit::poll<result<int>> poll(context& cx) {
        auto answer = inner.poll(cx);
        if (!answer.is_ready()) return pending;
        const int n = std::move(answer).take();
        if (n < 0) return result<int>(error(std::make_error_code(std::errc::io_error), "set"));
        return result<int>(n);
    }
};

task<result<int>> sum(bool first, bool second, event_log& log) {
    const traced outer(log, "outer");
    const int a = co_await or_return(number(first));
    {
        const traced inner(log, "inner");
        co_await or_return(nothing(second));
    }
    log.push_back("end");
    co_return a + 1;
}

TEST_F(or_return_test, yields_the_value) {
    event_log log;
    EXPECT_EQ(wait(sum(true, true, log)).value(), 21);
    EXPECT_EQ(log, (event_log{"~inner", "end", "~outer"}));
}

TEST_F(or_return_test, an_error_ends_the_task_with_it_and_destroys_the_locals) {
    event_log log;
    const result<int> first = wait(sum(false, true, log));
    ASSERT_FALSE(first.has_value());
    EXPECT_TRUE(is(first.error(), std::errc::io_error));
    EXPECT_EQ(log, event_log{"~outer"});
    log.clear();
    const result<int> second = wait(sum(true, false, log));
    EXPECT_TRUE(is(second.error(), std::errc::broken_pipe));
    EXPECT_EQ(log, (event_log{"~inner", "~outer"}));
}

task<result<int>> level(int depth, bool good) {
    if (depth == 0) co_return co_await or_return(number(good)) + 0;
    co_return 1 + co_await or_return(level(depth - 1, good));
}

TEST_F(or_return_test, an_error_passes_through_levels_without_an_exception) {
    EXPECT_EQ(wait(level(5, true)).value(), 25);
    EXPECT_TRUE(is(wait(level(5, false)).error(), std::errc::io_error));
    EXPECT_FALSE(wait(level(10'000, false)).has_value());
}

task<result<std::string>> in_words(bool good, event_log& log) {
    const traced local(log, "in_words");
    const int n = co_await or_return(level(2, good));
    log.push_back("goes on");
    co_return std::to_string(n);
}
task<std::string> says(bool good, event_log& log) {
    const traced local(log, "says");
    const auto r = co_await in_words(good, log);
    log.push_back(r ? *r : "error");
    co_return r.value_or("none");
}

TEST_F(or_return_test, an_error_goes_as_far_as_the_task_that_looks_at_it) {
    event_log log;
    EXPECT_EQ(wait(says(true, log)), "22");
    EXPECT_EQ(log, (event_log{"goes on", "~in_words", "22", "~says"}));
    log.clear();
    EXPECT_EQ(wait(says(false, log)), "none");
    EXPECT_EQ(log, (event_log{"~in_words", "error", "~says"}));
}

TEST_F(or_return_test, a_task_that_was_never_awaited_is_dropped) {
    { [[maybe_unused]] const auto unused = or_return(level(3, true)); }
    EXPECT_EQ(wait(level(0, true)).value(), 20);
}

task<result<int>> when_set(signal& s, event_log& log) {
    const traced local(log, "local");
    const int n = co_await or_return(number_when_set{s.async_wait()});
    co_return 2 * n;
}
task<result<int>> above(signal& s, event_log& log) {
    const traced local(log, "above");
    const result<int> inner = co_await when_set(s, log);
    log.push_back(inner ? "value" : "error");
    co_return co_await or_return(inner);
}

TEST_F(or_return_test, a_future_of_a_result_may_be_pending_first) {
    for (const int n : {7, -7}) {
        signal s;
        driver d;
        event_log log;
        auto t = above(s, log);
        ASSERT_FALSE(d.poll(t).is_ready());
        s.set(n);
        const result<int> answer = d.poll(t).take();
        EXPECT_EQ(answer.has_value(), n > 0);
        EXPECT_EQ(answer.value_or(14), 14);
        EXPECT_EQ(log, (event_log{"~local", n > 0 ? "value" : "error", "~above"}));
        EXPECT_EQ(s.waiters(), 0U);
    }
}

TEST_F(or_return_test, the_outermost_task_may_leave_after_a_wait) {
    signal s;
    driver d;
    event_log log;
    auto t = when_set(s, log);
    ASSERT_FALSE(d.poll(t).is_ready());
    s.set(-1);
    EXPECT_FALSE(d.poll(t).take().has_value());
    EXPECT_EQ(log, event_log{"~local"});
}

TEST_F(or_return_test, may_be_dropped_while_it_waits) {
    signal s;
    driver d;
    event_log log;
    {
        auto t = above(s, log);
        ASSERT_FALSE(d.poll(t).is_ready());
    }
    EXPECT_EQ(log, (event_log{"~local", "~above"}));
    EXPECT_EQ(s.waiters(), 0U);
}

TEST_F(or_return_test, keeps_values_that_can_only_be_moved) {
    const auto body = []() -> task<result<std::unique_ptr<int>>> {
        co_return co_await or_return(result<std::unique_ptr<int>>(std::make_unique<int>(3)));
    };
    EXPECT_EQ(*wait(body()).value(), 3);
}

struct throws_in_poll {
    bool at_once;
    sennit::poll<result<int>> poll(context& cx) {
        if (std::exchange(at_once, true)) throw std::runtime_error("poll");
        cx.waker().wake();
        return pending;
    }
};

TEST_F(or_return_test, an_exception_of_the_poll_is_thrown_in_the_task) {
    const auto body = [](bool at_once) -> task<result<int>> {
        try {
            co_return co_await or_return(throws_in_poll{at_once});
        } catch (const std::runtime_error&) {
            co_return -1;
        }
    };
    EXPECT_EQ(wait(body(true)).value(), -1);
    EXPECT_EQ(wait(body(false)).value(), -1);
}

// An operation that is always ready must not keep the others from running.
TEST_F(or_return_test, spends_the_budget) {
    const auto body = []() -> task<result<int>> {
        int n = 0;
        for (int i = 0; i < 1'000; ++i)
            n += co_await or_return(ready{result<int>(1)});
        co_return n;
    };
    driver d;
    auto t = body();
    int polls = 1;
    while (!d.poll(t).is_ready()) {
        ASSERT_FALSE(d.rearm());
        ++polls;
    }
    EXPECT_GT(polls, 3);
}

TEST_F(or_return_test, a_million_awaits) {
    const auto body = []() -> task<result<long>> {
        long n = 0;
        for (int i = 0; i < test_support::one_million; ++i)
            n += co_await or_return(number(true));
        co_return n;
    };
    EXPECT_EQ(wait(body()).value(), 20L * test_support::one_million);
}

} // namespace
} // namespace sennit
