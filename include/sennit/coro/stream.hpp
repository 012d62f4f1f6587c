// stream<T>: the lazy generator that may wait, and what counts as a stream.
//
// A stream's frame is the outermost of a chain of its own (coro/promise.hpp), whose root lives with the stream and not
// with the frame that asks for values. So asking is a poll: a value that is there costs a call into the frame and back,
// and a `next()` that is given up halfway leaves the chain where it is, to be gone on with by the following one.
// The chain waits for the flow that polled last. A wake polls one leaf for each stream that stands on another, however
// many tasks lie between them.
//
// `co_yield` puts the value beside the root and suspends the frame as a yield does; the poll tells the two apart by
// whether there is a value.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>

#include <concepts>
#include <cstddef>
#include <iterator>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
class stream;

namespace detail {

template<class T>
struct stream_promise final : task_promise_base<void> {
    std::optional<T>* item = nullptr; // beside the root; set before the frame runs

    stream<T> get_return_object() noexcept;
    void return_void() noexcept { awaiter->set_how(outcome::value); }

    template<class U = T>
        requires std::is_constructible_v<T, U&&>
    yield_awaiter yield_value(U&& value) {
        item->emplace(std::forward<U>(value));
        return {*this, false};
    }
};

} // namespace detail

/// The future of `stream::next`. Refers to the stream, which must outlive it.
template<class T>
class [[nodiscard]] stream_next_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit stream_next_future(stream<T>& s) noexcept : stream_(&s) {}
    sennit::poll<std::optional<T>> poll(context& cx) { return stream_->poll_next(cx); }

private:
    stream<T>* stream_;
};

/// A lazy sequence of values that are made as they are asked for, by a coroutine that returns it and says `co_yield`.
/// Between values it may `co_await` whatever a task may. Move-only.
///
/// Nothing runs until the first value is asked for, and the coroutine runs only while somebody waits for one. An
/// exception that leaves it is thrown by that wait, and the stream is at its end; after the end there are only more ends.
/// Destroying a stream destroys the frames where they are, innermost first, and withdraws what they wait for. It may be
/// moved while nobody waits for it. One flow at a time asks for values; different ones may do so in turn.
///
/// ```cpp
/// sennit::stream<int> numbers(int end) {
///     for (int n = 0; n < end; ++n) {
///         co_yield n;
///         co_await sennit::async_yield();
///     }
/// }
/// sennit::task<int> sum_in_a_task() {
///     int sum = 0;
///     sennit::stream<int> s = numbers(4);
///     while (std::optional<int> n = co_await s.next()) sum += *n;
///     co_return sum;
/// }
/// int sum_in_a_fiber() {
///     int sum = 0;
///     for (int n : numbers(4)) sum += n;
///     return sum;
/// }
/// ```
/// Never make a coroutine of a lambda with captures; see `task`.
/// Cost: a frame and an allocation for the stream; a value that is there costs a call; a wake costs a poll for each
/// stream nested in another, on the stack: they nest by the dozen, not by the thousand. Source: R-STR-1, R-STR-7.
template<class T>
class [[nodiscard]] stream {
    static_assert(std::is_object_v<T>,
                  "a stream yields objects: std::reference_wrapper for references");

public:
    using promise_type = detail::stream_promise<T>;
    using value_type = T;
    static_assert(alignof(promise_type) <= 2 * sizeof(void*), "promise_base::handle relies on it");

    stream(stream&& other) noexcept
        : frame_(std::exchange(other.frame_, nullptr)), run_(std::move(other.run_)) {}
    stream& operator=(stream&& other) noexcept {
        stream moved(std::move(other));
        std::swap(frame_, moved.frame_);
        std::swap(run_, moved.run_);
        return *this;
    }
    ~stream() {
        if (frame_ != nullptr) detail::destroy_idle_frame(*frame_);
    }

    /// The future of the next value; empty at the end. Dropping it loses nothing: the stream stays where it is.
    stream_next_future<T> next() noexcept { return stream_next_future<T>(*this); }

