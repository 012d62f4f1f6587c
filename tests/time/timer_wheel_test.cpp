// The wheel against its contract, rule by rule: exactness beside every border, order, removal in
// every state. timer_wheel_model_test.cpp compares it with a model.
#include <sennit/time/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {
namespace {

constexpr std::uint64_t never_ns = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t tick_ns = timer_wheel::tick_ns;
constexpr std::uint64_t never_tick = never_ns / tick_ns + 1;

static_assert(sizeof(timer_node) <= 32);
static_assert(!std::is_polymorphic_v<timer_node>);
static_assert(!std::is_copy_constructible_v<timer_node>);
static_assert(!std::is_copy_assignable_v<timer_node>);
static_assert(std::is_nothrow_move_constructible_v<timer_node>);
static_assert(!std::is_move_constructible_v<timer_wheel>);

struct test_timer : timer_node {
    int id = 0;
};

constexpr std::uint64_t tick_of_deadline(std::uint64_t ns) {
    return ns / tick_ns + (ns % tick_ns != 0);
}

constexpr std::uint64_t ns_of_tick(std::uint64_t tick) {
    return tick >= never_tick ? never_ns : tick * tick_ns;
}

constexpr std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
    return a > never_ns - b ? never_ns : a + b;
}

std::vector<int> pop_all(timer_list& due) {
    std::vector<int> ids;
    while (timer_node* node = due.pop_front()) {
        ids.push_back(static_cast<test_timer&>(*node).id);
    }
    return ids;
}

std::vector<int> fired_by(timer_wheel& wheel, std::uint64_t now_ns) {
    timer_list due;
    wheel.advance(now_ns, due);
    return pop_all(due);
}

using ids = std::vector<int>;

TEST(timer_wheel, empty_wheel_has_nothing_to_do) {
    timer_wheel wheel{12345};
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(wheel.next_deadline_ns(), never_ns);
    EXPECT_EQ(fired_by(wheel, never_ns), ids{});
    EXPECT_EQ(wheel.next_deadline_ns(), never_ns);
}

TEST(timer_wheel, fires_at_the_rounded_deadline_and_never_before) {
    // Starts and distances at the borders of all levels, and a tick and a nanosecond beside them.
    std::vector<std::uint64_t> interesting;
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (std::uint64_t step : {std::uint64_t{0}, std::uint64_t{1}, tick_ns}) {
            interesting.push_back((std::uint64_t{1} << bit) + step);
            interesting.push_back((std::uint64_t{1} << bit) - step);
        }
    }
    for (const std::uint64_t start : interesting) {
        for (const std::uint64_t distance : interesting) {
            const std::uint64_t rounded =
                ns_of_tick(tick_of_deadline(add_saturated(start, distance)));
            if (rounded == never_ns || rounded <= start) {
                continue; // never, or due at once: other tests
            }
            timer_wheel wheel{start};
            test_timer timer;
            wheel.insert(timer, start + distance);
            ASSERT_EQ(wheel.next_deadline_ns(), rounded) << start << " + " << distance;
            ASSERT_EQ(fired_by(wheel, rounded - 1).size(), 0U) << start << " + " << distance;
            ASSERT_EQ(wheel.next_deadline_ns(), rounded) << start << " + " << distance;
            ASSERT_EQ(fired_by(wheel, rounded).size(), 1U) << start << " + " << distance;
            ASSERT_FALSE(timer.is_linked());
        }
    }
}

TEST(timer_wheel, next_deadline_is_exact_while_the_slot_is_short) {
    // The nodes of a slot are inserted from the last to the first; one too many hides the minimum,
    // and the answer is the start of their bundle.
    timer_wheel wheel{0};
    std::vector<test_timer> timers(timer_wheel::scan_max + 1);
    constexpr std::uint64_t bundle_start = 96 * 128; // of level 1; a slot has 32 ticks
    std::uint64_t tick = bundle_start + 90;
    for (std::size_t i = 0; i < timer_wheel::scan_max; ++i, --tick) {
        wheel.insert(timers[i], tick * tick_ns);
        EXPECT_EQ(wheel.next_deadline_ns(), tick * tick_ns);
    }
    wheel.insert(timers.back(), tick * tick_ns);
    EXPECT_EQ(wheel.next_deadline_ns(), bundle_start * tick_ns);
    wheel.remove(timers.front());
    EXPECT_EQ(wheel.next_deadline_ns(), tick * tick_ns);
    EXPECT_EQ(fired_by(wheel, never_ns).size(), std::size_t{timer_wheel::scan_max});
}

