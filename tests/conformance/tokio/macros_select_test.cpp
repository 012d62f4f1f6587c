// The rules of tokio's macros_select.rs. Above each case stands the upstream test.
//
// Left out, for want of a counterpart: patterns (a handler looks at the value itself), the seed of the random order, and
// what is about the macro's own text.
#include "conformance/pairing.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::by_hand;
using test::kind;

task<int> number(int n) { co_return n; }

// Ready at once; counts its polls.
struct polled {
    static constexpr auto cancel_class = cancel_safety::lossless;
    int value;
    int* polls;

    sennit::poll<int> poll(context&) {
        ++*polls;
        return value;
    }
};

// Never ready; counts its polls.
struct polled_for_nothing {
    static constexpr auto cancel_class = cancel_safety::lossless;
    int* polls;

    sennit::poll<void> poll(context&) {
        ++*polls;
        return pending;
    }
};

class tokio_select : public test::conformance {
protected:
    // The same party as each of the two.
    void both(const party& p) { together(p, p); }
};
SENNIT_PAIRINGS(tokio_select);

// sync_one_lit_expr_comma, sync_one_lit_expr_no_comma, sync_one_lit_expr_block, sync_one_await, select_into_future,
// temporary_lifetime_extension: a case that is ready fires; a future that nobody else owns lives as long as it must.
TEST_P(tokio_select, a_case_that_is_ready_fires) {
    both([](kind me) -> task<void> {
        int got = 0, polls = 0;
        auto of_task = async_select(on(number(1), [&](int n) { got = n; }));
        EXPECT_EQ(co_await by(me, std::move(of_task)), 0u);
        EXPECT_EQ(got, 1);
        auto of_own = async_select(on(polled{2, &polls}, [&](int n) { got = n; }));
        EXPECT_EQ(co_await by(me, std::move(of_own)), 0u);
        EXPECT_EQ(got, 2);
        EXPECT_EQ(polls, 1);
        EXPECT_EQ(select(on(number(3), [&](int n) { got = n; })), 0u);
        EXPECT_EQ(got, 3);
    });
}

// sync_one_ident, mut_on_left_hand_side: a future that is made before, and referred to; the handler may change its value.
TEST_P(tokio_select, a_future_may_be_made_before) {
    both([](kind me) -> task<void> {
        int got = 0;
        task<int> one = number(1);
        auto selecting = async_select(on(one, [&](int n) {
            n += 1;
            got = n;
        }));
        co_await by(me, std::move(selecting));
        EXPECT_EQ(got, 2);
    });
}

// mut_ref_patterns: a handler takes the value to keep, to look at, or to change.
TEST_P(tokio_select, a_handler_takes_the_value_as_it_likes) {
    both([](kind me) -> task<void> {
        const auto text = []() -> task<std::string> { co_return "1"; };
        std::string got;
        auto kept = async_select(on(text(), [&](std::string s) { got = std::move(s); }));
        co_await by(me, std::move(kept));
        EXPECT_EQ(got, "1");
        auto seen = async_select(on(text(), [&](const std::string& s) { got = s + "2"; }));
        co_await by(me, std::move(seen));
        EXPECT_EQ(got, "12");
        auto changed = async_select(on(text(), [&](std::string&& s) {
            s += "3";
            got = std::move(s);
        }));
        co_await by(me, std::move(changed));
        EXPECT_EQ(got, "13");
        auto ignored = async_select(on(text(), [&] { got = "no value asked for"; }));
        co_await by(me, std::move(ignored));
        EXPECT_EQ(got, "no value asked for");
    });
}

