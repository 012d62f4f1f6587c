// when_all: several futures as one, ready when all of them are.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/future_group.hpp>

#include <cstddef>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

namespace detail {

template<class... Fs>
inline constexpr bool all_void = sizeof...(Fs) != 0 && (std::is_void_v<future_output_t<Fs>> && ...);

// Takes the values out of their slots.
template<class... T>
std::tuple<T...> take_all(std::tuple<std::optional<T>...>& slots) {
    return std::apply([](auto&... slot) { return std::tuple<T...>(std::move(*slot)...); }, slots);
}
template<class T>
std::vector<T> take_all(std::vector<std::optional<T>>& slots) {
    std::vector<T> values;
    values.reserve(slots.size());
    for (std::optional<T>& slot : slots)
        values.push_back(std::move(*slot));
    return values;
}

inline constexpr const char* polled_after_the_end = "this future was ready: it is not polled again";

} // namespace detail

/// The future of `when_all` over futures of several types.
template<class... Fs>
class [[nodiscard]] when_all_future {
public:
    using output = std::conditional_t<detail::all_void<Fs...>, void,
                                      std::tuple<detail::stored_output_t<Fs>...>>;
    static constexpr cancel_safety cancel_class = detail::together_cancel_class<Fs...>;

    explicit when_all_future(Fs&&... fs) : futures_(std::forward<Fs>(fs)...) {}

    sennit::poll<output> poll(context& cx) {
        SENNIT_ASSERT(!done_, detail::polled_after_the_end);
        futures_.poll_each(cx, [this](auto index, auto&& value) {
            std::get<decltype(index)::value>(values_).emplace(std::move(value));
            --waiting_;
            return true;
        });
        if (waiting_ != 0) return pending;
        done_ = true;
        if constexpr (std::is_void_v<output>) {
            return sennit::poll<void>::ready();
        } else {
            return detail::take_all(values_);
        }
    }

private:
    detail::future_tuple<Fs...> futures_;
    std::tuple<std::optional<detail::stored_output_t<Fs>>...> values_;
    std::size_t waiting_ = sizeof...(Fs);
    bool done_ = false;
};

/// The future of `when_all` over a range.
template<class F>
class [[nodiscard]] when_all_range_future {
    using value = detail::stored_output_t<F>;

public:
    using output = std::conditional_t<detail::all_void<F>, void, std::vector<value>>;
    static constexpr cancel_safety cancel_class = detail::together_cancel_class<F>;

    template<class R>
    explicit when_all_range_future(R&& range)
        : futures_(std::forward<R>(range)), waiting_(futures_.size()) {
        if constexpr (!std::is_void_v<output>) values_.resize(waiting_);
    }
    when_all_range_future(when_all_range_future&&) = default;

    sennit::poll<output> poll(context& cx) {
        SENNIT_ASSERT(!done_, detail::polled_after_the_end);
        futures_.poll_each(cx, [this](std::size_t index, value&& v) {
            if constexpr (!std::is_void_v<output>) values_[index].emplace(std::move(v));
            --waiting_;
            return true;
        });
        if (waiting_ != 0) return pending;
        done_ = true;
        if constexpr (std::is_void_v<output>) {
            return sennit::poll<void>::ready();
        } else {
            return detail::take_all(values_);
        }
    }

private:
    detail::future_range<F> futures_;
    std::vector<std::optional<value>> values_;
    std::size_t waiting_;
    bool done_ = false;
};

/// A future that is ready when all of `fs` are. It yields a tuple of their values, in the order of the arguments: a
/// `std::monostate` for a future without a value, a `std::reference_wrapper` for one that yields a reference. If none of
/// them has a value, it has none either.
///
/// All of them wait side by side in the flow that waits for this one: concurrent, never parallel (spawn for that).
/// Futures given as rvalues are owned and destroyed as soon as they are ready; lvalues are referred to and must live
/// as long. The first exception drops the rest and is thrown; the values that were there are lost. Dropping it drops
/// all of them.
///
/// ```cpp
/// sennit::task<int> number(int n) { co_return n; }
/// int sum() {
///     auto [a, b] = sennit::wait(sennit::when_all(number(40), number(2)));
///     return a + b;
/// }
/// sennit::task<int> sum_in_a_task() {
///     auto [a, b] = co_await sennit::when_all(number(40), number(2));
///     co_return a + b;
/// }
/// ```
/// Cost: nothing is allocated; a wake polls all that are not ready. Source: R-JN-1, tokio's `join!`.
template<class... Fs>
    requires(future<Fs> && ...)
when_all_future<Fs...> when_all(Fs&&... fs) {
    return when_all_future<Fs...>(std::forward<Fs>(fs)...);
}

/// The same over a range of futures of one type, yielding a vector of the values in the range's order, or nothing if the
/// futures have no value. The futures of a container that is given as an rvalue are moved out of it, and so are those
/// that a view makes; those of a named container or behind a view are referred to.
///
/// ```cpp
/// sennit::task<int> square(int n) { co_return n * n; }
/// std::vector<int> squares() {
///     std::vector<sennit::task<int>> tasks;
///     for (int n : {1, 2, 3}) tasks.push_back(square(n));
///     return sennit::wait(sennit::when_all(std::move(tasks)));  // 1, 4, 9
/// }
/// ```
/// Cost: one allocation for up to `polled_together_max` futures; beyond that a cell for each, and a wake polls one.
template<range_of_futures R>
when_all_range_future<detail::range_future_t<R>> when_all(R&& range) {
    return when_all_range_future<detail::range_future_t<R>>(std::forward<R>(range));
}

} // namespace sennit
