#include <sennit/exec/idle_set.hpp>

#include <sennit/base/config.hpp>
#include <sennit/exec/scheduler.hpp>
#include <sennit/os/clock.hpp>
#include <sennit/time/timer_queue.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

constexpr std::uint64_t never = timer_driver::never;

std::uint64_t now() { return static_cast<std::uint64_t>(os::now_ns()); }

TEST(sleeper, wake_before_the_sleep_is_remembered_once) {
    sleeper s;
    s.wake(nullptr);
    s.wake(nullptr);
    s.sleep(never);
    const std::uint64_t deadline = now() + 1'000'000;
    s.sleep(deadline);
    EXPECT_GE(now(), deadline) << "the second sleep had nothing to remember";
}

TEST(sleeper, sleep_ends_at_its_deadline) {
    sleeper s;
    s.sleep(now());
    s.sleep(0);
}

// A wake that falls between the sleeper's look and its sleep would be lost, and the test would hang.
TEST(sleeper, no_wake_is_lost_among_threads) {
    constexpr int wakers = 2;
    constexpr int events = SENNIT_TSAN || SENNIT_ASAN ? 10'000 : 50'000;
    sleeper s;
    std::atomic<int> published{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < wakers; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < events; ++n) {
                published.fetch_add(1, std::memory_order_relaxed);
                s.wake(nullptr);
            }
        });
    }
    int sleeps = 0;
    while (published.load(std::memory_order_relaxed) != wakers * events) {
        // Now and then with a deadline that is just passing.
        s.sleep(++sleeps % 4 == 0 ? now() : never);
    }
    for (std::thread& t : threads)
        t.join();
}

// A driver whose poll sleeps on a condition variable.
class fake_driver final : public io_driver {
public:
    std::size_t poll(std::uint64_t) noexcept override {
        std::unique_lock guard(lock_);
        interrupted_.wait(guard, [this] { return is_interrupted_; });
        is_interrupted_ = false;
        return 3;
    }
    void interrupt() noexcept override {
        {
            const std::lock_guard guard(lock_);
            is_interrupted_ = true;
        }
        interrupted_.notify_one();
    }
    bool has_interest() const noexcept override { return true; }

private:
    std::mutex lock_;
    std::condition_variable interrupted_;
    bool is_interrupted_ = false;
};

TEST(sleeper, sleeps_in_a_driver_and_reports_its_events) {
    sleeper s;
    fake_driver io;
    io.interrupt();
    EXPECT_EQ(s.sleep_in(io, never), 3U);
    s.wake(&io);
    EXPECT_EQ(s.sleep_in(io, never), 0U) << "woken before: it does not poll";
}

TEST(sleeper, no_wake_is_lost_in_a_driver) {
    constexpr int events = SENNIT_TSAN || SENNIT_ASAN ? 5'000 : 20'000;
    sleeper s;
    fake_driver io;
    std::atomic<int> published{0};
    std::thread waker([&] {
        for (int n = 0; n < events; ++n) {
            published.fetch_add(1, std::memory_order_relaxed);
            s.wake(&io);
        }
    });
    while (published.load(std::memory_order_relaxed) != events)
        s.sleep_in(io, never);
    waker.join();
}

class idle_set_test : public testing::Test {
protected:
    worker& at(unsigned i) { return scheduler_.worker_at(i); }
    idle_set set;

private:
    static scheduler_parts parts() {
        scheduler_parts p;
        p.make_timers = [] { return std::make_unique<timer_queue>(); };
        return p;
    }

    scheduler scheduler_{parts(), 3};
};

TEST_F(idle_set_test, gives_out_who_entered_last) {
    EXPECT_EQ(set.take(), nullptr);
    for (unsigned i = 0; i < 3; ++i)
        set.enter(at(i));
    EXPECT_EQ(set.count(), 3U);
    EXPECT_EQ(set.take(), &at(2));
    EXPECT_EQ(set.take(), &at(1));
    EXPECT_EQ(set.count(), 1U);
    EXPECT_EQ(set.take(), &at(0));
    EXPECT_EQ(set.take(), nullptr);
    EXPECT_EQ(set.count_hint(), 0U);
}

TEST_F(idle_set_test, removal_says_whether_somebody_was_faster) {
    set.enter(at(0));
    set.enter(at(1));
    EXPECT_TRUE(set.remove(at(0)));
    EXPECT_FALSE(set.remove(at(0)));
    EXPECT_EQ(set.take(), &at(1));
    EXPECT_FALSE(set.remove(at(1)));
    EXPECT_EQ(set.count(), 0U);
}

} // namespace
} // namespace sennit::detail
