// wait(f): how code with a stack of its own drives a future. A blocking call is a park loop around a poll.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/stop.hpp>

#include <utility>

namespace sennit {

namespace detail {

enum class pause_result { woken, stopped, timed_out };

// Waits until the current flow is woken, unless it was asked to stop. Called after a poll that found nothing.
pause_result pause() noexcept;
// The same, deaf to stop.
void pause_shielded() noexcept;
// Gives others their turn once the budget is spent.
void spend_budget(thread_state& t) noexcept;
// Marks the flow as being unwound and throws `stopped`.
[[noreturn]] void throw_stopped(pause_result why);
error stop_error(pause_result why);

template<class T>
inline constexpr bool is_result = false;
template<class T>
inline constexpr bool is_result<result<T>> = true;

inline thread_state& begin_wait() {
    thread_state& t = this_thread();
    if (t.budget <= 1) [[unlikely]] {
        spend_budget(t);
        return this_thread();
    }
    --t.budget;
    return t;
}

} // namespace detail

/// Waits for a future and returns its value. Works in fibers, in plain functions called from coroutine tasks, and
/// on plain threads; no worker thread stands still.
///
/// When the flow is asked to stop while the future is pending, a future of `result<T>` yields the error
/// `errc::stopped` (or `errc::timed_out`), any other throws `stopped`; the future is withdrawn when the caller
/// destroys it. An exception thrown by the poll passes through. The continuation runs on the same flow, perhaps on
/// another thread.
///
/// ```cpp
/// sennit::event ready;
/// ready.set();
/// sennit::wait(ready.async_wait());
/// ```
/// Cost: one poll when the future is ready; else one park and one poll for each wake.
template<future F>
future_output_t<F> wait(F&& f) {
    detail::thread_state& t = detail::begin_wait();
    context cx{detail::current_flow(t)};
    {
        auto answer = detail::poll_first(f, cx);
        if (answer.is_ready()) return std::move(answer).take();
    }
    for (;;) {
        const detail::pause_result why = detail::pause();
        auto answer = f.poll(cx);
        if (answer.is_ready()) return std::move(answer).take();
        if (why != detail::pause_result::woken) [[unlikely]] {
            if constexpr (detail::is_result<future_output_t<F>>) {
                return std::unexpected(detail::stop_error(why));
            } else {
                detail::throw_stopped(why);
            }
        }
    }
}

namespace detail {

// wait() for code that must not be interrupted: destructors that have to see the end of something.
template<future F>
future_output_t<F> wait_shielded(F&& f) {
    context cx{current_flow(this_thread())};
    auto answer = poll_first(f, cx);
    while (!answer.is_ready()) {
        pause_shielded();
        answer = f.poll(cx);
    }
    return std::move(answer).take();
}

} // namespace detail
} // namespace sennit
