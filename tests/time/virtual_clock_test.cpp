// Virtual time: tokio's time_pause and rt_time_start_paused, Go's synctest. Nothing here sleeps: each
// test of hours ends at once, or the suite's time-out ends it.
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;

class virtual_clock : public testing::Test {
protected:
    runtime rt{{.current_thread = true, .virtual_time = true}};
};

task<void> nap(std::chrono::seconds d, std::vector<int>& order, int mark) {
    co_await async_sleep_for(d);
    order.push_back(mark);
}

// G-TS-3, tokio: paused_time_is_deterministic; X-9: fibers and tasks alike
TEST_F(virtual_clock, jumps_to_the_next_deadline_when_all_wait) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        std::vector<int> order;
        auto c = spawn(nap(3600s, order, 3));
        auto a = spawn(nap(1s, order, 1));
        auto b = spawn([&] {
            sleep_for(60s);
            order.push_back(2);
        });
        a.join();
        EXPECT_EQ(runtime_clock::now() - begun, 1s);
        c.join();
        b.join();
        EXPECT_EQ(runtime_clock::now() - begun, 3600s);
        EXPECT_EQ(order, (std::vector{1, 2, 3}));
    });
}

TEST_F(virtual_clock, stands_still_while_a_flow_can_run) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        auto sleeper = spawn([] { sleep_for(1ms); });
        for (int i = 0; i < 1000; ++i)
            this_flow::yield();
        EXPECT_EQ(runtime_clock::now(), begun);
        EXPECT_FALSE(sleeper.is_finished());
        sleeper.join();
    });
}

// tokio: pause_time_in_main, advance_after_poll, advance_multiple_small_timers, sub-millisecond steps
TEST_F(virtual_clock, advance_fires_what_is_due_and_lets_it_run) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        std::vector<int> order;
        auto a = spawn(nap(2s, order, 2));
        auto b = spawn(nap(1s, order, 1));
        auto far = spawn(nap(100s, order, 3));
        this_flow::yield();
        virtual_time::advance(1999ms);
        EXPECT_EQ(order, std::vector{1});
        for (int i = 0; i < 10; ++i)
            virtual_time::advance(100us);
        EXPECT_EQ(order, (std::vector{1, 2}));
        EXPECT_EQ(runtime_clock::now() - begun, 2s);
        EXPECT_FALSE(far.is_finished());
        a.join();
        b.join();
        far.join();
    });
}

TEST_F(virtual_clock, bounds_in_time_use_it) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        event never;
        EXPECT_FALSE(wait(timeout(1h, never.async_wait())));
        EXPECT_FALSE(with_timeout(1h, [&] { never.wait(); }));
        mutex m;
        m.lock();
        EXPECT_FALSE(m.try_lock_for(1h));
        m.unlock();
        EXPECT_EQ(runtime_clock::now() - begun, 3h);
    });
}

// R-TM-5; tokio: task_blocking, unpausing of the clock after a blocking job
TEST_F(virtual_clock, waits_for_blocking_calls) {
    rt.block_on([] {
        std::atomic<bool> fired{false};
        event begun;
        auto sleeper = spawn([&] {
            sleep_for(1h);
            fired = true;
        });
        this_flow::yield();
        // The job ends when the main flow has seen that nothing fired, for many turns.
        event may_end;
        auto job = spawn([&] {
            blocking([&] {
                begun.set();
                may_end.wait();
            });
            EXPECT_FALSE(fired);
        });
        begun.wait();
        EXPECT_FALSE(fired);
        may_end.set();
        job.join();
        sleeper.join();
        EXPECT_TRUE(fired);
    });
}

TEST_F(virtual_clock, runs_when_it_is_resumed) { // tokio: resume
    rt.block_on([] {
        EXPECT_TRUE(virtual_time::is_paused());
        virtual_time::resume();
        const auto begun = runtime_clock::now();
        sleep_for(1ms);
        EXPECT_GE(runtime_clock::now() - begun, 1ms);
        virtual_time::pause();
        const auto stopped_at = runtime_clock::now();
        sleep_for(1h);
        EXPECT_GE(runtime_clock::now() - stopped_at, 1h);
        EXPECT_LE(runtime_clock::now() - stopped_at, 1h + 1us); // what timers are rounded to
    });
}

TEST(virtual_clock_shutdown, does_not_wait_for_sleepers_in_real_time) {
    runtime rt({.current_thread = true, .virtual_time = true});
    rt.go([] {
        for (;;)
            sleep_for(1h);
    });
    EXPECT_TRUE(rt.shutdown(1h).empty());
}

TEST(virtual_clock_death, misuse_is_reported_with_advice) { // tokio: test_clock misuse panics
    // The child builds a runtime of its own, so it must not be a fork of this process with its stacks.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(virtual_time::pause(), "virtual time is for flows");
    EXPECT_DEATH(runtime({.workers = 2, .virtual_time = true}), "current_thread");
    EXPECT_DEATH(
        {
            runtime rt({.current_thread = true, .virtual_time = true});
            rt.block_on([] { virtual_time::pause(); });
        },
        "paused already");
}

} // namespace
} // namespace sennit
