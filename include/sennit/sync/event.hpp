// event: something that happens once, or again after a reset.
//
// Always true while lock_ is free: a waiter in the queue implies that the event is not set.
// Locks: lock_ is a leaf. Wakers are collected under it and woken after it is released.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/limited.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <chrono>
#include <stop_token>
#include <utility>

namespace sennit {

class event;

/// The future of `event::async_wait`. Dropping it withdraws it. Once ready it is not polled again.
///
/// ```cpp
/// sennit::event ready;
/// ready.set();
/// sennit::wait(ready.async_wait());
/// ```
class [[nodiscard]] event_future : private detail::sync_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit event_future(event& e) noexcept : event_(e) {}
    event_future(event_future&& other) noexcept : event_(other.event_) {}
    event_future& operator=(event_future&&) = delete;
    ~event_future();

    sennit::poll<void> poll(context& cx) noexcept;

private:
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
    /// Whoever waits now is let go, also if the event is reset before it runs.
    void set() noexcept;
    /// Clears the flag. Waiters of before are not affected.
    void reset() noexcept;
    bool is_set() const noexcept;

    /// Waits until the flag is set. Throws `stopped`.
    void wait() { sennit::wait(async_wait()); }
    /// With a bound in time: false when that came first.
    ///
    /// ```cpp
    /// sennit::event never;
    /// const bool came = never.wait_for(std::chrono::milliseconds(1));  // false
    /// ```
    template<class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_wait(), {.limit = detail::limit_of(d)});
    }
    template<class Clock, class Duration>
    [[nodiscard]] bool wait_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_within(async_wait(), {.limit = detail::limit_of(t)});
    }
    /// With a token: `errc::stopped` when it is stopped first.
    [[nodiscard]] result<void> wait(std::stop_token token) {
        return sennit::wait(async_wait(std::move(token)));
    }

    /// A future that is ready when the flag is set, or was while it waited.
    event_future async_wait() noexcept { return event_future(*this); }
    stoppable_future<event_future> async_wait(std::stop_token token) {
        return {async_wait(), std::move(token), "event::wait"};
    }

private:
    friend class event_future;

    mutable detail::spin_lock lock_;
    bool set_ = false;                  // guarded by lock_
    list<detail::sync_waiter> waiters_; // guarded by lock_
};

} // namespace sennit
