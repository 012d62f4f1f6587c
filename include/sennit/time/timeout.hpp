// Bounds in time: of one future, and of everything that a piece of code waits for.
//
// timeout() is a future around a future. with_timeout() knows no futures: it hangs a mark on the
// flow, and every wait of the flow looks at the marks before it goes to sleep
// (detail::stop_reason). Its timer sets the mark and wakes the flow; a flow that is awake polls
// once more, so what is ready is delivered, and then leaves through `stopped`, whose cause is
// `errc::timed_out`, or by that error where a result is returned.
//
// Whose bound it was. A bound turns a passing `stopped` into its own `errc::timed_out` if the cause
// is a bound and its mark is set. When two nested bounds have both expired, the inner one takes it,
// and the code between the two goes on to its next wait, where the outer one strikes again. A
// request to stop has another cause and passes through every bound.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/base/result.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/stop.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/time/sleep.hpp>
#include <sennit/time/timer_entry.hpp>

#include <chrono>
#include <concepts>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

// What becomes of a T when time may run out first: T, if it is a result already, else result<T>. A
// reference travels in a std::reference_wrapper.
template<class T>
struct bounded {
    using type = result<T>;
};
template<class T>
struct bounded<T&> {
    using type = result<std::reference_wrapper<T>>;
};
template<class T>
struct bounded<result<T>> {
    using type = result<T>;
};
template<class T>
using bounded_t = typename bounded<T>::type;

error timed_out_error(const char* operation) noexcept;

// The future inside a timeout: owned when it was given as an rvalue, else referred to.
template<class F>
class bounded_future {
public:
    explicit bounded_future(F&& f) : future_(std::in_place, std::move(f)) {}
    F& operator*() noexcept { return *future_; }
    bool has_value() const noexcept { return future_.has_value(); }
    void reset() noexcept { future_.reset(); }

private:
    std::optional<F> future_;
};
template<class F>
class bounded_future<F&> {
public:
    explicit bounded_future(F& f) noexcept : future_(&f) {}
    F& operator*() noexcept { return *future_; }
    bool has_value() const noexcept { return future_ != nullptr; }
    void reset() noexcept { future_ = nullptr; }

private:
    F* future_;
};

} // namespace detail

/// The future of `timeout` and `timeout_at`.
template<future F>
class [[nodiscard]] timeout_future {
public:
    // A future that was given as an lvalue outlives this one, with all that it has done so far.
    static constexpr cancel_safety cancel_class =
        std::is_lvalue_reference_v<F> ? cancel_safety::lossless : cancel_safety_of<F>;

    using output = detail::bounded_t<future_output_t<F>>;

    timeout_future(detail::time_limit limit, F&& f) : future_(std::forward<F>(f)), sleep_(limit) {}
    timeout_future(timeout_future&&) = default;
    timeout_future& operator=(timeout_future&&) = delete;

    sennit::poll<output> poll(context& cx) {
        SENNIT_ASSERT(future_.has_value(), "this future was ready: it is not polled again");
        auto answer = (*future_).poll(cx);
        if (answer.is_ready()) return take(std::move(answer));
        if (!sleep_.poll(cx).is_ready()) return pending;
        future_.reset();
        return output(std::unexpect, detail::timed_out_error("timeout"));
    }

private:
    static output take(sennit::poll<future_output_t<F>>&& answer) {
        if constexpr (std::is_void_v<future_output_t<F>>) {
            return output();
        } else {
            return output(std::move(answer).take());
        }
    }

    detail::bounded_future<F> future_;
    sleep_future sleep_;
};

/// A future of `result<T>` that is ready when `f`, a future of `T`, is, or when `d` has passed
/// since the first poll: then it yields `errc::timed_out`. A future of `result<T>` is not wrapped
/// again.
///
/// `f` is polled first: a value that is there beats the clock, and with a `d` of zero or less `f`
/// is polled once. On time-out `f` is destroyed before the error is seen, so its operation is
/// withdrawn and whatever was granted to it is passed on. Given as an lvalue, `f` is not owned: it
/// must outlive the timeout, stays as it is on time-out, and may be waited for again.
///
/// ```cpp
/// sennit::event never;
/// auto answer = sennit::wait(sennit::timeout(std::chrono::milliseconds(1), never.async_wait()));
/// bool late = !answer && is(answer.error(), sennit::errc::timed_out);  // true
/// ```
/// Cost: a `sleep_future` beside `f`; no timer is armed when `f` is ready at the first poll.
template<class Rep, class Period, future F>
timeout_future<F> timeout(std::chrono::duration<Rep, Period> d, F&& f) {
    return {detail::limit_of(d), std::forward<F>(f)};
}