TEST(timer_wheel, next_deadline_is_reached_in_few_steps_on_every_level) {
    // The slot has more nodes than are searched, so the wheel may name the start of the slot first;
    // with eleven levels it may do so at most ten times, and it may never be late.
    for (unsigned bit = 0; bit < 64; ++bit) {
        const std::uint64_t deadline = (std::uint64_t{1} << bit) + 5;
        const std::uint64_t rounded = ns_of_tick(tick_of_deadline(deadline));
        timer_wheel wheel{0};
        std::vector<test_timer> timers(timer_wheel::scan_max + 1);
        for (test_timer& timer : timers) {
            wheel.insert(timer, deadline);
        }
        std::size_t fired = 0;
        for (int step = 0; step < 11 && fired == 0; ++step) {
            const std::uint64_t next = wheel.next_deadline_ns();
            ASSERT_LE(next, rounded) << bit;
            fired = fired_by(wheel, next).size();
            ASSERT_EQ(fired != 0, next == rounded) << bit;
        }
        EXPECT_EQ(fired, timers.size()) << bit;
    }
}

TEST(timer_wheel, past_deadline_fires_at_the_next_advance) {
    const std::uint64_t now = 1'000 * tick_ns;
    timer_wheel wheel{now};
    test_timer zero;
    test_timer just_past;
    test_timer exact;
    wheel.insert(zero, 0);
    wheel.insert(just_past, now - 1);
    wheel.insert(exact, now);
    EXPECT_LE(wheel.next_deadline_ns(), now);
    EXPECT_EQ(fired_by(wheel, now).size(), 3U);
    EXPECT_EQ(wheel.size(), 0U);
}

TEST(timer_wheel, deadline_in_the_current_tick_waits_for_the_tick_to_end) {
    const std::uint64_t now = 1'000 * tick_ns;
    timer_wheel wheel{now};
    test_timer timer;
    wheel.insert(timer, now + 1);
    EXPECT_EQ(fired_by(wheel, now + tick_ns - 1), ids{});
    EXPECT_EQ(fired_by(wheel, now + tick_ns), ids{0});
}

TEST(timer_wheel, end_of_time_never_fires) {
    timer_wheel wheel{0};
    test_timer never;
    test_timer within_the_last_tick;
    test_timer last_that_fires{{}, 7};
    wheel.insert(never, never_ns);
    wheel.insert(within_the_last_tick, never_ns - tick_ns + 2);
    wheel.insert(last_that_fires, never_ns - tick_ns + 1);
    EXPECT_EQ(fired_by(wheel, never_ns - tick_ns), ids{});
    EXPECT_EQ(fired_by(wheel, never_ns), ids{7});
    EXPECT_EQ(wheel.next_deadline_ns(), never_ns);
    EXPECT_EQ(wheel.size(), 2U);
    EXPECT_TRUE(wheel.remove(never));
    EXPECT_TRUE(wheel.remove(within_the_last_tick));
    EXPECT_EQ(wheel.size(), 0U);
}

TEST(timer_wheel, fires_in_order_of_deadline) {
    // One timer for each power of two of ticks, inserted from the farthest to the nearest.
    timer_wheel wheel{0};
    std::vector<test_timer> timers(50);
    ids expected;
    for (int bit = 49; bit >= 0; --bit) {
        timers[bit].id = bit;
        wheel.insert(timers[bit], tick_ns << bit);
        expected.insert(expected.begin(), bit);
    }
    EXPECT_EQ(fired_by(wheel, never_ns), expected);
}

