// Adaptors of streams that need no clock and run nothing side by side.
//
// Each is a stream whose coroutine asks its source. So all of them are lazy, hold nothing but what they say, end when
// their source does, pass exceptions on, and drop their source with themselves. Functions are called on the flow that
// asks for values.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/coro/stream_pipe.hpp>

#include <concepts>
#include <cstddef>
#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit::streams {

namespace detail {

template<class S, class Fn>
using mapped_t = std::remove_cvref_t<std::invoke_result_t<Fn&, stream_value_t<S>>>;

template<class S, class Fn>
stream<mapped_t<S, Fn>> map_stream(S source, Fn f) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::invoke(f, std::move(*item));
    }
}
template<class S, class Fn>
stream<future_output_t<mapped_t<S, Fn>>> then_stream(S source, Fn f) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        auto made = std::invoke(f, std::move(*item));
        auto value = co_await std::move(made);
        co_yield std::move(value);
    }
}
template<class S, class Fn>
stream<stream_value_t<S>> filter_stream(S source, Fn keep) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        if (std::invoke(keep, std::as_const(*item))) co_yield std::move(*item);
    }
}
template<class S, class Fn>
stream<typename mapped_t<S, Fn>::value_type> filter_map_stream(S source, Fn f) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        auto value = std::invoke(f, std::move(*item));
        if (value) co_yield std::move(*value);
    }
}
template<class S>
stream<stream_value_t<S>> take_stream(S source, std::size_t count) {
    for (; count != 0; --count) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}
template<class S, class Fn>
stream<stream_value_t<S>> take_while_stream(S source, Fn keep) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item || !std::invoke(keep, std::as_const(*item))) co_return;
        co_yield std::move(*item);
    }
}
template<class S>
stream<stream_value_t<S>> skip_stream(S source, std::size_t count) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        if (count != 0) {
            --count;
        } else {
            co_yield std::move(*item);
        }
    }
}
template<class S>
stream<std::vector<stream_value_t<S>>> chunks_stream(S source, std::size_t size) {
    for (bool ended = false; !ended;) {
        std::vector<stream_value_t<S>> chunk;
        while (!ended && chunk.size() < size) {
            auto next = next_of(source);
            auto item = co_await next;
            ended = !item;
            if (item) chunk.push_back(std::move(*item));
        }
        if (!chunk.empty()) co_yield std::move(chunk);
    }
}
template<class S>
stream<std::pair<std::size_t, stream_value_t<S>>> enumerate_stream(S source) {
    for (std::size_t index = 0;; ++index) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        std::pair<std::size_t, stream_value_t<S>> numbered(index, std::move(*item));
        co_yield std::move(numbered);
    }
}
// One value of each of two sources, or nothing as soon as one of them has ended.
template<class A, class B>
class zip_next {
    using value = std::pair<stream_value_t<A>, stream_value_t<B>>;

public:
    zip_next(std::remove_reference_t<A>& a, std::remove_reference_t<B>& b)
        : next_a_(next_of(a)), next_b_(next_of(b)) {}
    sennit::poll<std::optional<value>> poll(context& cx) {
        if (!a_ && !take(next_a_, a_, cx)) return ended();
        if (!b_ && !take(next_b_, b_, cx)) return ended();
        if (!a_ || !b_) return pending;
        return std::optional<value>(std::in_place, std::move(*a_), std::move(*b_));
    }

private:
    static sennit::poll<std::optional<value>> ended() { return std::optional<value>(); }
    // False at the end.
    template<class Next, class T>
    static bool take(Next& next, std::optional<T>& place, context& cx) {
        auto answer = next.poll(cx);
        if (!answer.is_ready()) return true;
        auto item = std::move(answer).take();
        if (!item) return false;
        place.emplace(std::move(*item));
        return true;
    }

