// The rules of tokio's task_join_set.rs. Above each case stands the upstream test.
//
// Left out, for want of a counterpart: ids of children, sets of flows that stay on one thread (spawn_local), and stopping one
// child by a handle of its own. Where upstream aborts, here the children are asked to stop.
#include "conformance/timed.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <set>
#include <stdexcept>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::by;
using test::kind;

task<int> number(int n) { co_return n; }
task<int> number_after(int n, std::chrono::seconds d) {
    co_await async_sleep_for(d);
    co_return n;
}
// A child of either kind that yields n when d has passed.
void spawn_sleeper(join_set<int>& set, kind k, int n, std::chrono::seconds d) {
    if (k == kind::task) {
        set.spawn(number_after(n, d));
    } else {
        set.spawn([n, d] {
            sleep_for(d);
            return n;
        });
    }
}

// Waits for ever, and owns the end of a channel.
task<void> keeps(oneshot_sender<int> end, event& never) {
    const auto owned = std::move(end);
    co_await never.async_wait();
}
void spawn_keeper(join_set<void>& set, kind k, oneshot_sender<int> end, event& never) {
    if (k == kind::task) {
        set.spawn(keeps(std::move(end), never));
    } else {
        set.spawn([owned = std::move(end), &never] { never.wait(); });
    }
}

class tokio_join_set : public test::conformance {
protected:
    // The kind of a party's children: the other party's.
    kind child_of(kind me) const {
        const kind other = me == GetParam().first ? GetParam().second : GetParam().first;
        return other == kind::task ? kind::task : kind::fiber;
    }
    // On a thread, a set's children run in the default runtime; here they run in the test's.
    static constexpr kind inside(kind me) { return me == kind::task ? kind::task : kind::fiber; }
    void both(const party& p) {
        for (const kind me : {GetParam().first, GetParam().second})
            start_as(inside(me), p);
        join();
    }
};
SENNIT_PAIRINGS(tokio_join_set);
class tokio_join_set_timed : public test::timed {};
SENNIT_TIMED_PAIRINGS(tokio_join_set_timed);

// test_with_sleep: the size counts; children that are let go are not seen again; of the others each result comes once, first
// come first, and then the set is empty, as often as it is filled.
TEST_P(tokio_join_set_timed, every_result_comes_once_in_the_order_of_ends) {
    run_each([this](kind me) -> task<void> {
        join_set<int> set;
        for (int i = 0; i < 10; ++i) {
            set.spawn(number(i));
            EXPECT_EQ(set.size(), std::size_t(i) + 1);
        }
        set.detach_all();
        EXPECT_EQ(set.size(), 0u);
        EXPECT_FALSE(co_await by(me, set.async_join_next()));
        for (int round = 0; round < 2; ++round) {
            const auto begun = runtime_clock::now();
            for (int i = 9; i >= 0; --i)
                spawn_sleeper(set, kind_of(i), i, std::chrono::seconds(i));
            EXPECT_EQ(set.size(), 10u);
            for (int i = 0; i < 10; ++i) {
                const auto end = co_await by(me, set.async_join_next());
                EXPECT_EQ(end->value(), i);
                EXPECT_EQ(runtime_clock::now() - begun, std::chrono::seconds(i));
            }
            EXPECT_FALSE(co_await by(me, set.async_join_next()));
            EXPECT_TRUE(set.empty());
        }
    });
}

// abort_tasks: results of those that ended, and cancelled ones of those that were stopped.
TEST_P(tokio_join_set_timed, stopped_children_are_results_too) {
    run_each([this](kind me) -> task<void> {
        join_set<int> set;
        for (int i = 0; i < 16; ++i)
            spawn_sleeper(set, kind_of(i), i, std::chrono::seconds(i));
        co_await by(me, async_sleep_for(7500ms));
        const auto stopped_at = runtime_clock::now();
        set.request_stop();
        std::set<int> completed;
        int cancelled = 0;
        for (;;) {
            const auto end = co_await by(me, set.async_join_next());
            if (!end) break;
            if (end->has_value()) {
                completed.insert(end->value());
            } else {
                EXPECT_TRUE(end->error().is_cancelled());
                ++cancelled;
            }
        }
        EXPECT_EQ(completed, (std::set{0, 1, 2, 3, 4, 5, 6, 7}));
        EXPECT_EQ(cancelled, 8);
        EXPECT_EQ(runtime_clock::now(), stopped_at) << "nobody slept on";
    });
}

