// What a worker waits in when nothing is runnable: the seams between exec and its siblings io and time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

namespace sennit {

class timer_node;

namespace detail {
class virtual_clock;
}

/// A source of time and of timers. One for each worker; every operation may be called from any thread.
class timer_driver {
public:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    virtual ~timer_driver() = default;
    /// Nanoseconds of the monotonic clock, or of the virtual one.
    virtual std::uint64_t now_ns() const noexcept = 0;
    /// Arms a timer that fires at or after `deadline_ns`. The node is not linked yet.
    virtual void insert(timer_node& node, std::uint64_t deadline_ns) noexcept = 0;
    /// Arms one that fires `duration_ns` (less than 2^63) from now or later. On its worker's own thread a driver may count from the
    /// worker's next look at the clock, to spare the timer one of its own: most are disarmed before that.
    virtual void insert_after(timer_node& node, std::uint64_t duration_ns) noexcept {
        insert(node, now_ns() + duration_ns);
    }
    /// What was armed so far counts from now, at the latest. For a worker that will not look for a while.
    virtual void settle() noexcept {}
    /// Disarms. Afterwards the timer does not fire and is not firing.
    virtual void remove(timer_node& node) noexcept = 0;
    /// When `fire` has to be called next; `never` when nothing is armed. Cheap: one load.
    virtual std::uint64_t next_deadline_ns() const noexcept = 0;
    /// Sets what is called when an insertion by another thread brings the next deadline forward.
    virtual void set_alarm(void (*alarm)(void*) noexcept, void* argument) noexcept = 0;
    static constexpr std::size_t unlimited = std::numeric_limits<std::size_t>::max();
    /// Fires what is due at `now_ns`, and returns how many. May stop when it has done `limit` timers' worth of work: then
    /// `next_deadline_ns()` is not after `now_ns`.
    virtual std::size_t fire(std::uint64_t now_ns, std::size_t limit = unlimited) noexcept = 0;

    /// The virtual clock that this driver reads; null: it reads the monotonic one.
    virtual detail::virtual_clock* virtual_time() const noexcept { return nullptr; }
    /// Asked by a worker on which every flow waits. A paused virtual clock moves to the next deadline, or
    /// to `limit_ns` if that is earlier, and the answer is true; elsewhere nothing happens.
    virtual bool skip_to_next(std::uint64_t limit_ns) noexcept {
        (void)limit_ns;
        return false;
    }
    /// False: `skip_to_next` would do nothing. Asked before the queues are looked at.
    virtual bool may_skip() const noexcept { return false; }
    /// While it is held, by work outside of the runtime that will wake a flow, a virtual clock does not skip.
    virtual void hold_time() noexcept {}
    virtual void let_time_go() noexcept {}
};

/// A source of readiness events. One for each executor; at most one thread polls it at a time.
class io_driver {
public:
    virtual ~io_driver() = default;
    /// Waits at most `timeout_ns` (0: not at all, `timer_driver::never`: without bound) and wakes what became
    /// ready; returns how many events there were.
    virtual std::size_t poll(std::uint64_t timeout_ns) noexcept = 0;
    /// Makes a blocked or the next blocking `poll` return. From any thread.
    virtual void interrupt() noexcept = 0;
    /// False while nothing is registered, so that a busy worker need not ask.
    virtual bool has_interest() const noexcept = 0;
};

namespace detail {

// One hold on the time of a driver, or none.
class time_hold {
public:
    time_hold() noexcept = default;
    explicit time_hold(timer_driver& timers) noexcept : timers_(&timers) { timers.hold_time(); }
    time_hold(time_hold&& other) noexcept : timers_(std::exchange(other.timers_, nullptr)) {}
    time_hold& operator=(time_hold&& other) noexcept {
        end();
        timers_ = std::exchange(other.timers_, nullptr);
        return *this;
    }
    ~time_hold() { end(); }

    bool is_held() const noexcept { return timers_ != nullptr; }
    void end() noexcept {
        if (timers_ != nullptr) std::exchange(timers_, nullptr)->let_time_go();
    }

private:
    timer_driver* timers_ = nullptr;
};

} // namespace detail
} // namespace sennit