// no_branch_else_only, no_branch_else_only_biased, default_numeric_fallback: without a case that could be ready, the
// other way is taken; what is ready comes before it.
TEST_P(tokio_select, the_other_way_is_taken_when_nothing_can_be_ready) {
    both([](kind me) -> task<void> {
        int taken = 0;
        auto alone = async_select(otherwise([&] { ++taken; }));
        co_await by(me, std::move(alone));
        auto in_order = async_select(biased, otherwise([&] { ++taken; }));
        co_await by(me, std::move(in_order));
        auto disabled = async_select(on(number(1)).when(false), on_recv(chan<int>()),
                                     otherwise([&] { ++taken; }));
        EXPECT_EQ(co_await by(me, std::move(disabled)), 2u);
        EXPECT_EQ(taken, 3);
        auto ready = async_select(biased, otherwise([&] { ++taken; }), on(number(1)));
        EXPECT_EQ(co_await by(me, std::move(ready)), 1u);
        EXPECT_EQ(taken, 3);
    });
}

// nested, nested_one: a handler may select on.
TEST_P(tokio_select, selects_nest) {
    both([](kind me) -> task<void> {
        int got = 0;
        auto outer = async_select(on(number(1), [&](int x) {
            return async_select(on(number(2), [&got, x](int y) { got = x + y; }));
        }));
        co_await by(me, std::move(outer));
        EXPECT_EQ(got, 3);
        auto blocking_inside = async_select(
            on(number(4), [&](int x) { select(on(number(5), [&](int y) { got = x + y; })); }));
        co_await by(me, std::move(blocking_inside));
        EXPECT_EQ(got, 9);
    });
}

// sync_two: of two that are ready one is done, and the other is not even begun.
TEST_P(tokio_select, only_one_of_two_is_begun) {
    both([](kind me) -> task<void> {
        for (int round = 0; round < 20; ++round) {
            int begun = 0, got = 0;
            const auto count = [](int& n, int value) -> task<int> {
                ++n;
                co_return value;
            };
            auto selecting = async_select(on(count(begun, 1), [&](int n) { got = n; }),
                                          on(count(begun, 2), [&](int n) { got = n; }));
            const std::size_t fired = co_await by(me, std::move(selecting));
            EXPECT_EQ(begun, 1);
            EXPECT_EQ(got, int(fired) + 1);
        }
    });
}

// drop_in_fut: what a future owns may go while it runs.
TEST_P(tokio_select, a_future_may_drop_what_it_owns) {
    both([](kind me) -> task<void> {
        auto owned = std::make_shared<int>(1);
        const std::weak_ptr<int> seen = owned;
        const auto drops = [](std::shared_ptr<int> p) -> task<bool> {
            const int v = co_await number(*p);
            p.reset();
            co_return v == 1;
        };
        bool got = false, gone = false;
        auto selecting = async_select(on(drops(std::move(owned)), [&](bool ok) {
            got = ok;
            gone = seen.expired();
        }));
        co_await by(me, std::move(selecting));
        EXPECT_TRUE(got);
        EXPECT_TRUE(gone);
    });
}

// one_ready, never_branch_no_warnings: what is not ready, or never will be, is no hindrance.
TEST_P(tokio_select, the_one_that_is_ready_fires) {
    both([](kind me) -> task<void> {
        auto [tx1, rx1] = oneshot_channel<int>();
        auto [tx2, rx2] = oneshot_channel<int>();
        event never;
        EXPECT_TRUE(tx1.send(1));
        int got = 0;
        auto selecting = async_select(
            on(never.async_wait(), [] { ADD_FAILURE() << "never"; }), on_recv(chan<int>()),
            on(rx1.async_recv(), [&](std::expected<int, recv_error> v) { got = v.value_or(-1); }),
            on(rx2.async_recv(), [] { ADD_FAILURE() << "nobody sent"; }));
        EXPECT_EQ(co_await by(me, std::move(selecting)), 2u);
        EXPECT_EQ(got, 1);
        EXPECT_FALSE(tx2.is_closed()) << "the receiver itself was not given away";
    });
}

