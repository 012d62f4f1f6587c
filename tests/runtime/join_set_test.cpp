// The rules are those of tokio's task_join_set.rs: test_with_sleep, test_abort_on_drop, alternating, abort_tasks,
// runtime_gone (as a drop), join_set_coop is the budget's; nothing is timed.
#include "runtime/support.hpp"

#include <algorithm>
#include <stdexcept>
#include <vector>

namespace sennit {
namespace {

using test::counted;

class join_set_test : public test::with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, join_set_test, testing::ValuesIn(test::settings), test::name_of);

// test_with_sleep: every result comes once, then nothing.
TEST_P(join_set_test, yields_every_result_once) {
    run([] {
        join_set<int> set;
        EXPECT_FALSE(set.join_next().has_value());
        const auto make = [](int n) -> task<int> {
            co_await async_yield();
            co_return n;
        };
        for (int n = 0; n < 10; ++n) {
            n % 2 == 0 ? set.spawn(make(n)) : set.spawn([](int k) { return k; }, n);
        }
        EXPECT_EQ(set.size(), 10u);
        std::vector<int> seen;
        while (auto one = set.join_next())
            seen.push_back(one->value());
        std::ranges::sort(seen);
        EXPECT_EQ(seen, (std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
        EXPECT_TRUE(set.empty());
    });
}

TEST_P(join_set_test, results_come_in_the_order_of_ends) {
    run([] {
        join_set<int> set;
        event first, second;
        set.spawn([&] {
            second.wait();
            return 2;
        });
        set.spawn([&] {
            first.wait();
            return 1;
        });
        first.set();
        EXPECT_EQ(set.join_next()->value(), 1);
        EXPECT_FALSE(set.try_join_next().has_value());
        second.set();
        EXPECT_EQ(set.join_next()->value(), 2);
    });
}

// alternating: children are added while others are joined.
TEST_P(join_set_test, children_may_be_added_meanwhile) {
    run([] {
        join_set<void> set;
        set.spawn([] {});
        set.spawn([] {});
        int joined = 0;
        for (int i = 0; i < 16; ++i) {
            ASSERT_TRUE(set.join_next()->has_value());
            ++joined;
            set.spawn([] { this_flow::yield(); });
        }
        while (set.join_next())
            ++joined;
        EXPECT_EQ(joined, 18);
    });
}

TEST_P(join_set_test, an_exception_is_a_result) {
    run([] {
        join_set<int> set;
        set.spawn([]() -> int { throw std::runtime_error("child"); });
        auto end = set.join_next();
        ASSERT_TRUE(end && !end->has_value());
        EXPECT_TRUE(end->error().is_panic());
        EXPECT_THROW(end->error().rethrow(), std::runtime_error);
    });
}

// abort_tasks: those that were stopped are results too.
TEST_P(join_set_test, stopped_children_are_cancelled_results) {
    run([] {
        event never;
        join_set<int> set;
        const auto waits = [](event& e) -> task<int> {
            co_await e.async_wait();
            co_return 1;
        };
        for (int i = 0; i < 4; ++i) {
            set.spawn([&] {
                never.wait();
                return 1;
            });
            set.spawn(waits(never));
        }
        set.request_stop();
        int cancelled = 0;
        while (auto end = set.join_next())
            cancelled += !end->has_value() && end->error().is_cancelled();
        EXPECT_EQ(cancelled, 8);
    });
}

// test_abort_on_drop.
TEST_P(join_set_test, the_destructor_stops_and_waits) {
    counted::alive = 0;
    run([] {
        event never;
        {
            join_set<void> set;
            for (int i = 0; i < 4; ++i)
                set.spawn([&, held = counted()] { never.wait(); });
        }
        EXPECT_EQ(counted::alive, 0);
    });
}

// detach_on_drop, here asked for.
TEST_P(join_set_test, detached_children_go_on) {
    event go_on;
    std::atomic<int> ended{0};
    run([&] {
        join_set<int> set;
        for (int i = 0; i < 4; ++i)
            set.spawn([&] {
                go_on.wait();
                return ++ended;
            });
        set.detach_all();
        EXPECT_TRUE(set.empty());
        EXPECT_FALSE(set.join_next().has_value());
    });
    EXPECT_EQ(ended, 0);
    go_on.set();
    rt_->wait_all();
    EXPECT_EQ(ended, 4);
}

TEST_P(join_set_test, a_task_takes_results_and_may_give_up) {
    run([] {
        const auto body = []() -> task<int> {
            join_set<int> set;
            event open;
            set.spawn([&] {
                open.wait();
                return 5;
            });
            {
                auto early = co_await timeout(std::chrono::nanoseconds(1), set.async_join_next());
                if (early) co_return -1;
            }
            open.set();
            auto end = co_await set.async_join_next();
            co_return end->value();
        };
        EXPECT_EQ(wait(body()), 5);
    });
}

TEST_P(join_set_test, move_only_results) {
    run([] {
        join_set<std::unique_ptr<int>> set;
        set.spawn([] { return std::make_unique<int>(3); });
        join_set<std::unique_ptr<int>> moved = std::move(set);
        EXPECT_EQ(*moved.join_next()->value(), 3);
    });
}

} // namespace
} // namespace sennit
