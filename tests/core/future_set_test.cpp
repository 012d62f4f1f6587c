#include <sennit/core/future_set.hpp>

#include "core/together_support.hpp"
#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using test_support::counted;
using test_support::driver;
using test_support::failing;
using test_support::quiet;
using test_support::signal;
using test_support::tally;

class future_set_test : public test_support::no_lost_cells {};

TEST_F(future_set_test, of_nothing_is_at_its_end) {
    driver d;
    future_set<counted> set;
    EXPECT_EQ(d.poll(set.async_next()).take(), std::nullopt);
    EXPECT_TRUE(set.empty());
}

// futures stream_futures_unordered: works_1, works_2.
TEST_F(future_set_test, yields_in_the_order_of_completion) {
    std::array<signal, 3> s;
    tally t;
    driver d;
    future_set<counted> set;
    for (signal& each : s)
        set.push(counted(each, t));
    EXPECT_EQ(t.polls, 0) << "a push polls nothing";
    auto next = set.async_next();
    ASSERT_FALSE(d.poll(next).is_ready());
    s[2].set(2);
    s[0].set(0);
    EXPECT_EQ(d.poll(next).take(), 2);
    EXPECT_EQ(t.alive, 2) << "destroyed as soon as it is ready";
    EXPECT_EQ(d.poll(set.async_next()).take(), 0);
    EXPECT_EQ(set.size(), 1u);
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    s[1].set(1);
    EXPECT_EQ(d.poll(set.async_next()).take(), 1);
    EXPECT_EQ(d.poll(set.async_next()).take(), std::nullopt);
}

// futures stream_futures_unordered: futures_not_moved_after_poll, polled_only_once_at_most_per_iteration.
TEST_F(future_set_test, polls_only_who_was_woken) {
    constexpr int size = 20;
    std::deque<signal> s(size);
    std::vector<tally> t(size);
    driver d;
    future_set<counted> set;
    for (std::size_t i = 0; i < size; ++i)
        set.push(counted(s[i], t[i]));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    for (int round = 0; round < 5; ++round) {
        s[3].wake_all();
        s[3].wake_all();
        s[7].wake_all();
        ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    }
    for (std::size_t i = 0; i < size; ++i)
        EXPECT_EQ(t[i].polls, i == 3 || i == 7 ? 6 : 1) << i;
}

TEST_F(future_set_test, wakes_its_flow_once_for_many_children) {
    std::array<signal, 3> s;
    tally t;
    driver d;
    future_set<counted> set;
    for (signal& each : s)
        set.push(counted(each, t));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    ASSERT_TRUE(d.rearm());
    for (signal& each : s)
        each.set(1);
    EXPECT_EQ(d.wakes(), 1);
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(d.poll(set.async_next()).take(), 1);
}

TEST_F(future_set_test, wakes_whoever_polled_last) {
    signal s;
    tally t;
    driver first, second;
    future_set<counted> set;
    set.push(counted(s, t));
    ASSERT_FALSE(first.poll(set.async_next()).is_ready());
    ASSERT_FALSE(second.poll(set.async_next()).is_ready());
    ASSERT_TRUE(first.rearm() && second.rearm());
    s.set(1);
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(set.async_next()).take(), 1);
}

TEST_F(future_set_test, push_wakes_a_flow_that_waits_already) {
    signal a, b;
    tally t;
    driver d;
    future_set<counted> set;
    set.push(counted(a, t));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    ASSERT_TRUE(d.rearm());
    b.set(2);
    set.push(counted(b, t));
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(set.async_next()).take(), 2);
    EXPECT_EQ(set.size(), 1u);
}

// Always wants another turn.
struct restless {
    int* polls;
    sennit::poll<int> poll(context& cx) {
        ++*polls;
        cx.yield();
        return pending;
    }
};

// futures stream_futures_unordered: child that wakes itself; FuturesUnordered's budget.
TEST_F(future_set_test, poll_is_bounded_and_asks_for_another_turn) {
    int polls = 0;
    driver d;
    future_set<restless> set;
    for (int i = 0; i < 100; ++i)
        set.push(restless{&polls});
    for (int turn = 1; turn <= 10; ++turn) {
        ASSERT_FALSE(d.poll(set.async_next()).is_ready());
        ASSERT_EQ(polls, turn * static_cast<int>(future_set_polls_max));
        ASSERT_FALSE(d.rearm()) << "it wants another turn";
    }
}

