// The children of a scope or a join_set that run now, so that all of them can be asked to stop.
//
// A child enters itself when it starts and leaves before it ends; both happen on the child's own flow. So spawning takes
// no lock, and a flow that is in the list has not ended: its header may be used under lock_. A child that starts when
// the stop was requested already finds that out as it enters.
//
// To ask a flow to stop means two things: its state word, which may make the caller the one who has to queue it, and the
// node of the stop tree that it may have made, below which there are callbacks, that is, user code. Both are collected
// under lock_, in batches, and done after it is released: a flow that has to be queued is ours until then, and a node is
// counted, so neither needs the child to stay.
//
// When the flow that opens the scope is in a stop tree, the children are in it too: they start below a node of the scope,
// which gives them the deadline and the cause, and stops them with everything above.
//
// Locks: lock_, then a flow's own_lock. Nothing is called under them.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/stop_node.hpp>
#include <sennit/runtime/spawn.hpp>

#include <atomic>
#include <source_location>
#include <type_traits>
#include <utility>

namespace sennit::detail {

class child_registry;

// The child's entry. Lives on the child's stack or in its frame, and destroys itself out of the list.
class running_child : public list_node {
public:
    // Enters the flow that runs here.
    explicit running_child(child_registry& registry) noexcept;
    running_child(const running_child&) = delete;
    running_child& operator=(const running_child&) = delete;
    ~running_child() { leave(); }

    void leave() noexcept;
    flow& self() const noexcept { return *self_; }

private:
    child_registry* registry_;
    flow* self_;
};

class child_registry {
public:
    child_registry() : node_(node_for_children()) {}
    child_registry(const child_registry&) = delete;
    child_registry& operator=(const child_registry&) = delete;

    // Asks those who run now, and everyone who starts later. Returns when all have been asked; does not wait for them.
    void request_stop() noexcept;
    bool is_stop_requested() const noexcept;
    // Stopped by what is above in the tree, and not by a request to this.
    bool is_stopped_from_above() const noexcept {
        return node_ && node_->is_stopped() && !asked_itself_.load(std::memory_order_relaxed);
    }
    bool is_expired() const noexcept { return node_ && node_->is_expired(); }
    // A child that is about to be launched.
    void adopt(flow& child) {
        if (node_) child.start_below(*node_);
    }

private:
    friend class running_child;
    // True when the child has to ask itself to stop.
    bool enter(running_child& child) noexcept;
    void leave(running_child& child) noexcept;

    const stop_ref node_; // or none
    std::atomic<bool> asked_itself_{false};
    mutable spin_lock lock_;
    bool stopping_ = false;       // guarded by lock_, as the lists
    list<running_child> running_; // not asked yet
    list<running_child> asked_;
};

// Starts a child on the executor of the calling flow.
template<class Child>
auto launch_child(child_registry& children, const flow_options& options, Child child) {
    auto& cell = make_fiber(spawn_executor(), options, std::move(child));
    join_handle<std::invoke_result_t<Child>> handle(cell);
    children.adopt(cell);
    cell.launch();
    return handle;
}
template<class T>
join_handle<T> launch_child_task(child_registry& children, std::source_location site, task<T> t) {
    auto& cell = task_cell<T>::make(spawn_executor(), site, std::move(t));
    join_handle<T> handle(cell);
    children.adopt(cell);
    cell.launch();
    return handle;
}

} // namespace sennit::detail
