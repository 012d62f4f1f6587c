#include <sennit/core/flow_state.hpp>

#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using wake_action = flow_state::wake_action;
using park_action = flow_state::park_action;

TEST(flow_state, free_memory_reads_as_no_flow) {
    const flow_state s(0);
    EXPECT_EQ(s.load(), 0U);
    EXPECT_FALSE(s.is_alive());
    EXPECT_FALSE(s.is_active());
}

TEST(flow_state, nothing_can_be_done_with_free_memory) {
    flow_state s(0);
    EXPECT_EQ(s.wake(), wake_action::nothing);
    EXPECT_EQ(s.request_stop(), wake_action::nothing);
    EXPECT_EQ(s.load(), 0U);
}

TEST(flow_state, starts_active) {
    flow_state s(0);
    s.start();
    EXPECT_TRUE(s.is_alive());
    EXPECT_TRUE(s.is_active());
    EXPECT_FALSE(s.is_stop_requested());
}

TEST(flow_state, wake_of_a_parked_flow_submits_it_once) {
    flow_state s(0);
    s.start();
    ASSERT_EQ(s.park(), park_action::parked);
    EXPECT_FALSE(s.is_active());
    EXPECT_EQ(s.wake(), wake_action::submit);
    EXPECT_TRUE(s.is_active());
    EXPECT_EQ(s.wake(), wake_action::nothing);
}

TEST(flow_state, wake_of_an_active_flow_makes_it_poll_again_once) {
    flow_state s(0);
    s.start();
    EXPECT_EQ(s.wake(), wake_action::nothing);
    EXPECT_EQ(s.wake(), wake_action::nothing);
    EXPECT_EQ(s.park(), park_action::poll_again);
    EXPECT_TRUE(s.is_active());
    EXPECT_EQ(s.park(), park_action::parked);
}

TEST(flow_state, stop_wakes_and_stays) {
    flow_state s(0);
    s.start();
    ASSERT_EQ(s.park(), park_action::parked);
    EXPECT_EQ(s.request_stop(), wake_action::submit);
    EXPECT_TRUE(s.is_stop_requested());
    EXPECT_EQ(s.request_stop(), wake_action::nothing);
    EXPECT_EQ(s.park(), park_action::poll_again);
    EXPECT_EQ(s.park(), park_action::parked);
    EXPECT_TRUE(s.is_stop_requested());
}

TEST(flow_state, throwing_is_the_owners_and_does_not_disturb_wakes) {
    flow_state s(0);
    s.start();
    s.set_throwing();
    EXPECT_TRUE(s.is_throwing());
    EXPECT_EQ(s.wake(), wake_action::nothing);
    EXPECT_EQ(s.park(), park_action::poll_again);
    s.clear_throwing();
    EXPECT_FALSE(s.is_throwing());
    EXPECT_TRUE(s.is_active());
}

TEST(flow_state, nobody_is_found_after_the_end) {
    flow_state s(0);
    s.start();
    EXPECT_EQ(s.wake(), wake_action::nothing);
    s.finish();
    EXPECT_FALSE(s.is_alive());
    EXPECT_EQ(s.wake(), wake_action::nothing);
    s.start();
    EXPECT_EQ(s.park(), park_action::parked) << "the old mark is gone";
}

// Wakers publish events and wake; the owner, whichever thread that is, polls and parks until it has seen all.
// A lost wake hangs the test, two owners would race on `seen`, which is plain.
TEST(flow_state, loses_no_event_and_has_one_owner_among_threads) {
    constexpr int wakers = 3;
    constexpr int events = SENNIT_TSAN || SENNIT_ASAN ? 5'000 : 30'000;
    flow_state s(0);
    std::atomic<int> published{0},
        submitted{1}; // the queue, as a count of how often the flow is in it
    int seen = 0, owned = 0;
    std::atomic<bool> done{false};
    s.start();

    const auto run_once = [&] {
        ++owned;
        for (;;) {
            seen = published.load(std::memory_order_relaxed);
            if (seen == wakers * events) {
                s.finish();
                done.store(true);
                return;
            }
            if (s.park() == park_action::parked) return;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
        threads.emplace_back([&] {
            while (!done.load()) {
                int one = 1;
                if (submitted.compare_exchange_strong(one, 0)) {
                    run_once();
                } else {
                    EXPECT_EQ(one, 0) << "queued twice";
                    std::this_thread::yield();
                }
            }
        });
    }
    for (int i = 0; i < wakers; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < events; ++n) {
                published.fetch_add(1, std::memory_order_relaxed);
                if (s.wake() == wake_action::submit) submitted.fetch_add(1);
            }
        });
    }
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(seen, wakers * events);
    EXPECT_GT(owned, 0);
}

} // namespace
} // namespace sennit