/// `timeout`, until a point of the steady or of the system clock.
///
/// ```cpp
/// const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
/// auto answer = sennit::wait(sennit::timeout_at(until, sennit::async_yield()));
/// ```
template<class Clock, class Duration, future F>
    requires detail::is_known_clock<Clock>
timeout_future<F> timeout_at(std::chrono::time_point<Clock, Duration> t, F&& f) {
    return {detail::limit_of(t), std::forward<F>(f)};
}

namespace detail {

// One bound, on the frame of with_timeout, between its construction and destruction on the same
// flow. The firing thread's last access to it is the store to `expired`.
class time_bound_scope : private time_bound, private timer_entry {
public:
    explicit time_bound_scope(time_limit limit);
    time_bound_scope(const time_bound_scope&) = delete;
    time_bound_scope& operator=(const time_bound_scope&) = delete;
    ~time_bound_scope();

    // In a handler of `stopped`: true when the exception ends here, as this bound's time-out.
    [[nodiscard]] bool takes(const stopped& exception) noexcept;

private:
    static void on_fire(timer_entry& entry) noexcept;

    flow& flow_;
};

template<class Fn>
bounded_t<std::invoke_result_t<Fn>> call_bounded(time_limit limit, Fn&& f) {
    using output = bounded_t<std::invoke_result_t<Fn>>;
    time_bound_scope bound(limit);
    try {
        if constexpr (std::is_void_v<std::invoke_result_t<Fn>>) {
            std::invoke(std::forward<Fn>(f));
            return output();
        } else {
            return output(std::invoke(std::forward<Fn>(f)));
        }
    } catch (const stopped& exception) {
        if (!bound.takes(exception)) throw;
    }
    return output(std::unexpect, timed_out_error("with_timeout"));
}

} // namespace detail

/// Calls `f` on the current flow and bounds everything it waits for: once `d` has passed, the next
/// wait that would have to sleep fails. Where a `result` is returned it returns `errc::timed_out`,
/// elsewhere it throws `stopped`, which unwinds to here and becomes the answer `errc::timed_out`.
///
/// Returns what `f` returns, as a `result` (a `result` is not wrapped again). If `f` returns, its
/// value is delivered, however late: computation is not bounded, and what is ready is still
/// received. Other exceptions pass through. Works on fibers, in tasks' plain functions and on plain
/// threads; bounds nest, and the first to expire decides. `shielded` code is not interrupted. The
/// continuation runs on the same flow, perhaps on another thread.
///
/// ```cpp
/// sennit::event never;
/// auto answer = sennit::with_timeout(std::chrono::milliseconds(1), [&] {
///     never.wait();
///     return 42;
/// });
/// bool late = !answer && is(answer.error(), sennit::errc::timed_out);  // true
/// ```
/// Cost: a timer, and one allocation at a flow's first bound. Source: Go's `context.WithTimeout`.
template<class Rep, class Period, std::invocable Fn>
auto with_timeout(std::chrono::duration<Rep, Period> d, Fn&& f) {
    return detail::call_bounded(detail::limit_of(d), std::forward<Fn>(f));
}

/// `with_timeout`, until a point of the steady or of the system clock.
///
/// ```cpp
/// const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(1);
/// auto answer = sennit::with_deadline(until, [] { sennit::this_flow::yield(); });
/// ```
template<class Clock, class Duration, std::invocable Fn>
    requires detail::is_known_clock<Clock>
auto with_deadline(std::chrono::time_point<Clock, Duration> t, Fn&& f) {
    return detail::call_bounded(detail::limit_of(t), std::forward<Fn>(f));
}

} // namespace sennit