// abort_tasks, of children that end themselves.
TEST_P(tokio_join_set_timed, children_that_leave_early_are_cancelled) {
    run_each([](kind me) -> task<void> {
        join_set<int> set;
        for (int i = 0; i < 16; ++i) {
            set.spawn([i] {
                sleep_for(std::chrono::seconds(i));
                if (i % 2 != 0) this_flow::exit();
                return i;
            });
        }
        for (int i = 0; i < 16; ++i) {
            const auto end = co_await by(me, set.async_join_next());
            EXPECT_EQ(end->has_value(), i % 2 == 0);
            if (end->has_value()) {
                EXPECT_EQ(end->value(), i);
            } else {
                EXPECT_TRUE(end->error().is_cancelled());
            }
        }
    });
}

// abort_all: children that have ended keep their results; the others are stopped; all of them are counted until they are
// taken.
TEST_P(tokio_join_set_timed, stopping_all_leaves_what_has_ended) {
    run_each([this](kind me) -> task<void> {
        event never;
        join_set<int> set;
        const auto waits = [](event& e) -> task<int> {
            co_await e.async_wait();
            co_return -1;
        };
        for (int i = 0; i < 5; ++i) {
            if (kind_of(i) == kind::task) {
                set.spawn(waits(never));
            } else {
                set.spawn([&never] {
                    never.wait();
                    return -1;
                });
            }
            spawn_sleeper(set, kind_of(i), i, 1s);
        }
        co_await by(me, async_sleep_for(2s));
        set.request_stop();
        EXPECT_EQ(set.size(), 10u);
        int completed = 0, cancelled = 0;
        for (;;) {
            const auto end = co_await by(me, set.async_join_next());
            if (!end) break;
            completed += end->has_value();
            cancelled += !end->has_value() && end->error().is_cancelled();
        }
        EXPECT_EQ(completed, 5);
        EXPECT_EQ(cancelled, 5);
        EXPECT_TRUE(set.empty());
    });
}

// task_panics: what leaves a child is its result; who gives up then leaves the others stopped, not ended.
TEST_P(tokio_join_set_timed, an_exception_is_a_result) {
    run_each([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        auto [tx, rx] = oneshot_channel<int>();
        {
            join_set<void> set;
            set.spawn([end = std::move(tx)]() mutable {
                sleep_for(2s);
                EXPECT_TRUE(end.send(1));
            });
            EXPECT_EQ(set.size(), 1u);
            set.spawn([] {
                sleep_for(1s);
                throw std::runtime_error("child");
            });
            EXPECT_EQ(set.size(), 2u);
            const auto end = co_await by(me, set.async_join_next());
            EXPECT_FALSE(end->has_value());
            EXPECT_TRUE(end->error().is_panic());
            EXPECT_THROW(end->error().rethrow(), std::runtime_error);
        }
        EXPECT_EQ(runtime_clock::now() - begun, 1s);
        EXPECT_EQ(rx.try_recv(), std::unexpected(recv_error::closed));
    });
}

// join_set_coop: taking what is there already, a thousand times, gives others their turn in between. One thread: what is
// counted does not hang on another core.
TEST_P(tokio_join_set_timed, taking_results_gives_others_their_turn) {
    run_each([this](kind me) -> task<void> {
        constexpr int count = 1000;
        join_set<void> set;
        semaphore ended(0);
        for (int i = 0; i < count; ++i)
            set.spawn([&ended] { ended.release(); });
        const auto all = co_await by(me, ended.async_acquire(count));
        bool has_run = false;
        const auto runs = [](bool& flag) -> task<void> {
            flag = true;
            co_return;
        };
        auto other =
            kind_of(1) == kind::task ? spawn(runs(has_run)) : spawn([&has_run] { has_run = true; });
        int before = 0;
        for (int taken = 0; taken < count; ++taken) {
            const auto end = co_await by(me, set.async_join_next());
            EXPECT_TRUE(end && end->has_value());
            before += !has_run;
        }
        EXPECT_LT(before, count);
        EXPECT_FALSE(co_await by(me, set.async_join_next()));
        co_await by(me, other.async_join());
    });
}

// test_abort_on_drop, spawn_local::…::spawn_then_drop: the destructor stops the children. (Here it also waits for them:
// what they owned is gone when it returns.)
TEST_P(tokio_join_set, the_destructor_stops_the_children) {
    both([this](kind me) -> task<void> {
        event never;
        std::vector<oneshot_receiver<int>> receivers;
        {
            join_set<void> set;
            for (int i = 0; i < 16; ++i) {
                auto [tx, rx] = oneshot_channel<int>();
                receivers.push_back(std::move(rx));
                spawn_keeper(set, i % 2 == 0 ? child_of(me) : inside(me), std::move(tx), never);
            }
            EXPECT_FALSE(set.try_join_next());
        }
        for (auto& rx : receivers)
            EXPECT_EQ(rx.try_recv(), std::unexpected(recv_error::closed));
        co_return;
    });
}

