// timer, ticker and after, in virtual time. Go's tick_test and sleep_test, tokio's time_interval.
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;

class timers : public testing::Test {
protected:
    runtime rt{{.current_thread = true, .virtual_time = true}};
};
class timer_test : public timers {};
class ticker_test : public timers {};

std::chrono::nanoseconds since(runtime_clock::time_point begun) {
    return runtime_clock::now() - begun;
}

TEST_F(timer_test, fires_once) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        timer t(3s);
        EXPECT_EQ(t.wait() - begun, 3s);
        EXPECT_EQ(since(begun), 3s);
        EXPECT_FALSE(wait(timeout(1h, t.async_wait()))); // taken
        EXPECT_FALSE(t.stop());
    });
}

// go: TestResetStop …, TestTimerModifiedEarlier; G-TM-4: what stop and reset answer
TEST_F(timer_test, stop_and_reset_tell_what_they_prevented) {
    rt.block_on([] {
        timer t;
        EXPECT_FALSE(t.stop());
        EXPECT_FALSE(t.reset(1h));
        EXPECT_TRUE(t.reset(1s));
        EXPECT_TRUE(t.stop());
        EXPECT_FALSE(t.stop());
        EXPECT_FALSE(t.reset(-1s));
        t.wait(); // due at once
        EXPECT_FALSE(t.reset(1s));
        virtual_time::advance(2s);
        EXPECT_TRUE(t.stop()) << "it has come, but nobody has taken it";
    });
}

// go: TestChan, testTimerChan: no stale value after Stop and Reset (G-TM-3)
TEST_F(timer_test, no_earlier_moment_is_seen_after_stop_or_reset) {
    rt.block_on([] {
        timer t(1s);
        virtual_time::advance(5s);
        EXPECT_TRUE(t.stop());
        EXPECT_FALSE(wait(timeout(1h, t.async_wait())));
        t.reset(1s);
        virtual_time::advance(5s);
        const auto begun = runtime_clock::now();
        EXPECT_TRUE(t.reset(10s));
        EXPECT_EQ(t.wait() - begun, 10s);
    });
}

TEST_F(timer_test, a_wait_follows_the_deadline_both_ways) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        timer t(10s);
        auto waiting = spawn([&] { return t.wait() - begun; });
        this_flow::yield();
        t.reset(100s);
        virtual_time::advance(50s);
        EXPECT_FALSE(waiting.is_finished());
        t.reset(1s);
        EXPECT_EQ(waiting.join(), 51s);
        auto again = spawn([&] { return t.wait() - begun; });
        this_flow::yield();
        t.reset(1s);
        this_flow::yield();
        t.stop();
        sleep_for(1h);
        EXPECT_FALSE(again.is_finished());
        t.reset(0s);
        again.join();
    });
}

TEST_F(timer_test, one_of_several_waiters_takes_it) {
    rt.block_on([] {
        timer t(1s);
        int taken = 0;
        std::vector<join_handle<void>> all;
        for (int i = 0; i < 40; ++i) {
            all.push_back(spawn([&] {
                t.wait();
                ++taken;
            }));
        }
        for (int round = 1; round <= 40; ++round) {
            sleep_for(1h);
            EXPECT_EQ(taken, round);
            t.reset(1s);
        }
        for (auto& each : all)
            each.join();
    });
}

TEST_F(timer_test, a_dropped_wait_leaves_the_moment_to_the_next) {
    rt.block_on([] {
        timer t(2s);
        EXPECT_FALSE(wait(timeout(1s, t.async_wait())));
        const auto begun = runtime_clock::now();
        t.wait();
        EXPECT_EQ(since(begun), 1s);
    });
}

TEST_F(timer_test, yields_the_moment_it_was_set_to) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        timer t(1s);
        sleep_for(1h);
        EXPECT_EQ(t.wait() - begun, 1s);
        t.reset(begun + 5s); // which has passed
        EXPECT_EQ(t.wait() - begun, 5s);
        EXPECT_EQ(since(begun), 1h);
        t.reset(-1s); // now is the first moment from now
        EXPECT_EQ(t.wait() - begun, 1h);
    });
}

TEST_F(timer_test, after_counts_from_the_call) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        auto f = after(5s);
        sleep_for(3s);
        EXPECT_EQ(wait(f) - begun, 5s);
        EXPECT_EQ(since(begun), 5s);
        EXPECT_TRUE(wait(timeout(0s, after(-1s))));
        EXPECT_EQ(since(wait(after(-1s))), 0s);
        EXPECT_EQ(since(wait(after(0s))), 0s);
        EXPECT_FALSE(wait(timeout(1000h, after(std::chrono::nanoseconds::max()))));
    });
}

// Ticks as seen by one who is late, in seconds from the start.
std::vector<long> ticks(missed_ticks policy, std::vector<std::chrono::milliseconds> work) {
    const auto begun = runtime_clock::now();
    ticker pulse(10ms, policy);
    std::vector<long> seen;
    for (const auto d : work) {
        pulse.tick();
        seen.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(since(begun)).count());
        sleep_for(d);
    }
    return seen;
}

// tokio: time_interval burst, delay, skip, to the millisecond; G-TM-5: slow receivers lose ticks
TEST_F(ticker_test, missed_ticks_follow_the_policy) {
    rt.block_on([] {
        const std::vector work{0ms, 25ms, 0ms, 0ms, 0ms, 0ms};
        EXPECT_EQ(ticks(missed_ticks::burst, work), (std::vector<long>{10, 20, 45, 45, 50, 60}));
        EXPECT_EQ(ticks(missed_ticks::skip, work), (std::vector<long>{10, 20, 45, 50, 60, 70}));
        EXPECT_EQ(ticks(missed_ticks::delay, work), (std::vector<long>{10, 20, 45, 55, 65, 75}));
    });
}

TEST_F(ticker_test, ticks_carry_the_moment_they_were_due) {
    rt.block_on([] {
        const auto begun = runtime_clock::now();
        ticker pulse(10ms);
        sleep_for(35ms);
        EXPECT_EQ(pulse.tick() - begun, 10ms);
        EXPECT_EQ(pulse.tick() - begun, 40ms);
    });
}

// go: TestTickerResetLtZeroDuration (death, below), TestTicker with Reset; no stale tick
TEST_F(ticker_test, stop_and_reset_forget_what_was_due) {
    rt.block_on([] {
        ticker pulse(10ms);
        sleep_for(15ms);
        auto begun = runtime_clock::now();
        pulse.reset(7ms);
        EXPECT_EQ(pulse.tick() - begun, 7ms);
        sleep_for(20ms);
        pulse.stop();
        EXPECT_FALSE(wait(timeout(1h, pulse.async_tick())));
    });
}

// tokio: tick is cancel-safe. Dropped in between at random: every tick is seen once, in order.
TEST_F(ticker_test, dropped_ticks_are_not_lost) {
    rt.block_on([] {
        std::mt19937 random(7);
        const auto begun = runtime_clock::now();
        ticker pulse(10ms, missed_ticks::burst);
        for (int i = 1; i <= 500;) {
            auto tick = wait(timeout(std::chrono::milliseconds(random() % 15), pulse.async_tick()));
            if (!tick) continue;
            EXPECT_EQ(*tick - begun, i * 10ms);
            ++i;
        }
    });
}

TEST(ticker_death, a_period_of_nothing_is_reported) { // go: TestNewTickerLtZeroDuration
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(ticker(0s), "more than zero");
    EXPECT_DEATH(ticker(1s).reset(-1s), "more than zero");
}

} // namespace
} // namespace sennit
