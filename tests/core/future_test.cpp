// Futures written by hand, as a user writes them (tests/core/support.hpp), polled by hand.
#include <sennit/core/future.hpp>

#include "core/support.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace sennit {
namespace {

using test_support::driver;
using test_support::signal;

struct answer {
    sennit::poll<int> poll(context&) { return 42; }
};
struct no_poll {};
struct wrong_result {
    int poll(context&) { return 42; }
};
struct wrong_argument {
    sennit::poll<int> poll(int) { return 42; }
};
struct of_reference {
    int& object;
    sennit::poll<int&> poll(context&) { return object; }
};
struct alone : answer {
    sennit::poll<int> poll_alone(context&) { return 43; }
};

static_assert(future<answer> && future<answer&> && future<answer&&>);
static_assert(!future<const answer>, "a poll changes the future");
static_assert(!future<no_poll> && !future<wrong_result> && !future<wrong_argument> && !future<int>);
static_assert(std::is_same_v<future_output_t<answer&>, int>);
static_assert(std::is_same_v<future_output_t<of_reference>, int&>);

TEST(future, does_nothing_until_it_is_polled) {
    signal s;
    auto f = s.async_wait();
    EXPECT_EQ(s.polls(), 0);
    EXPECT_EQ(s.waiters(), 0U);
}

TEST(future, pending_leaves_the_waker_and_the_wake_brings_the_value) {
    signal s;
    driver d;
    auto f = s.async_wait();
    ASSERT_FALSE(d.poll(f).is_ready());
    ASSERT_TRUE(d.rearm());
    s.set(7);
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(f).take(), 7);
    EXPECT_EQ(s.polls(), 2);
}

TEST(future, wakes_the_waker_of_the_latest_poll) {
    signal s;
    driver first, second;
    auto f = s.async_wait();
    ASSERT_FALSE(first.poll(f).is_ready());
    ASSERT_TRUE(first.rearm());
    ASSERT_FALSE(second.poll(f).is_ready());
    ASSERT_TRUE(second.rearm());
    s.set(1);
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
}

TEST(future, polls_that_find_nothing_new_are_harmless) {
    signal s;
    driver d;
    auto f = s.async_wait();
    for (int i = 0; i < 10; ++i)
        EXPECT_FALSE(d.poll(f).is_ready());
    EXPECT_EQ(s.waiters(), 1U);
    s.set(2);
    EXPECT_EQ(d.poll(f).take(), 2);
}

TEST(future, destruction_withdraws_it) {
    signal s;
    driver d;
    {
        auto f = s.async_wait();
        ASSERT_FALSE(d.poll(f).is_ready());
        ASSERT_TRUE(d.rearm());
        EXPECT_EQ(s.waiters(), 1U);
    }
    EXPECT_EQ(s.waiters(), 0U);
    s.set(3);
    EXPECT_EQ(d.wakes(), 0);
}

TEST(future, may_be_moved_before_its_first_poll) {
    signal s;
    driver d;
    std::vector<signal::waiting> several;
    for (int i = 0; i < 5; ++i)
        several.push_back(s.async_wait());
    for (auto& f : several)
        ASSERT_FALSE(d.poll(f).is_ready());
    s.set(4);
    for (auto& f : several)
        EXPECT_EQ(d.poll(f).take(), 4);
}

TEST(future, of_a_reference_yields_the_object) {
    int object = 0;
    driver d;
    EXPECT_EQ(&d.poll(of_reference{object}).take(), &object);
}

TEST(future, offers_a_first_poll_of_its_own_or_gets_the_usual_one) {
    driver d;
    answer plain;
    alone special;
    EXPECT_EQ(detail::poll_first(plain, d.context()).take(), 42);
    EXPECT_EQ(detail::poll_first(special, d.context()).take(), 43);
}

} // namespace
} // namespace sennit
