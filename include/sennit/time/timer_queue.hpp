// The timers of one worker: the wheel behind a lock, and the number that its worker sleeps by.
//
// Always true while lock_ is free:
//   1. next_ is at or before the first rounded deadline in the wheel, unless somebody fires: that
//      one publishes the deadline before it ends.
//   2. due_ is empty unless somebody fires; firer_ is that thread. There is at most one: who comes
//      second returns.
//   3. firing_ is the entry whose `fire` runs, or null.
//   4. unsettled_ has what the worker's own thread armed for a while from now and nobody has related to the clock yet; while it is
//      not empty, next_ is 0. The worker looks at next_ between turns and before it sleeps, so it comes to fire() then, which
//      begins with these. They count from a reading of the clock that is later than their arming, so they are never early, and
//      late by no more than the time between two looks. Most timers are timeouts that are disarmed before: they cost two list
//      operations, and neither a reading of the clock nor a place in the wheel.
// Locks: lock_ is a leaf. Nothing but the wheel's arithmetic, at most piece_max nodes of it,
// happens under it; no `fire` and no alarm is called under it. That is why it spins and then
// yields: its holder can only be computing, or have been taken off its core.
//
// Why nobody oversleeps. The worker reads next_, finds v, and sleeps until v. Whoever lowers next_
// from another thread calls the alarm afterwards, and an alarm is not lost when it comes before the
// sleep (the worker's sleeper remembers). next_ goes down in `publish` alone, also where the wheel
// moves its answer to the start of a slot that has become crowded. So while the worker sleeps and
// no alarm was called next_ >= v, and an insertion before v does lower it.
//
// Why `remove` may be followed by destruction. Under the lock an entry is one of: linked (in the
// wheel or in due_), then remove unlinks it and nobody else knows it; firing, then firing_ names
// it, which was written in the same critical section that unlinked it, and remove waits, without
// the lock, until firing_ changes; or idle. The firer stores null in firing_ with release when
// `fire` has returned and never touches the entry again; remove's acquire load pairs with it, so
// all that `fire` did comes before the destruction. The wait is as long as one call of `fire`,
// which does not block. `fire` itself may call remove, directly or through a waker: firer_ is this
// thread, so remove returns at once, and the entry may be gone when `fire` returns. An entry that
// `fire` armed again is linked when remove looks again, hence the loop.
#pragma once

#include <sennit/base/spin_lock.hpp>
#include <sennit/core/driver.hpp>
#include <sennit/time/timer_entry.hpp>
#include <sennit/time/timer_wheel.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sennit {

/// The timers of one worker, by the monotonic clock or by a virtual one. Every node inserted is a `timer_entry`.
///
/// ```cpp
/// sennit::timer_queue timers;
/// std::printf("%d\n", timers.next_deadline_ns() == sennit::timer_driver::never);  // 1
/// timers.fire(timers.now_ns());
/// ```
/// Cost: `insert` and `remove` O(1), some 10 ns each on the worker's own thread; `insert_after` and its `remove` take less. A timer fires up
/// to 16.4 us (`timer_wheel::tick_ns`) after its deadline, by a virtual clock to 1 us; never before. Must be empty when it is
/// destroyed.
class timer_queue final : public timer_driver {
public:
    /// Nodes that are moved under the lock before others get a chance to take it.
    static constexpr std::size_t piece_max = 64;

    timer_queue() noexcept;
    /// By a virtual clock, which must outlive it.
    explicit timer_queue(detail::virtual_clock& clock) noexcept;

    std::uint64_t now_ns() const noexcept override;
    void insert(timer_node& node, std::uint64_t deadline_ns) noexcept override;
    void insert_after(timer_node& node, std::uint64_t duration_ns) noexcept override;
    void settle() noexcept override;
    /// Waits while another thread is inside the entry's `fire`; called from within it returns at
    /// once.
    void remove(timer_node& node) noexcept override;
    /// A lower bound; up to date but while somebody fires.
    std::uint64_t next_deadline_ns() const noexcept override {
        return next_.load(std::memory_order_acquire); // pairs with publish()
    }
    /// To be called before other threads use the queue.
    void set_alarm(void (*alarm)(void*) noexcept, void* argument) noexcept override;
    /// Fires what is due, first deadline first. Returns 0 while another thread, or an outer call,
    /// fires here. What is armed meanwhile for a moment in the past may be left for the next call.
    std::size_t fire(std::uint64_t now_ns, std::size_t limit = unlimited) noexcept override;
    detail::virtual_clock* virtual_time() const noexcept override { return clock_; }
    bool skip_to_next(std::uint64_t limit_ns) noexcept override;
    bool may_skip() const noexcept override;
    void hold_time() noexcept override;
    void let_time_go() noexcept override;

private:
    std::uint64_t to_wheel(std::uint64_t ns, bool up) const noexcept;
    std::uint64_t from_wheel(std::uint64_t ns) const noexcept;
    bool try_remove(timer_entry& entry) noexcept;
    void settle_all(std::unique_lock<detail::spin_lock>& guard) noexcept;
    std::uint64_t next_due() const noexcept;
    [[nodiscard]] bool publish(std::uint64_t next) noexcept;
    void fire_entry(timer_entry& entry) noexcept;
    void sound_alarm() noexcept;

    // constant once other threads use the queue
    detail::virtual_clock* const clock_ = nullptr;
    const std::uint64_t origin_ns_ = 0; // of a virtual clock
    void (*alarm_)(void*) noexcept = nullptr;
    void* alarm_argument_ = nullptr;

    // guarded by lock_
    detail::spin_lock lock_;
    const void* firer_ = nullptr;
    timer_list due_;
    timer_list unsettled_;
    timer_wheel wheel_;

    // written under lock_, but for the null that ends a firing; read by anybody
    std::atomic<timer_entry*> firing_{nullptr};
    std::atomic<std::uint64_t> next_{never};
};

} // namespace sennit
