// Combinators and streams where they are used: in fibers, tasks and threads, fed by fibers, tasks and threads.
#include "core/together_support.hpp"
#include "sync/support.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <random>

namespace sennit::test {
namespace {

namespace st = streams;
using test_support::at_once;
using test_support::signal;

class together : public paired {
protected:
    // A flow of the first kind that waits, and one of the second that feeds it.
    template<class Plain, class Make>
    void start_first(Plain plain, Make make) {
        start(GetParam().first, std::move(plain), std::move(make));
    }
    template<class Plain, class Make>
    void start_second(Plain plain, Make make) {
        start(GetParam().second, std::move(plain), std::move(make));
    }
    void send_all(chan<int> c, int first, int count) {
        start_second(
            [=] {
                for (int i = 0; i < count; ++i)
                    c.send(first + i);
            },
            [=] { return send_in_a_task(c, first, count); });
    }
    static task<void> send_in_a_task(chan<int> c, int first, int count) {
        for (int i = 0; i < count; ++i)
            co_await c.async_send(first + i);
    }
};

task<int> answer(int n) {
    co_await async_yield();
    co_return n;
}

TEST_P(together, when_all_of_futures_of_many_kinds) {
    auto c = make_chan<int>(0);
    signal s;
    std::atomic<int> sum{0};
    const auto add = [&sum](auto&& all) {
        sum = std::get<0>(all) + std::get<1>(all).value() + std::get<2>(all) + std::get<3>(all);
    };
    join_handle<int> child = rt_->spawn([] { return 1'000; });
    const auto in_a_task = [](chan<int> ch, signal& sig, join_handle<int>& h,
                              auto note) -> task<void> {
        auto all = co_await when_all(answer(1), ch.async_recv(), sig.async_wait(), h.async_join());
        note(all);
    };
    start_first(
        [&, c] {
            add(wait(when_all(answer(1), c.async_recv(), s.async_wait(), child.async_join())));
        },
        [&, c] { return in_a_task(c, s, child, add); });
    send_all(c, 10, 1);
    s.set(100);
    join();
    EXPECT_EQ(sum, 1'111);
}

// tokio macros_join: a branch that is always ready starves no other, though both share one budget.
TEST_P(together, when_all_starves_nobody) {
    bool done = false;
    const auto greedy = [](bool& d) -> task<void> {
        while (!d)
            co_await at_once{1};
    };
    const auto modest = [](bool& d) -> task<void> {
        for (int i = 0; i < 1'000; ++i)
            co_await at_once{1};
        d = true;
    };
    const auto in_a_task = [](auto g, auto m, bool& d) -> task<void> {
        co_await when_all(g(d), m(d));
    };
    start_first([&] { wait(when_all(greedy(done), modest(done))); },
                [&] { return in_a_task(greedy, modest, done); });
    join();
    EXPECT_TRUE(done);
}

// The receive that loses is dropped, perhaps while a sender hands it a value: the value is not lost.
TEST_P(together, when_any_of_receives_loses_no_value) {
    constexpr int count = rounds_scaled(200);
    auto a = make_chan<int>(0), b = make_chan<int>(1);
    std::atomic<int> sum{0};
    const auto in_a_task = [](chan<int> x, chan<int> y, std::atomic<int>& total) -> task<void> {
        for (int i = 0; i < 2 * count; ++i) {
            auto first = co_await when_any(x.async_recv(), y.async_recv());
            total += first.index() == 0 ? *std::get<0>(first) : *std::get<1>(first);
        }
    };
    start_first(
        [&, a, b] {
            for (int i = 0; i < 2 * count; ++i) {
                auto first = wait(when_any(a.async_recv(), b.async_recv()));
                sum += first.index() == 0 ? *std::get<0>(first) : *std::get<1>(first);
            }
        },
        [&, a, b] { return in_a_task(a, b, sum); });
    send_all(a, 0, count);
    send_all(b, count, count);
    join();
    EXPECT_EQ(sum, 2 * count * (2 * count - 1) / 2);
    EXPECT_EQ(a.len() + b.len(), 0u);
}

// Children that wait for channels are woken from everywhere, while others are pushed.
TEST_P(together, future_set_gets_every_value) {
    constexpr int channels = 40;
    std::vector<chan<int>> all;
    for (int i = 0; i < channels; ++i)
        all.push_back(make_chan<int>(i % 3));
    std::atomic<int> sum{0};
    const auto read_two = [](chan<int> c) -> task<int> {
        const auto first = co_await c.async_recv();
        const auto second = co_await c.async_recv();
        co_return first.value() + second.value();
    };
    const auto in_a_task = [](std::vector<chan<int>> from, auto read,
                              std::atomic<int>& total) -> task<void> {
        future_set<task<int>> set;
        for (std::size_t i = 0; i < from.size() / 2; ++i)
            set.push(read(from[i]));
        for (std::size_t i = from.size() / 2;; ++i) {
            if (i < from.size()) set.push(read(from[i]));
            auto next = co_await set.async_next();
            if (!next) co_return;
            total += *next;
        }
    };
    start_first([&] { wait(in_a_task(all, read_two, sum)); },
                [&] { return in_a_task(all, read_two, sum); });
    for (const chan<int>& c : all)
        send_all(c, 1, 2);
    join();
    EXPECT_EQ(sum, 3 * channels);
}

TEST_P(together, stream_over_a_channel_ends_when_it_is_closed) {
    constexpr int count = 100;
    auto c = make_chan<int>(3);
    const auto square = [](int n) -> task<int> {
        co_await async_yield();
        co_return n* n;
    };
    const auto pipeline = [square](const chan<int>& source) {
        return source | st::filter([](int n) { return n % 2 == 0; }) | st::map(square) |
               st::buffered(4);
    };
    std::vector<int> squares;
    const auto in_a_task = [](auto make, chan<int> source, std::vector<int>& result) -> task<void> {
        result = co_await (make(source) | st::collect());
    };
    start_first(
        [&, c] {
            for (const int n : pipeline(c))
                squares.push_back(n);
        },
        [&, c] { return in_a_task(pipeline, c, squares); });
    const auto send_and_close = [](chan<int> to) -> task<void> {
        for (int i = 0; i < count; ++i)
            co_await to.async_send(i);
        to.close();
    };
    start_second([&, c] { wait(send_and_close(c)); }, [&, c] { return send_and_close(c); });
    join();
    ASSERT_EQ(squares.size(), std::size_t{count / 2});
    for (int i = 0; i < count / 2; ++i)
        EXPECT_EQ(squares[static_cast<std::size_t>(i)], 4 * i * i);
}

// A set is dropped by a flow that is stopped while others wake its children.
TEST_P(together, future_set_is_dropped_with_its_flow) {
    if (GetParam().first == kind::thread) GTEST_SKIP() << "a plain thread is not stopped";
    std::deque<signal> signals(32);
    std::atomic<bool> started{false};
    const auto body = [](std::deque<signal>& from, std::atomic<bool>& up) -> task<void> {
        future_set<signal::waiting> set;
        for (signal& s : from)
            set.push(s.async_wait());
        up = true;
        for (;;)
            co_await set.async_next();
    };
    join_handle<void> h = GetParam().first == kind::task
                              ? rt_->spawn(body(signals, started))
                              : rt_->spawn([&] { wait(body(signals, started)); });
    const auto wake_all = [&signals, &started] {
        while (!started)
            this_flow::yield();
        for (int round = 0; round < 10; ++round) {
            for (signal& s : signals)
                s.wake_all();
            this_flow::yield();
        }
    };
    start_second(wake_all, [&]() -> task<void> {
        return [](auto f) -> task<void> {
            f();
            co_return;
        }(wake_all);
    });
    while (!started)
        std::this_thread::yield();
    h.request_stop();
    EXPECT_FALSE(h.try_join().has_value());
    join();
    for (signal& s : signals)
        EXPECT_EQ(s.waiters(), 0u);
}

INSTANTIATE_TEST_SUITE_P(coro, together, testing::ValuesIn(all_pairings()), name_of_pairing);

} // namespace
} // namespace sennit::test
