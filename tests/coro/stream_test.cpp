#include <sennit/coro/stream.hpp>

#include "coro/support.hpp"
#include <sennit/core/future_set.hpp>
#include <sennit/core/when_any.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

namespace sennit {
namespace {

using test_support::driver;
using test_support::event_log;
using test_support::ready;
using test_support::signal;
using test_support::traced;

class stream_test : public test_support::no_leaks {};

stream<int> numbers(int end) {
    for (int n = 0; n < end; ++n)
        co_yield n;
}
stream<int> awaits(signal& a, signal& b) {
    const int first = co_await a.async_wait();
    co_yield first;
    const int second = co_await b.async_wait();
    co_yield second;
}

TEST_F(stream_test, is_lazy) {
    bool ran = false;
    const auto body = [](bool& r) -> stream<int> {
        r = true;
        co_yield 1;
    };
    driver d;
    {
        auto dropped = body(ran);
        (void)dropped.next();
    }
    EXPECT_FALSE(ran);
    auto s = body(ran);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
    EXPECT_TRUE(ran);
}

TEST_F(stream_test, yields_its_values_and_then_ends_for_ever) {
    driver d;
    auto s = numbers(3);
    for (int n = 0; n < 3; ++n)
        EXPECT_EQ(d.poll(s.next()).take(), n);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
    auto none = numbers(0);
    EXPECT_EQ(d.poll(none.next()).take(), std::nullopt);
}

TEST_F(stream_test, waits_between_values) {
    signal a, b;
    driver d;
    auto s = awaits(a, b);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    ASSERT_TRUE(d.rearm());
    a.set(1);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    b.set(2);
    EXPECT_EQ(d.poll(s.next()).take(), 2);
    EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
}

TEST_F(stream_test, next_given_up_halfway_loses_nothing) {
    signal a, b;
    driver d;
    auto s = awaits(a, b);
    {
        auto first = when_any(s.next(), ready{7});
        auto winner = d.poll(first).take();
        ASSERT_EQ(winner.index(), 1u);
    }
    EXPECT_EQ(a.waiters(), 1u) << "the stream stays where it is";
    a.set(1);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
}

TEST_F(stream_test, wakes_whoever_polled_last) {
    signal a, b;
    driver first, second;
    auto s = awaits(a, b);
    ASSERT_FALSE(first.poll(s.next()).is_ready());
    ASSERT_FALSE(second.poll(s.next()).is_ready());
    ASSERT_TRUE(first.rearm() && second.rearm());
    a.set(1);
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(s.next()).take(), 1);
}

TEST_F(stream_test, may_be_moved_between_values) {
    driver d;
    auto s = numbers(3);
    EXPECT_EQ(d.poll(s.next()).take(), 0);
    auto moved = std::move(s);
    EXPECT_EQ(d.poll(moved.next()).take(), 1);
    auto other = numbers(9);
    other = std::move(moved);
    EXPECT_EQ(d.poll(other.next()).take(), 2);
    EXPECT_EQ(d.poll(other.next()).take(), std::nullopt);
}

TEST_F(stream_test, exception_passes_through_and_ends_it) {
    const auto body = []() -> stream<int> {
        co_yield 1;
        throw std::runtime_error("stream");
    };
    driver d;
    auto s = body();
    EXPECT_EQ(d.poll(s.next()).take(), 1);
    EXPECT_THROW((void)d.poll(s.next()), std::runtime_error);
    EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
}

TEST_F(stream_test, exception_of_a_task_within_may_be_caught) {
    const auto fails = []() -> task<int> {
        throw std::runtime_error("task");
        co_return 0;
    };
    const auto body = [](auto make) -> stream<int> {
        bool caught = false;
        try {
            co_await make();
        } catch (const std::runtime_error&) {
            caught = true;
        }
        if (caught) co_yield 1;
    };
    driver d;
    auto s = body(fails);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
}

TEST_F(stream_test, of_move_only_values) {
    const auto body = []() -> stream<std::unique_ptr<int>> {
        co_yield std::make_unique<int>(1);
        auto named = std::make_unique<int>(2);
        co_yield std::move(named);
    };
    int sum = 0;
    for (std::unique_ptr<int> p : body())
        sum += *p;
    EXPECT_EQ(sum, 3);
}

TEST_F(stream_test, is_walked_by_a_plain_thread) {
    signal a, b;
    std::thread setting([&] {
        while (a.waiters() == 0)
            std::this_thread::yield();
        a.set(3);
        b.set(4);
    });
    int sum = 0;
    for (const int n : awaits(a, b))
        sum += n;
    EXPECT_EQ(sum, 7);
    setting.join();
}

TEST_F(stream_test, is_awaited_by_a_task) {
    const auto body = [](stream<int> s) -> task<int> {
        int sum = 0;
        for (;;) {
            auto n = co_await s.next();
            if (!n) co_return sum;
            sum += *n;
        }
    };
    EXPECT_EQ(wait(body(numbers(1'000))), 999 * 500);
}

TEST_F(stream_test, budget_bounds_what_it_yields_in_a_row) {
    const auto body = [](stream<int> s, int& seen) -> task<void> {
        for (;;) {
            auto n = co_await s.next();
            if (!n) co_return;
            ++seen;
        }
    };
    int seen = 0;
    driver d;
    auto t = body(numbers(100'000), seen);
    ASSERT_FALSE(d.poll(t).is_ready());
    EXPECT_LE(seen, static_cast<int>(detail::budget_per_resumption));
    EXPECT_FALSE(d.rearm()) << "it wants another turn";
}

TEST_F(stream_test, yields_the_flow_within) {
    const auto body = []() -> stream<int> {
        co_await async_yield();
        co_yield 1;
        co_await async_yield();
    };
    driver d;
    auto s = body();
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    EXPECT_FALSE(d.rearm()) << "it wants another turn";
    EXPECT_EQ(d.finish(s.next()), 1);
    EXPECT_EQ(d.finish(s.next()), std::nullopt);
}

stream<int> nested(int depth, signal& s, event_log& log) {
    traced local(log, std::to_string(depth));
    if (depth == 0) {
        const int value = co_await s.async_wait();
        co_yield value;
    } else {
        stream<int> inner = nested(depth - 1, s, log);
        for (;;) {
            auto n = co_await inner.next();
            if (!n) break;
            co_yield *n + 1;
        }
    }
}

TEST_F(stream_test, streams_nest) {
    signal s;
    event_log log;
    driver d;
    auto outer = nested(10, s, log);
    ASSERT_FALSE(d.poll(outer.next()).is_ready());
    s.set(100);
    EXPECT_EQ(d.poll(outer.next()).take(), 110);
    EXPECT_EQ(d.poll(outer.next()).take(), std::nullopt);
}

TEST_F(stream_test, dropping_one_destroys_what_it_stands_on) {
    signal s;
    event_log log;
    driver d;
    {
        auto outer = nested(2, s, log);
        ASSERT_FALSE(d.poll(outer.next()).is_ready());
    }
    EXPECT_EQ(log, (event_log{"~0", "~1", "~2"}));
    EXPECT_EQ(s.waiters(), 0u);
}

TEST_F(stream_test, may_be_dropped_at_every_point) {
    const auto body = [](signal& s, event_log& log) -> stream<int> {
        traced a(log, "a");
        co_yield 1;
        traced b(log, "b");
        co_await s.async_wait();
        traced c(log, "c");
        co_yield 2;
    };
    for (int steps = 0; steps <= 4; ++steps) {
        signal s;
        event_log log;
        driver d;
        {
            auto stream = body(s, log);
            for (int i = 0; i < steps; ++i) {
                if (i == 2) s.set(0);
                (void)d.poll(stream.next());
            }
        }
        const event_log expected[] = {
            {}, {"~a"}, {"~b", "~a"}, {"~c", "~b", "~a"}, {"~c", "~b", "~a"}};
        EXPECT_EQ(log, expected[steps]) << steps;
        EXPECT_EQ(s.waiters(), 0u);
    }
}

// A million values through a task that never waits: nothing grows.
TEST_F(stream_test, yields_a_million_values) {
    const auto body = [](stream<int> s) -> task<int> {
        int count = 0;
        for (;;) {
            auto n = co_await s.next();
            if (!n) co_return count;
            ++count;
        }
    };
    EXPECT_EQ(wait(body(numbers(test_support::one_million))), test_support::one_million);
}

TEST_F(stream_test, other_things_are_streams_too) {
    struct receiver {
        ready<std::optional<int>> async_recv() { return {1}; }
    };
    struct not_one {
        ready<int> next() { return {1}; }
    };
    static_assert(stream_like<receiver> && stream_like<receiver&>);
    static_assert(std::is_same_v<stream_value_t<receiver>, int>);
    static_assert(stream_like<future_set<task<int>>>);
    static_assert(!stream_like<not_one>);
    static_assert(!stream_like<int>);
    static_assert(stream_next_future<int>::cancel_class == cancel_safety::lossless);
}

} // namespace
} // namespace sennit
