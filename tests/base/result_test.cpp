#include <sennit/base/result.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace {

using sennit::errc;
using sennit::error;
using sennit::result;
using sennit::unpack;

result<int> half(int value) {
    if (value % 2 != 0) return error(std::errc::invalid_argument, "half");
    return value / 2;
}

result<void> only_even(int value) {
    SENNIT_TRY(half(value));
    return {};
}

TEST(try, yields_the_value) {
    auto quarter = [](int value) -> result<int> {
        int first = SENNIT_TRY(half(value));
        return SENNIT_TRY(half(first));
    };
    EXPECT_EQ(quarter(12), 3);
    EXPECT_EQ(quarter(6).error().message(), "half: Invalid argument");
}

TEST(try, nests_in_one_expression) {
    auto quarter = [](int value) -> result<int> {
        return SENNIT_TRY(half(SENNIT_TRY(half(value))));
    };
    EXPECT_EQ(quarter(12), 3);
    EXPECT_FALSE(quarter(6).has_value());
}

TEST(try, passes_void_and_changes_the_type) {
    auto text = [](int value) -> result<std::string> {
        SENNIT_TRY(only_even(value));
        return "even";
    };
    EXPECT_EQ(text(2), "even");
    EXPECT_TRUE(is(text(1).error(), std::errc::invalid_argument));
}

TEST(try, moves_a_move_only_value) {
    auto make = []() -> result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
    auto add_one = [&]() -> result<int> {
        std::unique_ptr<int> value = SENNIT_TRY(make());
        return *value + 1;
    };
    EXPECT_EQ(add_one(), 8);
}

TEST(try, leaves_a_named_result_its_value) {
    auto size_twice = []() -> result<std::size_t> {
        result<std::string> named("a text too long for the small string");
        std::size_t first = SENNIT_TRY(named).size();
        std::size_t second = SENNIT_TRY(named).size();
        return first == second ? first : 0;
    };
    EXPECT_EQ(size_twice(), 36u);
}

TEST(try, evaluates_once) {
    int evaluations = 0;
    auto run = [&]() -> result<void> {
        SENNIT_TRY([&]() -> result<void> {
            ++evaluations;
            return {};
        }());
        return {};
    };
    EXPECT_TRUE(run().has_value());
    EXPECT_EQ(evaluations, 1);
}

TEST(try, takes_an_expression_with_commas) {
    auto first = []<class A, class B>() -> result<int> { return sizeof(A) < sizeof(B) ? 1 : 2; };
    auto run = [&]() -> result<int> { return SENNIT_TRY(first.operator()<char, int>()); };
    EXPECT_EQ(run(), 1);
}

TEST(try, early_return_destroys_what_was_built) {
    // Counts live objects: some are built before the expression that returns early.
    struct counted {
        explicit counted(int& live) : live_(live) { ++live_; }
        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;
        ~counted() { --live_; }
        int& live_;
    };
    int live = 0;
    auto run = [&]() -> result<int> {
        counted outer(live);
        {
            counted inner(live);
            SENNIT_TRY(half(1));
        }
        return 0;
    };
    EXPECT_FALSE(run().has_value());
    EXPECT_EQ(live, 0);
}

TEST(result, an_error_returns_as_a_result) {
    auto pass = [](const error& err) -> result<std::string> {
        if (err) return err;
        return "fine";
    };
    EXPECT_EQ(pass(error()), "fine");
    EXPECT_EQ(pass(errc::closed).error().message(), "closed");
    auto pass_void = [](const error& err) -> result<void> { return err; };
    EXPECT_FALSE(pass_void(errc::closed).has_value());
    // error converts to bool explicitly; that must not make it a value of result<bool>.
    auto pass_bool = [](const error& err) -> result<bool> { return err; };
    EXPECT_FALSE(pass_bool(errc::closed).has_value());
}

TEST(result_death, no_error_does_not_return_as_a_result) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)result<int>([]() -> result<int> { return error(); }()), "return a value");
}

TEST(unpack, gives_value_and_no_error) {
    auto [value, err] = unpack(half(4));
    EXPECT_EQ(value, 2);
    EXPECT_FALSE(err);
}

TEST(unpack, gives_a_value_initialised_value_with_an_error) {
    auto [value, err] = unpack(half(3));
    EXPECT_EQ(value, 0);
    EXPECT_TRUE(err);
}

TEST(unpack, moves_a_move_only_value) {
    auto [value, err] = unpack(result<std::unique_ptr<int>>(std::make_unique<int>(7)));
    EXPECT_EQ(*value, 7);
    EXPECT_FALSE(err);
}

TEST(unpack, of_void_is_the_error) {
    EXPECT_FALSE(unpack(result<void>()));
    EXPECT_TRUE(is(unpack(only_even(1)), std::errc::invalid_argument));
}

TEST(unpack, passes_on_in_the_habit_of_go) {
    auto quarter = [](int value) -> result<int> {
        auto [first, err] = unpack(half(value));
        if (err) return err;
        return half(first);
    };
    EXPECT_EQ(quarter(8), 2);
    EXPECT_FALSE(quarter(3).has_value());
}

} // namespace
