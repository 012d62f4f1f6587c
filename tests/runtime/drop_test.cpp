// Dropping a task at every suspension point of a scripted program while another thread wakes it.
//
// A script is a task that awaits a row of one-shot signals; another thread raises them in order, and the task is dropped (its handle
// asked to stop, or its poller gives it up) after a seeded number of steps. Whatever the timing: every frame and local is destroyed
// once, no wake is lost (a script that is not dropped ends), and nothing is resumed twice (each step is counted once).
#include "support.hpp"

#include <random>
#include <thread>

namespace sennit {
namespace {

constexpr int steps = 6;
constexpr int schedules = SENNIT_TSAN || SENNIT_ASAN ? 1500 : 4000;

struct script {
    event signals[steps];
    std::atomic<int> reached{0};
    std::atomic<int> resumed_twice{0};
    void arrive(int step) {
        if (reached.exchange(step) >= step) ++resumed_twice;
    }
};

task<void> inner(script& s, int step) {
    test::counted local;
    co_await s.signals[step].async_wait();
    s.arrive(step + 1);
}
task<int> outer(script& s) {
    test::counted local;
    for (int step = 0; step < steps; ++step) {
        if (step % 2 == 0) {
            co_await inner(s, step);
        } else {
            co_await s.signals[step].async_wait();
            s.arrive(step + 1);
        }
    }
    co_return steps;
}

void raise_signals(script& s, std::uint32_t seed) {
    std::mt19937 random(seed);
    for (int step = 0; step < steps; ++step) {
        for (auto spin = random() % 200; spin > 0; --spin)
            std::atomic_signal_fence(std::memory_order_seq_cst);
        s.signals[step].set();
    }
}

TEST(dropping, a_spawned_task_at_every_suspension_point) {
    runtime rt{{.workers = 2, .force_migration = false}};
    const std::int64_t frames = pool_stats().frames;
    int dropped = 0, ended = 0;
    for (int seed = 0; seed < schedules; ++seed) {
        script s;
        auto handle = rt.spawn(outer(s));
        std::mt19937 random(static_cast<std::uint32_t>(seed));
        const bool drop = random() % 4 != 0;
        auto waker = rt.spawn([&] { raise_signals(s, static_cast<std::uint32_t>(seed) + 1); });
        if (drop) {
            const auto until = random() % (steps + 1);
            for (int spin = 0; spin < 2000 && s.reached < static_cast<int>(until); ++spin)
                std::this_thread::yield();
            handle.request_stop();
        }
        auto answer = handle.try_join();
        if (answer) {
            EXPECT_EQ(*answer, steps);
            ++ended;
        } else {
            EXPECT_TRUE(drop);
            ++dropped;
        }
        waker.join();
        ASSERT_EQ(s.resumed_twice, 0) << "seed " << seed;
        ASSERT_EQ(test::counted::alive, 0) << "seed " << seed;
    }
    rt.wait_all();
    EXPECT_EQ(pool_stats().frames, frames);
    EXPECT_GT(ended, 0);
    EXPECT_GT(dropped, 0);
}

TEST(dropping, a_polled_task_while_a_thread_wakes_it) {
    const std::int64_t frames = pool_stats().frames;
    std::atomic<int> wakes{0};
    for (int seed = 0; seed < schedules; ++seed) {
        script s;
        std::mt19937 random(static_cast<std::uint32_t>(seed));
        std::thread other;
        {
            wake_callback driver([&] { ++wakes; });
            std::optional<task<int>> t(outer(s));
            bool done = t->poll(driver.context()).is_ready();
            other = std::thread([&] { raise_signals(s, static_cast<std::uint32_t>(seed) + 1); });
            const auto polls = random() % 40;
            for (unsigned i = 0; i < polls && !done; ++i) {
                const int before = wakes;
                if (driver.rearm()) {
                    for (int spin = 0; spin < 1000 && wakes == before; ++spin)
                        std::this_thread::yield();
                    if (wakes == before)
                        break; // not woken yet: drop it while the waker may be at it
                }
                done = t->poll(driver.context()).is_ready();
            }
            t.reset();
        }
        other.join();
        ASSERT_EQ(s.resumed_twice, 0) << "seed " << seed;
        ASSERT_EQ(test::counted::alive, 0) << "seed " << seed;
    }
    EXPECT_EQ(pool_stats().frames, frames);
}

} // namespace
} // namespace sennit
