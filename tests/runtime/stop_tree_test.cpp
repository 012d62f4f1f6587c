// How stopping, its cause and deadlines pass from flows to what they start. The rules are those of Go's context_test.go
// (parentFinishesChild, CancelRemoves, Cause, WithDeadline, AfterFunc, WithoutCancel); nothing is timed.
#include "runtime/support.hpp"

#include <chrono>
#include <optional>
#include <stop_token>

namespace sennit {
namespace {

using std::chrono::hours;

class stop_tree_test : public test::with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, stop_tree_test, testing::ValuesIn(test::settings), test::name_of);

// parentFinishesChild: a request to a flow that computes reaches its scope's children through the tree.
TEST_P(stop_tree_test, a_request_reaches_children_and_grandchildren) {
    run([] {
        event ready;
        std::atomic<bool> told{false};
        auto owner = spawn([&] {
            const std::stop_token mine = this_flow::stop_token();
            scope s;
            s.go([&] {
                scope inner;
                inner.go([&] {
                    const std::stop_token token = this_flow::stop_token();
                    ready.set();
                    while (!token.stop_requested())
                        this_flow::yield();
                    told = true;
                });
                inner.join();
            });
            // Waits for nothing: only the tree can tell the grandchild.
            while (!told)
                this_flow::yield();
            EXPECT_TRUE(mine.stop_requested());
        });
        ready.wait();
        owner.request_stop();
        (void)owner.try_join();
        EXPECT_TRUE(told);
    });
}

// A fiber started by `go` belongs to what its starter belongs to.
TEST_P(stop_tree_test, go_inherits_the_group_of_its_starter) {
    run([] {
        event ready, never, gone;
        scope outer; // the root has no node; this makes one
        auto owner = outer.spawn([&] {
            (void)this_flow::stop_token();
            scope s;
            s.go([&] {
                go([&] {
                    try {
                        ready.set();
                        never.wait();
                    } catch (const stopped&) {
                        gone.set();
                        throw;
                    }
                });
                never.wait();
            });
            s.join();
        });
        ready.wait();
        owner.request_stop();
        shielded([&] { gone.wait(); });
        (void)owner.try_join();
        outer.join();
    });
}

// Cause: what the first request said is what everybody below sees.
TEST_P(stop_tree_test, the_cause_is_seen_below) {
    run([] {
        event ready;
        std::optional<error> seen;
        std::optional<stop_node> node;
        auto owner = spawn([&] {
            node = this_flow::stop_node();
            (void)this_flow::stop_token();
            scope s;
            s.go([&] {
                ready.set();
                while (!this_flow::stop_requested())
                    this_flow::yield();
                seen = this_flow::stop_cause();
            });
            s.join();
        });
        ready.wait();
        owner.request_stop();
        (void)owner.try_join();
        ASSERT_TRUE(seen.has_value());
        EXPECT_TRUE(is(*seen, errc::stopped));
        EXPECT_TRUE(node->stop_requested());
    });
}

// WithDeadline: children see the earliest deadline above them.
TEST_P(stop_tree_test, deadlines_are_inherited) {
    run([] {
        EXPECT_FALSE(this_flow::deadline().has_value());
        const auto late = std::chrono::steady_clock::now() + hours(2);
        const auto early = std::chrono::steady_clock::now() + hours(1);
        (void)with_deadline(late, [&] {
            (void)with_deadline(early, [&] {
                scope s;
                s.go([&] {
                    ASSERT_TRUE(this_flow::deadline().has_value());
                    EXPECT_EQ(*this_flow::deadline(), early);
                    scope inner;
                    inner.go([&] { EXPECT_EQ(this_flow::deadline(), early); });
                    inner.join();
                });
                s.join();
                return 0;
            });
            EXPECT_EQ(this_flow::deadline(), late);
            return 0;
        });
    });
}

TEST_P(stop_tree_test, an_expired_deadline_stops_children_with_its_cause) {
    run([] {
        std::atomic<int> timed_out{0};
        const auto answer = with_timeout(std::chrono::milliseconds(1), [&] {
            scope s;
            for (int i = 0; i < 3; ++i) {
                s.go([&] {
                    event never;
                    try {
                        never.wait();
                    } catch (const stopped& why) {
                        timed_out += why.cause() == errc::timed_out;
                        throw;
                    }
                });
            }
            s.join();
            return 0;
        });
        EXPECT_FALSE(answer.has_value());
        // Children that had not started when the time was over, or that were asked by the scope first, are stopped all the same.
        EXPECT_LE(timed_out, 3);
    });
}

// WithoutCancel.
TEST_P(stop_tree_test, what_is_shielded_opens_scopes_outside_of_the_tree) {
    run([] {
        auto owner = spawn([] {
            (void)this_flow::stop_token();
            this_flow::stop_token();
            event asked;
            shielded([] {
                scope s;
                std::atomic<bool> stopped_child{false};
                s.go([&] {
                    this_flow::yield();
                    stopped_child = this_flow::stop_requested();
                });
                s.join();
                EXPECT_FALSE(stopped_child);
            });
        });
        EXPECT_TRUE(owner.try_join().has_value());
    });
}

// AfterFunc, AfterFunc_stop.
TEST_P(stop_tree_test, after_stop_starts_a_flow_once) {
    run([] {
        stop_node node;
        event ran;
        std::atomic<int> count{0};
        after_stop first(node, [&] {
            ++count;
            ran.set();
        });
        after_stop second(node, [&] { ++count; });
        EXPECT_TRUE(second.cancel());
        EXPECT_FALSE(second.cancel());
        node.request_stop();
        ran.wait();
        node.request_stop();
        EXPECT_FALSE(first.cancel());
        EXPECT_EQ(count, 1);
        event again;
        after_stop late(node, [&] { again.set(); });
        again.wait();
    });
}

// std::stop_token both ways.
TEST_P(stop_tree_test, standard_tokens_go_in_and_out) {
    run([] {
        std::stop_source source;
        stop_node node(source.get_token());
        event told;
        const std::stop_callback callback(node.token(), [&] { told.set(); });
        source.request_stop();
        told.wait();
        EXPECT_TRUE(node.stop_requested());
        EXPECT_TRUE(is(node.cause(), errc::stopped));
    });
}

// Requests, ends and new children race; everything ends.
TEST_P(stop_tree_test, requests_race_with_starts_and_ends) {
    constexpr int rounds = SENNIT_TSAN ? 30 : 150;
    run([] {
        for (int round = 0; round < rounds; ++round) {
            event never;
            auto owner = spawn([&] {
                (void)this_flow::stop_token();
                scope s;
                for (int i = 0; i < 6; ++i) {
                    s.go([&, i] {
                        for (int k = 0; k < i; ++k)
                            this_flow::yield();
                        if (i % 2 == 0) never.wait();
                    });
                }
                s.join();
            });
            for (int k = 0; k < round % 7; ++k)
                this_flow::yield();
            owner.request_stop();
            EXPECT_FALSE(owner.try_join().has_value());
        }
    });
}

} // namespace
} // namespace sennit
