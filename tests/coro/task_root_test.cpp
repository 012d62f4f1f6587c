// The words of a root are used in turns (core/coro_root.hpp): what one turn leaves there must not disturb the next.
#include "coro/support.hpp"
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/or_return.hpp>
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

namespace sennit {
namespace {

using test_support::countdown;
using test_support::driver;
using test_support::ready;
using test_support::signal;

class task_root : public test_support::no_leaks {};

struct alignas(16) wide {
    long number;
};

template<class T>
task<T> after(signal& s, T value) {
    co_await s.async_wait();
    co_return std::move(value);
}
template<class T>
T polled_to_its_end(T value) {
    signal s;
    driver d;
    auto t = after(s, std::move(value));
    EXPECT_FALSE(d.poll(t).is_ready());
    EXPECT_FALSE(d.poll(t).is_ready()); // puts back what it looked at
    s.set(1);
    return d.poll(t).take();
}

TEST_F(task_root, results_of_every_size_come_through) {
    EXPECT_EQ(polled_to_its_end('x'), 'x');
    EXPECT_EQ(*polled_to_its_end(std::make_unique<int>(5)), 5);
    EXPECT_EQ(polled_to_its_end(std::string(100, 's')), std::string(100, 's'));
    EXPECT_EQ(polled_to_its_end(wide{7}).number, 7);
    const std::array<long, 8> many{1, 2, 3, 4, 5, 6, 7, 8};
    EXPECT_EQ(polled_to_its_end(many), many);
}

struct waits_when_destroyed {
    int polls;
    ~waits_when_destroyed() { EXPECT_EQ(wait(countdown(polls)), polls + 1); }
};

TEST_F(task_root, a_result_is_kept_while_destructors_wait) {
    const auto body = [](waits_when_destroyed) -> task<int> {
        const waits_when_destroyed local{3};
        co_await async_yield();
        co_return 42;
    };
    EXPECT_EQ(wait(body({2})), 42);
}

TEST_F(task_root, an_exception_is_kept_while_destructors_wait) {
    const auto body = [](waits_when_destroyed) -> task<> {
        const waits_when_destroyed local{3};
        co_await async_yield();
        throw std::runtime_error("kept");
    };
    EXPECT_THROW(wait(body({2})), std::runtime_error);
}

TEST_F(task_root, an_error_that_leaves_early_is_kept_while_destructors_wait) {
    const auto body = [](signal& s, waits_when_destroyed) -> task<result<char>> {
        const waits_when_destroyed local{3};
        co_await or_return(after(s, result<int>(std::unexpect, error(errc::closed, "kept"))));
        co_return 'n';
    };
    signal s;
    driver d;
    auto t = body(s, {2});
    EXPECT_FALSE(d.poll(t).is_ready());
    s.set(1);
    EXPECT_EQ(d.poll(t).take().error().code(), errc::closed);
}

TEST_F(task_root, a_leaf_gets_the_waker_of_the_poll_after_a_yield) {
    const auto body = [](signal& s) -> task<int> {
        co_await async_yield();
        co_return co_await s.async_wait();
    };
    signal s;
    driver first, second;
    auto t = body(s);
    ASSERT_FALSE(first.poll(t).is_ready());
    ASSERT_FALSE(second.poll(t).is_ready());
    (void)first.rearm();
    ASSERT_TRUE(second.rearm());
    const int before = first.wakes();
    s.set(3);
    EXPECT_EQ(first.wakes(), before);
    EXPECT_EQ(second.poll(t).take(), 3);
}

// A future without a value whose poll cannot throw is a leaf by itself.
class counted_turns {
public:
    explicit counted_turns(int pending, int* drops = nullptr) : left_(pending), drops_(drops) {}
    counted_turns(counted_turns&&) = delete;
    ~counted_turns() {
        if (drops_ != nullptr) ++*drops_;
    }
    sennit::poll<void> poll(context&) noexcept {
        if (left_-- == 0) return sennit::poll<void>::ready();
        return pending;
    }

private:
    int left_;
    int* drops_;
};
static_assert(detail::polled_for_nothing<counted_turns>);

TEST_F(task_root, a_future_without_a_value_is_polled_until_it_is_ready) {
    const auto body = []() -> task<int> {
        counted_turns named(2);
        co_await named;
        co_await counted_turns(0);
        co_await counted_turns(1);
        co_return 1;
    };
    driver d;
    auto t = body();
    for (int i = 0; i < 3; ++i)
        ASSERT_FALSE(d.poll(t).is_ready());
    EXPECT_EQ(d.poll(t).take(), 1);
}

TEST_F(task_root, a_future_without_a_value_is_dropped_with_its_frame) {
    int drops = 0;
    {
        const auto body = [](int* n) -> task<> { co_await counted_turns(100, n); };
        const auto outer = [](task<> inner) -> task<> { co_await std::move(inner); };
        driver d;
        auto t = outer(body(&drops));
        ASSERT_FALSE(d.poll(t).is_ready());
        EXPECT_EQ(drops, 0);
    }
    EXPECT_EQ(drops, 1);
}

} // namespace
} // namespace sennit
