#include <sennit/core/poll.hpp>

#include <gtest/gtest.h>

#include <any>
#include <memory>
#include <optional>
#include <string>

namespace sennit {
namespace {

static_assert(std::is_same_v<poll<int>::value_type, int>);
static_assert(std::is_same_v<poll<void>::value_type, void>);
static_assert(std::is_same_v<poll<int&>::value_type, int&>);
static_assert(!std::is_default_constructible_v<poll<int>>);
static_assert(!std::is_constructible_v<poll<int>, std::string>);
// `pending` cannot be had by accident, as `{}` would.
static_assert(!std::is_convertible_v<int, poll<void>>);

TEST(poll, pending_is_not_ready) {
    EXPECT_FALSE(poll<int>(pending).is_ready());
    EXPECT_FALSE(poll<void>(pending).is_ready());
    EXPECT_FALSE(poll<int&>(pending).is_ready());
}

TEST(poll, value_is_moved_out) {
    poll<std::unique_ptr<int>> p = std::make_unique<int>(7);
    ASSERT_TRUE(p.is_ready());
    EXPECT_EQ(*std::move(p).take(), 7);
}

TEST(poll, converts_what_the_value_is_made_of) {
    poll<std::string> p = "text";
    ASSERT_TRUE(p.is_ready());
    EXPECT_EQ(std::move(p).take(), "text");
}

TEST(poll, value_may_be_of_a_type_that_is_made_of_anything) {
    poll<std::optional<std::any>> p = std::optional<std::any>(std::any(7));
    const poll<std::optional<std::any>> copy = p;
    ASSERT_TRUE(copy.is_ready());
    EXPECT_EQ(std::any_cast<int>(*std::move(p).take()), 7);
}

struct only_from_int {
    explicit only_from_int(int n) : number(n) {}
    only_from_int(only_from_int&&) = default;
    int number;
};

TEST(poll, value_needs_no_default) {
    EXPECT_FALSE(poll<only_from_int>(pending).is_ready());
    EXPECT_EQ(poll<only_from_int>(3).take().number, 3);
}

TEST(poll, latest_answer_is_kept_of_a_value_that_cannot_be_assigned) {
    struct constant {
        const std::unique_ptr<int> number;
        explicit constant(int n) : number(std::make_unique<int>(n)) {}
        constant(constant&& other) : number(std::make_unique<int>(*other.number)) {}
    };
    static_assert(!std::is_move_assignable_v<constant>);
    static_assert(std::is_trivially_copyable_v<poll<int>>);
    poll<constant> latest = pending;
    latest = poll<constant>(constant(7));
    ASSERT_TRUE(latest.is_ready());
    latest = poll<constant>(constant(8));
    EXPECT_EQ(*std::move(latest).take().number, 8);
    latest = poll<constant>(pending);
    EXPECT_FALSE(latest.is_ready());
}

TEST(poll, void_is_ready_without_a_value) {
    poll<void> p = poll<void>::ready();
    EXPECT_TRUE(p.is_ready());
    std::move(p).take();
}

TEST(poll, reference_is_the_object_itself) {
    int object = 1;
    poll<int&> p = object;
    ASSERT_TRUE(p.is_ready());
    EXPECT_EQ(&std::move(p).take(), &object);
}

TEST(poll, of_an_optional_tells_empty_from_pending) {
    poll<std::optional<int>> p = std::optional<int>();
    ASSERT_TRUE(p.is_ready());
    EXPECT_EQ(std::move(p).take(), std::nullopt);
}

} // namespace
} // namespace sennit
