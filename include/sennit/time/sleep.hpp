// Sleeping: the future of a moment.
//
// `word_` says everything about the state:
//   after, steady, system  not polled yet; deadline_ns holds the limit's number, and what it means
//   otherwise              armed: the flow to wake
//   fired                  ready; the entry is idle
//
// poll and the firing thread meet in word_ alone. poll writes the flow with a compare-and-swap once
// the timer is armed, the firing thread takes it with an exchange for `fired`: either poll comes
// first, and its flow is the one that is woken, or the exchange does, and poll finds `fired`. The
// exchange is the last access of the firing thread to the future, so whoever has seen `fired` may
// destroy it without asking the timers.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/time/timer_entry.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sennit {

/// A future that is ready at a moment. Made by `async_sleep_for` and `async_sleep_until`.
///
/// It uses the timers of the worker that polls it first, also if it is polled and destroyed
/// elsewhere later. Dropping it disarms the timer; nothing of it is running then. Once ready it
/// stays ready. May be moved until it is first polled.
/// Cost: 64 bytes, no allocation; one `timer_driver::insert`, and one `remove` if it is dropped
/// early.
///
/// ```cpp
/// sennit::sleep_future nap = sennit::async_sleep_for(std::chrono::milliseconds(1));
/// sennit::wait(nap);
/// ```
class [[nodiscard]] sleep_future : private timer_entry {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit sleep_future(detail::time_limit limit) noexcept;
    sleep_future(sleep_future&& other) noexcept;
    sleep_future& operator=(sleep_future&&) = delete;
    ~sleep_future();

    sennit::poll<void> poll(context& cx) noexcept;

private:
    enum : std::uintptr_t { fired = 1, after = 2, steady = 3, system = 4, last_mark = system };

    static void on_fire(timer_entry& entry) noexcept;
    sennit::poll<void> start(std::uintptr_t seen, std::uintptr_t mine) noexcept;

    std::atomic<std::uintptr_t> word_;
};

/// Waits at least `d`, counted from the call; not at all when `d` is zero or negative. Whatever is
/// too long for the clock is for ever.
///
/// Throws `stopped` when the flow is asked to stop, or a bound around it expires, meanwhile. Late
/// by up to 16.4 us and what the scheduler adds.
///
/// ```cpp
/// sennit::sleep_for(std::chrono::milliseconds(1));
/// ```
/// Cost: a timer; no thread stands still but a plain one. Source: G-TM-2.
template<class Rep, class Period>
void sleep_for(std::chrono::duration<Rep, Period> d) {
    wait(sleep_future(detail::limit_of(d)));
}

/// Waits until `t`, a point of the steady or of the system clock; not at all when it has passed. As
/// `sleep_for` in all else. When the system clock is set meanwhile, the length of the sleep stays.
///
/// ```cpp
/// sennit::sleep_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(1));
/// sennit::sleep_until(std::chrono::system_clock::now() + std::chrono::milliseconds(1));
/// ```
template<class Clock, class Duration>
    requires detail::is_known_clock<Clock>
void sleep_until(std::chrono::time_point<Clock, Duration> t) {
    wait(sleep_future(detail::limit_of(t)));
}

/// A future that is ready when `d` has passed since it was first polled: a future does nothing
/// before that. Ready at once when `d` is zero or negative.
///
/// ```cpp
/// sennit::task<void> nap() { co_await sennit::async_sleep_for(std::chrono::milliseconds(1)); }
/// ```
template<class Rep, class Period>
sleep_future async_sleep_for(std::chrono::duration<Rep, Period> d) {
    return sleep_future(detail::limit_of(d));
}

/// A future that is ready at `t`, a point of the steady or of the system clock.
///
/// ```cpp
/// sennit::task<void> until(std::chrono::steady_clock::time_point t) {
///     co_await sennit::async_sleep_until(t);
/// }
/// ```
template<class Clock, class Duration>
    requires detail::is_known_clock<Clock>
sleep_future async_sleep_until(std::chrono::time_point<Clock, Duration> t) {
    return sleep_future(detail::limit_of(t));
}

static_assert(future<sleep_future>);

} // namespace sennit
