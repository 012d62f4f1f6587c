#include <sennit/base/assert.hpp>

#include <gtest/gtest.h>

namespace {

TEST(assert, a_true_condition_is_evaluated_once_and_silent) {
    int evaluations = 0;
    SENNIT_ASSERT(++evaluations == 1, "unused");
    EXPECT_EQ(evaluations, 1);
}

TEST(assert, stands_alone_in_an_if_with_else) {
    bool reached_else = false;
    if (reached_else)
        SENNIT_ASSERT(true, "unused");
    else
        reached_else = true;
    EXPECT_TRUE(reached_else);
}

TEST(assert_death, names_place_condition_and_advice) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    const int capacity = 0;
    EXPECT_DEATH(SENNIT_ASSERT(capacity > 0, "give it a slot"),
                 "sennit: assertion failed: capacity > 0\n"
                 "  at .*assert_test.cpp:[0-9]+\n"
                 "  in .*TestBody.*\n"
                 "  advice: give it a slot\n");
}

TEST(assert_death, fatal_prints_its_report) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(sennit::fatal("the cord is cut"), "^sennit: fatal: the cord is cut\n$");
}

TEST(debug_assert, is_evaluated_only_in_debug_builds) {
    int evaluations = 0;
    SENNIT_DEBUG_ASSERT(++evaluations == 1, "unused");
    EXPECT_EQ(evaluations, SENNIT_DEBUG);
}

TEST(config, sanitizer_macros_match_the_build) {
#if defined(__has_feature)
    EXPECT_EQ(SENNIT_ASAN, __has_feature(address_sanitizer));
    EXPECT_EQ(SENNIT_TSAN, __has_feature(thread_sanitizer));
#elif defined(__SANITIZE_ADDRESS__)
    EXPECT_EQ(SENNIT_ASAN, 1);
#else
    EXPECT_EQ(SENNIT_ASAN, 0);
#endif
}

} // namespace
