// result<T>: a value, or the error that stands in its place.
//
// Three ways to pass an error on, for three habits:
//   - SENNIT_TRY(f()) is the value of f(), or returns f()'s error from the enclosing function. It
//     works for every T, also void and move-only ones, in functions and lambdas that return a
//     result; in a coroutine, which cannot `return`, use `co_await or_return(f())` instead.
//   - `auto [value, err] = unpack(f()); if (err) return err;` is Go's habit.
//   - A result is a std::expected, so and_then, transform, or_else and value_or work as well.
//
// SENNIT_TRY is a GNU statement expression, the only form that yields a value and can return; both
// supported compilers have it. Its temporaries die at its end: it hands out the value itself, never
// a reference into the result. GCC 12 forgets to destroy the finished members of an aggregate when
// a later member's braces return early, so `point{make_x(), SENNIT_TRY(make_y())}` takes two lines.
#pragma once

#include <sennit/base/error.hpp>

#include <concepts>
#include <expected>
#include <type_traits>
#include <utility>

namespace sennit {

/// What an operation that the world can make fail returns.
///
/// ```cpp
/// result<int> parse_digit(char c) {
///     if (c < '0' || c > '9') return error{std::errc::invalid_argument, "parse_digit"};
///     return c - '0';
/// }
/// ```
template<class T>
using result = std::expected<T, error>;

/// A result as a pair of value and error, one of which says nothing: without an error the second is
/// empty, with one the first is value-initialised. A result<void> becomes its error.
///
/// ```cpp
/// auto [value, err] = unpack(result<int>(42));
/// if (err) std::puts(err.message().c_str());
/// ```
template<std::default_initializable T>
    requires std::movable<T>
[[nodiscard]] std::pair<T, error> unpack(result<T> from) {
    if (from.has_value()) return {std::move(*from), error()};
    return {T(), std::move(from.error())};
}

[[nodiscard]] inline error unpack(result<void> from) {
    return from.has_value() ? error() : std::move(from.error());
}

namespace detail {

// The value by value, moved out of an rvalue and copied from an lvalue.
template<class Result>
auto take_value(Result&& from) -> typename std::remove_cvref_t<Result>::value_type {
    if constexpr (!std::is_void_v<typename std::remove_cvref_t<Result>::value_type>) {
        return *std::forward<Result>(from);
    }
}

} // namespace detail
} // namespace sennit

/// The value of a result, or an early return of its error from the enclosing function. The
/// expression is evaluated once. A result that is named (an lvalue) keeps its value.
///
/// ```cpp
/// result<int> half(int value) {
///     if (value % 2 != 0) return error{std::errc::invalid_argument, "half"};
///     return value / 2;
/// }
/// result<int> quarter(int value) { return SENNIT_TRY(half(SENNIT_TRY(half(value)))); }
/// ```
#define SENNIT_TRY(...) SENNIT_TRY_NAMED_(SENNIT_TRY_JOIN_(sennit_try_, __COUNTER__), __VA_ARGS__)

// Each use has a name of its own, so that nested uses do not shadow each other.
#define SENNIT_TRY_JOIN_(a, b) SENNIT_TRY_JOIN_AGAIN_(a, b)
#define SENNIT_TRY_JOIN_AGAIN_(a, b) a##b
#define SENNIT_TRY_NAMED_(name, ...)                                                \
    __extension__({                                                                 \
        auto&& name = (__VA_ARGS__);                                                \
        if (!name.has_value()) [[unlikely]]                                         \
            return ::std::unexpected(::std::forward<decltype(name)>(name).error()); \
        ::sennit::detail::take_value(::std::forward<decltype(name)>(name));         \
    })
