// try_when_all: several futures of results as one, ready when all have succeeded or one has failed.
#pragma once

#include <sennit/core/when_all.hpp>

#include <cstddef>
#include <expected>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

namespace detail {

template<class T>
inline constexpr bool is_expected = false;
template<class T, class E>
inline constexpr bool is_expected<std::expected<T, E>> = true;

/// A future whose output is a result, or another `std::expected`.
template<class F>
concept future_of_result = future<F> && is_expected<std::remove_cv_t<future_output_t<F>>>;

template<class F>
using success_t = stored_t<typename future_output_t<F>::value_type>;
template<class F>
using failure_t = typename future_output_t<F>::error_type;

template<class Expected>
auto take_success(Expected& e) -> stored_t<typename Expected::value_type> {
    if constexpr (std::is_void_v<typename Expected::value_type>) {
        return {};
    } else {
        return std::move(*e);
    }
}

} // namespace detail

/// The future of `try_when_all` over futures of several types.
template<class First, class... Rest>
class [[nodiscard]] try_when_all_future {
    static_assert(
        (std::is_same_v<detail::failure_t<First>, detail::failure_t<Rest>> && ...),
        "try_when_all needs futures with one type of error, since it yields the first of them");
    using failure = detail::failure_t<First>;
    static constexpr bool is_all_void =
        std::is_void_v<typename future_output_t<First>::value_type> &&
        (std::is_void_v<typename future_output_t<Rest>::value_type> && ...);

public:
    using output = std::expected<
        std::conditional_t<is_all_void, void,
                           std::tuple<detail::success_t<First>, detail::success_t<Rest>...>>,
        failure>;
    static constexpr cancel_safety cancel_class = detail::together_cancel_class<First, Rest...>;

    explicit try_when_all_future(First&& first, Rest&&... rest)
        : futures_(std::forward<First>(first), std::forward<Rest>(rest)...) {}

    sennit::poll<output> poll(context& cx) {
        SENNIT_ASSERT(!done_, detail::polled_after_the_end);
        std::optional<failure> error;
        futures_.poll_each(cx, [&](auto index, auto&& value) {
            if (!value.has_value()) {
                error.emplace(std::move(value.error()));
                return false;
            }
            std::get<decltype(index)::value>(values_).emplace(detail::take_success(value));
            --waiting_;
            return true;
        });
        if (!error && waiting_ != 0) return pending;
        done_ = true;
        if (error) {
            futures_.drop();
            return output(std::unexpect, std::move(*error));
        }
        if constexpr (is_all_void) {
            return output();
        } else {
            return output(detail::take_all(values_));
        }
    }

private:
    detail::future_tuple<First, Rest...> futures_;
    std::tuple<std::optional<detail::success_t<First>>, std::optional<detail::success_t<Rest>>...>
        values_;
    std::size_t waiting_ = 1 + sizeof...(Rest);
    bool done_ = false;
};

/// The future of `try_when_all` over a range.
template<class F>
class [[nodiscard]] try_when_all_range_future {
    using value = detail::success_t<F>;
    using failure = detail::failure_t<F>;
    static constexpr bool is_void = std::is_void_v<typename future_output_t<F>::value_type>;

public:
    using output = std::expected<std::conditional_t<is_void, void, std::vector<value>>, failure>;
    static constexpr cancel_safety cancel_class = detail::together_cancel_class<F>;

    template<class R>
    explicit try_when_all_range_future(R&& range)
        : futures_(std::forward<R>(range)), waiting_(futures_.size()) {
        if constexpr (!is_void) values_.resize(waiting_);
    }
    try_when_all_range_future(try_when_all_range_future&&) = default;

    sennit::poll<output> poll(context& cx) {
        SENNIT_ASSERT(!done_, detail::polled_after_the_end);
        std::optional<failure> error;
        futures_.poll_each(cx, [&](std::size_t index, future_output_t<F>&& v) {
            if (!v.has_value()) {
                error.emplace(std::move(v.error()));
                return false;
            }
            if constexpr (!is_void) values_[index].emplace(detail::take_success(v));
            --waiting_;
            return true;
        });
        if (!error && waiting_ != 0) return pending;
        done_ = true;
        if (error) {
            futures_.drop();
            return output(std::unexpect, std::move(*error));
        }
        if constexpr (is_void) {
            return output();
        } else {
            return output(detail::take_all(values_));
        }
    }

private:
    detail::future_range<F> futures_;
    std::vector<std::optional<value>> values_;
    std::size_t waiting_;
    bool done_ = false;
};

/// `when_all` for futures of `result<T>` (or of another `std::expected`, all with one type of error): a future of a
/// `result` of the tuple of their values. The first error drops the futures that are not ready and is the result; the
/// values that were there are lost. It is seen after they are gone.
///
/// ```cpp
/// sennit::task<sennit::result<int>> even(int n) {
///     if (n % 2 != 0) co_return sennit::error(std::errc::invalid_argument, "even");
///     co_return n;
/// }
/// bool refuses_three() { return !sennit::wait(sennit::try_when_all(even(2), even(3))); }
/// ```
/// Cost: as `when_all`. Source: R-JN-1, tokio's `try_join!`.
template<detail::future_of_result... Fs>
    requires(sizeof...(Fs) != 0)
try_when_all_future<Fs...> try_when_all(Fs&&... fs) {
    return try_when_all_future<Fs...>(std::forward<Fs>(fs)...);
}

/// The same over a range: a `result` of the vector of the values, in the range's order.
///
/// ```cpp
/// sennit::task<sennit::result<int>> ok(int n) { co_return n; }
/// auto both() {
///     std::vector<sennit::task<sennit::result<int>>> tasks;
///     tasks.push_back(ok(1));
///     tasks.push_back(ok(2));
///     return sennit::wait(sennit::try_when_all(std::move(tasks)));
/// }
/// ```
template<range_of_futures R>
    requires detail::future_of_result<detail::range_future_t<R>>
try_when_all_range_future<detail::range_future_t<R>> try_when_all(R&& range) {
    return try_when_all_range_future<detail::range_future_t<R>>(std::forward<R>(range));
}

} // namespace sennit
