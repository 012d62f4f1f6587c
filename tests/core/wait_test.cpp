// wait() on plain threads: the slow half of it that fibers share, and the sleep on a futex.
#include <sennit/core/wait.hpp>

#include "core/support.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/this_flow.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <stdexcept>
#include <thread>

namespace sennit {
namespace {

using test_support::countdown;
using test_support::signal;

template<class T>
struct ready {
    T value;
    sennit::poll<T> poll(context&) { return std::move(value); }
};
struct done {
    sennit::poll<void> poll(context&) { return sennit::poll<void>::ready(); }
};
struct of_reference {
    int& object;
    sennit::poll<int&> poll(context&) { return object; }
};
// Waits for a signal and answers with a result.
struct with_result {
    signal::waiting inner;
    sennit::poll<result<int>> poll(context& cx) {
        auto answer = inner.poll(cx);
        if (!answer.is_ready()) return pending;
        return result<int>(std::move(answer).take());
    }
};
flow& this_flow_header() { return detail::current_flow(detail::this_thread()); }

// Runs `f` on a thread of its own and gives its flow's header.
class waiter {
public:
    template<class Fn>
    explicit waiter(Fn f)
        : thread_([this, f] {
              flow_.store(&this_flow_header());
              f();
          }) {
        while (flow_.load() == nullptr)
            std::this_thread::yield();
    }
    ~waiter() {
        if (thread_.joinable()) thread_.join();
    }
    void join() { thread_.join(); }
    flow& header() { return *flow_.load(); }

private:
    std::atomic<flow*> flow_{nullptr};
    std::thread thread_;
};

void until(auto condition) {
    while (!condition())
        std::this_thread::yield();
}

TEST(wait, of_a_ready_future_gives_its_value) {
    EXPECT_EQ(wait(ready<int>{5}), 5);
    EXPECT_EQ(*wait(ready<std::unique_ptr<int>>{std::make_unique<int>(6)}), 6);
    wait(done{});
    int object = 0;
    EXPECT_EQ(&wait(of_reference{object}), &object);
}

TEST(wait, takes_a_future_by_reference_too) {
    ready<int> f{8};
    EXPECT_EQ(wait(f), 8);
}

TEST(wait, sleeps_until_another_thread_wakes) {
    signal s;
    int seen = 0;
    waiter w([&] { seen = wait(s.async_wait()); });
    until([&] { return s.waiters() == 1; });
    s.set(9);
    w.join();
    EXPECT_EQ(seen, 9);
    EXPECT_EQ(s.waiters(), 0U);
}

TEST(wait, polls_again_after_each_wake_for_nothing) {
    signal s;
    int seen = 0;
    waiter w([&] { seen = wait(s.async_wait()); });
    for (int i = 1; i < 50; ++i) {
        until([&] { return s.polls() >= i; });
        s.wake_all();
    }
    s.set(10);
    w.join();
    EXPECT_EQ(seen, 10);
}

TEST(wait, polls_on_when_the_future_wakes_itself) { EXPECT_EQ(wait(countdown(1'000)), 1'001); }

struct throwing {
    int polls = 0;
    sennit::poll<int> poll(context& cx) {
        if (++polls == 2) throw std::runtime_error("broken");
        cx.waker().wake();
        return pending;
    }
};

TEST(wait, exception_of_the_poll_passes_through) {
    EXPECT_THROW(wait(throwing{.polls = 1}), std::runtime_error);
    EXPECT_THROW(wait(throwing{}), std::runtime_error);
}

TEST(wait, throws_stopped_and_withdraws_the_future) {
    signal s;
    bool caught = false;
    waiter w([&] {
        try {
            wait(s.async_wait());
        } catch (const stopped& e) {
            caught = e.cause() == errc::stopped;
        }
    });
    until([&] { return s.waiters() == 1; });
    w.header().request_stop();
    w.join();
    EXPECT_TRUE(caught);
    EXPECT_EQ(s.waiters(), 0U);
}

TEST(wait, of_a_result_yields_the_error_stopped) {
    signal s;
    bool is_stopped = false;
    waiter w([&] {
        const result<int> answer = wait(with_result{s.async_wait()});
        is_stopped = !answer && is(answer.error(), errc::stopped);
    });
    until([&] { return s.waiters() == 1; });
    w.header().request_stop();
    w.join();
    EXPECT_TRUE(is_stopped);
}

TEST(wait, delivers_what_is_ready_although_a_stop_was_asked_for) {
    signal s;
    s.set(11);
    int seen = 0;
    waiter w([&] {
        this_flow_header().request_stop();
        seen = wait(s.async_wait());
    });
    w.join();
    EXPECT_EQ(seen, 11);
}

// The event comes with the stop: the last poll finds it.
TEST(wait, completion_beats_a_stop_that_comes_with_it) {
    struct stops_while_polled {
        signal& s;
        signal::waiting inner{s.async_wait()};
        int polls = 0;
        sennit::poll<int> poll(context& cx) {
            auto answer = inner.poll(cx);
            if (++polls == 1) {
                this_flow_header().request_stop();
                s.set(12);
            }
            return answer;
        }
    };
    int seen = 0;
    waiter w([&] {
        signal s;
        seen = wait(stops_while_polled{s});
    });
    w.join();
    EXPECT_EQ(seen, 12);
}

TEST(wait, in_a_shield_is_deaf_to_stop) {
    signal s;
    int seen = 0;
    bool stopped_later = false;
    waiter w([&] {
        shielded([&] { shielded([&] { seen = wait(s.async_wait()); }); });
        signal never;
        try {
            wait(never.async_wait());
        } catch (const stopped&) {
            stopped_later = true;
        }
    });
    until([&] { return s.waiters() == 1; });
    w.header().request_stop();
    s.set(13);
    w.join();
    EXPECT_EQ(seen, 13);
    EXPECT_TRUE(stopped_later);
}

TEST(wait, in_a_destructor_while_an_exception_passes_is_not_stopped) {
    signal s;
    int seen = 0;
    waiter w([&] {
        struct cleaner {
            signal& s;
            int& seen;
            ~cleaner() { seen = wait(s.async_wait()); }
        };
        try {
            const cleaner c{s, seen};
            throw std::runtime_error("pass");
        } catch (const std::runtime_error&) {}
    });
    until([&] { return s.waiters() == 1; });
    w.header().request_stop();
    s.set(14);
    w.join();
    EXPECT_EQ(seen, 14);
}

TEST(wait_shielded, is_deaf_to_stop) {
    signal s;
    int seen = 0;
    waiter w([&] { seen = detail::wait_shielded(s.async_wait()); });
    until([&] { return s.waiters() == 1; });
    w.header().request_stop();
    s.set(15);
    w.join();
    EXPECT_EQ(seen, 15);
}

TEST(wait, of_a_yield_comes_back) {
    for (int i = 0; i < 1'000; ++i)
        wait(async_yield());
}

// Two threads hand a number to and fro, each through the other's fresh signal.
TEST(wait, ping_pong_between_threads_loses_no_wake) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 1'000 : 5'000;
    std::vector<std::unique_ptr<signal>> ping, pong;
    for (int i = 0; i < rounds; ++i) {
        ping.push_back(std::make_unique<signal>());
        pong.push_back(std::make_unique<signal>());
    }
    std::thread other([&] {
        for (int i = 0; i < rounds; ++i) {
            EXPECT_EQ(wait(ping[i]->async_wait()), i);
            pong[i]->set(-i);
        }
    });
    for (int i = 0; i < rounds; ++i) {
        ping[i]->set(i);
        EXPECT_EQ(wait(pong[i]->async_wait()), -i);
    }
    other.join();
}

} // namespace
} // namespace sennit
