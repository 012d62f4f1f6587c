#include <sennit/os/cpu.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <sched.h>
#include <thread>

namespace sennit::os {
namespace {

TEST(allowed_cpus, is_never_empty_and_ascending) {
    const auto cpus = allowed_cpus().value();
    ASSERT_FALSE(cpus.empty());
    EXPECT_TRUE(std::ranges::is_sorted(cpus, std::ranges::less_equal{}) || cpus.size() == 1);
}

TEST(usable_cpus, is_the_affinity_mask_without_a_limit) {
    EXPECT_EQ(usable_cpus(8, std::nullopt), 8U);
    EXPECT_EQ(usable_cpus(1, std::nullopt), 1U);
}

TEST(usable_cpus, rounds_a_limit_up) {
    EXPECT_EQ(usable_cpus(8, 2.0), 2U);
    EXPECT_EQ(usable_cpus(8, 2.01), 3U);
    EXPECT_EQ(usable_cpus(8, 2.5), 3U);
    EXPECT_EQ(usable_cpus(8, 7.9), 8U);
}

TEST(usable_cpus, a_limit_above_the_mask_changes_nothing) {
    EXPECT_EQ(usable_cpus(2, 64.0), 2U);
    EXPECT_EQ(usable_cpus(2, 1e300), 2U);
}

TEST(usable_cpus, is_at_least_one) {
    EXPECT_EQ(usable_cpus(8, 0.1), 1U);
    EXPECT_EQ(usable_cpus(8, 0.0), 1U);
    EXPECT_EQ(usable_cpus(8, -3.0), 1U);
    EXPECT_EQ(usable_cpus(0, std::nullopt), 1U);
}

TEST(available_cpus, is_between_one_and_the_mask) {
    EXPECT_GE(available_cpus(), 1U);
    EXPECT_LE(available_cpus(), allowed_cpus().value().size());
}

// Each processor in turn, in a thread of its own, since a thread stays where it is bound.
TEST(pin_to, binds_the_calling_thread_only) {
    const auto all = allowed_cpus().value();
    for (const unsigned cpu : all) {
        std::thread([cpu] {
            ASSERT_TRUE(pin_to(cpu).has_value());
            EXPECT_EQ(::sched_getcpu(), static_cast<int>(cpu));
            EXPECT_EQ(allowed_cpus().value(), std::vector{cpu});
            EXPECT_EQ(available_cpus(), 1U);
        }).join();
    }
    EXPECT_EQ(allowed_cpus().value(), all);
}

TEST(pin_to, reports_a_processor_that_is_not_there) {
    for (const unsigned cpu : {8191U, 8192U, ~0U}) {
        const auto pinned = pin_to(cpu);
        ASSERT_FALSE(pinned.has_value());
        EXPECT_EQ(pinned.error().code(), std::errc::invalid_argument);
    }
}

TEST(cpu_time, grows_while_a_thread_computes) {
    const auto thread_before = thread_cpu_time();
    const auto process_before = process_cpu_time();
    while (thread_cpu_time() - thread_before < std::chrono::milliseconds{1}) {}
    EXPECT_GE(process_cpu_time() - process_before, std::chrono::microseconds{900});
}

TEST(cpu_time, counts_other_threads_for_the_process_only) {
    const auto thread_before = thread_cpu_time();
    const auto process_before = process_cpu_time();
    std::thread([] {
        const auto begin = thread_cpu_time();
        while (thread_cpu_time() - begin < std::chrono::milliseconds{20}) {}
    }).join();
    const auto others = (process_cpu_time() - process_before) - (thread_cpu_time() - thread_before);
    EXPECT_GE(others, std::chrono::milliseconds{19});
}

} // namespace
} // namespace sennit::os