TEST_F(future_set_test, restless_child_starves_nobody) {
    int polls = 0;
    std::array<int, 3> each{};
    driver d;
    future_set<restless> set;
    for (int& n : each)
        set.push(restless{&n});
    for (int turn = 0; turn < 10; ++turn) {
        ASSERT_FALSE(d.poll(set.async_next()).is_ready());
        ASSERT_FALSE(d.rearm());
    }
    for (const int n : each)
        EXPECT_EQ(n, 10) << "once a turn";
    EXPECT_EQ(polls, 0);
}

// futures stream_futures_unordered: panic_during_poll.
TEST_F(future_set_test, child_that_throws_is_dropped_and_the_set_goes_on) {
    signal a, b;
    tally t;
    driver d;
    future_set<failing> set;
    set.push(failing(a, t));
    set.push(failing(b, t));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    a.set(0);
    EXPECT_THROW((void)d.poll(set.async_next()), std::runtime_error);
    EXPECT_EQ(t.alive, 1);
    EXPECT_EQ(set.size(), 1u);
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    b.set(0);
    EXPECT_THROW((void)d.poll(set.async_next()), std::runtime_error);
    EXPECT_EQ(d.poll(set.async_next()).take(), std::nullopt);
}

// futures stream_futures_unordered: clear, iter_mut_cancel. Children in every state.
TEST_F(future_set_test, destruction_drops_children_in_every_state) {
    signal a, b;
    tally t;
    driver d;
    {
        future_set<counted> set;
        set.push(counted(a, t));
        set.push(counted(b, t));
        ASSERT_FALSE(d.poll(set.async_next()).is_ready());
        b.wake_all();            // in the queue
        set.push(counted(a, t)); // not polled yet
        EXPECT_EQ(t.alive, 3);
    }
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(a.waiters() + b.waiters(), 0u);
}

TEST_F(future_set_test, can_be_used_again_after_clear) {
    signal a, b;
    tally t;
    driver d;
    future_set<counted> set;
    set.push(counted(a, t));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    set.clear();
    EXPECT_EQ(t.alive, 0);
    EXPECT_TRUE(set.empty());
    set.push(counted(b, t));
    b.set(1);
    EXPECT_EQ(d.poll(set.async_next()).take(), 1);
}

TEST_F(future_set_test, can_be_moved_while_children_wait) {
    signal a;
    tally t;
    driver d;
    future_set<counted> first;
    first.push(counted(a, t));
    ASSERT_FALSE(d.poll(first.async_next()).is_ready());
    future_set<counted> second(std::move(first));
    EXPECT_TRUE(first.empty());
    a.set(1);
    EXPECT_EQ(d.poll(second.async_next()).take(), 1);
    first.push(counted(a, t));
    second = std::move(first);
    EXPECT_EQ(d.poll(second.async_next()).take(), 1);
}

TEST_F(future_set_test, dropping_next_loses_nothing) {
    signal a;
    tally t;
    driver d;
    future_set<counted> set;
    set.push(counted(a, t));
    {
        auto next = set.async_next();
        ASSERT_FALSE(d.poll(next).is_ready());
        a.set(1);
    }
    EXPECT_EQ(d.poll(set.async_next()).take(), 1);
}

TEST_F(future_set_test, child_without_a_value_yields_something) {
    signal a;
    driver d;
    future_set<quiet> set;
    set.push(quiet(a));
    a.set(1);
    EXPECT_TRUE(d.poll(set.async_next()).take().has_value());
}

// Too large, or too much aligned, or with a move that throws: all of these are boxed.
template<class Extra>
struct bulky : Extra {
    counted inner;
    bulky(signal& s, tally& t) : inner(s, t) {}
    sennit::poll<int> poll(context& cx) { return inner.poll(cx); }
};
struct large {
    std::array<char, 9'000> bytes{};
};
struct alignas(64) aligned {
    sennit::waker word;
};
struct throwing_move {
    throwing_move() = default;
    throwing_move(throwing_move&&) noexcept(false) {}
};

