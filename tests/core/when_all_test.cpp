#include <sennit/core/when_all.hpp>

#include "core/together_support.hpp"

#include <gtest/gtest.h>

#include <array>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <thread>

namespace sennit {
namespace {

using test_support::at_once;
using test_support::counted;
using test_support::driver;
using test_support::failing;
using test_support::quiet;
using test_support::signal;
using test_support::tally;

class when_all_test : public test_support::no_lost_cells {};

// tokio macros_join: two_await.
TEST_F(when_all_test, waits_for_all_whichever_is_first) {
    signal a, b;
    tally t;
    driver d;
    auto both = when_all(counted(a, t), counted(b, t));
    ASSERT_FALSE(d.poll(both).is_ready());
    b.set(2);
    ASSERT_FALSE(d.poll(both).is_ready());
    EXPECT_EQ(t.alive, 1) << "what is ready is dropped at once"; // futures eager_drop
    a.set(1);
    EXPECT_EQ(d.poll(both).take(), std::tuple(1, 2));
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(t.polls, 5) << "what was ready is not polled again";
}

TEST_F(when_all_test, of_nothing_is_ready) {
    driver d;
    auto none = when_all();
    EXPECT_EQ(d.poll(none).take(), std::tuple<>());
    std::vector<counted> empty;
    auto none_of_a_range = when_all(std::move(empty));
    EXPECT_TRUE(d.poll(none_of_a_range).take().empty());
}

TEST_F(when_all_test, holds_values_of_every_kind) {
    signal s;
    driver d;
    int n = 7;
    auto f = when_all(at_once<std::unique_ptr<int>>{std::make_unique<int>(1)}, quiet(s),
                      at_once<int&>{n}, at_once{std::string("text")});
    static_assert(std::is_same_v<future_output_t<decltype(f)>,
                                 std::tuple<std::unique_ptr<int>, std::monostate,
                                            std::reference_wrapper<int>, std::string>>);
    ASSERT_FALSE(d.poll(f).is_ready());
    s.set(0);
    auto [pointer, nothing, reference, text] = d.poll(f).take();
    EXPECT_EQ(*pointer, 1);
    EXPECT_EQ(&reference.get(), &n);
    EXPECT_EQ(text, "text");
}

TEST_F(when_all_test, has_no_value_when_none_has) {
    signal s;
    driver d;
    auto f = when_all(quiet(s), quiet(s));
    static_assert(std::is_void_v<future_output_t<decltype(f)>>);
    std::vector<quiet> many;
    many.emplace_back(s);
    auto g = when_all(std::move(many));
    static_assert(std::is_void_v<future_output_t<decltype(g)>>);
    ASSERT_FALSE(d.poll(f).is_ready() || d.poll(g).is_ready());
    s.set(0);
    EXPECT_TRUE(d.poll(f).is_ready() && d.poll(g).is_ready());
}

TEST_F(when_all_test, refers_to_named_futures) {
    signal a, b;
    tally t;
    driver d;
    counted named(a, t);
    {
        auto both = when_all(named, counted(b, t));
        ASSERT_FALSE(d.poll(both).is_ready());
        EXPECT_EQ(t.alive, 2);
    }
    EXPECT_EQ(t.alive, 1) << "the named one is not dropped";
    a.set(3);
    EXPECT_EQ(d.poll(named).take(), 3);
}

TEST_F(when_all_test, first_exception_drops_the_rest) {
    signal a, b;
    tally t;
    driver d;
    auto f = when_all(counted(a, t), failing(b, t), counted(a, t));
    ASSERT_FALSE(d.poll(f).is_ready());
    b.set(0);
    EXPECT_THROW((void)d.poll(f), std::runtime_error);
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(a.waiters(), 0u);
}

TEST_F(when_all_test, dropping_it_drops_all) {
    signal a, b;
    tally t;
    driver d;
    {
        auto f = when_all(counted(a, t), counted(b, t));
        ASSERT_FALSE(d.poll(f).is_ready());
        EXPECT_EQ(a.waiters() + b.waiters(), 2u);
    }
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(a.waiters() + b.waiters(), 0u);
}

TEST_F(when_all_test, may_be_moved_before_its_first_poll) {
    signal a;
    tally t;
    driver d;
    auto f = when_all(counted(a, t), counted(a, t));
    auto g = std::move(f);
    a.set(1);
    EXPECT_EQ(d.poll(g).take(), std::tuple(1, 1));
}

// Notes in which order it and its siblings are polled.
struct noted {
    std::string* order;
    char name;
    sennit::poll<void> poll(context&) {
        *order += name;
        return pending;
    }
};

// tokio macros_join: poll_wakers rotation, a_different_future_is_polled_first_every_time_poll_fn_is_polled.
TEST_F(when_all_test, another_one_is_polled_first_each_time) {
    std::string order;
    driver d;
    auto f = when_all(noted{&order, 'a'}, noted{&order, 'b'}, noted{&order, 'c'});
    for (int i = 0; i < 4; ++i)
        ASSERT_FALSE(d.poll(f).is_ready());
    EXPECT_EQ(order, "abcbcacababc");
    order.clear();
    std::vector<noted> three{{&order, 'a'}, {&order, 'b'}, {&order, 'c'}};
    auto g = when_all(three);
    for (int i = 0; i < 4; ++i)
        ASSERT_FALSE(d.poll(g).is_ready());
    EXPECT_EQ(order, "abcbcacababc");
}

TEST_F(when_all_test, of_a_range_keeps_its_order) {
    driver d;
    for (const std::size_t size : {1u, 2u, 30u, 31u, 500u}) {
        std::deque<signal> signals(size);
        tally t;
        std::vector<counted> futures;
        for (signal& s : signals)
            futures.emplace_back(s, t);
        auto f = when_all(std::move(futures));
        ASSERT_FALSE(d.poll(f).is_ready());
        for (std::size_t i = size; i-- > 0;)
            signals[i].set(static_cast<int>(i));
        const std::vector<int> values = d.finish(f);
        ASSERT_EQ(values.size(), size);
        for (std::size_t i = 0; i < size; ++i)
            EXPECT_EQ(values[i], static_cast<int>(i));
        EXPECT_EQ(t.alive, 0);
    }
}

TEST_F(when_all_test, of_a_named_container_or_a_span_refers_to_the_futures) {
    signal s;
    tally t;
    driver d;
    std::vector<counted> futures;
    futures.emplace_back(s, t);
    futures.emplace_back(s, t);
    {
        auto f = when_all(futures);
        auto g = when_all(std::span(futures));
        ASSERT_FALSE(d.poll(f).is_ready() || d.poll(g).is_ready());
    }
    EXPECT_EQ(t.alive, 2);
    s.set(4);
    auto f = when_all(futures);
    EXPECT_EQ(d.poll(f).take(), (std::vector<int>{4, 4}));
    EXPECT_EQ(t.alive, 2);
}

// The futures of a range whose elements are made on the way.
struct generated {
    struct iterator {
        using value_type = at_once<int>;
        using difference_type = int;
        int at;
        at_once<int> operator*() const { return {at}; }
        iterator& operator++() { return ++at, *this; }
        bool operator==(const iterator&) const = default;
    };
    iterator begin() const { return {0}; }
    iterator end() const { return {3}; }
};

TEST_F(when_all_test, of_an_array_or_a_view_that_makes_futures) {
    driver d;
    const generated made{};
    auto f = when_all(made);
    EXPECT_EQ(d.poll(f).take(), (std::vector<int>{0, 1, 2}));
    auto g = when_all(std::array{at_once{1}, at_once{2}});
    EXPECT_EQ(d.poll(g).take(), (std::vector<int>{1, 2}));
}

TEST_F(when_all_test, large_range_polls_only_who_was_woken) {
    constexpr int size = 1'000;
    std::deque<signal> signals(size);
    tally t;
    driver d;
    std::vector<counted> futures;
    for (signal& s : signals)
        futures.emplace_back(s, t);
    auto f = when_all(std::move(futures));
    while (t.polls != size)
        ASSERT_FALSE(d.poll(f).is_ready());
    while (!d.rearm())
        ASSERT_FALSE(d.poll(f).is_ready());
    for (int i = 0; i < size; ++i) {
        signals[static_cast<std::size_t>(i)].set(i);
        ASSERT_EQ(d.poll(f).is_ready(), i == size - 1);
    }
    EXPECT_EQ(t.polls, 2 * size);
    EXPECT_EQ(t.alive, 0);
}

TEST_F(when_all_test, large_range_drops_the_rest_at_the_first_exception) {
    signal a, b;
    tally t;
    driver d;
    std::deque<failing> futures;
    for (int i = 0; i < 99; ++i)
        futures.emplace_back(i == 50 ? b : a, t);
    auto f = when_all(std::move(futures));
    futures.clear();
    for (int i = 0; i < 8; ++i)
        ASSERT_FALSE(d.poll(f).is_ready());
    ASSERT_EQ(t.alive, 99);
    b.set(0);
    EXPECT_THROW(d.finish(f), std::runtime_error);
    EXPECT_EQ(t.alive, 0);
    EXPECT_EQ(a.waiters(), 0u);
}

struct half_done {
    static constexpr auto cancel_class = cancel_safety::loses_progress;
    sennit::poll<int> poll(context&) { return 1; }
};

TEST_F(when_all_test, class_is_at_best_unknown) {
    using owned = decltype(when_all(std::declval<counted>()));
    EXPECT_EQ(owned::cancel_class, cancel_safety::unknown);
    using bad = decltype(when_all(std::declval<counted>(), std::declval<half_done>()));
    EXPECT_EQ(bad::cancel_class, cancel_safety::loses_progress);
    using referred = decltype(when_all(std::declval<half_done&>()));
    EXPECT_EQ(referred::cancel_class, cancel_safety::unknown);
}

TEST_F(when_all_test, waits_on_a_thread) {
    signal a, b;
    tally t;
    std::thread other([&] {
        while (a.waiters() == 0)
            std::this_thread::yield();
        a.set(1);
        b.set(2);
    });
    auto [x, y] = wait(when_all(counted(a, t), counted(b, t)));
    EXPECT_EQ(x + y, 3);
    other.join();
}

} // namespace
} // namespace sennit
