// The rules of tokio's macros_join.rs and macros_try_join.rs, for futures given one by one and for a range of them. Above
// each case stands the upstream test.
//
// Left out, for want of a counterpart: the biased forms (the turn always goes round), and what is about the macros' own
// text.
#include "conformance/pairing.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <atomic>
#include <cstddef>
#include <expected>
#include <string>
#include <tuple>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::by_hand;
using test::counting;
using test::kind;

task<int> number(int n) { co_return n; }

using checked_number = std::expected<int, std::string>;
task<checked_number> checked(int n) {
    if (n < 0) co_return std::unexpected("below zero: " + std::to_string(n));
    co_return n;
}

// Anything with a poll is a future.
struct at_once {
    int value;
    sennit::poll<int> poll(context&) const { return value; }
};

class tokio_join : public test::conformance {
protected:
    // The same party as each of the two.
    void both(const party& p) { together(p, p); }
};
SENNIT_PAIRINGS(tokio_join);

// sync_one_lit_expr_comma, sync_one_lit_expr_no_comma, sync_two_lit_expr_comma, sync_two_lit_expr_no_comma,
// join_into_future: the values, in the order of the futures.
TEST_P(tokio_join, yields_the_values_in_order) {
    both([](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, when_all(number(1))), std::tuple(1));
        EXPECT_EQ(co_await by(me, when_all(number(1), number(2))), std::tuple(1, 2));
        EXPECT_EQ(co_await by(me, when_all(at_once{1}, number(2))), std::tuple(1, 2));
        std::vector<task<int>> range;
        for (int n = 1; n <= 3; ++n)
            range.push_back(number(n));
        const std::vector<int> values = co_await by(me, when_all(std::move(range)));
        EXPECT_EQ(values, (std::vector{1, 2, 3}));
    });
}

// macros_try_join.rs: the same four: the values, in one result.
TEST_P(tokio_join, trying_yields_the_values_in_one_result) {
    both([](kind me) -> task<void> {
        const auto one = co_await by(me, try_when_all(checked(1)));
        EXPECT_EQ(one.value(), std::tuple(1));
        const auto two = co_await by(me, try_when_all(checked(1), checked(2)));
        EXPECT_EQ(two.value(), std::tuple(1, 2));
        std::vector<task<checked_number>> range;
        for (int n = 1; n <= 3; ++n)
            range.push_back(checked(n));
        const auto values = co_await by(me, try_when_all(std::move(range)));
        EXPECT_EQ(values.value(), (std::vector{1, 2, 3}));
    });
}

// empty_join, empty_try_join: of nothing, it is ready.
TEST_P(tokio_join, nothing_is_ready) {
    both([](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, when_all()), std::tuple());
        const std::vector<int> none = co_await by(me, when_all(std::vector<task<int>>()));
        EXPECT_TRUE(none.empty());
        const auto tried = co_await by(me, try_when_all(std::vector<task<checked_number>>()));
        EXPECT_TRUE(tried.has_value());
        EXPECT_TRUE(tried.value().empty());
    });
}

// two_await: each value wakes it, and it is ready when both are there, whichever comes first.
TEST(tokio_join_by_hand, waits_for_both) {
    for (const bool second_comes_first : {true, false}) {
        auto [tx1, rx1] = oneshot_channel<std::string>();
        auto [tx2, rx2] = oneshot_channel<int>();
        auto joining = when_all(std::move(rx1), std::move(rx2));
        by_hand hand(joining);
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE(second_comes_first ? tx2.send(123).has_value() : tx1.send("hello").has_value());
        EXPECT_TRUE(hand.is_woken());
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE(second_comes_first ? tx1.send("hello").has_value() : tx2.send(123).has_value());
        EXPECT_TRUE(hand.is_woken());
        EXPECT_FALSE(hand.is_pending());
        const auto [text, value] = hand.take();
        EXPECT_EQ(text.value(), "hello");
        EXPECT_EQ(value.value(), 123);
    }
}

