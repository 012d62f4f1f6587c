// What consumes a stream: tasks that run it to its end. `co_await` them, or `wait` for them in a fiber.
#pragma once

#include <sennit/coro/stream_pipe.hpp>
#include <sennit/coro/task.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit::streams {

namespace detail {

template<class S, class A, class Fn>
task<A> fold_task(S source, A value, Fn f) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return std::move(value);
        A step = std::invoke(f, std::move(value), std::move(*item));
        value = std::move(step);
    }
}
template<class S>
task<std::vector<stream_value_t<S>>> collect_task(S source) {
    std::vector<stream_value_t<S>> values;
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return std::move(values);
        values.push_back(std::move(*item));
    }
}
template<class S>
task<std::size_t> count_task(S source) {
    for (std::size_t n = 0;; ++n) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return n;
    }
}
template<class S, class Fn>
task<void> for_each_task(S source, Fn f) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        std::invoke(f, std::move(*item));
    }
}

} // namespace detail

/// `f(f(f(start, first), second), …)`.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto sum = sennit::wait(st::from_range(std::vector<int>{1, 2, 3}) | st::fold(0, std::plus<>()));  // 6
/// ```
template<stream_like S, class A, std::invocable<A, stream_value_t<S>> Fn>
task<A> fold(S&& source, A start, Fn f) {
    return detail::fold_task<detail::held_t<S>, A, Fn>(std::forward<S>(source), std::move(start),
                                                       std::move(f));
}
template<class A, class Fn>
auto fold(A start, Fn f) {
    return detail::pipe{[start = std::move(start), f = std::move(f)]<class S>(S&& s) mutable {
        return fold(std::forward<S>(s), std::move(start), std::move(f));
    }};
}

/// All values in a vector.
///
/// ```cpp
/// std::vector<int> ones = sennit::wait(sennit::streams::once(1) | sennit::streams::collect());
/// ```
template<stream_like S>
task<std::vector<stream_value_t<S>>> collect(S&& source) {
    return detail::collect_task<detail::held_t<S>>(std::forward<S>(source));
}
inline auto collect() {
    return detail::pipe{[]<class S>(S&& s) { return collect(std::forward<S>(s)); }};
}

/// How many values there are.
///
/// ```cpp
/// std::size_t n = sennit::wait(sennit::streams::once(1) | sennit::streams::count());  // 1
/// ```
template<stream_like S>
task<std::size_t> count(S&& source) {
    return detail::count_task<detail::held_t<S>>(std::forward<S>(source));
}
inline auto count() {
    return detail::pipe{[]<class S>(S&& s) { return count(std::forward<S>(s)); }};
}

/// Calls `f` for each value, one after the other.
///
/// ```cpp
/// sennit::wait(sennit::streams::once(1) | sennit::streams::for_each([](int n) { std::printf("%d\n", n); }));
/// ```
template<stream_like S, std::invocable<stream_value_t<S>> Fn>
task<void> for_each(S&& source, Fn f) {
    return detail::for_each_task<detail::held_t<S>, Fn>(std::forward<S>(source), std::move(f));
}
template<class Fn>
auto for_each(Fn f) {
    return detail::pipe{[f = std::move(f)]<class S>(S&& s) mutable {
        return for_each(std::forward<S>(s), std::move(f));
    }};
}

} // namespace sennit::streams
