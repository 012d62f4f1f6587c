// semaphore: a number of permits, taken and given back in any amount.
//
// All of the protocol stands in sync/permit_pool.hpp; this is its typed shell.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/limited.hpp>
#include <sennit/sync/permit_pool.hpp>

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <utility>

namespace sennit {

class semaphore;

/// Permits taken from a semaphore, given back by the destructor. Made by `async_acquire`.
///
/// ```cpp
/// sennit::semaphore slots(2);
/// sennit::semaphore_permit two = sennit::wait(slots.async_acquire(2));
/// sennit::semaphore_permit one = two.split(1);
/// two.merge(std::move(one));
/// two.forget();  // they do not come back
/// ```
class [[nodiscard]] semaphore_permit {
public:
    semaphore_permit() noexcept = default;
    semaphore_permit(semaphore& s, std::uint64_t count) noexcept : semaphore_(&s), count_(count) {}
    semaphore_permit(semaphore_permit&& other) noexcept
        : semaphore_(std::exchange(other.semaphore_, nullptr)),
          count_(std::exchange(other.count_, 0)) {}
    semaphore_permit& operator=(semaphore_permit&& other) noexcept {
        if (this != &other) {
            give_back();
            semaphore_ = std::exchange(other.semaphore_, nullptr);
            count_ = std::exchange(other.count_, 0);
        }
        return *this;
    }
    ~semaphore_permit() { give_back(); }

    std::uint64_t count() const noexcept { return count_; }
    /// Gives the permits back now.
    void give_back() noexcept;
    /// Takes `count` of them into a permit of their own.
    semaphore_permit split(std::uint64_t count) noexcept {
        SENNIT_ASSERT(count <= count_, "split off at most count() permits");
        count_ -= count;
        return {*semaphore_, count};
    }
    /// Takes those of another permit of the same semaphore.
    void merge(semaphore_permit&& other) noexcept {
        if (semaphore_ == nullptr) semaphore_ = other.semaphore_;
        SENNIT_ASSERT(other.semaphore_ == nullptr || semaphore_ == other.semaphore_,
                      "only permits of one semaphore can be merged");
        count_ += std::exchange(other.count_, 0);
    }
    /// Keeps them from being given back here; `semaphore::release` may do it by hand.
    void forget() noexcept { count_ = 0; }
    /// As `forget`: the name that `std::unique_lock` has for it.
    void release() noexcept { forget(); }

private:
    semaphore* semaphore_ = nullptr;
    std::uint64_t count_ = 0;
};

/// The future of `semaphore::async_acquire`. Dropping it withdraws the request, or gives back what
/// was granted to it.
///
/// ```cpp
/// sennit::semaphore slots(1);
/// sennit::semaphore_permit p = sennit::wait(slots.async_acquire());
/// ```
class [[nodiscard]] acquire_future : private detail::permit_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    acquire_future(semaphore& s, std::uint64_t n) noexcept : semaphore_(s) { count = n; }
    acquire_future(acquire_future&& other) noexcept : semaphore_(other.semaphore_) {
        count = other.count;
    }
    acquire_future& operator=(acquire_future&&) = delete;
    ~acquire_future();

    sennit::poll<semaphore_permit> poll(context& cx) noexcept;

private:
    semaphore& semaphore_;
};

/// A counting semaphore, strictly first come, first served, also for requests of several permits.
/// `acquire` and `release` as in `std::counting_semaphore`; any flow may release.
///
/// ```cpp
/// sennit::semaphore slots(8);
/// slots.acquire(3);
/// slots.release(3);
/// ```
/// Cost: one compare-and-swap for each call while nobody waits. Source: R-SY-2, golang/sync semaphore.
class semaphore {
public:
    /// `max`: how many permits there may be at all; more is an assertion.
    explicit semaphore(std::uint64_t permits,
                       std::uint64_t max = detail::permit_pool::permits_max) noexcept
        : pool_(permits, max) {
        SENNIT_ASSERT(permits <= max && max <= detail::permit_pool::permits_max,
                      "start with at most `max` permits, and at most 2^62");
    }

    /// Waits until `n` permits are the caller's. Throws `stopped`; then none is taken.
    void acquire(std::uint64_t n = 1) { wait(async_acquire(n)).forget(); }
    /// Never waits, and does not pass those who do.
    [[nodiscard]] bool try_acquire(std::uint64_t n = 1) noexcept { return pool_.try_acquire(n); }
    /// False when the time ran out first.
    template<class Rep, class Period>
    [[nodiscard]] bool try_acquire_for(std::chrono::duration<Rep, Period> d, std::uint64_t n = 1) {
        return detail::wait_within(async_acquire(n), {.limit = detail::limit_of(d)});
    }
    template<class Clock, class Duration>
    [[nodiscard]] bool try_acquire_until(std::chrono::time_point<Clock, Duration> t,
                                         std::uint64_t n = 1) {
        return detail::wait_within(async_acquire(n), {.limit = detail::limit_of(t)});
    }
    /// `errc::stopped` when the token is stopped first.
    [[nodiscard]] result<semaphore_permit> acquire(std::stop_token token, std::uint64_t n = 1) {
        return wait(async_acquire(std::move(token), n));
    }
    /// Gives permits back, or adds new ones.
    void release(std::uint64_t n = 1) noexcept {
        pool_.release(n, "more permits are released than the semaphore's maximum");
    }
    /// A snapshot.
    std::uint64_t available() const noexcept { return pool_.free(); }

    /// A future of a permit that gives itself back.
    acquire_future async_acquire(std::uint64_t n = 1) noexcept {
        SENNIT_ASSERT(n <= pool_.max(), "nobody can ever have more permits than the maximum");
        return {*this, n};
    }
    stoppable_future<acquire_future> async_acquire(std::stop_token token, std::uint64_t n = 1) {
        return {async_acquire(n), std::move(token), "semaphore::acquire"};
    }

private:
    friend class acquire_future;
    detail::permit_pool pool_;
};

inline void semaphore_permit::give_back() noexcept {
    if (count_ != 0) semaphore_->release(std::exchange(count_, 0));
}

inline acquire_future::~acquire_future() {
    if (entered) semaphore_.pool_.drop(*this);
}

inline poll<semaphore_permit> acquire_future::poll(context& cx) noexcept {
    if ((!entered && semaphore_.pool_.try_acquire(count)) || semaphore_.pool_.poll(*this, cx)) {
        return semaphore_permit(semaphore_, count);
    }
    return pending;
}

} // namespace sennit
