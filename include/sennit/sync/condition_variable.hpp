// condition_variable: waiting for a change of what a mutex guards.
//
// A wait has two halves: in the queue without the mutex, then locking the mutex again. The future is
// in the queue before it unlocks, so no notification between the two is missed. A waiter is released
// in the order of arrival, and one that comes later cannot take its notification (G-SY-5).
// Locks: lock_ is a leaf; the user's mutex is unlocked after it is released.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/limited.hpp>
#include <sennit/sync/mutex.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <utility>

namespace sennit {

class condition_variable;

/// The future of `condition_variable::async_wait`: unlocks at the first poll, and is ready when it
/// was notified and has locked again.
///
/// Dropped before that it leaves the mutex unlocked, and hands a notification that was meant for it
/// alone to the next waiter: whoever tries again locks first and waits at the end of the queue.
///
/// ```cpp
/// sennit::task<void> until(sennit::mutex& m, sennit::condition_variable& c, bool& ready) {
///     std::unique_lock lock = co_await m.async_lock();
///     while (!ready) co_await c.async_wait(lock);
/// }
/// ```
class [[nodiscard]] condition_future : private detail::sync_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    condition_future(condition_variable& c, std::unique_lock<mutex>& lock) noexcept
        : condition_(c), guard_(lock) {}
    condition_future(condition_future&& other) noexcept
        : condition_(other.condition_), guard_(other.guard_) {}
    condition_future& operator=(condition_future&&) = delete;
    ~condition_future();

    sennit::poll<void> poll(context& cx) noexcept;

private:
    condition_variable& condition_;
    std::unique_lock<mutex>& guard_;
    std::optional<lock_future> locking_;
};

/// `std::condition_variable` for flows; works with `std::unique_lock<sennit::mutex>`.
///
/// Every `wait` locks the mutex again before it returns, and before it throws `stopped`. Like any of
/// its kind it may wake for nothing: wait with a predicate.
///
/// ```cpp
/// sennit::mutex m;
/// sennit::condition_variable changed;
/// bool ready = false;
/// sennit::go([&] { std::lock_guard lock(m); ready = true; changed.notify_one(); });
/// std::unique_lock lock(m);
/// changed.wait(lock, [&] { return ready; });
/// ```
/// Source: G-SY-5.
class condition_variable {
public:
    condition_variable() noexcept = default;
    condition_variable(const condition_variable&) = delete;
    condition_variable& operator=(const condition_variable&) = delete;

    /// Wakes the one that has waited longest, or all that wait now. With or without the mutex.
    void notify_one() noexcept;
    void notify_all() noexcept;

    /// Waits for a notification. The lock must be owned.
    void wait(std::unique_lock<mutex>& lock) { (void)wait_limited(lock, {}); }
    /// Waits until `ready()` is true, which is asked with the mutex locked.
    template<class Pred>
    void wait(std::unique_lock<mutex>& lock, Pred ready) {
        while (!ready())
            wait(lock);
    }
    /// The same until the token is stopped; returns `ready()`.
    template<class Pred>
    bool wait(std::unique_lock<mutex>& lock, std::stop_token token, Pred ready) {
        return wait_until_ready(lock, {.token = std::move(token)}, ready);
    }
    /// With a bound in time, without and with a predicate. The latter return `ready()`.
    template<class Rep, class Period>
    std::cv_status wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> d) {
        return wait_limited(lock, {.limit = detail::limit_of(d)}) ? std::cv_status::no_timeout
                                                                  : std::cv_status::timeout;
    }
    template<class Rep, class Period, class Pred>
    bool wait_for(std::unique_lock<mutex>& lock, std::chrono::duration<Rep, Period> d, Pred ready) {
        return wait_until_ready(lock, {.limit = detail::limit_from_now(detail::limit_of(d))},
                                ready);
    }
    template<class Clock, class Duration>
    std::cv_status wait_until(std::unique_lock<mutex>& lock,
                              std::chrono::time_point<Clock, Duration> t) {
        return wait_limited(lock, {.limit = detail::limit_of(t)}) ? std::cv_status::no_timeout
                                                                  : std::cv_status::timeout;
    }
    template<class Clock, class Duration, class Pred>
    bool wait_until(std::unique_lock<mutex>& lock, std::chrono::time_point<Clock, Duration> t,
                    Pred ready) {
        return wait_until_ready(lock, {.limit = detail::limit_of(t)}, ready);
    }
    /// Token and bound together.
    template<class Clock, class Duration, class Pred>
    bool wait_until(std::unique_lock<mutex>& lock, std::stop_token token,
                    std::chrono::time_point<Clock, Duration> t, Pred ready) {
        return wait_until_ready(lock, {std::move(token), detail::limit_of(t)}, ready);
    }

    /// A future of the next notification. `lock` must outlive it.
    condition_future async_wait(std::unique_lock<mutex>& lock) noexcept { return {*this, lock}; }

private:
    friend class condition_future;

    // False when a limit came first. The lock is owned in any case, also when it throws.
    bool wait_limited(std::unique_lock<mutex>& lock, detail::wait_limits limits);
    template<class Pred>
    bool wait_until_ready(std::unique_lock<mutex>& lock, const detail::wait_limits& limits,
                          Pred& ready) {
        while (!ready()) {
            if (!wait_limited(lock, limits)) return ready();
        }
        return true;
    }

    detail::spin_lock lock_;
    list<detail::sync_waiter> waiters_; // guarded by lock_
};

} // namespace sennit
