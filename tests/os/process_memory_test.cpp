#include <sennit/os/process_memory.hpp>

#include <sennit/os/memory.hpp>

#include <gtest/gtest.h>

#include <unistd.h>

namespace sennit::os {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

TEST(parse_status_bytes, reads_a_line_in_kib) {
    constexpr std::string_view status =
        "Name:\tsennit\nVmRSS:\t    2184 kB\nVmPTE:\t      44 kB\nThreads:\t1\n";
    EXPECT_EQ(parse_status_bytes(status, "VmRSS"), 2184U * 1024);
    EXPECT_EQ(parse_status_bytes(status, "VmPTE"), 44U * 1024);
}

TEST(parse_status_bytes, finds_nothing_that_is_not_there) {
    constexpr std::string_view status = "Name:\tsennit\nVmRSS:\t    2184 kB\nThreads:\t1\nVmPTE:\n";
    EXPECT_EQ(parse_status_bytes(status, "VmSwap"), std::nullopt);
    EXPECT_EQ(parse_status_bytes(status, "VmR"), std::nullopt);
    EXPECT_EQ(parse_status_bytes(status, "Threads"), std::nullopt);
    EXPECT_EQ(parse_status_bytes(status, "VmPTE"), std::nullopt);
    EXPECT_EQ(parse_status_bytes("", "VmRSS"), std::nullopt);
    EXPECT_EQ(parse_status_bytes("VmRSS", "VmRSS"), std::nullopt);
}

TEST(memory_limit, is_at_most_the_physical_memory) {
    const auto physical = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
    EXPECT_GT(memory_limit(), 0U);
    EXPECT_LE(memory_limit(), physical);
}

// 64 MiB are touched and given back; both figures must move with them, give or take the kernel's
// batches.
TEST(resident_bytes, follows_touched_and_discarded_pages) {
    const std::size_t size = 64 * mib;
    auto* const memory = static_cast<char*>(reserve(size, page_size()).value());
    const std::uint64_t before = resident_bytes().value();
    for (std::size_t i = 0; i < size; i += page_size())
        static_cast<volatile char*>(memory)[i] = 1;
    EXPECT_GT(resident_bytes().value(), before + size - 16 * mib);
    ASSERT_TRUE(release(memory, size).has_value());
    EXPECT_LT(resident_bytes().value(), before + 16 * mib);
}

// One page in every 2 MiB needs a page of page tables each.
TEST(page_table_bytes, follows_scattered_pages) {
    constexpr std::size_t tables = 512;
    const std::size_t size = tables * 2 * mib;
    auto* const memory = static_cast<char*>(reserve(size, 2 * mib).value());
    ASSERT_TRUE(no_huge_pages(memory, size).has_value());
    const std::uint64_t before = page_table_bytes().value();
    for (std::size_t i = 0; i < size; i += 2 * mib)
        static_cast<volatile char*>(memory)[i] = 1;
    EXPECT_GE(page_table_bytes().value(), before + tables * page_size());
    ASSERT_TRUE(release(memory, size).has_value());
    EXPECT_LT(page_table_bytes().value(), before + tables * page_size());
}

TEST(map_count, is_below_its_limit_and_grows_by_a_mapping) {
    const std::uint64_t before = map_count().value();
    EXPECT_GT(before, 0U);
    EXPECT_LT(before, map_count_limit().value());
    const std::size_t size = 64 * page_size();
    void* const memory = reserve(size, page_size()).value();
    for (std::size_t i = 0; i < 64; i += 2) {
        auto* const page = static_cast<char*>(memory) + i * page_size();
        ASSERT_TRUE(install_guard(page, page_size(), guard_kind::mprotect).has_value());
    }
    EXPECT_GE(map_count().value(), before + 60);
    ASSERT_TRUE(release(memory, size).has_value());
}

} // namespace
} // namespace sennit::os
