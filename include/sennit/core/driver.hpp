// What a worker waits in when nothing is runnable: the seams between exec and its siblings io and time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

namespace sennit {

class timer_node;

/// A source of time and of timers. One for each worker; every operation may be called from any thread.
class timer_driver {
public:
    static constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

    virtual ~timer_driver() = default;
    /// Nanoseconds of the monotonic clock, or of the virtual one.
    virtual std::uint64_t now_ns() const noexcept = 0;
    /// Arms a timer that fires at or after `deadline_ns`. The node is not linked yet.
    virtual void insert(timer_node& node, std::uint64_t deadline_ns) noexcept = 0;
    /// Disarms. Afterwards the timer does not fire and is not firing.
    virtual void remove(timer_node& node) noexcept = 0;
    /// When `fire` has to be called next; `never` when nothing is armed. Cheap: one load.
    virtual std::uint64_t next_deadline_ns() const noexcept = 0;
    /// Sets what is called when an insertion by another thread brings the next deadline forward.
    virtual void set_alarm(void (*alarm)(void*) noexcept, void* argument) noexcept = 0;
    /// Fires what is due at `now_ns`; returns how many.
    virtual std::size_t fire(std::uint64_t now_ns) noexcept = 0;
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

} // namespace sennit
