// Futures that are polled together by one flow: a tuple of them, or a range. What when_all and its kin stand on.
//
// poll_each(cx, each) polls the futures that are not done and hands each value with its index to `each`, which says
// whether to go on. A future is destroyed when it is ready, before `each` sees the value (R-STR-7). If a poll throws,
// all futures are dropped and the exception passes through. Each call begins with another future than the one before,
// so that the budget, which the first ones may use up, starves nobody (R-JN-1).
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future_set.hpp>
#include <sennit/core/held_future.hpp>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

/// Ranges of more futures than this are kept in a `future_set`, where a wake polls one child and not all.
inline constexpr std::size_t polled_together_max = 30;

namespace detail {

// The class of a future that a combinator holds: one that is only referred to is never dropped.
template<class F>
inline constexpr cancel_safety held_cancel_class =
    std::is_lvalue_reference_v<F> ? cancel_safety::lossless : cancel_safety_of<F>;

// Values may be there already when all is dropped: at best it is unknown what is lost.
template<class... Fs>
inline constexpr cancel_safety together_cancel_class =
    std::max({cancel_safety::unknown, held_cancel_class<Fs>...});

template<class... Fs>
class future_tuple {
public:
    explicit future_tuple(Fs&&... fs) : futures_(std::forward<Fs>(fs)...) {}

    template<class Each>
    void poll_each(context& cx, Each each) {
        const std::size_t first = first_;
        first_ = first + 1 < sizeof...(Fs) ? first + 1 : 0;
        try {
            rotate(first, cx, each, std::index_sequence_for<Fs...>());
        } catch (...) {
            drop();
            throw;
        }
    }
    void drop() noexcept {
        std::apply([](auto&... f) { (f.reset(), ...); }, futures_);
    }

private:
    template<class Each, std::size_t... I>
    void rotate(std::size_t first, context& cx, Each& each, std::index_sequence<I...>) {
        (void)(((I < first || poll_one<I>(cx, each)) && ...) &&
               ((I >= first || poll_one<I>(cx, each)) && ...));
    }
    template<std::size_t I, class Each>
    bool poll_one(context& cx, Each& each) {
        auto& f = std::get<I>(futures_);
        if (!f.has_value()) return true;
        auto answer = (*f).poll(cx);
        if (!answer.is_ready()) return true;
        auto value = take_stored(std::move(answer));
        f.reset();
        return each(std::integral_constant<std::size_t, I>(), std::move(value));
    }

    std::tuple<held_future<Fs>...> futures_;
    std::size_t first_ = 0;
};

// A future of a range in a set, which has to say which one it is.
template<class F>
class indexed_future {
public:
    using value_type = std::pair<std::size_t, stored_output_t<F>>;

    indexed_future(std::size_t index, held_future<F>&& f) : index_(index), future_(std::move(f)) {}
    sennit::poll<value_type> poll(context& cx) {
        auto answer = (*future_).poll(cx);
        if (!answer.is_ready()) return pending;
        return value_type(index_, take_stored(std::move(answer)));
    }

private:
    std::size_t index_;
    held_future<F> future_;
};

template<class F>
class future_range {
public:
    template<class R>
    explicit future_range(R&& range) {
        for (auto&& f : range)
            few_.emplace_back(static_cast<F&&>(f));
        size_ = few_.size();
        if (size_ <= polled_together_max) return;
        many_.emplace();
        for (std::size_t i = 0; i < size_; ++i)
            many_->push(indexed_future<F>(i, std::move(few_[i])));
        std::vector<held_future<F>>().swap(few_);
    }
    std::size_t size() const noexcept { return size_; }

    template<class Each>
    void poll_each(context& cx, Each each) {
        try {
            if (many_) {
                many_->poll_each(cx, [&](std::pair<std::size_t, stored_output_t<F>>&& found) {
                    return each(found.first, std::move(found.second));
                });
            } else {
                rotate(cx, each);
            }
        } catch (...) {
            drop();
            throw;
        }
    }
    void drop() noexcept {
        for (held_future<F>& f : few_)
            f.reset();
        if (many_) many_->clear();
    }

private:
    template<class Each>
    void rotate(context& cx, Each& each) {
        const std::size_t first = first_;
        first_ = first + 1 < size_ ? first + 1 : 0;
        for (std::size_t n = 0; n < size_; ++n) {
            const std::size_t i = first + n < size_ ? first + n : first + n - size_;
            if (!few_[i].has_value()) continue;
            auto answer = (*few_[i]).poll(cx);
            if (!answer.is_ready()) continue;
            auto value = take_stored(std::move(answer));
            few_[i].reset();
            if (!each(i, std::move(value))) return;
        }
    }

    std::vector<held_future<F>> few_;                   // either these
    std::optional<future_set<indexed_future<F>>> many_; // or those
    std::size_t size_ = 0;
    std::size_t first_ = 0;
};

// How a range's futures are held. Futures made on the way (by a transforming view) and those of a container that is
// given as an rvalue are owned; those of a named container, or behind a view or a span, are referred to. A container's
// constness is that of its elements, a view's is not: that tells the two apart.
template<class R>
using range_reference = decltype(*std::begin(std::declval<std::remove_reference_t<R>&>()));
template<class R>
inline constexpr bool owns_elements = [] {
    if constexpr (requires(const std::remove_reference_t<R>& r) { *std::begin(r); }) {
        return std::is_const_v<std::remove_reference_t<decltype(*std::begin(
            std::declval<const std::remove_reference_t<R>&>()))>>;
    } else {
        return false;
    }
}();
template<class R>
using range_future_t =
    std::conditional_t<std::is_lvalue_reference_v<range_reference<R>> &&
                           (std::is_lvalue_reference_v<R> || !owns_elements<R>),
                       range_reference<R>, std::remove_cvref_t<range_reference<R>>>;

} // namespace detail

/// Satisfied by ranges of futures of one type: containers, arrays, spans and views.
///
/// ```cpp
/// static_assert(sennit::range_of_futures<std::vector<sennit::task<int>>>);
/// ```
template<class R>
concept range_of_futures = !future<R> && requires(std::remove_reference_t<R>& r) {
    std::begin(r) != std::end(r);
    requires future<decltype(*std::begin(r))>;
};

} // namespace sennit
