// Streams of futures, several of which run side by side: buffered, buffer_unordered, for_each_concurrent.
//
// The futures run while a value is asked for, and only then (R-STR-5): a consumer that waits for something else between
// two values stops them. Spawn what must go on by itself.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/future_group.hpp>
#include <sennit/core/future_set.hpp>
#include <sennit/coro/stream_adaptors.hpp>

#include <cstddef>
#include <deque>
#include <functional>
#include <optional>
#include <utility>

namespace sennit::streams {

namespace detail {

// Asks a stream of futures for its next ones, as long as there is room.
template<class S>
class intake {
public:
    using future = stream_value_t<S>;

    explicit intake(S&& source) : source_(std::forward<S>(source)) {}
    bool is_ended() const noexcept { return ended_; }

    // Gives futures to `push` while `has_room()`, and asks for another turn after a good many.
    template<class HasRoom, class Push>
    void poll(context& cx, HasRoom has_room, Push push) {
        for (std::size_t count = 0; !ended_ && has_room(); ++count) {
            if (count == future_set_polls_max) return cx.yield();
            if (!next_) next_.emplace(next_of(source_));
            auto answer = next_->poll(cx);
            if (!answer.is_ready()) return;
            auto item = std::move(answer).take();
            next_.reset();
            ended_ = !item;
            if (item) push(std::move(*item));
        }
    }

private:
    S source_;
    std::optional<next_future_t<S>> next_;
    bool ended_ = false;
};

// The next value of up to `count` futures, whichever is ready first.
template<class S>
class unordered_buffer {
public:
    using value = typename future_set<stream_value_t<S>>::value_type;

    unordered_buffer(S&& source, std::size_t count)
        : intake_(std::forward<S>(source)), count_(count) {}
    unordered_buffer(const unordered_buffer&) = delete;
    unordered_buffer& operator=(const unordered_buffer&) = delete;

    sennit::poll<std::optional<value>> poll(context& cx) {
        intake_.poll(
            cx, [this] { return running_.size() < count_; },
            [this](auto&& f) { running_.push(std::move(f)); });
        if (running_.empty() && !intake_.is_ended()) return pending;
        return running_.poll_next(cx); // empty when nothing runs
    }

private:
    intake<S> intake_;
    future_set<stream_value_t<S>> running_;
    const std::size_t count_;
};

// The same in the order of the source. A value that overtook an earlier one counts as running.
template<class S>
class ordered_buffer {
    using future = stream_value_t<S>;
    using indexed = sennit::detail::indexed_future<future>;

public:
    using value = sennit::detail::stored_output_t<future>;

    ordered_buffer(S&& source, std::size_t count)
        : intake_(std::forward<S>(source)), count_(count) {}
    ordered_buffer(const ordered_buffer&) = delete;
    ordered_buffer& operator=(const ordered_buffer&) = delete;

    sennit::poll<std::optional<value>> poll(context& cx) {
        intake_.poll(
            cx, [this] { return window_.size() < count_; },
            [this](auto&& f) {
                sennit::detail::held_future<future> held(std::move(f));
                running_.push(indexed(first_ + window_.size(), std::move(held)));
                window_.emplace_back();
            });
        running_.poll_each(cx, [this](std::pair<std::size_t, value>&& found) {
            window_[found.first - first_].emplace(std::move(found.second));
            return found.first != first_;
        });
        if (window_.empty()) return at_end();
        if (!window_.front()) return pending;
        std::optional<value> front = std::move(window_.front());
        window_.pop_front();
        ++first_;
        return front;
    }

private:
    sennit::poll<std::optional<value>> at_end() const {
        if (intake_.is_ended()) return std::optional<value>();
        return pending;
    }

