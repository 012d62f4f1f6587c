// Wakers and contexts: how an event finds the flow that waits for it.
//
// A waker is one pointer to a flow's header. It is copied freely, is never counted and never has to be given
// back, because flow headers live in memory that keeps its type for ever (core/cell_pool.hpp): the worst that
// an outdated waker can do is to wake some other flow for nothing, which every future allows (R-FUT-4), or to
// look at a free header, whose state word says so. Memory of free headers is returned to the system with
// MADV_DONTNEED and then reads as zero, which is the state "free".
#pragma once

#include <sennit/core/flow_state.hpp>

namespace sennit {

class flow;

/// Wakes one flow. Eight bytes, trivially copyable, usable from every thread and at any later time.
///
/// Waking a flow that is gone, is running or was woken already is harmless. Several wakes may collapse into
/// one. Cost: one atomic operation, and a queue push when the flow was asleep. Call it after releasing locks.
///
/// ```cpp
/// sennit::waker w = sennit::waker::noop();
/// w.wake();
/// ```
class waker {
public:
    waker() noexcept = default;
    explicit waker(flow& f) noexcept : flow_(&f) {}

    /// A waker that wakes nobody.
    static waker noop() noexcept { return {}; }

    /// Makes the flow poll again. Never blocks, never throws.
    void wake() const noexcept;
    /// True when both wake the same flow, so that storing the waker again can be skipped (R-FUT-6).
    bool will_wake(waker other) const noexcept { return flow_ == other.flow_; }
    /// The flow behind it, to be kept in a word; null for a waker that wakes nobody.
    flow* target() const noexcept { return flow_; }
    explicit operator bool() const noexcept { return flow_ != nullptr; }

private:
    flow* flow_ = nullptr;
};

/// What a future gets to see of the flow that polls it.
class context {
public:
    explicit context(flow& f) noexcept : flow_(&f) {}
    context(const context&) = delete;
    context& operator=(const context&) = delete;

    /// The waker to leave where the event will find it.
    sennit::waker waker() const noexcept { return sennit::waker(*flow_); }
    /// Asks to be polled again after the other runnable flows had their turn. Use it before answering `pending`
    /// when no event is awaited; it is cheaper than waking oneself.
    void yield() noexcept;

private:
    flow* flow_;
};

} // namespace sennit
