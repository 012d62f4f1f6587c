// countdown: a number that flows wait to become zero; the core of latch and wait_group.
//
// Always true while lock_ is free: a waiter in the queue implies a count that is not zero.
// The step to zero is made under lock_, and whoever waits looks under lock_ too: so the counter is
// at rest when a waiter has seen zero, and the waiter may destroy it.
// Locks: lock_ is a leaf; wakers run after it is released.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <atomic>
#include <cstdint>

namespace sennit::detail {

class countdown {
public:
    explicit constexpr countdown(std::int64_t count) noexcept : count_(count) {}
    countdown(const countdown&) = delete;
    countdown& operator=(const countdown&) = delete;

    // Adds `n`, which may be negative. A sum below zero is an assertion with this advice.
    void add(std::int64_t n, const char* advice) noexcept;
    bool is_zero() const noexcept;
    std::int64_t count() const noexcept { return count_.load(std::memory_order_relaxed); }

private:
    friend class countdown_future;
    std::atomic<std::int64_t> count_; // written to zero, and from zero, under lock_ only
    mutable spin_lock lock_;
    list<sync_waiter> waiters_; // guarded by lock_
};

class [[nodiscard]] countdown_future : private sync_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit countdown_future(countdown& c) noexcept : countdown_(c) {}
    countdown_future(countdown_future&& other) noexcept : countdown_(other.countdown_) {}
    countdown_future& operator=(countdown_future&&) = delete;
    ~countdown_future();

    sennit::poll<void> poll(context& cx) noexcept;

private:
    countdown& countdown_;
};

} // namespace sennit::detail