    /// What `next` polls. Throws what the coroutine throws.
    sennit::poll<std::optional<T>> poll_next(context& cx) {
        using answer = sennit::poll<std::optional<T>>;
        if (run_ == nullptr) {
            if (frame_ == nullptr) return answer(std::nullopt);
            start();
        }
        switch (run_->root.resume(*cx.waker().target())) {
            case detail::progress::waits:
                return pending;
            case detail::progress::yields:
                if (run_->item) return answer(std::exchange(run_->item, std::nullopt));
                cx.yield();
                return pending;
            case detail::progress::ended:
                break;
        }
        const std::unique_ptr<run> done = std::move(run_);
        done->root.take();
        return answer(std::nullopt);
    }

    /// Walks the values, waiting for each: for fibers, plain threads, and plain functions called by a task.
    class iterator {
    public:
        using value_type = T;
        using difference_type = std::ptrdiff_t;

        explicit iterator(stream& s) : stream_(&s) { ++*this; }
        /// The value, to be moved out or looked at until the next step.
        T&& operator*() const noexcept { return std::move(*current_); }
        iterator& operator++() {
            current_.reset();
            std::optional<T> item = wait(stream_->next());
            if (item) current_.emplace(std::move(*item));
            return *this;
        }
        void operator++(int) { ++*this; }
        friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
            return !i.current_.has_value();
        }

    private:
        stream* stream_;
        mutable std::optional<T> current_;
    };
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    friend promise_type;
    explicit stream(detail::promise_base& frame) noexcept : frame_(&frame) {}

    // What a stream has once it was asked for its first value.
    struct run {
        std::optional<T> item;
        detail::polled_root<void> root; // goes first: the frames refer to the item
        explicit run(detail::promise_base& frame) noexcept : root(frame) {}
    };
    void start() {
        run_ = std::make_unique<run>(*frame_);
        static_cast<promise_type&>(*std::exchange(frame_, nullptr)).item = &run_->item;
    }

    detail::promise_base* frame_ = nullptr; // not started
    std::unique_ptr<run> run_;              // started
};

namespace detail {

template<class T>
stream<T> stream_promise<T>::get_return_object() noexcept {
    return stream<T>(*this);
}

template<class F>
concept future_of_optional = future<F> && requires(future_output_t<F> v) {
    typename future_output_t<F>::value_type;
    requires std::same_as<future_output_t<F>,
                          std::optional<typename future_output_t<F>::value_type>>;
};
template<class S>
concept has_async_next = requires(S& s) {
    { s.async_next() } -> future_of_optional;
};
template<class S>
concept has_async_recv = requires(S& s) {
    { s.async_recv() } -> future_of_optional;
};
template<class S>
concept has_next = requires(S& s) {
    { s.next() } -> future_of_optional;
};

// The future of a stream's next value, whatever it is called there.
template<class S>
    requires has_async_next<S> || has_async_recv<S> || has_next<S>
auto next_of(S& s) {
    if constexpr (has_async_next<S>) {
        return s.async_next();
    } else if constexpr (has_async_recv<S>) {
        return s.async_recv();
    } else {
        return s.next();
    }
}
template<class S>
using next_future_t = decltype(next_of(std::declval<std::remove_reference_t<S>&>()));

} // namespace detail

/// Satisfied by everything that yields one value after the other and then an empty one: a `stream`, a receiver with
/// `async_recv()`, a `future_set`, or a type of one's own with `next()` or `async_next()` that returns a future of
/// `std::optional<T>`.
///
/// ```cpp
/// static_assert(sennit::stream_like<sennit::stream<int>>);
/// static_assert(sennit::stream_like<sennit::future_set<sennit::task<int>>&>);
/// ```
template<class S>
concept stream_like = requires(std::remove_reference_t<S>& s) { detail::next_of(s); };

/// The values of a stream.
template<stream_like S>
using stream_value_t = typename future_output_t<detail::next_future_t<S>>::value_type;

} // namespace sennit
