// The rules of golang/go's context/x_test.go and context_test.go, where a stop tree has the counterpart of a context: a
// node for a context with a cancel function, its token for Done, a flow's locals for values. Deadlines: time_test.cpp.
// Above each case stands the upstream test.
#include "conformance/pairing.hpp"

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::kind;

const error because_of_closed{errc::closed, "first"};
const error because_of_limit{errc::limit_exceeded, "second"};

class go_context : public test::conformance {
protected:
    // A flow that ends when the node is stopped.
    void watch(int i, const stop_node& node) {
        start_party(i, [this, node](kind me) -> task<void> {
            auto one = async_select(on_stop(node.token()));
            co_await by(me, std::move(one));
            EXPECT_TRUE(node.stop_requested());
            ++ended_;
        });
    }
    int ended() const { return ended_; }
    // Threads belong to no runtime: what is started by a flow is started by a fiber instead.
    kind flow_kind(int i) const { return kind_of(i) == kind::thread ? kind::fiber : kind_of(i); }

private:
    std::atomic<int> ended_{0};
};
SENNIT_PAIRINGS(go_context);

// XTestParentFinishesChild, XTestChildFinishesFirst. A request reaches everything below before it returns, and nothing
// above or beside.
TEST_P(go_context, a_request_goes_down_and_not_up) {
    const stop_node root, other = root.child(), middle = root.child(), leaf = middle.child();
    watch(0, middle);
    watch(1, leaf);
    EXPECT_FALSE(leaf.stop_requested());
    EXPECT_FALSE(leaf.token().stop_requested());
    middle.request_stop();
    EXPECT_TRUE(leaf.stop_requested());
    EXPECT_TRUE(leaf.token().stop_requested());
    EXPECT_FALSE(root.stop_requested());
    EXPECT_FALSE(other.stop_requested());
    join();
    watch(0, other);
    watch(1, root);
    root.request_stop();
    join();
    EXPECT_EQ(ended(), 4);
    // Below what is stopped everything is born stopped.
    EXPECT_TRUE(leaf.child().stop_requested());
    watch(0, leaf.child());
    join();
}

// XTestLayersCancel. In a random tree exactly those stop that are at or below a request.
TEST_P(go_context, random_layers_stop_as_their_parents_do) {
    std::mt19937 random(GetParam().workers);
    for (int round = 0; round < 5; ++round) {
        std::vector<stop_node> nodes(1);
        std::vector<std::size_t> parent(1);
        for (int i = 1; i < 60; ++i) {
            parent.push_back(random() % nodes.size());
            nodes.push_back(nodes[parent.back()].child());
        }
        for (int i = 0; i < 8; ++i)
            watch(i, nodes[random() % nodes.size()]);
        std::vector<bool> asked(nodes.size());
        for (int i = 0; i < 3; ++i) {
            const std::size_t which = 1 + random() % (nodes.size() - 1);
            asked[which] = true;
            const bool was = nodes[which].stop_requested();
            EXPECT_EQ(nodes[which].request_stop(), !was);
        }
        for (std::size_t i = 0; i < nodes.size(); ++i) {
            asked[i] = asked[i] || (i != 0 && asked[parent[i]]);
            EXPECT_EQ(nodes[i].stop_requested(), asked[i]);
        }
        nodes[0].request_stop();
        join();
    }
    EXPECT_EQ(ended(), 5 * 8);
}

// XTestCancelRemoves, XTestInterlockedCancels. A child that is stopped leaves its parent; one whose parent is stopped by
// who watches the child, and the other way round, all come to their end.
TEST_P(go_context, interlocked_requests_end) {
    for (int round = 0; round < 10; ++round) {
        const stop_node parent, child = parent.child();
        first([&](kind me) -> task<void> {
            auto one = async_select(on_stop(parent.token()));
            co_await by(me, std::move(one));
            child.request_stop(); // from below, when it is under way from above
        });
        second([&](kind me) -> task<void> {
            auto one = async_select(on_stop(child.token()));
            co_await by(me, std::move(one));
            parent.request_stop(); // is it already
        });
        (round % 2 == 0 ? parent : child).request_stop();
        join();
        EXPECT_TRUE(parent.stop_requested() && child.stop_requested());
        EXPECT_FALSE(parent.request_stop());
        EXPECT_FALSE(child.request_stop());
    }
}

// XTestSimultaneousCancels. Many are stopped, and their parent with them, from both kinds of flow at once; each tells one
// of those who ask that it was the first.
TEST_P(go_context, simultaneous_requests_count_once) {
    constexpr int n = 20;
    const stop_node root;
    std::vector<stop_node> nodes;
    std::vector<std::atomic<int>> firsts(n);
    for (int i = 0; i < n; ++i)
        nodes.push_back(i % 3 == 0 && i > 0 ? nodes.back().child() : root.child());
    for (const int i : {0, 1}) {
        start_party(i, [&](kind me) -> task<void> {
            for (int k = 0; k < n; ++k) {
                firsts[unsigned(k)] += nodes[unsigned(k)].request_stop();
                if (k % 4 == 0) co_await by(me, async_yield());
            }
        });
    }
    for (int i = 0; i < 4; ++i)
        watch(i, nodes[unsigned(5 * i)]);
    join();
    for (int i = 0; i < n; ++i) {
        EXPECT_TRUE(nodes[unsigned(i)].stop_requested());
        EXPECT_LE(firsts[unsigned(i)], 1);
        if (i % 3 != 0) {
            EXPECT_EQ(firsts[unsigned(i)], 1); // nobody above was stopped
        }
    }
    EXPECT_FALSE(root.stop_requested());
    EXPECT_EQ(ended(), 4);
}