    intake<S> intake_;
    future_set<indexed> running_;
    std::deque<std::optional<value>> window_; // from the value that is due
    std::size_t first_ = 0;                   // its index
    const std::size_t count_;
};

template<class Buffer, class S>
stream<typename Buffer::value> buffer_stream(S source, std::size_t count) {
    Buffer running(std::forward<S>(source), count);
    for (;;) {
        auto item = co_await running;
        if (!item) co_return;
        co_yield std::move(*item);
    }
}
template<class S, class Fn>
task<void> for_each_concurrent_task(S source, std::size_t count, Fn f) {
    using futures = stream<mapped_t<S, Fn>>;
    unordered_buffer<futures> running(map_stream<S, Fn>(std::forward<S>(source), std::move(f)),
                                      count);
    for (;;) {
        auto item = co_await running;
        if (!item) co_return;
    }
}

/// A stream of futures.
template<class S>
concept stream_of_futures = stream_like<S> && future<stream_value_t<S>>;

inline constexpr const char* some_must_run = "let at least one future run at a time";

} // namespace detail

/// The values of a stream's futures, in the stream's order, with up to `count` of them side by side: running, or done
/// and waiting for an earlier one.
///
/// An exception drops those that run with the stream. Dropping the stream drops them all.
///
/// ```cpp
/// sennit::task<int> fetch(int n) { co_return n; }
/// auto pages() {
///     namespace st = sennit::streams;
///     return st::from_range(std::vector<int>{1, 2, 3}) | st::map(fetch) | st::buffered(2);
/// }
/// ```
/// Cost: a cell for each that runs; a wake polls one. Source: R-STR-2.
template<detail::stream_of_futures S>
auto buffered(S&& source, std::size_t count) {
    SENNIT_ASSERT(count != 0, detail::some_must_run);
    using held = detail::held_t<S>;
    return detail::buffer_stream<detail::ordered_buffer<held>, held>(std::forward<S>(source),
                                                                     count);
}
inline auto buffered(std::size_t count) {
    return detail::pipe{[count]<class S>(S&& s) { return buffered(std::forward<S>(s), count); }};
}

/// The same in the order in which they are ready. Those that are ready make room.
///
/// ```cpp
/// sennit::task<int> fetch(int n) { co_return n; }
/// auto pages() {
///     namespace st = sennit::streams;
///     return st::from_range(std::vector<int>{1, 2, 3}) | st::map(fetch) | st::buffer_unordered(2);
/// }
/// ```
template<detail::stream_of_futures S>
auto buffer_unordered(S&& source, std::size_t count) {
    SENNIT_ASSERT(count != 0, detail::some_must_run);
    using held = detail::held_t<S>;
    return detail::buffer_stream<detail::unordered_buffer<held>, held>(std::forward<S>(source),
                                                                       count);
}
inline auto buffer_unordered(std::size_t count) {
    return detail::pipe{
        [count]<class S>(S&& s) { return buffer_unordered(std::forward<S>(s), count); }};
}

/// A task that calls `f`, which returns a future, for each value, and lets up to `count` of the futures run side by
/// side. It is done when the source is at its end and all of them are. The first exception drops the rest.
///
/// ```cpp
/// sennit::task<void> serve(int) { co_return; }
/// sennit::task<void> serve_all(std::vector<int> clients) {
///     namespace st = sennit::streams;
///     co_await (st::from_range(std::move(clients)) | st::for_each_concurrent(2, serve));
/// }
/// ```
template<stream_like S, std::invocable<stream_value_t<S>> Fn>
task<void> for_each_concurrent(S&& source, std::size_t count, Fn f) {
    SENNIT_ASSERT(count != 0, detail::some_must_run);
    return detail::for_each_concurrent_task<detail::held_t<S>, Fn>(std::forward<S>(source), count,
                                                                   std::move(f));
}
template<class Fn>
auto for_each_concurrent(std::size_t count, Fn f) {
    return detail::pipe{[count, f = std::move(f)]<class S>(S&& s) mutable {
        return for_each_concurrent(std::forward<S>(s), count, std::move(f));
    }};
}

} // namespace sennit::streams