// select_streams: a loop over two streams ends when both have ended; each goes out of the select by itself. (A value that
// a pattern refuses takes its branch out upstream; here the loop says so by a condition.)
TEST_P(tokio_select, a_loop_over_two_streams_ends_with_both) {
    auto [tx1, rx1] = unbounded_channel<int>();
    auto [tx2, rx2] = unbounded_channel<int>();
    std::vector<int> got;
    auto& from1 = rx1;
    auto& from2 = rx2;
    auto& to1 = tx1;
    auto& to2 = tx2;
    together(
        [&](kind me) -> task<void> {
            bool open1 = true, open2 = true;
            while (open1 || open2) {
                auto selecting = async_select(on_recv(from1,
                                                      [&](std::optional<int> v) {
                                                          open1 = v.has_value();
                                                          if (v) got.push_back(*v);
                                                      })
                                                  .when(open1),
                                              on_recv(from2, [&](std::optional<int> v) {
                                                  open2 = v.has_value();
                                                  if (v) got.push_back(*v);
                                              }).when(open2));
                co_await by(me, std::move(selecting));
            }
        },
        [&](kind me) -> task<void> {
            auto mine1 = std::move(to1);
            auto mine2 = std::move(to2);
            EXPECT_TRUE(mine2.send(1));
            co_await by(me, async_yield());
            EXPECT_TRUE(mine1.send(2));
            co_await by(me, async_yield());
            EXPECT_TRUE(mine2.send(3));
            co_await by(me, async_yield());
        });
    std::ranges::sort(got);
    EXPECT_EQ(got, (std::vector{1, 2, 3}));
}

// move_uncompleted_futures: a future that is referred to is still there when another has won, and the handler may await
// it.
TEST_P(tokio_select, the_handler_may_use_a_future_that_lost) {
    both([](kind me) -> task<void> {
        for (int round = 0; round < 20; ++round) {
            auto [tx1, rx1] = oneshot_channel<int>();
            auto [tx2, rx2] = oneshot_channel<int>();
            EXPECT_TRUE(tx1.send(1));
            EXPECT_TRUE(tx2.send(2));
            int won = 0, other = 0;
            auto& first = rx1;
            auto& second = rx2;
            auto selecting = async_select(on(first,
                                             [&](std::expected<int, recv_error> v) {
                                                 won = v.value_or(-1);
                                                 other = second.recv().value_or(-1);
                                             }),
                                          on(second, [&](std::expected<int, recv_error> v) {
                                              won = v.value_or(-1);
                                              other = first.recv().value_or(-1);
                                          }));
            const std::size_t fired = co_await by(me, std::move(selecting));
            EXPECT_EQ(won, int(fired) + 1);
            EXPECT_EQ(other, 2 - int(fired));
        }
    });
}

// Holds a reference, and gives it back when it is destroyed.
struct borrows {
    static constexpr auto cancel_class = cancel_safety::lossless;
    int* value;

    explicit borrows(int& v) : value(&v) { --v; }
    borrows(borrows&& other) noexcept : value(std::exchange(other.value, nullptr)) {}
    borrows& operator=(borrows&&) = delete;
    ~borrows() {
        if (value != nullptr) ++*value;
    }
    sennit::poll<void> poll(context&) { return pending; }
};

// mutable_borrowing_future_with_same_borrow_in_block, …_in_block_and_else: the losers are gone when the handler runs, so it
// may use what they used.
TEST_P(tokio_select, the_handler_may_use_what_the_losers_used) {
    both([](kind me) -> task<void> {
        int value = 234, seen = 0;
        auto selecting = async_select(on(borrows(value)), on(number(0), [&] {
                                          seen = value;
                                          value += 5;
                                      }));
        EXPECT_EQ(co_await by(me, std::move(selecting)), 1u);
        EXPECT_EQ(seen, 234);
        EXPECT_EQ(value, 239);
        auto refused = async_select(on(borrows(value)), otherwise([&] { seen = value; }));
        EXPECT_EQ(co_await by(me, std::move(refused)), 1u);
        EXPECT_EQ(seen, 239);
    });
}

