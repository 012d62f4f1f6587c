// barrier: a meeting point that a fixed number of flows passes together, again and again.
//
// Always true while lock_ is free: arrived_ < expected_, or expected_ is 0; the queue holds arrivals
// of the current phase only.
// Locks: lock_ is a leaf; wakers run after it is released.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <cstddef>

namespace sennit {

class barrier;

/// The future of `barrier::async_arrive_and_wait`. It arrives at its first poll. Dropping it before
/// the phase is complete takes the arrival back: nobody passes for one who has gone. Whoever tries
/// again arrives last.
///
/// ```cpp
/// sennit::barrier alone(1);
/// const bool leader = sennit::wait(alone.async_arrive_and_wait());  // true
/// ```
class [[nodiscard]] barrier_future : private detail::sync_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    explicit barrier_future(barrier& b) noexcept : barrier_(b) {}
    barrier_future(barrier_future&& other) noexcept : barrier_(other.barrier_) {}
    barrier_future& operator=(barrier_future&&) = delete;
    ~barrier_future();

    sennit::poll<bool> poll(context& cx) noexcept;

private:
    barrier& barrier_;
};

/// Lets `expected` flows go on together; then the next phase begins.
///
/// ```cpp
/// sennit::barrier meet(2);
/// sennit::go([&] { meet.arrive_and_wait(); });
/// meet.arrive_and_wait();
/// ```
/// Source: R-SY-4.
class barrier {
public:
    explicit barrier(std::ptrdiff_t expected) noexcept;

    /// Waits for the others. True for one flow of each phase, the last to arrive. Throws `stopped`;
    /// then the arrival is taken back.
    bool arrive_and_wait() { return wait(async_arrive_and_wait()); }
    /// Arrives for this phase and is not expected in the later ones.
    void arrive_and_drop() noexcept;
    barrier_future async_arrive_and_wait() noexcept { return barrier_future(*this); }

private:
    friend class barrier_future;

    detail::spin_lock lock_;
    std::ptrdiff_t expected_;           // guarded by lock_
    std::ptrdiff_t arrived_ = 0;        // guarded by lock_
    list<detail::sync_waiter> waiters_; // guarded by lock_
};

} // namespace sennit
