// timer: one moment that can be moved, and waited for by whoever likes. ticker: a row of them.
//
// Neither holds a place in the timers' queue. The object is a deadline behind a lock; each future
// that waits carries a sleep_future of its own, and asks again when it wakes. That is how no stale
// value can be seen after stop() or reset() (G-TM-3): whether the moment has come is decided when
// somebody asks, and it is asked of the deadline that holds now. A timer that nobody waits for costs
// nothing, and one that is dropped has nothing to withdraw.
//
// Always true while lock_ is free: the queue holds the futures that slept towards deadline_ when it
// was last looked at. A change of the deadline releases all of them; they come back.
// Locks: lock_ is a leaf; wakers run after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/time/runtime_clock.hpp>
#include <sennit/time/sleep.hpp>

#include <chrono>
#include <cstdint>
#include <optional>

namespace sennit {

namespace detail {

struct moment_waiter : list_node {
    waker wake;                // guarded by the core's lock_
    std::uint64_t version = 0; // its owner's: the deadline that `sleep` is for
    bool entered = false;      // its owner's
    std::optional<sleep_future> sleep;
};

// What timer and ticker share. `period_ns` is 0 for a timer.
class moment_core {
public:
    enum class missed : std::uint8_t { skip, burst, delay };
    static constexpr std::uint64_t never = timer_driver::never;

    moment_core(std::uint64_t period_ns, missed policy) noexcept
        : policy_(policy), period_(period_ns) {}
    moment_core(const moment_core&) = delete;
    moment_core& operator=(const moment_core&) = delete;

    // True when it was active.
    bool set(std::uint64_t deadline_ns, std::uint64_t period_ns) noexcept;
    // The moment, in nanoseconds of the runtime's clock, when it has come; it is then used up.
    std::optional<std::uint64_t> poll(moment_waiter& w, context& cx) noexcept;
    void drop(moment_waiter& w) noexcept;

private:
    void go_on(std::uint64_t now) noexcept;

    const missed policy_;
    spin_lock lock_;
    std::uint64_t period_;           // guarded by lock_
    std::uint64_t deadline_ = never; // guarded by lock_
    std::uint64_t version_ = 1;      // guarded by lock_; counts changes of the deadline
    list<moment_waiter> waiters_;    // guarded by lock_
};

// The deadline of a limit counted from now, on the clock of the current flow; never 0.
std::uint64_t moment_of(time_limit limit) noexcept;
// The same as a point in time; the last one there is when the limit is never reached.
runtime_clock::time_point point_after(time_limit limit) noexcept;

} // namespace detail

/// The future of `timer::async_wait` and `ticker::async_tick`. Yields the moment that it waited for.
/// Dropping it loses nothing: the tick or the firing stays for the next who asks.
///
/// ```cpp
/// sennit::timer soon(std::chrono::milliseconds(1));
/// sennit::runtime_clock::time_point due = sennit::wait(soon.async_wait());
/// ```
class [[nodiscard]] moment_future : private detail::moment_waiter {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit moment_future(detail::moment_core& core) noexcept : core_(core) {}
    moment_future(moment_future&& other) noexcept : core_(other.core_) {}
    moment_future& operator=(moment_future&&) = delete;
    ~moment_future() {
        if (entered) core_.drop(*this);
    }

    sennit::poll<runtime_clock::time_point> poll(context& cx) noexcept;

private:
    detail::moment_core& core_;
};

/// A moment that can be moved. It fires once: one `wait` returns, others go on waiting until it is
/// reset and fires again.
///
/// After `stop` or `reset` has returned no wait sees the earlier moment any more, also if it had
/// come already. In `select` use `on(t.async_wait(), f)`. Any number of flows may wait, stop and reset.
///
/// ```cpp
/// sennit::timer t(std::chrono::seconds(1));
/// bool was_active = t.reset(std::chrono::milliseconds(1));  // true
/// t.wait();
/// was_active = t.stop();  // false: it has fired, and that was taken
/// ```
/// Cost: nothing while nobody waits; a `sleep_future` in each wait. Source: G-TM-3, G-TM-4.
class timer {
public:
    /// Not active: `wait` waits until somebody resets it.
    timer() noexcept : core_(0, detail::moment_core::missed::skip) {}
    /// Fires when `d` has passed from now.
    template<class Rep, class Period>
    explicit timer(std::chrono::duration<Rep, Period> d) : timer() {
        (void)reset(d);
    }

