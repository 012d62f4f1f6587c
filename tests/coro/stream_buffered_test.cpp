#include <sennit/coro/stream_buffered.hpp>

#include "coro/support.hpp"
#include <sennit/coro/stream_consumers.hpp>
#include <sennit/coro/stream_sources.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>
#include <stdexcept>

namespace sennit {
namespace {

namespace st = streams;
using test_support::driver;
using test_support::signal;
using ints = std::vector<int>;

class stream_buffered : public test_support::no_leaks {};

// A source of tasks that wait for the signals one after the other, and how many of them run.
struct work {
    explicit work(std::size_t n) : signals(n) {}
    std::deque<signal> signals;
    int running = 0;
    int most = 0;
};
struct counted_run {
    work* w;
    explicit counted_run(work& all) : w(&all) { w->most = std::max(w->most, ++w->running); }
    counted_run(const counted_run&) = delete;
    counted_run& operator=(const counted_run&) = delete;
    ~counted_run() { --w->running; }
};
task<int> run_one(work& w, std::size_t index) {
    counted_run counted(w);
    co_return co_await w.signals[index].async_wait();
}
stream<task<int>> tasks_of(work& w) {
    for (std::size_t i = 0; i < w.signals.size(); ++i)
        co_yield run_one(w, i);
}

// futures stream_futures_ordered: works_1.
TEST_F(stream_buffered, keeps_the_order_of_the_source) {
    work w(4);
    driver d;
    auto s = tasks_of(w) | st::buffered(3);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    EXPECT_EQ(w.running, 3);
    w.signals[1].set(1);
    w.signals[2].set(2);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    EXPECT_EQ(w.running, 1) << "what overtook the first makes no room";
    w.signals[0].set(0);
    EXPECT_EQ(d.poll(s.next()).take(), 0);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
    EXPECT_EQ(w.running, 1);
    EXPECT_EQ(d.poll(s.next()).take(), 2);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    w.signals[3].set(3);
    EXPECT_EQ(d.poll(s.next()).take(), 3);
    EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
    EXPECT_EQ(w.most, 3);
}

// futures stream_buffer_unordered: works.
TEST_F(stream_buffered, unordered_yields_what_is_ready) {
    work w(4);
    driver d;
    auto s = tasks_of(w) | st::buffer_unordered(2);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    EXPECT_EQ(w.running, 2);
    w.signals[1].set(1);
    EXPECT_EQ(d.poll(s.next()).take(), 1);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    EXPECT_EQ(w.running, 2);
    w.signals[2].set(2);
    w.signals[3].set(3);
    EXPECT_EQ(d.poll(s.next()).take(), 2);
    EXPECT_EQ(d.poll(s.next()).take(), 3);
    w.signals[0].set(0);
    EXPECT_EQ(d.poll(s.next()).take(), 0);
    EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
    EXPECT_EQ(w.most, 2);
}

TEST_F(stream_buffered, random_completion_keeps_order_and_limit) {
    std::mt19937 random(71);
    for (int round = 0; round < 20; ++round) {
        const std::size_t size = 1 + random() % 60, limit = 1 + random() % 10;
        work w(size);
        driver d;
        auto s = tasks_of(w) | st::buffered(limit);
        std::vector<std::size_t> order(size);
        for (std::size_t i = 0; i < size; ++i)
            order[i] = i;
        std::shuffle(order.begin(), order.end(), random);
        ints values;
        for (const std::size_t i : order) {
            w.signals[i].set(static_cast<int>(i));
            for (;;) {
                auto answer = d.poll(s.next());
                if (!answer.is_ready()) break;
                auto item = std::move(answer).take();
                if (!item) break;
                values.push_back(*item);
            }
        }
        while (auto item = d.finish(s.next()))
            values.push_back(*item);
        ASSERT_EQ(values.size(), size);
        for (std::size_t i = 0; i < size; ++i)
            EXPECT_EQ(values[i], static_cast<int>(i));
        EXPECT_LE(w.most, static_cast<int>(limit));
        EXPECT_EQ(w.running, 0);
    }
}

TEST_F(stream_buffered, drop_drops_what_runs) {
    work w(5);
    driver d;
    {
        auto ordered = tasks_of(w) | st::buffered(2);
        auto unordered = tasks_of(w) | st::buffer_unordered(3);
        ASSERT_FALSE(d.poll(ordered.next()).is_ready() || d.poll(unordered.next()).is_ready());
        EXPECT_EQ(w.running, 5);
    }
    EXPECT_EQ(w.running, 0);
    for (signal& s : w.signals)
        EXPECT_EQ(s.waiters(), 0u);
}

task<int> fails_if_odd(work& w, int n) {
    counted_run counted(w);
    co_await w.signals[0].async_wait();
    if (n % 2 != 0) throw std::runtime_error("odd");
    co_return n;
}

TEST_F(stream_buffered, exception_drops_the_others_with_the_stream) {
    work w(1);
    driver d;
    auto s = st::from_range(ints{0, 1, 2}) | st::map([&w](int n) { return fails_if_odd(w, n); }) |
             st::buffered(3);
    ASSERT_FALSE(d.poll(s.next()).is_ready());
    w.signals[0].set(0);
    EXPECT_EQ(d.poll(s.next()).take(), 0);
    EXPECT_THROW((void)d.poll(s.next()), std::runtime_error);
    EXPECT_EQ(w.running, 0);
    EXPECT_EQ(d.poll(s.next()).take(), std::nullopt);
}

task<void> add(int& sum, signal& s, int n) {
    co_await s.async_wait();
    sum += n;
}

// tokio-stream and futures: for_each_concurrent.
TEST_F(stream_buffered, for_each_concurrent_runs_up_to_so_many) {
    int sum = 0;
    signal s;
    driver d;
    auto all = st::from_range(ints{1, 2, 3, 4, 5}) |
               st::for_each_concurrent(2, [&](int n) { return add(sum, s, n); });
    ASSERT_FALSE(d.poll(all).is_ready());
    EXPECT_EQ(s.waiters(), 2u);
    s.set(0);
    d.finish(all);
    EXPECT_EQ(sum, 15);
}

TEST_F(stream_buffered, thousands_side_by_side_are_polled_as_they_are_woken) {
    constexpr int size = 2'000;
    signal s;
    int sum = 0;
    driver d;
    auto all = st::from_range(ints(size, 1)) |
               st::for_each_concurrent(size, [&](int n) { return add(sum, s, n); });
    while (s.polls() < size)
        ASSERT_FALSE(d.poll(all).is_ready());
    s.set(0);
    d.finish(all);
    EXPECT_EQ(sum, size);
    EXPECT_LE(s.polls(), 2 * size);
}

} // namespace
} // namespace sennit
