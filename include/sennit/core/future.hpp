// The waist of the library: what a future is.
//
// A future is a value with `poll(context&)` that answers a `poll<T>`. Three rules bind its author, and
// nothing else does (R-FUT-1 to R-FUT-7):
//   1. It does nothing until it is polled, and poll never blocks.
//   2. Before it answers `pending` it has arranged that the waker of the *latest* poll is woken.
//   3. It may be moved until it is first polled, never after; its destructor withdraws it at any moment,
//      also while another thread is waking it.
// Polls that find nothing new are allowed: a driver may poll more often than it was woken.
#pragma once

#include <sennit/core/poll.hpp>
#include <sennit/core/waker.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {
template<class T>
inline constexpr bool is_poll = false;
template<class T>
inline constexpr bool is_poll<poll<T>> = true;
} // namespace detail

/// Satisfied by every type (or reference to one) with a `poll(context&)` that returns a `poll<T>`.
///
/// ```cpp
/// struct answer {
///     sennit::poll<int> poll(sennit::context&) { return 42; }
/// };
/// static_assert(sennit::future<answer>);
/// ```
template<class F>
concept future = requires(std::remove_reference_t<F>& f, context& cx) {
    f.poll(cx);
    requires detail::is_poll<decltype(f.poll(cx))>;
};

/// What a future yields when it is ready: the `T` of its `poll<T>`.
template<future F>
using future_output_t = typename decltype(std::declval<std::remove_reference_t<F>&>().poll(
    std::declval<context&>()))::value_type;

namespace detail {

// A future may offer `poll_alone`, called instead of the first `poll` when a flow waits for this future and
// nothing else. Joining uses it to run a child that has not started in place.
template<class F>
auto poll_first(F& f, context& cx) {
    if constexpr (requires { f.poll_alone(cx); }) {
        return f.poll_alone(cx);
    } else {
        return f.poll(cx);
    }
}

} // namespace detail
} // namespace sennit