// future_panics_after_poll: a future that was ready is never polled again, however long the select goes on. (Upstream its
// value was refused by a pattern; here the handler goes on with another future.)
TEST(tokio_select_by_hand, a_future_that_was_ready_is_not_polled_again) {
    auto [tx, rx] = oneshot_channel<int>();
    int polls = 0, polls_of_loser = 0, got = 0;
    auto& from = rx;
    auto selecting = async_select(biased, on(polled_for_nothing{&polls_of_loser}),
                                  on(polled{7, &polls}, [&](int) {
                                      return [](oneshot_receiver<int>& r, int& to) -> task<void> {
                                          const auto v = co_await r;
                                          to = v.value_or(-1);
                                      }(from, got);
                                  }));
    by_hand hand(selecting);
    EXPECT_TRUE(hand.is_pending());
    EXPECT_TRUE(hand.is_pending());
    EXPECT_TRUE(tx.send(1));
    EXPECT_TRUE(hand.is_woken());
    EXPECT_EQ(hand.take(), 1u);
    EXPECT_EQ(got, 1);
    EXPECT_EQ(polls, 1);
    EXPECT_EQ(polls_of_loser, 1);
}

// disable_with_if: a case whose condition does not hold is not polled, and does not keep the others from waking the select.
TEST(tokio_select_by_hand, a_disabled_case_is_not_polled) {
    auto [tx, rx] = oneshot_channel<int>();
    int polls = 0;
    auto selecting = async_select(on(polled{1, &polls}).when(false), on(rx.async_recv()));
    by_hand hand(selecting);
    EXPECT_TRUE(hand.is_pending());
    EXPECT_TRUE(tx.send(1));
    EXPECT_TRUE(hand.is_woken());
    EXPECT_EQ(hand.take(), 1u);
    EXPECT_EQ(polls, 0);
}

// disable_with_if, use_future_in_if_condition, use_future_in_if_condition_biased: the same in a flow.
TEST_P(tokio_select, a_condition_takes_a_case_out) {
    both([](kind me) -> task<void> {
        const auto wrong = [] { ADD_FAILURE() << "its condition does not hold"; };
        int got = 0;
        auto selecting =
            async_select(on(async_sleep_for(std::chrono::nanoseconds(0)), wrong).when(false),
                         on(number(1), [&](int n) { got = n; }));
        EXPECT_EQ(co_await by(me, std::move(selecting)), 1u);
        auto in_order = async_select(
            biased, on(async_sleep_for(std::chrono::nanoseconds(0)), wrong).when(false),
            on(number(2), [&](int n) { got += n; }).when(true));
        EXPECT_EQ(co_await by(me, std::move(in_order)), 1u);
        EXPECT_EQ(got, 3);
    });
}

// join_with_select: a loop that takes out what has come gets both, in whatever order they come.
TEST(tokio_select_by_hand, a_loop_gets_both) {
    for (const bool first_comes_first : {true, false}) {
        auto [tx1, rx1] = oneshot_channel<int>();
        auto [tx2, rx2] = oneshot_channel<int>();
        const auto both = [](oneshot_receiver<int>& a,
                             oneshot_receiver<int>& b) -> task<std::pair<int, int>> {
            std::optional<int> x, y;
            while (!x || !y) {
                auto one =
                    async_select(on(a.async_recv(), [&](auto v) { x = v.value_or(-1); }).when(!x),
                                 on(b.async_recv(), [&](auto v) { y = v.value_or(-1); }).when(!y));
                co_await one;
            }
            co_return std::pair(*x, *y);
        };
        auto joining = both(rx1, rx2);
        by_hand hand(joining);
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE((first_comes_first ? tx1 : tx2).send(first_comes_first ? 123 : 456));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE((first_comes_first ? tx2 : tx1).send(first_comes_first ? 456 : 123));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_EQ(hand.take(), std::pair(123, 456));
    }
}

