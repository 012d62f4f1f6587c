#include <sennit/os/futex.hpp>

#include "os/support.hpp"
#include <sennit/os/memory.hpp>

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sennit::os {
namespace {

using std::chrono::steady_clock;
using test_support::interruptions;
using word = std::atomic<std::uint32_t>;

steady_clock::time_point far_away() { return steady_clock::now() + std::chrono::hours{1}; }

void wait_while(const word& value, std::uint32_t expected) {
    while (value.load(std::memory_order_acquire) == expected)
        futex::wait(value, expected);
}

TEST(futex, does_not_sleep_on_another_value) {
    const word value = 1;
    futex::wait(value, 0);
    EXPECT_FALSE(futex::wait_until(value, 0, far_away()));
}

TEST(futex, wakes_nobody_where_nobody_sleeps) {
    const word value = 0;
    EXPECT_EQ(futex::wake_one(value), 0);
    EXPECT_EQ(futex::wake_all(value), 0);
}

// Two threads hand a number back and forth, each asleep while it is the other's turn; what is
// beside the word is plain memory, so ThreadSanitizer checks the ordering as well.
TEST(futex, hands_a_word_back_and_forth) {
    constexpr std::uint32_t rounds = 1000;
    word turn = 0;
    std::uint32_t beside = 0;
    std::thread other([&] {
        for (std::uint32_t round = 0; round < rounds; ++round) {
            wait_while(turn, 2 * round);
            ++beside;
            turn.store(2 * round + 2, std::memory_order_release);
            futex::wake_one(turn);
        }
    });
    for (std::uint32_t round = 0; round < rounds; ++round) {
        ++beside;
        turn.store(2 * round + 1, std::memory_order_release);
        futex::wake_one(turn);
        wait_while(turn, 2 * round + 1);
    }
    other.join();
    EXPECT_EQ(beside, 2 * rounds);
}

// wake_one() says how many it woke; summed up until all four have returned it must be four, one at
// a time.
TEST(futex, wake_one_wakes_one) {
    word value = 0;
    std::atomic<int> returned = 0;
    std::vector<std::thread> sleepers;
    for (int i = 0; i < 4; ++i) {
        sleepers.emplace_back([&] {
            futex::wait(value, 0);
            returned.fetch_add(1);
        });
    }
    int woken = 0;
    while (woken < 4) {
        const int now = futex::wake_one(value);
        EXPECT_LE(now, 1);
        woken += now;
    }
    for (auto& sleeper : sleepers)
        sleeper.join();
    EXPECT_EQ(returned, 4);
}

TEST(futex, wake_all_wakes_everybody) {
    word value = 0;
    std::vector<std::thread> sleepers;
    for (int i = 0; i < 4; ++i)
        sleepers.emplace_back([&] { wait_while(value, 0); });
    value.store(1, std::memory_order_release);
    EXPECT_LE(futex::wake_all(value), 4);
    for (auto& sleeper : sleepers)
        sleeper.join();
}

TEST(futex, a_past_deadline_times_out_at_once) {
    const word value = 0;
    EXPECT_TRUE(futex::wait_until(value, 0, steady_clock::now() - std::chrono::seconds{1}));
    EXPECT_TRUE(futex::wait_until(value, 0, steady_clock::time_point{}));
    EXPECT_TRUE(futex::wait_until(value, 0, steady_clock::time_point::min()));
}

TEST(futex, never_times_out_before_the_deadline) {
    const word value = 0;
    const auto deadline = steady_clock::now() + std::chrono::milliseconds{2};
    while (!futex::wait_until(value, 0, deadline)) {}
    EXPECT_GE(steady_clock::now(), deadline);
}

TEST(futex, a_wake_before_the_deadline_is_no_timeout) {
    for (const auto deadline : {far_away(), steady_clock::time_point::max()}) {
        word value = 0;
        bool timed_out = false;
        std::thread sleeper([&] {
            while (value.load(std::memory_order_acquire) == 0) {
                timed_out = timed_out || futex::wait_until(value, 0, deadline);
            }
        });
        value.store(1, std::memory_order_release);
        futex::wake_one(value);
        sleeper.join();
        EXPECT_FALSE(timed_out);
    }
}

// The sleeper counts how often it returned while the word was still the same: each signal ends a
// wait, and none counts as a timeout.
TEST(futex, a_signal_is_a_return_for_nothing) {
    const interruptions active;
    word value = 0;
    std::atomic<int> for_nothing = 0;
    bool timed_out = false;
    std::thread sleeper([&] {
        while (value.load(std::memory_order_acquire) == 0) {
            timed_out = timed_out || futex::wait_until(value, 0, far_away());
            futex::wait(value, 0);
            for_nothing.fetch_add(1);
        }
    });
    interruptions::send_until(sleeper.native_handle(), [&] { return for_nothing >= 10; });
    value.store(1, std::memory_order_release);
    futex::wake_all(value);
    sleeper.join();
    EXPECT_FALSE(timed_out);
}

// The waker may be slower than the sleeper, who frees the word; the late wake must do no harm.
TEST(futex, waking_unmapped_memory_is_harmless) {
    void* const page = reserve(page_size(), page_size()).value();
    const auto* const value = static_cast<const word*>(page);
    ASSERT_TRUE(release(page, page_size()).has_value());
    EXPECT_EQ(futex::wake_all(*value), 0);
}

TEST(futex, asserts_that_a_word_to_wait_on_is_alive) {
    void* const page = reserve(page_size(), page_size()).value();
    const auto* const value = static_cast<const word*>(page);
    ASSERT_TRUE(release(page, page_size()).has_value());
    EXPECT_DEATH(futex::wait(*value, 0), "stays alive");
    EXPECT_DEATH((void)futex::wait_until(*value, 0, far_away()), "stays alive");
}

} // namespace
} // namespace sennit::os
