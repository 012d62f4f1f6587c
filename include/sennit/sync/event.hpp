// event: something that happens once, or again after a reset.
//
// Always true while lock_ is free: a linked waiter implies that the event is not set.
// Locks: lock_ is a leaf. Wakers are collected under it and woken after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>

#include <mutex>

namespace sennit {

class event;

namespace detail {
struct event_waiter : list_node {
    waker wake;
};
} // namespace detail

/// The future of `event::async_wait`. Dropping it withdraws it.
class [[nodiscard]] event_future : private detail::event_waiter {
public:
    explicit event_future(event& e) noexcept : event_(e) {}
    event_future(event_future&& other) noexcept : event_(other.event_) {}
    event_future& operator=(event_future&&) = delete;
    ~event_future();

    sennit::poll<void> poll(context& cx) noexcept;

private:
    friend class event;
    event& event_;
};

/// A flag that flows can wait for. Starts unset. Usable from every kind of flow in every pairing.
///
/// ```cpp
/// sennit::event done;
/// sennit::go([&] { done.set(); });
/// done.wait();
/// ```
class event {
public:
    event() = default;
    event(const event&) = delete;
    event& operator=(const event&) = delete;
    /// Nobody may wait any more. The last waiter may destroy it as soon as it was woken.
    ~event() = default;

    /// Sets the flag and wakes every waiter. What was written before is visible to them.
    void set() noexcept;
    /// Clears the flag. Waiters of before are not affected.
    void reset() noexcept;
    bool is_set() const noexcept;

    /// Waits until the flag is set. Throws `stopped`.
    void wait() { sennit::wait(async_wait()); }
    event_future async_wait() noexcept { return event_future(*this); }

private:
    friend class event_future;

    mutable std::mutex lock_;
    bool set_ = false;                   // guarded by lock_
    list<detail::event_waiter> waiters_; // guarded by lock_
};

} // namespace sennit