// many_branches: sixty-four cases, all ready: one fires, and the handlers of the others do not run.
TEST_P(tokio_select, sixty_four_cases) {
    both([](kind me) -> task<void> {
        int fired = 0;
        auto fixed = [&]<int... I>(std::integer_sequence<int, I...>) {
            return async_select(on(number(I), [&](int) { ++fired; })...);
        }(std::make_integer_sequence<int, 64>());
        EXPECT_LT(co_await by(me, std::move(fixed)), 64u);
        EXPECT_EQ(fired, 1);
        select_list list;
        for (int i = 0; i < 64; ++i)
            list.add(on(number(i), [&fired](int n) { fired = n; }));
        auto listed = async_select(std::move(list));
        const std::size_t index = co_await by(me, std::move(listed));
        EXPECT_EQ(fired, int(index));
    });
}

// biased_one_not_ready: in order, and what is not ready is passed over.
TEST_P(tokio_select, biased_takes_the_first_that_is_ready) {
    both([](kind me) -> task<void> {
        for (int round = 0; round < 20; ++round) {
            auto [tx1, rx1] = oneshot_channel<int>();
            auto [tx2, rx2] = oneshot_channel<int>();
            auto [tx3, rx3] = oneshot_channel<int>();
            EXPECT_TRUE(tx2.send(2));
            EXPECT_TRUE(tx3.send(3));
            int got = 0;
            auto selecting = async_select(
                biased, on(rx1, [] { ADD_FAILURE() << "nobody sent"; }),
                on(rx2, [&](std::expected<int, recv_error> v) { got = v.value_or(-1); }),
                on(rx3, [] { ADD_FAILURE() << "another is before it"; }));
            EXPECT_EQ(co_await by(me, std::move(selecting)), 1u);
            EXPECT_EQ(got, 2);
            EXPECT_EQ(rx3.try_recv(), 3) << "what was not taken is still there";
        }
    });
}

// biased_eventually_ready: in order also among those that have to be polled again first.
TEST_P(tokio_select, biased_keeps_the_order_of_those_that_come_later) {
    both([](kind me) -> task<void> {
        const auto yields = []() -> task<void> { co_await async_yield(); };
        const auto returns = []() -> task<void> { co_return; };
        task<void> one = returns(), two = yields(), three = yields();
        std::vector<int> order;
        bool more = true;
        while (more) {
            const int count = int(order.size());
            const auto note = [&order](int n) { return [&order, n] { order.push_back(n); }; };
            auto selecting =
                async_select(biased, on(two, note(2)).when(count < 2),
                             on(three, note(3)).when(count < 3), on(one, note(1)).when(count < 1),
                             otherwise([&more] { more = false; }).when(count == 3));
            co_await by(me, std::move(selecting));
        }
        EXPECT_EQ(order, (std::vector{1, 2, 3}));
    });
}

// select_is_budget_aware: a select that is always ready still gives others their turn. One that did not would go on for ever.
TEST_P(tokio_select, one_that_is_always_ready_starves_nobody) {
    std::atomic<bool> greedy_began{false}, other_ran{false};
    together(
        [&](kind me) -> task<void> {
            event ready;
            ready.set();
            greedy_began = true;
            while (!other_ran) {
                auto selecting = async_select(biased, on(ready.async_wait()), on_recv(chan<int>()));
                EXPECT_EQ(co_await by(me, std::move(selecting)), 0u);
            }
        },
        [&](kind me) -> task<void> {
            while (!greedy_began)
                co_await by(me, async_yield());
            other_ran = true;
        });
}

// struct_size_1, struct_size_2, struct_size_3: each case costs the same; nothing is held twice.
TEST(tokio_select_by_hand, the_size_grows_evenly) {
    int polls = 0;
    const auto one = [&] { return on(polled{1, &polls}); };
    const std::size_t size1 = sizeof(async_select(one()));
    const std::size_t size2 = sizeof(async_select(one(), one()));
    const std::size_t size3 = sizeof(async_select(one(), one(), one()));
    constexpr std::size_t rounding = 2 * alignof(std::max_align_t);
    EXPECT_LE(size3 - size2, size2 - size1 + rounding);
    EXPECT_LE(size2 - size1, sizeof(one()) + 4 * sizeof(void*) + rounding);
}

} // namespace
} // namespace sennit