    next_future_t<A> next_a_;
    next_future_t<B> next_b_;
    std::optional<stream_value_t<A>> a_;
    std::optional<stream_value_t<B>> b_;
};
template<class A, class B>
stream<std::pair<stream_value_t<A>, stream_value_t<B>>> zip_stream(A a, B b) {
    for (;;) {
        zip_next<A, B> next(a, b);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}
template<class A, class B>
stream<stream_value_t<A>> chain_stream(A a, B b) {
    for (;;) {
        auto next = next_of(a);
        auto item = co_await next;
        if (!item) break;
        co_yield std::move(*item);
    }
    for (;;) {
        auto next = next_of(b);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}

// One of two sources, as `merge_next` sees it. A next value that was asked for is kept, not asked for again.
template<class S>
struct merge_side {
    S source;
    std::optional<next_future_t<S>> next;
    bool ended = false;

    explicit merge_side(S&& s) : source(std::forward<S>(s)) {}

    // True when it has a value.
    template<class T>
    bool poll(context& cx, std::optional<T>& found) {
        if (ended) return false;
        if (!next) next.emplace(next_of(source));
        auto answer = next->poll(cx);
        if (!answer.is_ready()) return false;
        auto item = std::move(answer).take();
        next.reset();
        ended = !item;
        if (item) found.emplace(std::move(*item));
        return !ended;
    }
};
// The next value of either side; the sides take turns in being asked first.
template<class A, class B>
class merge_next {
    using value = std::optional<stream_value_t<A>>;

public:
    merge_next(merge_side<A>& a, merge_side<B>& b, bool& b_first) noexcept
        : a_(a), b_(b), b_first_(b_first) {}
    sennit::poll<value> poll(context& cx) {
        value found;
        const bool b_first = std::exchange(b_first_, !b_first_);
        const bool ready = b_first ? b_.poll(cx, found) || a_.poll(cx, found)
                                   : a_.poll(cx, found) || b_.poll(cx, found);
        if (!ready && !(a_.ended && b_.ended)) return pending;
        return found;
    }

private:
    merge_side<A>& a_;
    merge_side<B>& b_;
    bool& b_first_;
};
template<class A, class B>
stream<stream_value_t<A>> merge_stream(A a, B b) {
    merge_side<A> left(std::forward<A>(a));
    merge_side<B> right(std::forward<B>(b));
    bool right_first = false;
    for (;;) {
        merge_next<A, B> next(left, right, right_first);
        auto item = co_await next;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}

} // namespace detail

/// What `f` makes of each value. A future that `f` returns is a value like others; see `then` and `buffered`.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto doubled = st::from_range(std::vector<int>{1, 2}) | st::map([](int n) { return 2 * n; });
/// ```
template<stream_like S, std::invocable<stream_value_t<S>> Fn>
auto map(S&& source, Fn f) {
    return detail::map_stream<detail::held_t<S>, Fn>(std::forward<S>(source), std::move(f));
}
template<class Fn>
auto map(Fn f) {
    return detail::pipe{[f = std::move(f)]<class S>(S&& s) mutable {
        return map(std::forward<S>(s), std::move(f));
    }};
}

/// The output of the future that `f` makes of each value, one after the other.
///
/// ```cpp
/// sennit::task<int> twice(int n) { co_return 2 * n; }
/// auto doubled() { return sennit::streams::once(21) | sennit::streams::then(twice); }
/// ```
template<stream_like S, std::invocable<stream_value_t<S>> Fn>
auto then(S&& source, Fn f) {
    return detail::then_stream<detail::held_t<S>, Fn>(std::forward<S>(source), std::move(f));
}
template<class Fn>
auto then(Fn f) {
    return detail::pipe{[f = std::move(f)]<class S>(S&& s) mutable {
        return then(std::forward<S>(s), std::move(f));
    }};
}

/// The values for which `keep` is true.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto odd = st::from_range(std::vector<int>{1, 2, 3}) | st::filter([](int n) { return n % 2 != 0; });
/// ```
template<stream_like S, std::predicate<const stream_value_t<S>&> Fn>
auto filter(S&& source, Fn keep) {
    return detail::filter_stream<detail::held_t<S>, Fn>(std::forward<S>(source), std::move(keep));
}
template<class Fn>
auto filter(Fn keep) {
    return detail::pipe{[f = std::move(keep)]<class S>(S&& s) mutable {
        return filter(std::forward<S>(s), std::move(f));
    }};
}

/// What `f` makes of each value, if it makes something: `f` returns an optional.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto halves = st::from_range(std::vector<int>{1, 2}) | st::filter_map([](int n) {
///     return n % 2 == 0 ? std::optional<int>(n / 2) : std::nullopt;
/// });
/// ```
template<stream_like S, std::invocable<stream_value_t<S>> Fn>
auto filter_map(S&& source, Fn f) {
    return detail::filter_map_stream<detail::held_t<S>, Fn>(std::forward<S>(source), std::move(f));
}
template<class Fn>
auto filter_map(Fn f) {
    return detail::pipe{[f = std::move(f)]<class S>(S&& s) mutable {
        return filter_map(std::forward<S>(s), std::move(f));
    }};
}

/// The first `count` values. The source is not asked for another.
///
/// ```cpp
/// auto two = sennit::streams::repeat(1) | sennit::streams::take(2);
/// ```
template<stream_like S>
auto take(S&& source, std::size_t count) {
    return detail::take_stream<detail::held_t<S>>(std::forward<S>(source), count);
}
inline auto take(std::size_t count) {
    return detail::pipe{[count]<class S>(S&& s) { return take(std::forward<S>(s), count); }};
}

/// The values before the first for which `keep` is false; that one is taken from the source and dropped.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto small = st::from_range(std::vector<int>{1, 9, 2}) | st::take_while([](int n) { return n < 5; });
/// ```
template<stream_like S, std::predicate<const stream_value_t<S>&> Fn>
auto take_while(S&& source, Fn keep) {
    return detail::take_while_stream<detail::held_t<S>, Fn>(std::forward<S>(source),
                                                            std::move(keep));
}
template<class Fn>
auto take_while(Fn keep) {
    return detail::pipe{[f = std::move(keep)]<class S>(S&& s) mutable {
        return take_while(std::forward<S>(s), std::move(f));
    }};
}

/// All but the first `count` values.
///
/// ```cpp
/// auto last = sennit::streams::from_range(std::vector<int>{1, 2, 3}) | sennit::streams::skip(2);
/// ```
template<stream_like S>
auto skip(S&& source, std::size_t count) {
    return detail::skip_stream<detail::held_t<S>>(std::forward<S>(source), count);
}
inline auto skip(std::size_t count) {
    return detail::pipe{[count]<class S>(S&& s) { return skip(std::forward<S>(s), count); }};
}

/// Vectors of `size` values each, the last one perhaps shorter. What is in an unfinished chunk is lost when the source
/// throws.
///
/// ```cpp
/// auto pairs = sennit::streams::from_range(std::vector<int>{1, 2, 3}) | sennit::streams::chunks(2);
/// ```
template<stream_like S>
auto chunks(S&& source, std::size_t size) {
    SENNIT_ASSERT(size != 0, "a chunk holds at least one value");
    return detail::chunks_stream<detail::held_t<S>>(std::forward<S>(source), size);
}
inline auto chunks(std::size_t size) {
    return detail::pipe{[size]<class S>(S&& s) { return chunks(std::forward<S>(s), size); }};
}

/// Pairs of a number, from 0, and a value.
///
/// ```cpp
/// auto numbered = sennit::streams::once('a') | sennit::streams::enumerate();
/// ```
template<stream_like S>
auto enumerate(S&& source) {
    return detail::enumerate_stream<detail::held_t<S>>(std::forward<S>(source));
}
inline auto enumerate() {
    return detail::pipe{[]<class S>(S&& s) { return enumerate(std::forward<S>(s)); }};
}

/// Pairs of one value of each, asked for side by side. Ends with the first that ends; what the other yielded for that
/// pair is dropped.
///
/// ```cpp
/// auto pairs = sennit::streams::once(1) | sennit::streams::zip(sennit::streams::once('a'));
/// ```
template<stream_like A, stream_like B>
auto zip(A&& a, B&& b) {
    return detail::zip_stream<detail::held_t<A>, detail::held_t<B>>(std::forward<A>(a),
                                                                    std::forward<B>(b));
}
template<stream_like B>
auto zip(B&& b) {
    return detail::pipe{[b = detail::held<B>(std::forward<B>(b))]<class A>(A&& a) mutable {
        return zip(std::forward<A>(a), std::move(b).get());
    }};
}

/// The values of `a`, then those of `b`.
///
/// ```cpp
/// auto both = sennit::streams::once(1) | sennit::streams::chain(sennit::streams::once(2));
/// ```
template<stream_like A, stream_like B>
auto chain(A&& a, B&& b) {
    return detail::chain_stream<detail::held_t<A>, detail::held_t<B>>(std::forward<A>(a),
                                                                      std::forward<B>(b));
}
template<stream_like B>
auto chain(B&& b) {
    return detail::pipe{[b = detail::held<B>(std::forward<B>(b))]<class A>(A&& a) mutable {
        return chain(std::forward<A>(a), std::move(b).get());
    }};
}

/// The values of both as they come; when both have one, they take turns. Ends when both have.
///
/// ```cpp
/// auto both = sennit::streams::once(1) | sennit::streams::merge(sennit::streams::once(2));
/// ```
/// Source: tokio-stream's `merge`.
template<stream_like A, stream_like B>
    requires std::same_as<stream_value_t<A>, stream_value_t<B>>
auto merge(A&& a, B&& b) {
    return detail::merge_stream<detail::held_t<A>, detail::held_t<B>>(std::forward<A>(a),
                                                                      std::forward<B>(b));
}
template<stream_like B>
auto merge(B&& b) {
    return detail::pipe{[b = detail::held<B>(std::forward<B>(b))]<class A>(A&& a) mutable {
        return merge(std::forward<A>(a), std::move(b).get());
    }};
}

} // namespace sennit::streams