// two_await of both files: the same between flows.
TEST_P(tokio_join, waits_for_both) {
    auto [tx1, rx1] = oneshot_channel<std::string>();
    auto [tx2, rx2] = oneshot_channel<int>();
    auto [tx3, rx3] = oneshot_channel<int>();
    auto [tx4, rx4] = oneshot_channel<int>();
    std::tuple senders(std::move(tx1), std::move(tx2), std::move(tx3), std::move(tx4));
    std::tuple receivers(std::move(rx1), std::move(rx2), std::move(rx3), std::move(rx4));
    std::atomic<int> waiting{0};
    together(
        [&](kind me) -> task<void> {
            auto& [a, b, c, d] = receivers;
            auto joining = counting(waiting, when_all(a, b));
            const auto [text, value] = co_await by(me, std::move(joining));
            EXPECT_EQ(text.value(), "hello");
            EXPECT_EQ(value.value(), 123);
            auto trying = counting(waiting, try_when_all(c, d));
            const auto tried = co_await by(me, std::move(trying));
            EXPECT_EQ(tried.value(), std::tuple(3, 4));
        },
        [&](kind me) -> task<void> {
            auto& [a, b, c, d] = senders;
            while (waiting < 1)
                co_await by(me, async_yield());
            EXPECT_TRUE(b.send(123));
            co_await by(me, async_yield());
            EXPECT_TRUE(a.send("hello"));
            while (waiting < 2)
                co_await by(me, async_yield());
            EXPECT_TRUE(d.send(4));
            co_await by(me, async_yield());
            EXPECT_TRUE(c.send(3));
        });
}

// err_abort_early: the first error is the answer, at once, and the others are dropped before it is seen.
TEST(tokio_join_by_hand, the_first_error_drops_the_rest) {
    auto [tx1, rx1] = oneshot_channel<int>();
    auto [tx2, rx2] = oneshot_channel<int>();
    auto [tx3, rx3] = oneshot_channel<int>();
    auto trying = try_when_all(std::move(rx1), std::move(rx2), std::move(rx3));
    by_hand hand(trying);
    EXPECT_TRUE(hand.is_pending());
    EXPECT_TRUE(tx2.send(123));
    EXPECT_TRUE(hand.is_woken());
    EXPECT_TRUE(hand.is_pending());
    EXPECT_FALSE(tx3.is_closed());
    { const auto dropped = std::move(tx1); }
    EXPECT_TRUE(hand.is_woken());
    EXPECT_FALSE(hand.is_pending());
    EXPECT_TRUE(tx3.is_closed()) << "nobody waits for it any more";
    const auto answer = hand.take();
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error(), recv_error::closed);
}

// err_abort_early: the same between flows; who learns that it is not waited for gives up.
TEST_P(tokio_join, the_first_error_drops_the_rest) {
    for (const bool as_a_range : {false, true}) {
        auto [tx, rx] = oneshot_channel<int>();
        auto& sender = tx;
        auto& receiver = rx;
        std::atomic<bool> gave_up{false};
        together(
            [&](kind me) -> task<void> {
                const auto waits = [](oneshot_receiver<int> r) -> task<checked_number> {
                    const auto v = co_await r;
                    co_return v.value_or(-1);
                };
                const auto fails = []() -> task<checked_number> {
                    co_await async_yield();
                    co_return std::unexpected("failed");
                };
                std::vector<task<checked_number>> range;
                range.push_back(waits(std::move(receiver)));
                range.push_back(fails());
                std::string why;
                if (as_a_range) {
                    auto trying = try_when_all(std::move(range));
                    const auto answer = co_await by(me, std::move(trying));
                    why = answer.error();
                } else {
                    auto trying = try_when_all(std::move(range[0]), std::move(range[1]));
                    const auto answer = co_await by(me, std::move(trying));
                    why = answer.error();
                }
                EXPECT_EQ(why, "failed");
            },
            [&](kind me) -> task<void> {
                co_await by(me, sender.async_closed());
                gave_up = true;
            });
        EXPECT_TRUE(gave_up);
    }
}

task<int> takes_permits(semaphore& permits, int rounds, int each, std::atomic<int>& done) {
    int n = 0;
    for (; n < rounds; ++n) {
        for (int i = 0; i < each; ++i) {
            const semaphore_permit taken = co_await permits.async_acquire();
        }
    }
    ++done;
    co_return n;
}
task<std::expected<int, std::string>> tries_permits(semaphore& permits, int rounds, int each,
                                                    std::atomic<int>& done) {
    co_return co_await takes_permits(permits, rounds, each, done);
}