// XTestCause. The first cause on the way down is kept: a child's own if it came first, else its parent's.
TEST_P(go_context, the_first_cause_is_kept) {
    const stop_node parent, before = parent.child(), after = parent.child();
    EXPECT_FALSE(parent.cause());
    EXPECT_TRUE(before.request_stop(because_of_closed));
    EXPECT_TRUE(parent.request_stop(because_of_limit));
    EXPECT_FALSE(after.request_stop(because_of_closed));
    std::atomic<int> right{0};
    for (const int i : {0, 1}) {
        start_party(i, [&](kind me) -> task<void> {
            auto one = async_select(on_stop(after.token()));
            co_await by(me, std::move(one));
            right += is(before.cause(), errc::closed);
            right += is(parent.cause(), errc::limit_exceeded);
            right += is(after.cause(), errc::limit_exceeded);
            right += is(after.child().cause(), errc::limit_exceeded);
        });
    }
    join();
    EXPECT_EQ(right, 8);
    const stop_node plain;
    plain.request_stop();
    EXPECT_TRUE(is(plain.cause(), errc::stopped)); // without a cause of its own
}

// XTestCauseRace, XTestErrDoneRace. Whoever sees that a node is stopped sees why.
TEST_P(go_context, who_sees_the_stop_sees_the_cause) {
    for (int round = 0; round < test::rounds_scaled(30); ++round) {
        const stop_node parent, child = parent.child();
        const auto look = [&](kind me) -> task<void> {
            while (!child.stop_requested())
                co_await by(me, async_yield());
            EXPECT_TRUE(is(child.cause(), errc::closed));
            EXPECT_TRUE(child.token().stop_requested());
        };
        together(look, [&](kind) -> task<void> {
            parent.request_stop(because_of_closed);
            co_return;
        });
    }
}

// XTestWithoutCancel. What is shielded is not stopped with its flow, and keeps the flow's values.
TEST_P(go_context, what_is_shielded_is_not_stopped) {
    static flow_local<std::string> name{"nobody"};
    auto reached = make_chan<int>();
    event open;
    const auto work = [&] {
        name.set("the one");
        shielded([&] {
            const std::stop_token inside = this_flow::stop_token();
            reached.send(1);
            open.wait(); // the request has come by now
            EXPECT_FALSE(inside.stop_requested());
            EXPECT_FALSE(this_flow::stop_token().stop_requested());
            EXPECT_EQ(name.get(), "the one");
        });
        EXPECT_TRUE(this_flow::stop_requested());
    };
    for (const int i : {0, 1}) {
        join_handle<void> flow;
        if (flow_kind(i) == kind::fiber) {
            flow = rt_->spawn(work);
        } else {
            flow = rt_->spawn([](auto& step) -> task<void> {
                step();
                co_return;
            }(work));
        }
        EXPECT_EQ(reached.recv(), 1);
        flow.request_stop();
        open.set();
        (void)flow.try_join();
        open.reset();
    }
}

// XTestAfterFuncCalledAfterCancel, ...AfterTimeout, XTestAfterFuncCalledImmediately, XTestAfterFuncNotCalledAfterStop,
// XTestAfterFuncCalledAsynchronously. A function runs in a flow of its own, once, when the node is stopped, or at once if
// it is already; cancel says whether it came first.
TEST_P(go_context, a_function_runs_after_the_request) {
    for (const int i : {0, 1}) {
        const stop_node parent, node = parent.child();
        event armed, ran, open, late_ran;
        std::atomic<int> times{0};
        // In a step that blocks, of either kind.
        const auto work = [&] {
            after_stop runs(node, [&] {
                ++times;
                open.wait(); // the request does not wait for this
                ran.set();
            });
            after_stop cancelled(node, [&] { times += 100; });
            EXPECT_TRUE(cancelled.cancel());
            EXPECT_FALSE(cancelled.cancel());
            armed.set();
            ran.wait();
            EXPECT_FALSE(runs.cancel());
            after_stop at_once(node, [&] { late_ran.set(); });
            late_ran.wait();
        };
        join_handle<void> flow;
        if (flow_kind(i) == kind::fiber) {
            flow = rt_->spawn(work);
        } else {
            flow = rt_->spawn([](auto& step) -> task<void> {
                step();
                co_return;
            }(work));
        }
        armed.wait();
        parent.request_stop();
        parent.request_stop();
        open.set();
        flow.join();
        EXPECT_EQ(times, 1);
    }
}

// XTestValues. A flow begins with its starter's values; what either changes later the other does not see.
TEST_P(go_context, values_are_inherited) {
    static flow_local<int, inherit::yes> one{0};
    static flow_local<std::string, inherit::yes> two{"none"};
    const auto child = [](bool deep) {
        EXPECT_EQ(one.get(), 1);
        EXPECT_EQ(two.get(), "two");
        two.set("changed");
        if (!deep) return;
        spawn([] {
            EXPECT_EQ(one.get(), 1);
            EXPECT_EQ(two.get(), "changed");
        }).join();
    };
    const auto parent = [&child, in_task = flow_kind(1) == kind::task] {
        EXPECT_EQ(one.get(), 0);
        one.set(1);
        two.with("two", [&] {
            if (in_task) {
                const auto step = [](auto& fn) -> task<void> {
                    fn(true);
                    co_return;
                };
                spawn(step(child)).join();
            } else {
                spawn([&] { child(true); }).join();
            }
            EXPECT_EQ(two.get(), "two");
        });
        EXPECT_EQ(two.get(), "none");
    };
    if (flow_kind(0) == kind::fiber) {
        rt_->spawn(parent).join();
    } else {
        const auto step = [](auto& fn) -> task<void> {
            fn();
            co_return;
        };
        rt_->spawn(step(parent)).join();
    }
}

} // namespace
} // namespace sennit
