#include <sennit/base/config.hpp>
#include <sennit/os/memory.hpp>
#include <sennit/os/process_memory.hpp>
#include <sennit/stack/stack.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>
#include <thread>
#include <vector>

namespace sennit::stack_pool {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;
// Sanitizers make frames larger, and the pool its stacks.
constexpr std::size_t scale = SENNIT_ASAN || SENNIT_TSAN ? 4 : 1;

std::vector<stack*> acquire_many(std::size_t count) {
    std::vector<stack*> all;
    for (std::size_t i = 0; i < count; ++i)
        all.push_back(acquire(0));
    return all;
}
void release_all(const std::vector<stack*>& all) {
    for (stack* s : all)
        release(*s);
}
void touch(char* low, std::size_t size) {
    for (std::size_t i = 0; i < size; i += os::page_size())
        static_cast<volatile char*>(low)[i] = 1;
}

TEST(stack_pool, stack_is_writable_from_end_to_end) {
    stack* const s = acquire(0);
    ASSERT_NE(s, nullptr);
    EXPECT_EQ(s->size(), stack_size_default * scale - os::page_size());
    EXPECT_TRUE(s->is_default_size());
    EXPECT_FALSE(s->primed);
    std::memset(s->low(), 1, s->size());
    release(*s);
}

TEST(stack_pool, what_was_given_back_last_is_taken_first) {
    stack* const s = acquire(0);
    release(*s);
    EXPECT_EQ(acquire(0), s);
    release(*s);
}

TEST(stack_pool, counts_what_is_handed_out) {
    const stack_statistics before = stats();
    const auto all = acquire_many(10);
    EXPECT_EQ(stats().in_use, before.in_use + 10);
    EXPECT_GE(stats().made, stats().in_use);
    EXPECT_GE(stats().reserved_bytes, 10 * stack_size_default);
    EXPECT_EQ(std::set<stack*>(all.begin(), all.end()).size(), 10U);
    release_all(all);
    EXPECT_EQ(stats().in_use, before.in_use);
    const bool lightweight = os::guard_support().value() == os::guard_kind::lightweight;
    EXPECT_EQ(stats().lightweight_guards, lightweight);
}

TEST(stack_pool, class_is_the_smallest_that_is_large_enough) {
    EXPECT_EQ(class_for(0), stack::default_class);
    EXPECT_EQ(class_for(stack_size_default), stack::default_class);
    std::uint8_t last = 0;
    for (std::size_t size = 1 * mib; size <= stack_size_max; size *= 2) {
        const std::uint8_t index = class_for(size);
        EXPECT_GE(index, last);
        stack* const s = acquire(index);
        ASSERT_NE(s, nullptr);
        EXPECT_GE(s->size() + os::page_size(), size);
        EXPECT_EQ(s->size_class, index);
        EXPECT_FALSE(s->is_default_size());
        touch(s->low(), 1);
        touch(s->top() - 1, 1);
        release(*s);
        last = index;
    }
    EXPECT_GT(class_for(stack_size_default + 1), stack::default_class);
}

TEST(stack_pool, guard_page_kills_whoever_touches_it) {
    stack* const s = acquire(0);
    EXPECT_DEATH(touch(s->low() - 1, 1), "");
    EXPECT_DEATH(touch(s->low() - os::page_size(), 1), "");
    touch(s->low(), 1);
    release(*s);
}

// More than the pool keeps warm: some are carved again out of slabs that went back as a whole.
TEST(stack_pool, every_stack_is_guarded_also_when_it_is_used_again) {
    release_all(acquire_many(600));
    const auto all = acquire_many(600);
    for (std::size_t i = 0; i < all.size(); i += 60)
        EXPECT_DEATH(touch(all[i]->low() - 1, 1), "") << i;
    release_all(all);
}

TEST(stack_pool, finds_the_stack_of_an_address) {
    const auto all = acquire_many(3);
    for (stack* s : all) {
        EXPECT_EQ(find(s->low()), s);
        EXPECT_EQ(find(s->top() - 1), s);
        EXPECT_EQ(find(s->low() - 1), s) << "the guard belongs to it";
        EXPECT_EQ(find(s->low() - os::page_size()), s);
        EXPECT_NE(find(s->low() - os::page_size() - 1), s);
        EXPECT_NE(find(s->top()), s);
    }
    const int local = 0;
    EXPECT_EQ(find(&local), nullptr);
    EXPECT_EQ(find(nullptr), nullptr);
    release_all(all);
}

TEST(stack_pool, memory_of_a_deep_stack_goes_back_at_once) {
    stack* const s = acquire(0);
    std::memset(s->low(), 1, s->size());
    release(*s);
    ASSERT_EQ(acquire(0), s);
    EXPECT_EQ(*s->low(), 0);
    EXPECT_EQ(*(s->low() + s->size() / 2), 0);
    release(*s);
}

TEST(stack_pool, memory_of_many_goes_back) {
    if (SENNIT_TSAN) GTEST_SKIP() << "ThreadSanitizer keeps its notes on memory that went back";
    constexpr std::size_t count = 1'000, touched = 64 * kib;
    const std::uint64_t before = os::resident_bytes().value();
    const auto all = acquire_many(count);
    for (stack* s : all)
        touch(s->top() - touched, touched);
    EXPECT_GT(os::resident_bytes().value(), before + count * touched - 8 * mib);
    release_all(all);
    // Two pages of each stay; the rest is tolerance for the kernel's batched count, and for page tables.
    EXPECT_LT(os::resident_bytes().value(), before + count * 8 * kib + 8 * mib);
    trim();
    EXPECT_LT(os::resident_bytes().value(), before + 8 * mib);
}

class limited_pool : public testing::Test {
protected:
    void SetUp() override { set_count_max(stats().in_use + 3); }
    void TearDown() override { set_count_max(count_max_); }