    /// Fires when `d` has passed from now, and not at the moment set before. True when that one had
    /// not been waited for to its end.
    template<class Rep, class Period>
    bool reset(std::chrono::duration<Rep, Period> d) {
        return core_.set(detail::moment_of(detail::limit_of(d)), 0);
    }
    template<class Clock, class Duration>
    bool reset(std::chrono::time_point<Clock, Duration> t) {
        return core_.set(detail::moment_of(detail::limit_of(t)), 0);
    }
    /// Does not fire. True when it prevented that: nobody had taken the moment.
    bool stop() noexcept { return core_.set(detail::moment_core::never, 0); }

    /// Waits until it fires; the moment for which it was set. Throws `stopped`.
    runtime_clock::time_point wait() { return sennit::wait(async_wait()); }
    moment_future async_wait() noexcept { return moment_future(core_); }

private:
    detail::moment_core core_;
};

/// What a ticker does about ticks that nobody took in time.
///
/// ```cpp
/// sennit::ticker pulse(std::chrono::milliseconds(10), sennit::missed_ticks::delay);
/// ```
enum class missed_ticks : std::uint8_t {
    skip,  ///< one late tick, then the next multiple of the period. Go's: slow receivers lose ticks
    burst, ///< all of them, at once, until it has caught up (tokio's default)
    delay, ///< one late tick, then a whole period from there
};

/// A tick for each period, the first one period after it was made or reset.
///
/// Each tick goes to one wait. After `stop` or `reset` has returned no earlier tick is seen.
///
/// ```cpp
/// sennit::ticker pulse(std::chrono::milliseconds(1));
/// for (int i = 0; i < 3; ++i) pulse.tick();
/// pulse.stop();
/// ```
/// Cost: as `timer`. A period of zero or less is an assertion. Source: G-TM-3, G-TM-5, R-TM-4.
class ticker {
public:
    template<class Rep, class Period>
    explicit ticker(std::chrono::duration<Rep, Period> period,
                    missed_ticks policy = missed_ticks::skip)
        : core_(0, static_cast<detail::moment_core::missed>(policy)) {
        reset(period);
    }

    /// The next tick comes one new period from now.
    template<class Rep, class Period>
    void reset(std::chrono::duration<Rep, Period> period) {
        set_period(detail::limit_of(period));
    }
    /// No more ticks until it is reset.
    void stop() noexcept { (void)core_.set(detail::moment_core::never, 0); }

    /// Waits for the next tick; the moment at which it was due. Throws `stopped`.
    runtime_clock::time_point tick() { return wait(async_tick()); }
    moment_future async_tick() noexcept { return moment_future(core_); }

private:
    void set_period(detail::time_limit period);

    detail::moment_core core_;
};

/// A future of the moment at which `d` has passed, counted from this call (where `async_sleep_for`
/// counts from its first poll); that is now when `d` is zero or negative. For `select`: `on(after(1s), f)`.
///
/// ```cpp
/// auto patience = sennit::after(std::chrono::milliseconds(1));
/// sennit::wait(patience);
/// ```
class [[nodiscard]] after_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit after_future(runtime_clock::time_point t) noexcept
        : when_(t), sleep_(detail::limit_of(t)) {}

    sennit::poll<runtime_clock::time_point> poll(context& cx) noexcept {
        if (!sleep_.poll(cx).is_ready()) return pending;
        return when_;
    }

private:
    runtime_clock::time_point when_;
    sleep_future sleep_;
};

template<class Rep, class Period>
after_future after(std::chrono::duration<Rep, Period> d) {
    return after_future(detail::point_after(detail::limit_of(d)));
}

} // namespace sennit
