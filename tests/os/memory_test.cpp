#include <sennit/os/memory.hpp>

#include "os/support.hpp"
#include <sennit/os/process_memory.hpp>

#include <gtest/gtest.h>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <sys/mman.h>

namespace sennit::os {
namespace {

/// Some pages, given back at the end.
class pages {
public:
    explicit pages(std::size_t count, std::size_t alignment = page_size())
        : size_(count * page_size()),
          start_(static_cast<char*>(reserve(size_, alignment).value())) {}
    pages(const pages&) = delete;
    pages& operator=(const pages&) = delete;
    ~pages() { EXPECT_TRUE(release(start_, size_).has_value()); }

    char* page(std::size_t index) const { return start_ + index * page_size(); }
    std::size_t size() const { return size_; }

private:
    std::size_t size_;
    char* start_;
};

void touch(volatile char* address) { *address = 1; }

bool is_advice_ignored() {
    constexpr int nonsense = 12345;
    const pages memory{1};
    return ::madvise(memory.page(0), memory.size(), nonsense) == 0;
}

bool is_lightweight_missing() { return !kernel_has_lightweight_guards(); }

TEST(page_size, is_a_power_of_two) {
    EXPECT_TRUE(std::has_single_bit(page_size()));
    EXPECT_GE(page_size(), 4096U);
}

TEST(reserve, gives_zeroed_writable_memory) {
    const pages memory{4};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(*memory.page(i), 0);
        touch(memory.page(i));
        EXPECT_EQ(*memory.page(i), 1);
    }
}

TEST(reserve, aligns_to_every_power_of_two) {
    for (std::size_t alignment = page_size(); alignment <= (std::size_t{1} << 30); alignment *= 2) {
        const pages memory{3, alignment};
        EXPECT_EQ(reinterpret_cast<std::uintptr_t>(memory.page(0)) % alignment, 0U) << alignment;
        touch(memory.page(0));
        touch(memory.page(3) - 1);
    }
}

// Address space is free, memory is spent by touching.
TEST(reserve, spends_no_memory) {
    const std::size_t size = std::size_t{1} << 32;
    const std::uint64_t before = resident_bytes().value();
    void* const memory = reserve(size, std::size_t{1} << 30).value();
    EXPECT_LT(resident_bytes().value(), before + (std::uint64_t{64} << 20));
    EXPECT_TRUE(release(memory, size).has_value());
}

TEST(reserve, reports_that_address_space_is_used_up) {
    for (const std::size_t size : {std::size_t{1} << 62, SIZE_MAX - page_size() + 1}) {
        const auto memory = reserve(size, page_size() * 2);
        ASSERT_FALSE(memory.has_value());
        EXPECT_EQ(memory.error().code(), std::errc::not_enough_memory);
        EXPECT_STREQ(memory.error().operation(), "reserve");
    }
}

TEST(reserve, asserts_whole_pages_and_a_sound_alignment) {
    EXPECT_DEATH((void)reserve(page_size() + 1, page_size()), "multiple of os::page_size");
    EXPECT_DEATH((void)reserve(0, page_size()), "multiple of os::page_size");
    EXPECT_DEATH((void)reserve(page_size(), 3 * page_size()), "power of two");
    EXPECT_DEATH((void)reserve(page_size(), 16), "power of two");
}

TEST(release, takes_a_part) {
    const std::size_t size = 4 * page_size();
    auto* const memory = static_cast<char*>(reserve(size, page_size()).value());
    EXPECT_TRUE(release(memory, 2 * page_size()).has_value());
    touch(memory + 2 * page_size());
    EXPECT_DEATH(touch(memory), "");
    EXPECT_TRUE(release(memory + 2 * page_size(), 2 * page_size()).has_value());
}

TEST(discard, gives_pages_back_and_reads_zero_again) {
    const pages memory{256};
    for (std::size_t i = 0; i < 256; ++i)
        touch(memory.page(i));
    EXPECT_TRUE(discard(memory.page(0), memory.size()).has_value());
    for (std::size_t i = 0; i < 256; ++i)
        EXPECT_EQ(*memory.page(i), 0);
}

TEST(discard, reports_what_is_not_mapped) {
    if (is_advice_ignored()) GTEST_SKIP() << "this emulator takes every advice and follows none";
    const std::size_t size = 2 * page_size();
    void* const memory = reserve(size, page_size()).value();
    ASSERT_TRUE(release(memory, size).has_value());
    const auto discarded = discard(memory, size);
    ASSERT_FALSE(discarded.has_value());
    EXPECT_EQ(discarded.error().code(), std::errc::not_enough_memory);
}

TEST(discard, asserts_whole_pages) {
    const pages memory{1};
    EXPECT_DEATH((void)discard(memory.page(0) + 8, page_size()), "round the address");
    EXPECT_DEATH((void)discard(memory.page(0), 8), "round the size");
}

TEST(no_huge_pages, succeeds) {
    const pages memory{1024};
    EXPECT_TRUE(no_huge_pages(memory.page(0), memory.size()).has_value());
}

class guard : public ::testing::TestWithParam<guard_kind> {
protected:
    void SetUp() override {
        if (GetParam() == guard_kind::lightweight && is_lightweight_missing()) {
            GTEST_SKIP() << "this kernel has no MADV_GUARD_INSTALL";
        }
    }
};

TEST_P(guard, kills_every_access_and_spares_the_neighbours) {
    const pages memory{3};
    for (std::size_t i = 0; i < 3; ++i)
        touch(memory.page(i));
    ASSERT_TRUE(install_guard(memory.page(1), page_size(), GetParam()).has_value());
    EXPECT_DEATH(touch(memory.page(1)), "");
    EXPECT_DEATH(touch(memory.page(2) - 1), "");
    EXPECT_DEATH((void)*static_cast<volatile char*>(memory.page(1)), "");
    EXPECT_EQ(*memory.page(0), 1);
    EXPECT_EQ(*memory.page(2), 1);
}

TEST_P(guard, removed_reads_zero_and_can_be_written) {
    const pages memory{2};
    touch(memory.page(0));
    ASSERT_TRUE(install_guard(memory.page(0), page_size(), GetParam()).has_value());
    ASSERT_TRUE(remove_guard(memory.page(0), page_size(), GetParam()).has_value());
    EXPECT_EQ(*memory.page(0), 0);
    touch(memory.page(0));
}

TEST_P(guard, survives_discard) {
    const pages memory{3};
    ASSERT_TRUE(install_guard(memory.page(1), page_size(), GetParam()).has_value());
    ASSERT_TRUE(discard(memory.page(0), memory.size()).has_value());
    EXPECT_DEATH(touch(memory.page(1)), "");
}

// Hundreds of guards with a gap between them: mprotect needs two mappings for each, lightweight
// needs none.
TEST_P(guard, costs_the_mappings_that_its_kind_promises) {
    constexpr std::size_t guards = 500;
    const pages memory{2 * guards};
    const std::uint64_t before = map_count().value();
    for (std::size_t i = 0; i < guards; ++i) {
        ASSERT_TRUE(install_guard(memory.page(2 * i), page_size(), GetParam()).has_value());
    }
    const std::uint64_t more = map_count().value() - before;
    if (GetParam() == guard_kind::mprotect) {
        EXPECT_GE(more, 2 * guards - 10);
    } else {
        EXPECT_LT(more, 100U);
    }
}

INSTANTIATE_TEST_SUITE_P(kinds, guard,
                         ::testing::Values(guard_kind::lightweight, guard_kind::mprotect),
                         [](const auto& kind) {
                             return kind.param == guard_kind::mprotect ? "mprotect" : "lightweight";
                         });

TEST(choose_guard, follows_the_kernel_where_nothing_is_wished) {
    for (const char* wish : {static_cast<const char*>(nullptr), ""}) {
        EXPECT_EQ(choose_guard(wish, [] { return true; }).value(), guard_kind::lightweight);
        EXPECT_EQ(choose_guard(wish, [] { return false; }).value(), guard_kind::mprotect);
    }
}

TEST(choose_guard, follows_the_wish) {
    EXPECT_EQ(choose_guard("mprotect", [] { return true; }).value(), guard_kind::mprotect);
    EXPECT_EQ(choose_guard("lightweight", [] { return true; }).value(), guard_kind::lightweight);
}

TEST(choose_guard, a_wish_that_cannot_be_met_is_an_error) {
    const auto missing = choose_guard("lightweight", [] { return false; });
    ASSERT_FALSE(missing.has_value());
    EXPECT_EQ(missing.error().code(), std::errc::operation_not_supported);
    const auto unknown = choose_guard("none", [] { return true; });
    ASSERT_FALSE(unknown.has_value());
    EXPECT_EQ(unknown.error().code(), std::errc::invalid_argument);
    EXPECT_STREQ(unknown.error().operation(), "SENNIT_GUARD");
}

// A child process for each value, because the answer is kept. No other test may ask in this
// process.
TEST(guard_support, reads_the_environment_once) {
    const auto exit_with_kind = [](const char* before, const char* after) {
        ::setenv("SENNIT_GUARD", before, 1);
        const auto first = guard_support();
        ::setenv("SENNIT_GUARD", after, 1);
        const auto second = guard_support();
        const bool same = first.has_value() == second.has_value() && (!first || *first == *second);
        std::_Exit(!same ? 1 : !first ? 2 : *first == guard_kind::mprotect ? 3 : 4);
    };
    EXPECT_EXIT(exit_with_kind("mprotect", "nonsense"), ::testing::ExitedWithCode(3), "");
    EXPECT_EXIT(exit_with_kind("nonsense", "mprotect"), ::testing::ExitedWithCode(2), "");
    const int undecided = is_lightweight_missing() ? 3 : 4;
    EXPECT_EXIT(exit_with_kind("", "mprotect"), ::testing::ExitedWithCode(undecided), "");
}

} // namespace
TEST(memory, renew_gives_zeros_and_takes_guards_away) {
    const std::size_t page = sennit::os::page_size();
    char* const range = static_cast<char*>(sennit::os::reserve(4 * page, page).value());
    range[page] = 1;
    ASSERT_TRUE(sennit::os::install_guard(range, page, sennit::os::guard_support().value()));
    ASSERT_TRUE(sennit::os::renew(range, 4 * page));
    EXPECT_EQ(range[page], 0);
    range[0] = 1; // no guard any more
    EXPECT_TRUE(sennit::os::release(range, 4 * page));
}

} // namespace sennit::os
