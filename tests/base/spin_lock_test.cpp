#include <sennit/base/spin_lock.hpp>

#include <gtest/gtest.h>

#include <mutex>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

TEST(spin_lock, keeps_threads_apart) {
    constexpr int rounds = 20'000, threads = 4;
    spin_lock lock;
    long sum = 0; // not atomic: TSan and the sum tell when the lock does not hold
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t) {
        all.emplace_back([&] {
            for (int i = 0; i < rounds; ++i) {
                std::lock_guard guard(lock);
                ++sum;
            }
        });
    }
    for (std::thread& each : all)
        each.join();
    EXPECT_EQ(sum, long{rounds} * threads);
}

TEST(spin_lock, is_one_byte) { static_assert(sizeof(spin_lock) == 1); }

} // namespace
} // namespace sennit::detail