    const std::size_t count_max_ = count_max();
};

TEST_F(limited_pool, gives_no_more_than_the_limit_and_says_why) {
    release_all({acquire(0)});
    EXPECT_FALSE(exhausted());
    const auto all = acquire_many(3);
    EXPECT_FALSE(exhausted());
    EXPECT_EQ(acquire(0), nullptr);
    EXPECT_TRUE(exhausted());
    EXPECT_THAT(exhausted_reason(), testing::HasSubstr("limit of stacks"));
    release_all(all);
}

TEST_F(limited_pool, a_returned_stack_ends_the_exhaustion) {
    auto all = acquire_many(3);
    ASSERT_EQ(acquire(0), nullptr);
    ASSERT_TRUE(exhausted());
    release(*all.back());
    EXPECT_FALSE(exhausted());
    all.back() = acquire(0);
    EXPECT_NE(all.back(), nullptr);
    release_all(all);
}

TEST_F(limited_pool, a_higher_limit_lets_it_go_on) {
    auto all = acquire_many(3);
    ASSERT_EQ(acquire(0), nullptr);
    set_count_max(stats().in_use + 1);
    EXPECT_FALSE(exhausted());
    all.push_back(acquire(0));
    EXPECT_NE(all.back(), nullptr);
    EXPECT_EQ(acquire(0), nullptr);
    release_all(all);
}

TEST_F(limited_pool, has_one_stack_for_8_kib_of_memory_by_default) {
    EXPECT_EQ(count_max_, std::max<std::size_t>(os::memory_limit() / (8 * kib), 64));
}

// Threads take and give at once; a stack is in one hand at a time.
TEST(stack_pool, serves_several_threads) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([t] {
            for (int round = 0; round < 200; ++round) {
                const auto mine = acquire_many(10);
                for (stack* s : mine)
                    *(s->top() - 1) = static_cast<char>(t);
                for (const stack* s : mine)
                    ASSERT_EQ(*(s->top() - 1), t);
                release_all(mine);
            }
        });
    }
    for (std::thread& t : threads)
        t.join();
}

} // namespace
} // namespace sennit::stack_pool
