#include <sennit/core/when_any.hpp>

#include "core/together_support.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <memory>

namespace sennit {
namespace {

using test_support::at_once;
using test_support::counted;
using test_support::driver;
using test_support::failing;
using test_support::quiet;
using test_support::signal;
using test_support::tally;

class when_any_test : public test_support::no_lost_cells {};

TEST_F(when_any_test, yields_the_first_and_which_it_was) {
    signal a, b;
    tally t;
    driver d;
    auto f = when_any(counted(a, t), counted(b, t));
    ASSERT_FALSE(d.poll(f).is_ready());
    b.set(2);
    auto first = d.poll(f).take();
    ASSERT_EQ(first.index(), 1u);
    EXPECT_EQ(std::get<1>(first), 2);
    EXPECT_EQ(t.alive, 0) << "also before the future itself is gone";
    EXPECT_EQ(a.waiters(), 0u);
}

TEST_F(when_any_test, takes_the_first_argument_when_several_are_ready) {
    driver d;
    auto f = when_any(at_once{1}, at_once{2});
    EXPECT_EQ(d.poll(f).take().index(), 0u);
}

// Asserts in its move constructor that the losers are gone.
struct watchful {
    explicit watchful(const int& count) : alive(&count) {}
    watchful(watchful&& other) noexcept : alive(other.alive), at_last_move(*other.alive) {}
    const int* alive;
    int at_last_move = -1;
};
struct yields_watchful {
    const int* alive;
    sennit::poll<watchful> poll(context&) { return watchful(*alive); }
};

TEST_F(when_any_test, losers_are_gone_before_the_value_is_seen) {
    signal s;
    tally t;
    driver d;
    auto f = when_any(counted(s, t), yields_watchful{&t.alive}, counted(s, t));
    auto first = d.poll(f).take();
    EXPECT_EQ(std::get<1>(first).at_last_move, 0);
}

TEST_F(when_any_test, named_losers_go_on) {
    signal a, b;
    tally t;
    driver d;
    counted loser(a, t);
    {
        auto f = when_any(loser, counted(b, t));
        ASSERT_FALSE(d.poll(f).is_ready());
        b.set(1);
        EXPECT_EQ(d.poll(f).take().index(), 1u);
    }
    EXPECT_EQ(t.alive, 1);
    EXPECT_EQ(a.waiters(), 1u) << "it kept its place";
    a.set(2);
    EXPECT_EQ(d.poll(loser).take(), 2);
}

TEST_F(when_any_test, exception_drops_all) {
    signal a, b;
    tally t;
    driver d;
    auto f = when_any(counted(a, t), failing(b, t));
    ASSERT_FALSE(d.poll(f).is_ready());
    b.set(0);
    EXPECT_THROW((void)d.poll(f), std::runtime_error);
    EXPECT_EQ(t.alive, 0);
}

TEST_F(when_any_test, of_a_range_yields_index_and_value) {
    driver d;
    for (const std::size_t size : {1u, 30u, 31u, 300u}) {
        std::deque<signal> signals(size);
        tally t;
        std::vector<counted> futures;
        for (signal& s : signals)
            futures.emplace_back(s, t);
        auto f = when_any(std::move(futures));
        ASSERT_FALSE(d.poll(f).is_ready());
        signals[size / 2].set(5);
        for (;;) {
            auto answer = d.poll(f);
            if (!answer.is_ready()) continue;
            const auto [index, value] = std::move(answer).take();
            EXPECT_EQ(index, size / 2);
            EXPECT_EQ(value, 5);
            break;
        }
        EXPECT_EQ(t.alive, 0);
        for (signal& s : signals)
            EXPECT_EQ(s.waiters(), 0u);
    }
}

TEST_F(when_any_test, of_futures_without_values_has_an_index) {
    signal a, b;
    driver d;
    b.set(0);
    auto f = when_any(quiet(a), quiet(b));
    EXPECT_EQ(d.poll(f).take().index(), 1u);
    std::vector<quiet> range;
    range.emplace_back(a);
    range.emplace_back(b);
    auto g = when_any(std::move(range));
    EXPECT_EQ(d.poll(g).take().first, 1u);
}

TEST_F(when_any_test, class_is_that_of_the_worst_loser) {
    using lossless = decltype(when_any(std::declval<counted>(), std::declval<counted>()));
    EXPECT_EQ(lossless::cancel_class, cancel_safety::lossless);
    using unknown = decltype(when_any(std::declval<counted>(), std::declval<quiet>()));
    EXPECT_EQ(unknown::cancel_class, cancel_safety::unknown);
}

struct half_done {
    static constexpr auto cancel_class = cancel_safety::loses_progress;
    sennit::poll<int> poll(context&) { return 1; }
};

TEST_F(when_any_test, takes_what_loses_progress_when_it_is_named_or_abandonable) {
    static_assert(detail::held_cancel_class<half_done> == cancel_safety::loses_progress,
                  "an rvalue of it is refused");
    static_assert(detail::held_cancel_class<half_done&> == cancel_safety::lossless);
    signal s;
    tally t;
    driver d;
    half_done kept;
    auto f = when_any(counted(s, t), kept);
    EXPECT_EQ(d.poll(f).take().index(), 1u);
    auto g = when_any(counted(s, t), abandonable(half_done{}));
    EXPECT_EQ(d.poll(g).take().index(), 1u);
}

using when_any_death_test = when_any_test;
TEST_F(when_any_death_test, refuses_an_empty_range) {
    std::vector<counted> none;
    EXPECT_DEATH((void)when_any(std::move(none)), "check for an empty range");
}

} // namespace
} // namespace sennit
