#include <sennit/os/membarrier.hpp>

#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>

namespace sennit::os {
namespace {

TEST(membarrier, registers_where_it_is_available) {
    EXPECT_EQ(membarrier::register_expedited(), membarrier::expedited_available());
    EXPECT_EQ(membarrier::register_expedited(), membarrier::expedited_available());
}

TEST(membarrier, is_not_available_under_thread_sanitizer) {
    EXPECT_FALSE(SENNIT_TSAN && membarrier::expedited_available());
}

// The litmus test of store buffers: each side stores and then looks for the other's store. The
// frequent side has a compiler barrier only; with the expedited barrier on the other side it must
// not happen that both see nothing.
TEST(membarrier, orders_a_thread_that_has_no_fence) {
    if (!membarrier::register_expedited())
        GTEST_SKIP() << "this kernel or build has no expedited barrier";
    constexpr int rounds = 3000;
    std::atomic<int> frequent = 0;
    std::atomic<int> rare = 0;
    int seen_by_frequent = 0;
    int seen_by_rare = 0;
    int misses = 0;
    std::barrier round_ends(2, [&]() noexcept {
        if (seen_by_frequent == 0 && seen_by_rare == 0) ++misses;
        frequent.store(0, std::memory_order_relaxed);
        rare.store(0, std::memory_order_relaxed);
    });
    std::thread other([&] {
        for (int round = 0; round < rounds; ++round) {
            frequent.store(1, std::memory_order_relaxed);
            std::atomic_signal_fence(std::memory_order_seq_cst);
            seen_by_frequent = rare.load(std::memory_order_relaxed);
            round_ends.arrive_and_wait();
        }
    });
    for (int round = 0; round < rounds; ++round) {
        rare.store(1, std::memory_order_relaxed);
        membarrier::expedited();
        seen_by_rare = frequent.load(std::memory_order_relaxed);
        round_ends.arrive_and_wait();
    }
    other.join();
    EXPECT_EQ(misses, 0);
}

} // namespace
} // namespace sennit::os
