// mutex: mutual exclusion between flows of every kind.
//
// The state word:
//
//   bit       set while
//   locked    somebody owns the mutex
//   waiting   the queue is not empty
//   woken     one waiter was taken out of the queue to try again, and has not tried yet
//   handing   a waiter was woken once and lost: the next unlock gives the mutex to the first in the
//             queue, without letting go of it
//
// Prohibitions: `handing` and `woken` are never set together; `handing` is set only while `locked`
// and `waiting` are. `waiting`, `woken` and `handing` are set and cleared under lock_ only;
// `locked` is set and cleared with a compare-and-swap by anybody, but cleared without lock_ only
// if nobody has to be woken: there is no waiter, or one is woken already.
//
// Whoever comes takes the mutex when it is free, also past the queue: the owner that locks again at
// once costs no switch. A waiter that was woken and lost to somebody is not passed again: G-SY-1's
// starvation mode, with a count of one in place of a millisecond, so no clock is read.
//
// Why no wake is lost: a waiter sets `waiting` with a compare-and-swap that saw `locked`, under
// lock_. So the owner's unlock comes later, its own compare-and-swap fails, and it takes lock_,
// which finds the waiter in the queue. Then `woken` stands until that waiter took the mutex, went
// back (seeing `locked` again: the same argument), or was dropped, which wakes the next.
//
// Why the last owner may destroy the mutex as soon as it has unlocked it, also while an earlier
// unlock has not returned: an unlock without lock_ ends with its compare-and-swap. One with lock_
// ends with the release of lock_, and before that it took out a waiter that has to take lock_ too
// before its lock or its drop is over. So somebody is still using the mutex until then.
// Model: tests/sync/mutex_model_test.cpp. Locks: lock_ is a leaf.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/limited.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <utility>

namespace sennit {

class mutex;

namespace detail {
struct mutex_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, woken, granted };
    waker wake;
    stage at = stage::idle; // guarded by the mutex's lock_
    bool entered = false;   // its owner's: it was queued and has not got the mutex yet
};
} // namespace detail

/// The future of `mutex::async_lock`. Yields a `std::unique_lock` that owns the mutex.
///
/// Dropping it withdraws it from the queue; if the mutex was given to it already, or its turn had
/// come, the next waiter gets it at once.
///
/// ```cpp
/// sennit::mutex m;
/// std::unique_lock guard = sennit::wait(m.async_lock());
/// ```
class [[nodiscard]] lock_future : private detail::mutex_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    explicit lock_future(mutex& m) noexcept : mutex_(m) {}
    lock_future(lock_future&& other) noexcept : mutex_(other.mutex_) {}
    lock_future& operator=(lock_future&&) = delete;
    ~lock_future() {
        if (entered) withdraw();
    }

    sennit::poll<std::unique_lock<mutex>> poll(context& cx) noexcept;

private:
    void withdraw() noexcept;

    mutex& mutex_;
};

/// A lock that parks the flow, not the thread. Usable with `std::lock_guard`, `std::unique_lock` and
/// `std::scoped_lock`. Not recursive. Another flow or thread than the one that locked may unlock
/// (Go's rule). 24 bytes.
///
/// A woken waiter is passed by others at most once; then the mutex is handed to it.
///
/// ```cpp
/// sennit::mutex m;
/// int shared = 0;
/// sennit::go([&] { std::lock_guard guard(m); ++shared; });
/// std::lock_guard guard(m);
/// ++shared;
/// ```
/// Cost: one compare-and-swap each for `lock` and `unlock` while nobody waits.
/// Source: G-SY-1, G-SY-9, R-SY-1.
class mutex {
public:
    constexpr mutex() noexcept = default;
    mutex(const mutex&) = delete;
    mutex& operator=(const mutex&) = delete;
    /// Nobody may own it or wait for it.
    ~mutex();

    /// Waits until the mutex is the caller's. Throws `stopped`; then it is not.
    void lock() { sennit::wait(async_lock()).release(); }
    /// Takes it if it is free. Never waits.
    [[nodiscard]] bool try_lock() noexcept;
    /// Gives it back. It must be locked.
    void unlock() noexcept;

    /// The same with a bound in time: false when that came first. Throws `stopped` when the flow
    /// itself is asked to stop.
    ///
    /// ```cpp
    /// sennit::mutex m;
    /// if (m.try_lock_for(std::chrono::milliseconds(1))) m.unlock();
    /// ```
    template<class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_lock(), {.limit = detail::limit_of(d)});
    }
    template<class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_within(async_lock(), {.limit = detail::limit_of(t)});
    }

    /// Waits for the mutex until the token is stopped: then the error is `errc::stopped`.
    ///
    /// ```cpp
    /// sennit::mutex m;
    /// std::stop_source source;
    /// if (auto guard = m.lock(source.get_token())) std::puts("locked until the end of this block");
    /// ```
    [[nodiscard]] result<std::unique_lock<mutex>> lock(std::stop_token token) {
        return sennit::wait(async_lock(std::move(token)));
    }

    /// A future of a `std::unique_lock` that owns the mutex.
    lock_future async_lock() noexcept { return lock_future(*this); }
    stoppable_future<lock_future> async_lock(std::stop_token token) {
        return {async_lock(), std::move(token), "mutex::lock"};
    }

private:
    friend class lock_future;
    static constexpr std::uint32_t locked = 1, waiting = 2, woken = 4, handing = 8;

    bool poll_slowly(detail::mutex_waiter& w, context& cx) noexcept;
    bool take_or_announce(std::uint32_t done, std::uint32_t announced) noexcept;
    void unlock_slowly() noexcept;
    void drop(detail::mutex_waiter& w) noexcept;
    void pass_on_wake(std::unique_lock<detail::spin_lock>& guard) noexcept;

    std::atomic<std::uint32_t> word_{0};
    detail::spin_lock lock_;
    list<detail::mutex_waiter> waiters_; // guarded by lock_
};

inline bool mutex::try_lock() noexcept {
    std::uint32_t seen = 0;
    // acquire: pairs with the release of unlock(), also in the slow ones
    if (word_.compare_exchange_strong(seen, locked, std::memory_order_acquire,
                                      std::memory_order_relaxed)) [[likely]] {
        return true;
    }
    while ((seen & locked) == 0) {
        if (word_.compare_exchange_weak(seen, seen | locked, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            return true;
        }
    }
    return false;
}

inline void mutex::unlock() noexcept {
    std::uint32_t seen = locked;
    // release: pairs with the acquire of whoever locks next
    if (!word_.compare_exchange_strong(seen, 0, std::memory_order_release,
                                       std::memory_order_relaxed)) [[unlikely]] {
        unlock_slowly();
    }
}

inline poll<std::unique_lock<mutex>> lock_future::poll(context& cx) noexcept {
    if (!entered && mutex_.try_lock()) [[likely]]
        return std::unique_lock<mutex>(mutex_, std::adopt_lock);
    if (mutex_.poll_slowly(*this, cx)) return std::unique_lock<mutex>(mutex_, std::adopt_lock);
    return pending;
}

static_assert(future<lock_future>);

} // namespace sennit
