// Tasks as futures, polled by hand: who is woken, what is polled, and how often.
#include "coro/support.hpp"
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <thread>

namespace sennit {
namespace {

using test_support::driver;
using test_support::ready;
using test_support::signal;

class task_poll : public test_support::no_leaks {};

task<int> wait_for(signal& s) { co_return co_await s.async_wait(); }
task<int> nested(int depth, signal& s) {
    if (depth == 0) co_return co_await s.async_wait();
    co_return co_await nested(depth - 1, s);
}

TEST_F(task_poll, is_pending_until_its_leaf_is_ready) {
    signal s;
    driver d;
    auto t = wait_for(s);
    EXPECT_EQ(s.polls(), 0);
    ASSERT_FALSE(d.poll(t).is_ready());
    ASSERT_TRUE(d.rearm());
    s.set(3);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(t).take(), 3);
    EXPECT_EQ(s.polls(), 2);
}

TEST_F(task_poll, may_be_moved_between_polls) {
    signal s;
    driver d;
    auto t = wait_for(s);
    ASSERT_FALSE(d.poll(t).is_ready());
    auto moved = std::move(t);
    s.set(4);
    EXPECT_EQ(d.poll(moved).take(), 4);
}

TEST_F(task_poll, wakes_whoever_polled_last) {
    signal s;
    driver first, second;
    auto t = nested(3, s);
    ASSERT_FALSE(first.poll(t).is_ready());
    ASSERT_FALSE(second.poll(t).is_ready());
    ASSERT_TRUE(first.rearm() && second.rearm());
    s.set(5);
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(t).take(), 5);
}

TEST_F(task_poll, spurious_polls_only_look_at_the_leaf) {
    signal s;
    driver d;
    auto t = nested(10, s);
    for (int i = 1; i <= 20; ++i) {
        ASSERT_FALSE(d.poll(t).is_ready());
        ASSERT_EQ(s.polls(), i);
    }
    s.set(6);
    EXPECT_EQ(d.poll(t).take(), 6);
}

// Waiting a hundred thousand times below a hundred thousand frames ends in time only if a wake does not visit the
// frames in between.
TEST_F(task_poll, wake_reaches_the_innermost_leaf_at_any_depth) {
    constexpr int depth = 100'000 / test_support::scaled_down;
    constexpr int wakes = 100'000 / test_support::scaled_down;
    signal s;
    driver d;
    auto t = nested(depth, s);
    ASSERT_FALSE(d.poll(t).is_ready());
    for (int i = 0; i < wakes; ++i) {
        ASSERT_TRUE(d.rearm());
        s.wake_all();
        ASSERT_EQ(d.wakes(), i + 1);
        ASSERT_FALSE(d.poll(t).is_ready());
    }
    EXPECT_EQ(s.polls(), wakes + 1);
    s.set(7);
    EXPECT_EQ(d.poll(t).take(), 7);
}

struct throws_in_poll {
    int polls_before;
    sennit::poll<int> poll(context& cx) {
        if (polls_before-- == 0) throw std::runtime_error("poll");
        cx.waker().wake();
        return pending;
    }
};

task<int> catches(int polls_before) {
    try {
        co_return co_await throws_in_poll{polls_before};
    } catch (const std::runtime_error&) {
        co_return -1;
    }
}

TEST_F(task_poll, leaf_that_throws_does_so_in_the_frame_that_awaits_it) {
    for (int polls = 0; polls < 3; ++polls) {
        driver d;
        auto t = catches(polls);
        EXPECT_EQ(d.finish(t), -1);
    }
}

TEST_F(task_poll, leaf_that_throws_ends_a_task_that_does_not_catch) {
    const auto body = [](int polls) -> task<int> { co_return co_await throws_in_poll{polls}; };
    const auto outer = [](auto inner) -> task<int> { co_return co_await std::move(inner); };
    for (int polls = 0; polls < 3; ++polls) {
        driver d;
        auto t = outer(body(polls));
        EXPECT_THROW(d.finish(t), std::runtime_error);
        EXPECT_FALSE(t);
    }
}

// What a hand-written combinator does: it polls two tasks with its own context. It has a constructor because
// GCC 12 destroys the members of an aggregate twice that is made within the operand of co_await.
struct both {
    both(task<int> left, task<int> right) : a(std::move(left)), b(std::move(right)) {}
    task<int> a, b;
    std::optional<int> first = {}, second = {};
    sennit::poll<int> poll(context& cx) {
        const auto one = [&cx](task<int>& t, std::optional<int>& place) {
            if (place) return;
            auto answer = t.poll(cx);
            if (answer.is_ready()) place = std::move(answer).take();
        };
        one(a, first);
        one(b, second);
        if (first && second) return *first + *second;
        return pending;
    }
};

TEST_F(task_poll, serves_a_users_combinator) {
    signal s, t;
    driver d;
    const auto body = [](signal& x, signal& y) -> task<int> {
        co_return co_await both(wait_for(x), nested(3, y));
    };
    auto outer = body(s, t);
    ASSERT_FALSE(d.poll(outer).is_ready());
    t.set(20);
    ASSERT_FALSE(d.poll(outer).is_ready());
    s.set(1);
    EXPECT_EQ(d.poll(outer).take(), 21);
}

TEST_F(task_poll, budget_lets_others_run_and_no_wake_is_needed_to_go_on) {
    constexpr int awaits = 1'000;
    const auto body = []() -> task<int> {
        int sum = 0;
        for (int i = 0; i < awaits; ++i)
            sum += co_await ready{1};
        co_return sum;
    };
    driver d;
    auto t = body();
    int polls = 0;
    for (;;) {
        auto answer = d.poll(t);
        ++polls;
        if (answer.is_ready()) {
            EXPECT_EQ(std::move(answer).take(), awaits);
            break;
        }
        ASSERT_FALSE(d.rearm()) << "it only wants another turn";
    }
    EXPECT_GT(polls, 1);
    EXPECT_LT(polls, 50);
}

TEST_F(task_poll, yields) {
    const auto body = []() -> task<int> {
        for (int i = 0; i < 3; ++i)
            co_await async_yield();
        co_return 3;
    };
    driver d;
    auto t = body();
    int polls = 0;
    while (!d.poll(t).is_ready()) {
        ++polls;
        ASSERT_FALSE(d.rearm());
    }
    EXPECT_GE(polls, 3);
}

TEST_F(task_poll, is_driven_by_a_thread_that_another_wakes) {
    signal s;
    auto t = nested(5, s);
    std::thread waking([&] {
        while (s.waiters() == 0)
            std::this_thread::yield();
        s.set(8);
    });
    EXPECT_EQ(wait(t), 8);
    waking.join();
}

} // namespace
} // namespace sennit
