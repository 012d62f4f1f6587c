// shared_mutex: one writer, or many readers.
//
// A writer takes all the permits of a pool, a reader one of them. The pool serves strictly in order,
// so a waiting writer stops later readers (G-SY-2, R-SY-1), and all readers that wait in a row come
// in together. All of the protocol stands in sync/permit_pool.hpp.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/limited.hpp>
#include <sennit/sync/permit_pool.hpp>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <stop_token>
#include <utility>

namespace sennit {

class shared_mutex;

/// The futures of `shared_mutex::async_lock` and `async_lock_shared`; `Guard` is what they yield.
/// Dropping one withdraws it, or gives the lock that was granted to it to the next.
///
/// ```cpp
/// sennit::shared_mutex m;
/// std::shared_lock reader = sennit::wait(m.async_lock_shared());
/// ```
template<class Guard>
class [[nodiscard]] rw_lock_future : private detail::permit_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    rw_lock_future(shared_mutex& m, std::uint64_t permits) noexcept : mutex_(m) { count = permits; }
    rw_lock_future(rw_lock_future&& other) noexcept : mutex_(other.mutex_) { count = other.count; }
    rw_lock_future& operator=(rw_lock_future&&) = delete;
    ~rw_lock_future();

    sennit::poll<Guard> poll(context& cx) noexcept;

private:
    shared_mutex& mutex_;
};

/// A readers-writer lock that parks the flow. Usable with `std::shared_lock`, `std::unique_lock` and
/// friends. First come, first served; a reader that locks again while a writer waits deadlocks.
///
/// ```cpp
/// sennit::shared_mutex m;
/// { std::shared_lock reading(m); }
/// { std::lock_guard writing(m); }
/// ```
/// Cost: one compare-and-swap for each call while nobody waits. Source: G-SY-2, R-SY-1.
class shared_mutex {
public:
    /// Readers at a time.
    static constexpr std::uint64_t readers_max = std::uint64_t{1} << 30;

    using write_guard = std::unique_lock<shared_mutex>;
    using read_guard = std::shared_lock<shared_mutex>;

    shared_mutex() noexcept : pool_(readers_max, readers_max) {}

    /// Waits until nobody else has the lock. Throws `stopped`; then it is not locked.
    void lock() { sennit::wait(async_lock()).release(); }
    [[nodiscard]] bool try_lock() noexcept { return pool_.try_acquire(readers_max); }
    void unlock() noexcept {
        pool_.release(readers_max, "unlock of a shared_mutex that is not locked for writing");
    }
    /// Waits until no writer has the lock or waits for it. Throws `stopped`; then it is not locked.
    void lock_shared() { sennit::wait(async_lock_shared()).release(); }
    [[nodiscard]] bool try_lock_shared() noexcept { return pool_.try_acquire(1); }
    void unlock_shared() noexcept {
        pool_.release(1, "unlock_shared of a shared_mutex that is not locked for reading");
    }
    /// The writer becomes a reader; no other writer comes between.
    void downgrade() noexcept {
        pool_.release(readers_max - 1,
                      "downgrade of a shared_mutex that is not locked for writing");
    }

    /// With a bound in time: false when that came first.
    template<class Rep, class Period>
    [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_lock(), {.limit = detail::limit_of(d)});
    }
    template<class Clock, class Duration>
    [[nodiscard]] bool try_lock_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_within(async_lock(), {.limit = detail::limit_of(t)});
    }
    template<class Rep, class Period>
    [[nodiscard]] bool try_lock_shared_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_lock_shared(), {.limit = detail::limit_of(d)});
    }
    template<class Clock, class Duration>
    [[nodiscard]] bool try_lock_shared_until(std::chrono::time_point<Clock, Duration> t) {
        return detail::wait_within(async_lock_shared(), {.limit = detail::limit_of(t)});
    }
    /// With a token: `errc::stopped` when it is stopped first.
    [[nodiscard]] result<write_guard> lock(std::stop_token token) {
        return sennit::wait(async_lock(std::move(token)));
    }
    [[nodiscard]] result<read_guard> lock_shared(std::stop_token token) {
        return sennit::wait(async_lock_shared(std::move(token)));
    }

    /// Futures of a guard.
    rw_lock_future<write_guard> async_lock() noexcept { return {*this, readers_max}; }
    rw_lock_future<read_guard> async_lock_shared() noexcept { return {*this, 1}; }
    stoppable_future<rw_lock_future<write_guard>> async_lock(std::stop_token token) {
        return {async_lock(), std::move(token), "shared_mutex::lock"};
    }
    stoppable_future<rw_lock_future<read_guard>> async_lock_shared(std::stop_token token) {
        return {async_lock_shared(), std::move(token), "shared_mutex::lock_shared"};
    }

private:
    template<class>
    friend class rw_lock_future;
    detail::permit_pool pool_;
};

template<class Guard>
rw_lock_future<Guard>::~rw_lock_future() {
    if (entered) mutex_.pool_.drop(*this);
}

template<class Guard>
poll<Guard> rw_lock_future<Guard>::poll(context& cx) noexcept {
    if ((!entered && mutex_.pool_.try_acquire(count)) || mutex_.pool_.poll(*this, cx))
        return Guard(mutex_, std::adopt_lock);
    return pending;
}

} // namespace sennit