// join_does_not_allow_tasks_to_starve, try_join_does_not_allow_tasks_to_starve: one that never has to wait, and so uses up
// every turn, does not keep the other from coming to its end.
TEST_P(tokio_join, starves_nobody) {
    both([](kind me) -> task<void> {
        semaphore permits(1);
        std::atomic<int> done{0};
        auto joining =
            when_all(takes_permits(permits, 5, 128, done), takes_permits(permits, 5, 1, done));
        EXPECT_EQ(co_await by(me, std::move(joining)), std::tuple(5, 5));
        semaphore ten(10);
        auto trying =
            try_when_all(tries_permits(ten, 5, 128, done), tries_permits(ten, 5, 1, done));
        const auto tried = co_await by(me, std::move(trying));
        EXPECT_EQ(tried.value(), std::tuple(5, 5));
        EXPECT_EQ(done, 4);
    });
}

// The same, sharper: the one that never waits goes on until the other has ended.
TEST_P(tokio_join, the_greedy_one_sees_the_other_end) {
    both([](kind me) -> task<void> {
        semaphore permits(1);
        std::atomic<int> done{0};
        const auto greedy = [](semaphore& s, std::atomic<int>& ended) -> task<int> {
            int rounds = 0;
            for (; ended == 0 && rounds < 1'000'000; ++rounds) {
                const semaphore_permit taken = co_await s.async_acquire();
            }
            co_return rounds;
        };
        auto joining = when_all(greedy(permits, done), takes_permits(permits, 5, 1, done));
        const auto values = co_await by(me, std::move(joining));
        EXPECT_LT(std::get<0>(values), 1'000'000);
        EXPECT_EQ(std::get<1>(values), 5);
    });
}

// a_different_future_is_polled_first_every_time_poll_fn_is_polled, of both files.
TEST(tokio_join_by_hand, each_poll_begins_with_another) {
    std::vector<int> order;
    const auto yields = [&order](int n) -> task<checked_number> {
        return [](std::vector<int>& noted, int mark) -> task<checked_number> {
            for (int i = 0; i < 4; ++i) {
                noted.push_back(mark);
                co_await async_yield();
            }
            co_return mark;
        }(order, n);
    };
    const auto drive = [&order](auto joining) {
        order.clear();
        by_hand hand(joining);
        for (int polls = 1; polls <= 4; ++polls) {
            EXPECT_TRUE(hand.is_pending());
            EXPECT_TRUE(hand.is_woken());
        }
        EXPECT_FALSE(hand.is_pending());
        (void)hand.take();
        return order;
    };
    const std::vector rotated{1, 2, 3, 2, 3, 1, 3, 1, 2, 1, 2, 3};
    EXPECT_EQ(drive(when_all(yields(1), yields(2), yields(3))), rotated);
    EXPECT_EQ(drive(try_when_all(yields(1), yields(2), yields(3))), rotated);
    const auto range = [&] {
        std::vector<task<checked_number>> all;
        for (int n = 1; n <= 3; ++n)
            all.push_back(yields(n));
        return all;
    };
    EXPECT_EQ(drive(when_all(range())), rotated);
    EXPECT_EQ(drive(try_when_all(range())), rotated);
}

// join_size, try_join_size: each future costs the same; nothing is held twice.
TEST(tokio_join_by_hand, the_size_grows_evenly) {
    const std::size_t size1 = sizeof(when_all(at_once{1}));
    const std::size_t size2 = sizeof(when_all(at_once{1}, at_once{2}));
    const std::size_t size3 = sizeof(when_all(at_once{1}, at_once{2}, at_once{3}));
    constexpr std::size_t each = sizeof(std::optional<at_once>) + sizeof(std::optional<int>);
    EXPECT_LE(size2 - size1, each + alignof(std::size_t));
    EXPECT_LE(size3 - size2, each + alignof(std::size_t));
    EXPECT_LE(size1, each + 4 * sizeof(std::size_t));
}

} // namespace
} // namespace sennit
