// The children of a scope or a join_set that run now, so that all of them can be asked to stop.
//
// A child enters itself when it starts and leaves before it ends; both happen on the child's own flow. So spawning takes
// no lock, and a flow that is in the list has not ended: its header may be used under lock_. A child that starts when
// the stop was requested already finds that out as it enters.
//
// To ask a flow to stop means two things: its state word, which may make the caller the one who has to queue it, and the
// stop_source that somebody may have asked it for, whose callbacks are user code. Both are collected under lock_, in
// batches, and done after it is released: a flow that has to be queued is ours until then, and a stop_source is a
// shared handle, so neither needs the child to stay.
//
// Locks: lock_, then a flow's stop_lock. Nothing is called under them.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/flow.hpp>

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
    child_registry() = default;
    child_registry(const child_registry&) = delete;
    child_registry& operator=(const child_registry&) = delete;

    // Asks those who run now, and everyone who starts later. Returns when all have been asked; does not wait for them.
    void request_stop() noexcept;
    bool is_stop_requested() const noexcept;

private:
    friend class running_child;
    // True when the child has to ask itself to stop.
    bool enter(running_child& child) noexcept;
    void leave(running_child& child) noexcept;

    mutable spin_lock lock_;
    bool stopping_ = false;       // guarded by lock_, as the lists
    list<running_child> running_; // not asked yet
    list<running_child> asked_;
};

} // namespace sennit::detail
