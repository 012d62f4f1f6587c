#include <sennit/core/waker.hpp>

#include "core/support.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

namespace sennit {
namespace {

using test_support::driver;

static_assert(std::is_trivially_copyable_v<waker> && sizeof(waker) == sizeof(void*));
static_assert(!std::is_copy_constructible_v<context>);

TEST(waker, noop_wakes_nobody) {
    const waker w = waker::noop();
    w.wake();
    EXPECT_FALSE(w);
    EXPECT_EQ(w.target(), nullptr);
    EXPECT_TRUE(w.will_wake(waker()));
}

TEST(waker, knows_whether_another_wakes_the_same_flow) {
    driver a, b;
    EXPECT_TRUE(a.context().waker().will_wake(a.context().waker()));
    EXPECT_FALSE(a.context().waker().will_wake(b.context().waker()));
    EXPECT_FALSE(a.context().waker().will_wake(waker::noop()));
    EXPECT_TRUE(a.context().waker());
}

TEST(waker, wakes_between_two_polls_collapse) {
    driver d;
    const waker w = d.context().waker();
    ASSERT_TRUE(d.rearm());
    for (int i = 0; i < 5; ++i)
        w.wake();
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_FALSE(d.rearm()) << "the later ones ask for another poll";
    EXPECT_TRUE(d.rearm());
}

TEST(waker, of_a_flow_that_is_gone_wakes_nobody) {
    std::optional<driver> d(std::in_place);
    const waker w = d->context().waker();
    ASSERT_TRUE(d->rearm());
    d.reset();
    w.wake();
}

// The memory of a flow's header is used again: an outdated waker may cost the next flow a poll.
TEST(waker, outdated_one_is_a_spurious_wake_at_worst) {
    auto first = std::make_unique<driver>();
    const waker outdated = first->context().waker();
    first.reset();
    driver next;
    ASSERT_TRUE(outdated.will_wake(next.context().waker())) << "the pool reuses memory at once";
    ASSERT_TRUE(next.rearm());
    outdated.wake();
    EXPECT_EQ(next.wakes(), 1);
    ASSERT_TRUE(next.rearm());
}

} // namespace
} // namespace sennit