TEST(timer_wheel, equal_ticks_fire_in_order_of_insertion) {
    // The same tick is inserted while it is three, two, one and no levels away.
    constexpr std::uint64_t tick = (((1U * 16 + 2) * 256 + 3) * 128) + 4;
    timer_wheel wheel{0};
    std::vector<test_timer> timers(8);
    for (int i = 0; i < 8; ++i) {
        timers[i].id = i;
    }
    constexpr std::uint64_t starts[] = {0, tick - 2UL * 256 * 128, tick - 128, tick - 1};
    for (std::size_t i = 0; i < 4; ++i) {
        EXPECT_EQ(fired_by(wheel, starts[i] * tick_ns), ids{});
        wheel.insert(timers[2 * i], tick * tick_ns);
        wheel.insert(timers[2 * i + 1], tick * tick_ns - 3);
    }
    EXPECT_EQ(fired_by(wheel, tick * tick_ns), (ids{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(timer_wheel, advance_appends_to_what_is_expired_already) {
    timer_wheel wheel{0};
    test_timer first{{}, 1};
    test_timer second{{}, 2};
    wheel.insert(first, tick_ns);
    wheel.insert(second, 2 * tick_ns);
    timer_list due;
    wheel.advance(tick_ns, due);
    wheel.advance(2 * tick_ns, due);
    EXPECT_EQ(pop_all(due), (ids{1, 2}));
}

TEST(timer_wheel, advance_does_not_walk_the_ticks_of_a_gap) {
    // 2^50 ticks are passed; a walk over them would not end.
    timer_wheel wheel{0};
    test_timer timer;
    wheel.insert(timer, never_ns / 2);
    EXPECT_EQ(fired_by(wheel, never_ns), ids{0});
}

TEST(timer_wheel, advance_some_moves_no_more_than_its_limit) {
    // A hundred nodes of one far slot are cascaded and expired in pieces of seven. The wheel asks
    // to be called again at once until it is done.
    timer_wheel wheel{0};
    std::vector<test_timer> timers(100);
    ids expected;
    for (int i = 0; i < 100; ++i) {
        timers[i].id = i;
        wheel.insert(timers[i], (5'000'000 + i / 3) * tick_ns);
        expected.push_back(i);
    }
    const std::uint64_t now = 5'000'100 * tick_ns;
    ids fired;
    int calls = 1;
    timer_list due;
    for (; !wheel.advance_some(now, due, 7); ++calls) {
        const ids some = pop_all(due);
        ASSERT_LE(some.size(), 7U);
        fired.insert(fired.end(), some.begin(), some.end());
        ASSERT_EQ(wheel.size(), 100 - fired.size());
        ASSERT_LE(wheel.next_deadline_ns(), now);
        ASSERT_LT(calls, 100 * 11 / 7 + 2);
    }
    const ids rest = pop_all(due);
    EXPECT_LE(rest.size(), 7U);
    fired.insert(fired.end(), rest.begin(), rest.end());
    EXPECT_EQ(fired, expected);
    EXPECT_GT(calls, 100 / 7);
}

TEST(timer_wheel, unfinished_advance_takes_insertions_and_removals) {
    timer_wheel wheel{0};
    std::vector<test_timer> timers(10);
    for (int i = 0; i < 10; ++i) {
        timers[i].id = i;
        wheel.insert(timers[i], 1'000 * tick_ns);
    }
    timer_list due;
    ASSERT_FALSE(wheel.advance_some(999 * tick_ns, due, 2)); // two of ten are cascaded
    EXPECT_LE(wheel.next_deadline_ns(), 999 * tick_ns);
    EXPECT_TRUE(wheel.remove(timers[0]));
    EXPECT_TRUE(wheel.remove(timers[9]));
    EXPECT_EQ(wheel.size(), 8U);
    wheel.insert(timers[0], 0);
    wheel.insert(timers[9], 999 * tick_ns);
    wheel.advance(999 * tick_ns, due);
    EXPECT_EQ(pop_all(due), (ids{0, 9}));
    EXPECT_EQ(wheel.next_deadline_ns(), 1'000 * tick_ns);
    EXPECT_EQ(fired_by(wheel, 1'000 * tick_ns), (ids{1, 2, 3, 4, 5, 6, 7, 8}));
}

TEST(timer_wheel, slots_of_a_bundle_are_cascaded_in_turn) {
    // On each higher level one bundle gets two nodes in each of its four slots, the later one first.
    // Pieces of one node: after four of them each slot has given one, and a removed node is neither
    // cascaded nor fired, whether its turn has come or not.
    for (unsigned level = 1; level < 11; ++level) {
        const unsigned shift = level == 1 ? 5 : 13 + 4 * (level - 2);
        const std::uint64_t start = std::uint64_t{4} << shift;
        timer_wheel wheel{0};
        std::vector<test_timer> timers(8);
        std::vector<std::uint64_t> ticks(8);
        for (int i = 7; i >= 0; --i) {
            timers[i].id = i;
            ticks[i] = start + (static_cast<std::uint64_t>(i / 2) << shift) + 1 + i % 2;
            wheel.insert(timers[i], ticks[i] * tick_ns);
        }
        timer_list due;
        ASSERT_EQ(wheel.next_deadline_ns(), ns_of_tick(ticks[0])) << level;
        for (int piece = 0; piece < 4; ++piece)
            ASSERT_FALSE(wheel.advance_some(start * tick_ns, due, 1)) << level;
        ASSERT_EQ(wheel.next_deadline_ns(), start * tick_ns) << level;
        EXPECT_TRUE(wheel.remove(timers[3])); // moved
        EXPECT_TRUE(wheel.remove(timers[4])); // not yet
        for (int piece = 0; piece < 2; ++piece)
            ASSERT_FALSE(wheel.advance_some(start * tick_ns, due, 1)) << level;
        ASSERT_TRUE(wheel.advance_some(start * tick_ns, due, 1)) << level;
        EXPECT_TRUE(due.empty());
        EXPECT_EQ(wheel.size(), 6U);
        for (const int i : {0, 1, 2, 5, 6, 7}) {
            ASSERT_EQ(wheel.next_deadline_ns(), ns_of_tick(ticks[i])) << level;
            ASSERT_EQ(fired_by(wheel, ns_of_tick(ticks[i]) - 1), ids{}) << level;
            ASSERT_EQ(fired_by(wheel, ns_of_tick(ticks[i])), ids{i}) << level;
        }
    }
}

TEST(timer_wheel, bundle_is_cascaded_without_the_next_one) {
    // The first slot of the bundle is empty, so a wheel that took four slots from the first node on
    // would move the other node too, and a limit of one would not do.
    timer_wheel wheel{0};
    test_timer second_slot{{}, 1};
    test_timer next_bundle{{}, 2};
    wheel.insert(second_slot, (128 + 32) * tick_ns);
    wheel.insert(next_bundle, (128 + 128) * tick_ns);
    timer_list due;
    EXPECT_TRUE(wheel.advance_some(128 * tick_ns, due, 1));
    EXPECT_TRUE(due.empty());
    EXPECT_EQ(fired_by(wheel, (128 + 127) * tick_ns), ids{1});
    EXPECT_EQ(fired_by(wheel, (128 + 128) * tick_ns), ids{2});
}

TEST(timer_wheel, clock_that_goes_back_stands_still) {
    timer_wheel wheel{100 * tick_ns};
    test_timer timer;
    wheel.insert(timer, 101 * tick_ns);
    EXPECT_EQ(fired_by(wheel, 0), ids{});
    EXPECT_EQ(wheel.next_deadline_ns(), 101 * tick_ns);
    EXPECT_EQ(fired_by(wheel, 101 * tick_ns), ids{0});
}

TEST(timer_wheel, remove_takes_first_middle_and_last_of_a_slot) {
    for (const std::uint64_t deadline : {5 * tick_ns, 500 * tick_ns, 5'000'000 * tick_ns}) {
        timer_wheel wheel{0};
        std::vector<test_timer> timers(7);
        for (int i = 0; i < 7; ++i) {
            timers[i].id = i;
            wheel.insert(timers[i], deadline);
        }
        for (const int i : {3, 0, 6}) {
            EXPECT_TRUE(wheel.remove(timers[i]));
            EXPECT_FALSE(timers[i].is_linked());
        }
        EXPECT_EQ(wheel.size(), 4U);
        EXPECT_EQ(fired_by(wheel, deadline), (ids{1, 2, 4, 5}));
    }
}

TEST(timer_wheel, remove_answers_false_for_an_idle_node) {
    timer_wheel wheel{0};
    test_timer timer;
    EXPECT_FALSE(wheel.remove(timer));
    wheel.insert(timer, tick_ns);
    EXPECT_TRUE(wheel.remove(timer));
    EXPECT_FALSE(wheel.remove(timer));
    wheel.insert(timer, tick_ns);
    EXPECT_EQ(fired_by(wheel, tick_ns), ids{0});
    EXPECT_FALSE(wheel.remove(timer));
    EXPECT_EQ(wheel.size(), 0U);
}

TEST(timer_wheel, remove_of_the_last_node_forgets_its_slot) {
    for (unsigned bit = 0; bit < 50; ++bit) {
        timer_wheel wheel{0};
        test_timer near;
        test_timer far;
        wheel.insert(near, tick_ns << bit);
        wheel.insert(far, never_ns / 2 + tick_ns);
        EXPECT_TRUE(wheel.remove(near));
        EXPECT_EQ(wheel.next_deadline_ns(), ns_of_tick(tick_of_deadline(never_ns / 2 + tick_ns)));
        EXPECT_TRUE(wheel.remove(far));
        EXPECT_EQ(wheel.next_deadline_ns(), never_ns);
    }
}

TEST(timer_wheel, remove_takes_an_expired_node_out_of_the_list) {
    timer_wheel wheel{0};
    std::vector<test_timer> timers(5);
    for (int i = 0; i < 5; ++i) {
        timers[i].id = i;
        wheel.insert(timers[i], tick_ns);
    }
    timer_list due;
    wheel.advance(tick_ns, due);
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_TRUE(timers[2].is_linked());
    for (const int i : {2, 0, 4}) {
        EXPECT_TRUE(wheel.remove(timers[i]));
        EXPECT_FALSE(wheel.remove(timers[i]));
    }
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(pop_all(due), (ids{1, 3}));
}

TEST(timer_wheel, remove_of_an_expired_node_leaves_its_old_slot_alone) {
    // The list is emptied through remove() while another node sits in the slot it came from.
    timer_wheel wheel{0};
    test_timer expired;
    test_timer waiting{{}, 1};
    wheel.insert(expired, 3 * tick_ns);
    timer_list due;
    wheel.advance(3 * tick_ns, due);
    wheel.insert(waiting, 3 * tick_ns);
    EXPECT_TRUE(wheel.remove(expired));
    EXPECT_TRUE(due.empty());
    EXPECT_EQ(wheel.size(), 1U);
    EXPECT_EQ(fired_by(wheel, 3 * tick_ns), ids{1});
}

TEST(timer_wheel, popped_node_may_be_inserted_again_at_once) {
    // A ticker of three ticks, driven by nothing but next_deadline_ns().
    timer_wheel wheel{0};
    test_timer ticker;
    std::uint64_t deadline = 3 * tick_ns;
    wheel.insert(ticker, deadline);
    for (int turn = 0; turn < 1'000; ++turn) {
        timer_list due;
        wheel.advance(wheel.next_deadline_ns(), due);
        ASSERT_EQ(due.pop_front(), &ticker);
        deadline += 3 * tick_ns;
        wheel.insert(ticker, deadline);
    }
    EXPECT_EQ(wheel.next_deadline_ns(), 3'003 * tick_ns);
    EXPECT_TRUE(wheel.remove(ticker));
}

TEST(timer_wheel, million_nodes_are_inserted_and_removed) {
    std::mt19937_64 random{1};
    std::vector<test_timer> timers(1'000'000);
    timer_wheel wheel{0};
    for (test_timer& timer : timers) {
        wheel.insert(timer, random() % 1'000'000'000);
    }
    EXPECT_EQ(wheel.size(), timers.size());
    std::vector<test_timer*> order(timers.size());
    std::ranges::transform(timers, order.begin(), [](test_timer& timer) { return &timer; });
    std::shuffle(order.begin(), order.end(), random);
    for (test_timer* timer : order) {
        ASSERT_TRUE(wheel.remove(*timer));
    }
    EXPECT_EQ(wheel.size(), 0U);
    EXPECT_EQ(wheel.next_deadline_ns(), never_ns);
}

TEST(timer_wheel, million_nodes_fire_once_each_in_their_millisecond) {
    std::mt19937_64 random{2};
    std::vector<std::uint64_t> deadlines;
    std::vector<test_timer> timers(1'000'000);
    timer_wheel wheel{0};
    for (std::size_t i = 0; i < timers.size(); ++i) {
        timers[i].id = static_cast<int>(i);
        deadlines.push_back(random() % 1'000'000'000);
        wheel.insert(timers[i], deadlines.back());
    }
    constexpr std::uint64_t step = 1'000'000;
    std::size_t fired = 0;
    for (std::uint64_t now = step; wheel.size() != 0; now += step) {
        for (const int id : fired_by(wheel, now)) {
            ASSERT_LE(deadlines[id], now);
            ASSERT_GT(ns_of_tick(tick_of_deadline(deadlines[id])), now - step);
            ++fired;
        }
    }
    EXPECT_EQ(fired, timers.size());
}

TEST(timer_wheel, node_is_movable_while_idle) {
    timer_wheel wheel{0};
    test_timer source{{}, 3};
    test_timer target = std::move(source);
    wheel.insert(target, 0);
    EXPECT_EQ(fired_by(wheel, 0), ids{3});
    source = std::move(target);
    EXPECT_EQ(source.id, 3);
}

TEST(timer_wheel_death, misuse_is_told_in_every_build_type) {
    testing::GTEST_FLAG(death_test_style) = "threadsafe";
    test_timer timer;
    timer_wheel wheel{0};
    wheel.insert(timer, 1);
    EXPECT_DEATH(wheel.insert(timer, 2), "remove a timer before inserting it again");
    EXPECT_DEATH(wheel.~timer_wheel(), "remove every pending timer before its wheel is destroyed");
    wheel.remove(timer);
}

} // namespace
} // namespace sennit
