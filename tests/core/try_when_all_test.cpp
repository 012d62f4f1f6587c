#include <sennit/core/try_when_all.hpp>

#include "core/together_support.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <string>

namespace sennit {
namespace {

using test_support::at_once;
using test_support::checked;
using test_support::driver;
using test_support::signal;
using test_support::tally;

class try_when_all_test : public test_support::no_lost_cells {};

// tokio macros_try_join: sync_two_lit_expr_no_trailing_comma, two_await.
TEST_F(try_when_all_test, yields_all_values) {
    signal a, b;
    tally t;
    driver d;
    auto f = try_when_all(checked(a, t), checked(b, t), at_once{result<std::string>("text")});
    ASSERT_FALSE(d.poll(f).is_ready());
    a.set(1);
    ASSERT_FALSE(d.poll(f).is_ready());
    b.set(2);
    auto all = d.poll(f).take();
    ASSERT_TRUE(all.has_value());
    EXPECT_EQ(*all, std::tuple(1, 2, std::string("text")));
}

// tokio macros_try_join: err_abort_early.
TEST_F(try_when_all_test, first_error_drops_the_rest) {
    signal a, b;
    tally t;
    driver d;
    auto f = try_when_all(checked(a, t), checked(b, t), checked(a, t));
    ASSERT_FALSE(d.poll(f).is_ready());
    b.set(-1);
    auto all = d.poll(f).take();
    ASSERT_FALSE(all.has_value());
    EXPECT_TRUE(is(all.error(), std::errc::invalid_argument));
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(a.waiters(), 0u);
}

TEST_F(try_when_all_test, error_that_is_there_at_once_keeps_the_rest_from_being_polled) {
    signal a;
    tally t;
    driver d;
    auto f =
        try_when_all(at_once{result<int>(std::unexpect, std::errc::io_error, "x")}, checked(a, t));
    EXPECT_FALSE(d.poll(f).take().has_value());
    EXPECT_EQ(t.polls, 0);
    EXPECT_EQ(t.alive, 0);
}

TEST_F(try_when_all_test, of_void_results_is_a_void_result) {
    driver d;
    auto f = try_when_all(at_once{result<void>()}, at_once{result<void>()});
    static_assert(std::is_same_v<future_output_t<decltype(f)>, result<void>>);
    EXPECT_TRUE(d.poll(f).take().has_value());
    auto mixed = try_when_all(at_once{result<void>()}, at_once{result<int>(1)});
    EXPECT_EQ(std::get<1>(*d.poll(mixed).take()), 1);
}

TEST_F(try_when_all_test, takes_every_expected) {
    driver d;
    using parsed = std::expected<int, std::string>;
    auto f = try_when_all(at_once{parsed(1)}, at_once{parsed(std::unexpect, "bad")});
    EXPECT_EQ(d.poll(f).take().error(), "bad");
}

TEST_F(try_when_all_test, of_a_range) {
    driver d;
    for (const std::size_t size : {2u, 30u, 31u, 200u}) {
        for (const bool fails : {false, true}) {
            std::deque<signal> signals(size);
            tally t;
            std::vector<checked> futures;
            for (signal& s : signals)
                futures.emplace_back(s, t);
            auto f = try_when_all(std::move(futures));
            ASSERT_FALSE(d.poll(f).is_ready());
            if (fails) {
                signals[size / 2].set(-1);
            } else {
                for (std::size_t i = 0; i < size; ++i)
                    signals[i].set(static_cast<int>(i));
            }
            auto all = d.finish(f);
            ASSERT_EQ(all.has_value(), !fails);
            if (all) {
                EXPECT_EQ(all->size(), size);
                EXPECT_EQ(all->back(), static_cast<int>(size) - 1);
            }
            EXPECT_EQ(t.alive, 0);
        }
    }
}

} // namespace
} // namespace sennit
