// when_any: several futures as one, ready when the first of them is.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/future_group.hpp>

#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace sennit {

namespace detail {

// Nothing is lost but what the losers lose.
template<class... Fs>
inline constexpr cancel_safety any_cancel_class =
    std::max({cancel_safety::lossless, held_cancel_class<Fs>...});

template<class... Fs>
constexpr void check_losers() {
    static_assert(((held_cancel_class<Fs> != cancel_safety::loses_progress) && ...),
                  "when_any drops the futures that lose, and one of these loses progress then: a "
                  "part of its work is "
                  "done and nobody learns how much. Keep it in a variable and pass that, so that "
                  "it can go on "
                  "afterwards, or say that it may be given up: abandonable(future)");
}

} // namespace detail

/// The future of `when_any` over futures of several types.
template<class... Fs>
class [[nodiscard]] when_any_future {
    static_assert(sizeof...(Fs) != 0, "when_any of nothing would never be ready");

public:
    using output = std::variant<detail::stored_output_t<Fs>...>;
    static constexpr cancel_safety cancel_class = detail::any_cancel_class<Fs...>;

    explicit when_any_future(Fs&&... fs) : futures_(std::forward<Fs>(fs)...) {
        detail::check_losers<Fs...>();
    }

    sennit::poll<output> poll(context& cx) {
        std::optional<output> first;
        futures_.poll_each(cx, [&first](auto index, auto&& value) {
            first.emplace(std::in_place_index<decltype(index)::value>, std::move(value));
            return false;
        });
        if (!first) return pending;
        futures_.drop();
        return std::move(*first);
    }

private:
    detail::future_tuple<Fs...> futures_;
};

/// The future of `when_any` over a range.
template<class F>
class [[nodiscard]] when_any_range_future {
public:
    using output = std::pair<std::size_t, detail::stored_output_t<F>>;
    static constexpr cancel_safety cancel_class = detail::any_cancel_class<F>;

    template<class R>
    explicit when_any_range_future(R&& range) : futures_(std::forward<R>(range)) {
        detail::check_losers<F>();
        SENNIT_ASSERT(futures_.size() != 0,
                      "when_any of nothing would never be ready: check for an empty range");
    }
    when_any_range_future(when_any_range_future&&) = default;

    sennit::poll<output> poll(context& cx) {
        std::optional<output> first;
        futures_.poll_each(cx, [&first](std::size_t index, auto&& value) {
            first.emplace(index, std::move(value));
            return false;
        });
        if (!first) return pending;
        futures_.drop();
        return std::move(*first);
    }

private:
    detail::future_range<F> futures_;
};

/// A future that is ready when the first of `fs` is. It yields a variant: its `index()` tells which one, and it holds the
/// value, or a `std::monostate` or `std::reference_wrapper` as with `when_all`.
///
/// The losers are destroyed, so withdrawn, before the value is seen. That loses what their cancel-safety class says;
/// futures that lose progress are refused at compile time. One that is given as an lvalue is only referred to: it goes
/// on where it was when it is waited for again. If several are ready at once the first in turn wins; the first poll
/// begins with the first argument. For a fair choice again and again use `select`. An exception drops all and is thrown.
///
/// ```cpp
/// sennit::event never, now;
/// now.set();
/// auto first = sennit::wait(sennit::when_any(never.async_wait(), now.async_wait()));
/// bool second_won = first.index() == 1;  // true
/// ```
/// Cost: as `when_all`. Source: R-SEL-6, R-STR-7.
template<class... Fs>
    requires(future<Fs> && ...)
when_any_future<Fs...> when_any(Fs&&... fs) {
    return when_any_future<Fs...>(std::forward<Fs>(fs)...);
}

/// The same over a range of futures of one type, yielding a pair: the index of the first and its value. The range must
/// not be empty.
///
/// ```cpp
/// std::vector<sennit::event> events(3);
/// events[2].set();
/// std::vector<sennit::event_future> waits;
/// for (sennit::event& e : events) waits.push_back(e.async_wait());
/// auto [index, nothing] = sennit::wait(sennit::when_any(std::move(waits)));  // 2
/// ```
template<range_of_futures R>
when_any_range_future<detail::range_future_t<R>> when_any(R&& range) {
    return when_any_range_future<detail::range_future_t<R>>(std::forward<R>(range));
}

} // namespace sennit
