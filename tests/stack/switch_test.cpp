// The switch between stacks of the pool. The registers are looked at by switch_probe.cpp, which knows them.
#include <sennit/stack/switch.hpp>

#include "stack/support.hpp"
#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

namespace sennit {
namespace {

using test_support::context;

TEST(switch_stack, entry_gets_the_first_message_on_the_fresh_stack) {
    std::uintptr_t first = 0;
    bool inside = false, aligned = false;
    context c([&](context& self, std::uintptr_t message) {
        alignas(64) volatile char local[64] = {};
        first = message;
        const auto* address = const_cast<const char*>(local);
        inside = address >= self.stack().low() && address < self.stack().top();
        aligned = reinterpret_cast<std::uintptr_t>(address) % 64 == 0 &&
                  reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)) % 16 == 0;
    });
    EXPECT_FALSE(c.is_over());
    c.visit(42);
    EXPECT_EQ(first, 42U);
    EXPECT_TRUE(inside || SENNIT_ASAN);
    EXPECT_TRUE(aligned);
    EXPECT_TRUE(c.is_over());
}

TEST(switch_stack, messages_travel_both_ways) {
    context c([](context& self, std::uintptr_t message) {
        for (;;)
            message = self.back(message + 1);
    });
    for (std::uintptr_t i = 0; i < 10'000; ++i)
        ASSERT_EQ(c.visit(2 * i), 2 * i + 1);
}

TEST(switch_stack, room_is_what_is_left_of_the_stack) {
    std::size_t room = 0;
    context c([&](context& self, std::uintptr_t) { room = self.stack().room(); });
    c.visit();
    EXPECT_LT(room, c.stack().size());
    EXPECT_GT(room, c.stack().size() - 16 * 1024);
}

std::uintptr_t deep(context& self, std::uintptr_t depth) {
    volatile std::uintptr_t mine = depth;
    if (depth == 0) return self.back(1);
    return deep(self, depth - 1) + mine;
}

// A thousand stacks, each suspended somewhere in a recursion, visited in a random order.
TEST(switch_stack, a_thousand_stacks_keep_apart) {
    constexpr std::uintptr_t count = SENNIT_TSAN ? 100 : 1'000;
    std::vector<std::unique_ptr<context>> all;
    std::vector<std::uintptr_t> sums(count, 0);
    for (std::uintptr_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<context>([&sums, i](context& self, std::uintptr_t depth) {
            for (int round = 0; round < 5; ++round)
                sums[i] += deep(self, depth % 100);
        }));
    }
    std::mt19937 random(1);
    for (std::uintptr_t visits = 0; visits < 20 * count; ++visits) {
        const std::uintptr_t i = random() % count;
        if (!all[i]->is_over()) all[i]->visit(i);
    }
    for (std::uintptr_t i = 0; i < count; ++i) {
        while (!all[i]->is_over())
            all[i]->visit(i);
    }
    for (std::uintptr_t i = 0; i < count; ++i) {
        // What deep() adds: 1 + … + depth, and the message that woke it each time.
        const std::uintptr_t depth = i % 100;
        EXPECT_EQ(sums[i], 5 * (depth * (depth + 1) / 2 + i)) << i;
    }
}

TEST(switch_stack, exceptions_are_thrown_and_caught_on_it) {
    int caught = 0;
    context c([&](context& self, std::uintptr_t) {
        for (;;) {
            try {
                deep(self, 10);
                throw std::runtime_error("there");
            } catch (const std::runtime_error&) {
                ++caught;
            }
        }
    });
    for (int i = 0; i < 10; ++i) {
        c.visit();
        try {
            throw std::logic_error("here");
        } catch (const std::logic_error&) {}
    }
    EXPECT_EQ(caught, 9);
}

} // namespace
} // namespace sennit
