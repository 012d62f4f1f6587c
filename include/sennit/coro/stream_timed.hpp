// Adaptors of streams that look at the clock: timeout, throttle, chunks_timeout.
//
// The clock is that of the flow that asks for values, so virtual time works.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/base/result.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/time_wait.hpp>
#include <sennit/coro/stream_pipe.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <utility>
#include <vector>

namespace sennit::streams {

namespace detail {

using sennit::detail::limit_from_now;
using sennit::detail::limit_of;
using sennit::detail::time_limit;
using sennit::detail::time_wait;

// A future of a moment.
struct moment {
    explicit moment(time_wait& w) noexcept : wait(&w) {}
    sennit::poll<void> poll(context& cx) noexcept {
        if (!wait->poll(cx)) return pending;
        return sennit::poll<void>::ready();
    }
    time_wait* wait;
};

// A stream's answer, empty when the moment came first. What is there beats the clock.
template<class Next>
class next_within {
    using answer = std::optional<future_output_t<Next>>;

public:
    next_within(Next& next, time_wait& wait) noexcept : next_(&next), wait_(&wait) {}
    sennit::poll<answer> poll(context& cx) {
        auto item = next_->poll(cx);
        if (item.is_ready()) return answer(std::in_place, std::move(item).take());
        if (!wait_->poll(cx)) return pending;
        return answer();
    }

private:
    Next* next_;
    time_wait* wait_;
};

template<class S>
stream<result<stream_value_t<S>>> timeout_stream(S source, time_limit limit) {
    using value = result<stream_value_t<S>>;
    for (;;) {
        auto next = next_of(source);
        std::optional<time_wait> bound;
        bound.emplace(limit_from_now(limit));
        next_within<next_future_t<S>> waiting(next, *bound);
        auto item = co_await waiting;
        bound.reset();
        if (!item) {
            value late(std::unexpect, errc::timed_out, "streams::timeout");
            co_yield std::move(late);
            item.emplace(co_await next);
        }
        if (!*item) co_return;
        value there(std::move(**item));
        co_yield std::move(there);
    }
}
template<class S>
stream<stream_value_t<S>> throttle_stream(S source, time_limit limit) {
    for (;;) {
        auto next = next_of(source);
        auto item = co_await next;
        if (!item) co_return;
        time_wait pause(limit_from_now(limit));
        co_yield std::move(*item);
        moment over(pause);
        co_await over;
    }
}
template<class S>
stream<std::vector<stream_value_t<S>>> chunks_timeout_stream(S source, std::size_t size,
                                                             time_limit limit) {
    std::optional<next_future_t<S>> next; // lives on when a chunk is handed out before it is ready
    for (bool ended = false; !ended;) {
        std::vector<stream_value_t<S>> chunk;
        std::optional<time_wait> bound; // from the first value on
        while (chunk.size() < size) {
            if (!next) next.emplace(next_of(source));
            future_output_t<next_future_t<S>> item;
            if (bound) {
                next_within<next_future_t<S>> waiting(*next, *bound);
                auto within = co_await waiting;
                if (!within) break;
                if (*within) item.emplace(std::move(**within));
            } else {
                auto first = co_await *next;
                if (first) item.emplace(std::move(*first));
                bound.emplace(limit_from_now(limit));
            }
            next.reset();
            ended = !item;
            if (ended) break;
            chunk.push_back(std::move(*item));
        }
        bound.reset();
        if (!chunk.empty()) co_yield std::move(chunk);
    }
}

} // namespace detail

/// Each value as a `result`; `errc::timed_out` when a value takes longer than `d` from when it was asked for. After that
/// error the stream waits for the value without a bound: whoever asks again gets it, whoever has enough stops asking.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto bounded = st::once(1) | st::timeout(std::chrono::seconds(1));
/// ```
/// Source: tokio-stream's `timeout`.
template<stream_like S, class Rep, class Period>
auto timeout(S&& source, std::chrono::duration<Rep, Period> d) {
    return detail::timeout_stream<detail::held_t<S>>(std::forward<S>(source), detail::limit_of(d));
}
template<class Rep, class Period>
auto timeout(std::chrono::duration<Rep, Period> d) {
    return detail::pipe{[d]<class S>(S&& s) { return timeout(std::forward<S>(s), d); }};
}

/// The values, with at least `d` between one and the next: the source is not asked earlier.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto slow = st::repeat(1) | st::throttle(std::chrono::milliseconds(10));
/// ```
/// Source: tokio-stream's `throttle`.
template<stream_like S, class Rep, class Period>
auto throttle(S&& source, std::chrono::duration<Rep, Period> d) {
    return detail::throttle_stream<detail::held_t<S>>(std::forward<S>(source), detail::limit_of(d));
}
template<class Rep, class Period>
auto throttle(std::chrono::duration<Rep, Period> d) {
    return detail::pipe{[d]<class S>(S&& s) { return throttle(std::forward<S>(s), d); }};
}

/// `chunks(size)`, but a chunk is not held back for longer than `d` after its first value. The time counts only while
/// somebody asks.
///
/// ```cpp
/// namespace st = sennit::streams;
/// auto batches = st::once(1) | st::chunks_timeout(100, std::chrono::milliseconds(10));
/// ```
/// Source: tokio-stream's `chunks_timeout`.
template<stream_like S, class Rep, class Period>
auto chunks_timeout(S&& source, std::size_t size, std::chrono::duration<Rep, Period> d) {
    SENNIT_ASSERT(size != 0, "a chunk holds at least one value");
    return detail::chunks_timeout_stream<detail::held_t<S>>(std::forward<S>(source), size,
                                                            detail::limit_of(d));
}
template<class Rep, class Period>
auto chunks_timeout(std::size_t size, std::chrono::duration<Rep, Period> d) {
    return detail::pipe{
        [size, d]<class S>(S&& s) { return chunks_timeout(std::forward<S>(s), size, d); }};
}

} // namespace sennit::streams
