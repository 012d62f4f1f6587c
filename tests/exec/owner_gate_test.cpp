#include <sennit/exec/owner_gate.hpp>

#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

TEST(owner_gate, lets_the_owner_in_again_and_again) {
    owner_gate gate;
    for (int i = 0; i < 1'000; ++i) {
        const owner_guard guard(gate);
    }
    EXPECT_TRUE(gate.claim());
    gate.unclaim();
}

TEST(owner_gate, a_thief_gives_up_while_the_owner_is_inside) {
    owner_gate gate;
    const owner_guard guard(gate);
    bool claimed = true;
    std::thread([&] { claimed = gate.claim(); }).join();
    EXPECT_FALSE(claimed);
}

TEST(owner_gate, a_second_thief_gives_up) {
    owner_gate gate;
    ASSERT_TRUE(gate.claim());
    bool claimed = true;
    std::thread([&] { claimed = gate.claim(); }).join();
    EXPECT_FALSE(claimed);
    gate.unclaim();
    EXPECT_TRUE(gate.claim());
    gate.unclaim();
}

TEST(owner_gate, the_owner_waits_for_the_thief) {
    owner_gate gate;
    ASSERT_TRUE(gate.claim());
    std::atomic<bool> entered{false};
    std::thread owner([&] {
        const owner_guard guard(gate);
        entered = true;
    });
    for (int i = 0; i < 100; ++i)
        std::this_thread::yield();
    EXPECT_FALSE(entered);
    gate.unclaim();
    owner.join();
    EXPECT_TRUE(entered);
}

// The counter is plain: two inside at once would lose an addition, and ThreadSanitizer would say so.
TEST(owner_gate, keeps_owner_and_thieves_apart) {
    constexpr int entries = SENNIT_TSAN || SENNIT_ASAN ? 100'000 : 3'000'000;
    owner_gate gate;
    long counter = 0, claims = 0;
    std::atomic<bool> over{false};
    std::atomic<long> claimed{0};
    std::vector<std::thread> thieves;
    for (int i = 0; i < 2; ++i) {
        thieves.emplace_back([&] {
            while (!over) {
                if (gate.claim()) {
                    ++counter;
                    ++claims;
                    gate.unclaim();
                    ++claimed;
                }
                std::this_thread::yield();
            }
        });
    }
    for (int i = 0; i < entries; ++i) {
        const owner_guard guard(gate);
        ++counter;
    }
    over = true;
    for (std::thread& t : thieves)
        t.join();
    EXPECT_EQ(claims, claimed);
    EXPECT_EQ(counter, entries + claims);
}

} // namespace
} // namespace sennit::detail
