// The stop tree by itself, with the rules of golang/go's context tests (src/context/x_test.go) and of tokio-util's
// sync_cancellation_token.rs; each test names those whose rule it asserts. Flows in the tree: tests/runtime/scope_test.cpp.
#include <sennit/core/stop_node.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <vector>

namespace sennit {
namespace {

// Any std::stop_callback on the node's token.
template<class Fn>
class node_callback {
public:
    node_callback(const stop_node& node, Fn f) : callback_(node.token(), std::move(f)) {}

private:
    std::stop_callback<Fn> callback_;
};

// TestParentFinishesChild; cancel_parent_token: everything below is stopped when the call returns.
TEST(stop_node, request_reaches_all_below_before_it_returns) {
    const stop_node root;
    const stop_node child = root.child(), other = root.child(), grandchild = child.child();
    const std::stop_token token = grandchild.token();
    int calls = 0;
    const std::stop_callback callback(token, [&] {
        ++calls;
        EXPECT_TRUE(other.stop_requested()) << "the whole tree is marked before anybody is told";
    });
    EXPECT_TRUE(root.request_stop());
    EXPECT_TRUE(child.stop_requested());
    EXPECT_TRUE(grandchild.stop_requested());
    EXPECT_TRUE(token.stop_requested());
    EXPECT_EQ(calls, 1);
}

// TestChildFinishesFirst; cancel_child_token_without_parent.
TEST(stop_node, request_leaves_what_is_above_and_beside) {
    const stop_node root;
    const stop_node child = root.child(), other = root.child();
    child.request_stop();
    EXPECT_FALSE(root.stop_requested());
    EXPECT_FALSE(other.stop_requested());
    EXPECT_FALSE(root.cause());
}

// TestCause; G-CX-4: the first cause is kept, and goes down with the request.
TEST(stop_node, keeps_the_first_cause) {
    const stop_node root;
    const stop_node early = root.child(), late = root.child();
    EXPECT_TRUE(early.request_stop({errc::closed, "mine"}));
    EXPECT_TRUE(root.request_stop({errc::limit_exceeded, "all"}));
    EXPECT_FALSE(root.request_stop({errc::closed, "again"}));
    EXPECT_TRUE(is(root.cause(), errc::limit_exceeded));
    EXPECT_TRUE(is(late.cause(), errc::limit_exceeded));
    EXPECT_STREQ(late.cause().operation(), "all");
    EXPECT_TRUE(is(early.cause(), errc::closed));
}

// TestAlreadyDone, G-CX-7; create_child_token_after_parent_was_cancelled.
TEST(stop_node, child_of_a_stopped_node_is_born_stopped) {
    const stop_node root;
    root.request_stop({errc::closed, "over"});
    const stop_node child = root.child();
    EXPECT_TRUE(child.stop_requested());
    EXPECT_TRUE(is(child.cause(), errc::closed));
    EXPECT_TRUE(child.child().token().stop_requested());
    EXPECT_FALSE(child.request_stop());
}

TEST(stop_node, token_made_after_the_request_is_stopped) {
    const stop_node node;
    node.request_stop();
    EXPECT_TRUE(node.token().stop_requested());
    bool called = false;
    const node_callback callback(node, [&] { called = true; });
    EXPECT_TRUE(called);
}

TEST(stop_node, token_is_the_same_each_time) {
    const stop_node node;
    EXPECT_TRUE(node.token() == node.token());
    EXPECT_FALSE(node.token() == stop_node().token());
}

// Children hold their parents (drop_parent_before_child_tokens): handles may go in any order.
TEST(stop_node, lives_as_long_as_a_node_below) {
    std::optional<stop_node> root(std::in_place);
    std::optional<stop_node> middle(root->child());
    const stop_node leaf = middle->child();
    middle.reset();
    root->request_stop();
    root.reset();
    EXPECT_TRUE(leaf.stop_requested());
}

TEST(stop_node, long_chain_needs_no_recursion) {
    const stop_node root;
    {
        stop_node deepest = root.child();
        for (int i = 0; i < 100'000; ++i)
            deepest = deepest.child();
        root.request_stop();
        EXPECT_TRUE(deepest.stop_requested());
    }
}

// TestRemoveChild / TestWithCancelCanceledParent: what is gone or stopped takes itself out, wherever it is in the list.
TEST(stop_node, stopped_and_dropped_children_leave_their_parent) {
    const stop_node root;
    std::vector<std::optional<stop_node>> children;
    for (int i = 0; i < 100; ++i)
        children.emplace_back(root.child());
    for (std::size_t i = 0; i < children.size(); i += 3)
        children[i]->request_stop();
    for (std::size_t i = 0; i < children.size(); i += 2)
        children[i].reset();
    root.request_stop();
    for (const auto& child : children)
        EXPECT_TRUE(!child || child->stop_requested());
}

// ---- callbacks

// TestInterlockedCancels: a callback may stop what is above it, and what is stopped may stop its parent again.
TEST(stop_node, callback_may_use_the_tree) {
    const stop_node root;
    const stop_node child = root.child();
    bool again = true, born_stopped = false;
    const node_callback callback(child, [&] {
        again = root.request_stop({errc::closed, "from below"});
        born_stopped = root.child().stop_requested();
    });
    EXPECT_TRUE(child.request_stop());
    EXPECT_TRUE(again);
    EXPECT_TRUE(born_stopped);
    EXPECT_TRUE(is(root.cause(), errc::closed));
}

TEST(stop_node, callback_may_destroy_itself_and_the_last_handle) {
    auto node = std::make_unique<stop_node>();
    const stop_node root;
    *node = root.child();
    int calls = 0;
    using callback = node_callback<std::function<void()>>;
    std::unique_ptr<callback> own;
    own = std::make_unique<callback>(*node, [&] {
        ++calls;
        node.reset();
        own.reset();
    });
    root.request_stop();
    EXPECT_EQ(calls, 1);
    EXPECT_EQ(own, nullptr);
}

// The destructor returns only when the callback, on another thread, is over.
TEST(stop_node, destructor_of_a_callback_waits_for_it) {
    const stop_node node;
    std::atomic<bool> entered{false}, may_leave{false}, left{false};
    std::optional<node_callback<std::function<void()>>> callback(std::in_place, node, [&] {
        entered = true;
        entered.notify_all();
        may_leave.wait(false);
        left = true;
    });
    std::thread asker([&] { node.request_stop(); });
    entered.wait(false);
    may_leave = true;
    may_leave.notify_all();
    callback.reset();
    EXPECT_TRUE(left.load());
    asker.join();
}

// ---- with std::stop_token

TEST(stop_node, follows_a_token_of_the_standard_library) {
    std::stop_source source;
    const stop_node node(source.get_token());
    const stop_node child = node.child();
    EXPECT_FALSE(node.stop_requested());
    source.request_stop();
    EXPECT_TRUE(child.stop_requested());
    EXPECT_TRUE(is(child.cause(), errc::stopped));
    EXPECT_TRUE(stop_node(source.get_token()).stop_requested()); // and one that is stopped already
    EXPECT_FALSE(stop_node(std::stop_token()).stop_requested());
}

TEST(stop_node, that_follows_may_be_dropped_from_a_callback) {
    std::stop_source source;
    std::optional<stop_node> node(std::in_place, source.get_token());
    const std::stop_callback drop(node->token(), [&] { node.reset(); });
    source.request_stop();
    EXPECT_FALSE(node.has_value());
}

TEST(stop_node, has_no_deadline_unless_given) { EXPECT_FALSE(stop_node().child().deadline()); }

// TestSimultaneousCancels: a random tree is stopped from many threads while it grows and shrinks. All of it is stopped
// at the end, and every callback ran once.
TEST(stop_node, many_threads_stop_one_tree) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        std::mt19937 random(seed);
        const stop_node root;
        std::vector<stop_node> nodes{root};
        for (int i = 0; i < 60; ++i)
            nodes.push_back(nodes[random() % nodes.size()].child());
        std::atomic<int> calls{0};
        std::vector<std::unique_ptr<node_callback<std::function<void()>>>> callbacks;
        for (const stop_node& n : nodes)
            callbacks.push_back(
                std::make_unique<node_callback<std::function<void()>>>(n, [&] { ++calls; }));
        std::vector<std::thread> threads;
        for (unsigned t = 0; t < 3; ++t) {
            threads.emplace_back([&, seed, t] {
                std::mt19937 mine(seed * 10 + t);
                for (int i = 0; i < 20; ++i) {
                    const stop_node& n = nodes[mine() % nodes.size()];
                    if (mine() % 2 == 0) {
                        n.request_stop();
                        EXPECT_TRUE(n.stop_requested());
                    } else {
                        const stop_node below = n.child();
                        (void)below.token();
                    }
                }
            });
        }
        for (std::thread& t : threads)
            t.join();
        root.request_stop();
        for (const stop_node& n : nodes)
            ASSERT_TRUE(n.stop_requested()) << "seed " << seed;
        EXPECT_EQ(calls.load(), static_cast<int>(nodes.size())) << "seed " << seed;
    }
}

} // namespace
} // namespace sennit
