// A timer that knows what to do when it fires: what futures embed and timer drivers are given.
//
// Every node that is handed to a `timer_driver` by the library is the base of a timer_entry, and
// every driver may rely on it. An entry belongs to its owner but for two moments: from `insert` to
// `remove` the driver links it, and while the driver calls `fire` both see it. `fire` runs on any
// thread, without locks, after the node was unlinked; it may insert the entry again and it may let
// the owner destroy it, so a driver does not touch an entry after it called `fire`, and `fire`
// itself touches it last before it tells the owner.
#pragma once

#include <sennit/core/driver.hpp>
#include <sennit/time/timer_wheel.hpp>

#include <cstdint>

namespace sennit {

/// A timer and the function that is called when it is due. Embed it, or derive from it.
///
/// `fire` must not block or throw. Moving is allowed while the entry is idle. Whoever armed it
/// disarms it before it is destroyed, unless it knows that `fire` has run.
///
/// ```cpp
/// struct alarm : sennit::timer_entry {
///     alarm() : timer_entry(&ring) {}
///     static void ring(sennit::timer_entry& self) noexcept {
///         static_cast<alarm&>(self).rung = true;
///     }
///     bool rung = false;
/// };
/// sennit::timer_queue timers;
/// alarm tea;
/// tea.arm(timers, timers.now_ns() + 180'000'000'000);
/// tea.disarm();
/// ```
/// Cost: 56 bytes; nothing is allocated.
struct timer_entry : timer_node {
    explicit timer_entry(void (*on_fire)(timer_entry&) noexcept) noexcept : fire(on_fire) {}

    /// Fires at or after `when_ns` of the driver's clock. The entry must be idle.
    void arm(timer_driver& driver, std::uint64_t when_ns) noexcept {
        owner = &driver;
        driver.insert(*this, when_ns);
    }
    /// Fires `duration_ns` from now or later: see `timer_driver::insert_after`.
    void arm_after(timer_driver& driver, std::uint64_t duration_ns) noexcept {
        owner = &driver;
        driver.insert_after(*this, duration_ns);
    }
    /// Afterwards the entry is idle: `fire` is not running, unless this is called from within it,
    /// and will not run. Does nothing when the entry was never armed.
    void disarm() noexcept {
        if (owner != nullptr) owner->remove(*this);
    }

    void (*fire)(timer_entry&) noexcept;
    /// The driver of the last `arm`. Kept, since the owner may be destroyed on a thread with other
    /// timers.
    timer_driver* owner = nullptr;
    /// For the driver's use while the entry is armed.
    std::uint64_t deadline_ns = 0;
};

} // namespace sennit
