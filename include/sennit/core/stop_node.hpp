// The stop tree: nodes that are asked to stop together with everything below them.
//
// A node is stopped once and for ever, with a cause. That reaches, before request_stop() returns, all nodes below, the
// flows that belong to them, and the callbacks on their tokens (G-CX-2). It waits for none of them.
//
// Always true:
//   1. A node that is stopped has no children and no members: they were told and taken out.
//   2. A node below a stopped node is stopped, or is about to be told by the request that is under way.
//   3. cause_ and expired_ are written once, before stopped_ is set, and constant afterwards.
//   4. A child holds its parent; a parent knows its children but does not hold them.
// Locks: lock_ of each node is a leaf; a request takes one at a time, from the top down. Flows are woken and callbacks
// run after the whole subtree is marked, without a lock. So a callback may do with the tree what it likes.
//
// Who makes nodes: a user, for a part of the program that is to be stopped as a whole; a scope, below the flow that
// opened it; a flow, when it opens a scope or somebody asks for its token; a bound in time, when a scope opens inside.
#pragma once

#include <sennit/base/error.hpp>
#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/driver.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <utility>

namespace sennit {

class flow;

namespace detail {

class stop_state;

// A flow's place below a node. It enters the node's list when the flow first parks: one that never does costs no lock.
struct stop_member : list_node { // linked under the node's lock
    stop_state* node = nullptr;  // constant while the flow runs
    flow* self = nullptr;        // the flow, once it has entered
};

class stop_state : public list_node { // linked under the parent's lock
public:
    static constexpr std::uint64_t never = timer_driver::never;

    // Made with one reference. Null: a root. The earlier of both deadlines holds (G-CX-3).
    explicit stop_state(stop_state* parent, std::uint64_t deadline_ns = never) noexcept;
    stop_state(const stop_state&) = delete;
    stop_state& operator=(const stop_state&) = delete;
    virtual ~stop_state();

    void retain() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    // False when the last reference is gone: the node is being destroyed.
    [[nodiscard]] bool try_retain() noexcept;
    void release() noexcept;

    // The first request counts (G-CX-4); false when it was another. `expired`: a deadline has passed.
    bool request_stop(error cause, bool expired = false) noexcept;
    bool is_stopped() const noexcept {
        return stopped_.load(std::memory_order_acquire); // pairs with mark()
    }
    // Once it is stopped.
    const error& cause() const noexcept { return cause_; }
    bool is_expired() const noexcept { return is_stopped() && expired_; }
    std::uint64_t deadline_ns() const noexcept { return deadline_ns_; }
    // Stopped together with the node. The first call allocates.
    std::stop_token token();

    // The flow is told from now on; false: the node is stopped already. Undone by leave().
    [[nodiscard]] bool enter(stop_member& member, flow& self) noexcept;
    void leave(stop_member& member) noexcept;

private:
    friend class stop_wave;

    std::atomic<std::uint32_t> references_{1};
    spin_lock lock_;
    std::atomic<bool> stopped_{false}; // set under lock_
    bool expired_ = false;
    stop_state* const parent_;
    const std::uint64_t deadline_ns_;
    error cause_;
    std::stop_source source_{std::nostopstate}; // set under lock_
    list<stop_state> children_;                 // guarded by lock_
    list<stop_member> members_;                 // guarded by lock_
    // Chains of one request: those that it still has to mark, and those whose tokens it has to stop.
    stop_state *next_to_mark_ = nullptr, *next_to_fire_ = nullptr;
};

// A counted pointer to a node.
class stop_ref {
public:
    stop_ref() noexcept = default;
    // Takes the caller's reference over.
    explicit stop_ref(stop_state* adopted) noexcept : node_(adopted) {}
    static stop_ref share(stop_state* node) noexcept {
        if (node != nullptr) node->retain();
        return stop_ref(node);
    }
    stop_ref(const stop_ref& other) noexcept : stop_ref(share(other.node_)) {}
    stop_ref(stop_ref&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
    stop_ref& operator=(stop_ref other) noexcept {
        std::swap(node_, other.node_);
        return *this;
    }
    ~stop_ref() {
        if (node_ != nullptr) node_->release();
    }

    stop_state* get() const noexcept { return node_; }
    stop_state* operator->() const noexcept { return node_; }
    stop_state& operator*() const noexcept { return *node_; }
    explicit operator bool() const noexcept { return node_ != nullptr; }

private:
    stop_state* node_ = nullptr;
};

std::optional<std::chrono::steady_clock::time_point> time_of_deadline(std::uint64_t ns) noexcept;

} // namespace detail

/// A node of a stop tree: what can be asked to stop as a whole. Copies mean the same node; it lives as long as somebody
/// refers to it or to a node below it.
///
/// ```cpp
/// sennit::stop_node service;
/// sennit::stop_node request = service.child();
/// std::stop_token token = request.token();
/// service.request_stop();
/// bool all = request.stop_requested() && token.stop_requested(); // true
/// ```
/// Cost: one allocation for each node, another one for its token; a request visits every node below. Source: G-CX-1 to G-CX-7.
class stop_node {
public:
    using time_point = std::chrono::steady_clock::time_point;

    /// A root: nothing stops it but its own request.
    stop_node() : node_(new detail::stop_state(nullptr)) {}
    /// A node that is stopped with `token`, as by `request_stop()`; also when that has happened already.
    ///
    /// ```cpp
    /// std::stop_source source;
    /// sennit::stop_node node(source.get_token());
    /// source.request_stop();
    /// bool stopped = node.stop_requested(); // true
    /// ```
    explicit stop_node(std::stop_token token);

    /// A node below this one. Below a stopped node it is born stopped, with the same cause (G-CX-7).
    stop_node child() const {
        return stop_node(detail::stop_ref(new detail::stop_state(node_.get())));
    }

    /// Stops this node and all below, with a cause for those who ask; returns true for the first request, false for
    /// later ones, which change nothing (they may return while the first is still on its way).
    ///
    /// From any flow or thread, also from a callback. Callbacks run here, on the caller's stack, as with
    /// `std::stop_source`: they must not wait.
    bool request_stop(error cause = {errc::stopped, "stop_node"}) const noexcept {
        return node_->request_stop(std::move(cause));
    }
    bool stop_requested() const noexcept { return node_->is_stopped(); }
    /// Why; no error as long as it was not asked to stop. `errc::timed_out` when a deadline passed.
    error cause() const noexcept { return node_->is_stopped() ? node_->cause() : error(); }
    /// When it will be stopped at the latest; the earliest of the deadlines above. Empty: never.
    std::optional<time_point> deadline() const noexcept {
        return detail::time_of_deadline(node_->deadline_ns());
    }
    /// A token that is stopped with this node, for `std::stop_callback`, locks and everything else that takes one.
    std::stop_token token() const { return node_->token(); }

    friend bool operator==(const stop_node& a, const stop_node& b) noexcept {
        return a.node_.get() == b.node_.get();
    }

    /// For the library's own parts.
    explicit stop_node(detail::stop_ref node) noexcept : node_(std::move(node)) {}
    const detail::stop_ref& ref() const noexcept { return node_; }

private:
    detail::stop_ref node_;
};

} // namespace sennit