// spawn_local::…::spawn_then_shutdown: stopping and then taking all results leaves the set empty and the children gone.
TEST_P(tokio_join_set, stopping_and_joining_is_a_shutdown) {
    both([this](kind me) -> task<void> {
        event never;
        std::vector<oneshot_receiver<int>> receivers;
        join_set<void> set;
        for (int i = 0; i < 8; ++i) {
            auto [tx, rx] = oneshot_channel<int>();
            receivers.push_back(std::move(rx));
            spawn_keeper(set, child_of(me), std::move(tx), never);
        }
        EXPECT_FALSE(set.try_join_next());
        set.request_stop();
        int cancelled = 0;
        for (;;) {
            const auto end = co_await by(me, set.async_join_next());
            if (!end) break;
            cancelled += !end->has_value() && end->error().is_cancelled();
        }
        EXPECT_EQ(cancelled, 8);
        EXPECT_TRUE(set.empty());
        for (auto& rx : receivers)
            EXPECT_EQ(co_await by(me, rx.async_recv()), std::unexpected(recv_error::closed));
    });
}

// alternating: children are added while others are taken.
TEST_P(tokio_join_set, children_are_added_while_others_are_taken) {
    both([this](kind me) -> task<void> {
        join_set<int> set;
        const auto add = [this, me, &set] {
            if (child_of(me) == kind::task) {
                set.spawn(number(1));
            } else {
                set.spawn([] { return 1; });
            }
        };
        EXPECT_EQ(set.size(), 0u);
        add();
        EXPECT_EQ(set.size(), 1u);
        add();
        EXPECT_EQ(set.size(), 2u);
        for (int i = 0; i < 16; ++i) {
            const auto end = co_await by(me, set.async_join_next());
            EXPECT_EQ(end->value(), 1);
            EXPECT_EQ(set.size(), 1u);
            add();
            EXPECT_EQ(set.size(), 2u);
        }
    });
}

// join_all, extend, spawn_local::…::spawn_then_join_next: all that were added, in any order.
TEST_P(tokio_join_set, all_that_were_added_are_joined) {
    both([this](kind me) -> task<void> {
        join_set<int> set;
        std::vector<int> expected, got;
        for (int i = 0; i < 10; ++i) {
            expected.push_back(i);
            if ((i % 2 == 0 ? child_of(me) : inside(me)) == kind::task) {
                set.spawn(number(i));
            } else {
                set.spawn([own = std::make_unique<int>(i)] { return *own; });
            }
        }
        for (;;) {
            const auto end = co_await by(me, set.async_join_next());
            if (!end) break;
            got.push_back(end->value());
        }
        std::ranges::sort(got);
        EXPECT_EQ(got, expected);
        EXPECT_TRUE(set.empty());
    });
}

// try_join_next: nothing while they all wait, every one when they have ended.
TEST_P(tokio_join_set, trying_finds_those_that_have_ended) {
    constexpr int count = test::rounds_scaled(1000);
    both([this](kind me) -> task<void> {
        auto [tx, rx] = watch_channel<int>(0);
        join_set<bool> set;
        const auto changed = [](watch_receiver<int> r) -> task<bool> {
            const auto news = co_await r.async_changed();
            co_return news.has_value();
        };
        for (int i = 0; i < count; ++i) {
            if (child_of(me) == kind::task) {
                set.spawn(changed(rx));
            } else {
                set.spawn([own = rx]() mutable { return own.changed().has_value(); });
            }
        }
        { const auto dropped = std::move(rx); }
        EXPECT_FALSE(set.try_join_next());
        EXPECT_TRUE(tx.send(1));
        co_await by(me, tx.async_closed());
        // The channel is gone before the child is over: what is late is waited for.
        int got = 0;
        while (got < count) {
            const auto end = set.try_join_next();
            if (!end) {
                co_await by(me, async_yield());
                continue;
            }
            EXPECT_TRUE(end->value());
            ++got;
        }
        EXPECT_FALSE(set.try_join_next());
        EXPECT_TRUE(set.empty());
    });
}

// runtime_gone: children whose runtime has gone are cancelled, and the set can still be read.
TEST(tokio_join_set_alone, children_of_a_runtime_that_is_gone_are_cancelled) {
    event never;
    join_set<int> set;
    {
        runtime gone({.current_thread = true});
        gone.block_on([&] {
            set.spawn([&never] {
                never.wait();
                return 1;
            });
            set.spawn([](event& e) -> task<int> {
                co_await e.async_wait();
                co_return 1;
            }(never));
        });
    }
    for (int i = 0; i < 2; ++i) {
        const auto end = set.join_next();
        ASSERT_TRUE(end && !end->has_value());
        EXPECT_TRUE(end->error().is_cancelled());
    }
    EXPECT_FALSE(set.join_next());
}

} // namespace
} // namespace sennit