TEST_F(future_set_test, children_that_do_not_fit_a_cell) {
    const auto run = []<class F>(std::type_identity<F>) {
        signal a, b;
        tally t;
        driver d;
        {
            future_set<F> set;
            set.push(F(a, t));
            set.push(F(b, t));
            ASSERT_FALSE(d.poll(set.async_next()).is_ready());
            a.set(1);
            EXPECT_EQ(d.poll(set.async_next()).take(), 1);
        }
        EXPECT_EQ(t.alive, 0);
    };
    run(std::type_identity<bulky<large>>());
    run(std::type_identity<bulky<aligned>>());
    run(std::type_identity<bulky<throwing_move>>());
}

// A destructor that wakes a sibling while the set is being cleared.
struct wakes_when_dropped {
    signal* own;
    signal* other;
    signal::waiting waiting;
    wakes_when_dropped(signal& a, signal& b) : own(&a), other(&b), waiting(a.async_wait()) {}
    wakes_when_dropped(wakes_when_dropped&& from) noexcept
        : own(from.own),
          other(std::exchange(from.other, nullptr)),
          waiting(std::move(from.waiting)) {}
    ~wakes_when_dropped() {
        if (other != nullptr) other->wake_all();
    }
    sennit::poll<int> poll(context& cx) { return waiting.poll(cx); }
};

TEST_F(future_set_test, child_may_wake_a_sibling_as_it_is_dropped) {
    signal a, b;
    driver d;
    future_set<wakes_when_dropped> set;
    set.push(wakes_when_dropped(a, b));
    set.push(wakes_when_dropped(b, a));
    ASSERT_FALSE(d.poll(set.async_next()).is_ready());
    set.clear();
    EXPECT_TRUE(set.empty());
}

constexpr int scaled(int n) { return SENNIT_ASAN || SENNIT_TSAN ? n / 10 : n; }

// Two threads wake children, for nothing or for good, while the owner polls and, at a random moment, drops the set.
// Every child is destroyed once, every value is seen once, and no cell is lost.
TEST_F(future_set_test, wakes_race_with_polls_and_destruction) {
    std::mt19937 random(20'240'229);
    const auto pick = [&random](int n) {
        return std::uniform_int_distribution<int>(0, n - 1)(random);
    };
    for (int round = 0; round < scaled(500); ++round) {
        const int size = 1 + pick(12);
        std::deque<signal> s(static_cast<std::size_t>(size));
        tally t;
        std::atomic<int> go{0};
        const auto waking = [&s, &go](unsigned seed) {
            std::mt19937 r(seed);
            ++go;
            while (go.load() < 3)
                std::this_thread::yield();
            for (int i = 0; i < 30; ++i) {
                signal& each = s[r() % s.size()];
                if (r() % 4 == 0) {
                    each.set(1);
                } else {
                    each.wake_all();
                }
            }
        };
        const unsigned seed_a = random(), seed_b = random();
        std::thread a(waking, seed_a), b(waking, seed_b);
        int values = 0;
        const int polls_before_drop = pick(40);
        {
            driver d;
            std::optional<future_set<counted>> set(std::in_place);
            for (signal& each : s)
                set->push(counted(each, t));
            ++go;
            for (int i = 0; i < polls_before_drop; ++i) {
                auto answer = d.poll(set->async_next());
                if (!answer.is_ready()) continue;
                if (!std::move(answer).take()) break;
                ++values;
            }
            EXPECT_EQ(values + static_cast<int>(set->size()), size);
            set.reset();
            EXPECT_EQ(t.alive, 0);
        }
        a.join();
        b.join();
        for (signal& each : s)
            ASSERT_EQ(each.waiters(), 0u);
    }
}

// A waiting thread sees every value whatever the order, so no wake is lost.
TEST_F(future_set_test, loses_no_wake_of_another_thread) {
    for (int round = 0; round < scaled(200); ++round) {
        constexpr int size = 64;
        std::deque<signal> s(size);
        tally t;
        future_set<counted> set;
        for (signal& each : s)
            set.push(counted(each, t));
        std::thread waking([&s, round] {
            std::vector<std::size_t> order(size);
            for (std::size_t i = 0; i < size; ++i)
                order[i] = i;
            std::shuffle(order.begin(), order.end(), std::mt19937(static_cast<unsigned>(round)));
            for (const std::size_t i : order)
                s[i].set(static_cast<int>(i));
        });
        int sum = 0, count = 0;
        while (auto value = set.next()) {
            sum += *value;
            ++count;
        }
        EXPECT_EQ(count, size);
        EXPECT_EQ(sum, size * (size - 1) / 2);
        waking.join();
    }
}

} // namespace
} // namespace sennit
