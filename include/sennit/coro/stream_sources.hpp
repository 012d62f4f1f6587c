// Streams from what is there already: ranges, single values, channels.
#pragma once

#include <sennit/coro/stream_pipe.hpp>

#include <iterator>
#include <type_traits>
#include <utility>

/// Sources, adaptors and consumers of streams. Each adaptor is called as `map(source, f)` or written `source | map(f)`.
namespace sennit::streams {

namespace detail {

template<class R>
using range_value_t =
    std::remove_cvref_t<decltype(*std::begin(std::declval<std::remove_reference_t<R>&>()))>;

template<class R, class T>
stream<T> range_stream(R range) {
    constexpr bool is_owned = !std::is_reference_v<R>;
    for (auto&& value : range) {
        if constexpr (is_owned) {
            co_yield std::move(value);
        } else {
            co_yield value;
        }
    }
}
template<class I, class E, class T>
stream<T> iterator_stream(I first, E last) {
    for (; first != last; ++first)
        co_yield *first;
}
template<class T>
stream<T> once_stream(T value) {
    co_yield std::move(value);
}
template<class T>
stream<T> repeat_stream(T value) {
    for (;;)
        co_yield value;
}
template<class S>
stream<stream_value_t<S>> any_stream(S source) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}

} // namespace detail

/// The values of a range: moved out of one that is given as an rvalue, copied from a named one, which must outlive the
/// stream.
///
/// ```cpp
/// int sum = 0;
/// for (int n : sennit::streams::from_range(std::vector<int>{1, 2, 3})) sum += n;  // 6
/// ```
template<class R>
    requires requires(std::remove_reference_t<R>& r) { std::begin(r) != std::end(r); }
stream<detail::range_value_t<R>> from_range(R&& range) {
    return detail::range_stream<R, detail::range_value_t<R>>(std::forward<R>(range));
}

/// The values from `first` to before `last`.
///
/// ```cpp
/// std::array<int, 3> numbers{1, 2, 3};
/// auto s = sennit::streams::iter(numbers.begin(), numbers.end());
/// ```
template<std::input_iterator I, std::sentinel_for<I> E>
stream<std::iter_value_t<I>> iter(I first, E last) {
    return detail::iterator_stream<I, E, std::iter_value_t<I>>(std::move(first), std::move(last));
}

/// One value.
///
/// ```cpp
/// auto s = sennit::streams::once(42);
/// ```
template<class T>
stream<T> once(T value) {
    return detail::once_stream<T>(std::move(value));
}

/// Copies of a value, for ever.
///
/// ```cpp
/// auto threes = sennit::streams::repeat(7) | sennit::streams::take(3);
/// ```
template<std::copy_constructible T>
stream<T> repeat(T value) {
    return detail::repeat_stream<T>(std::move(value));
}

/// Whatever yields values, a channel's receiver for one, as a `stream`. A named handle is copied, a named stream is
/// referred to. (Adaptors take all of them as they are.)
///
/// ```cpp
/// sennit::future_set<sennit::task<int>> set;
/// sennit::stream<int> s = sennit::streams::from(set);
/// ```
template<stream_like S>
stream<stream_value_t<S>> from(S&& source) {
    return detail::any_stream<detail::held_t<S>>(std::forward<S>(source));
}

} // namespace sennit::streams
