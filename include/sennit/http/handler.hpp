// What answers a request: a plain function, which the server runs as a fiber, or a coroutine, which
// it runs as a task.
//
// Which of the two a callable is follows from what it returns, once, when the handler is made.
// Everybody after that asks is_coroutine() and calls the one or the other.
//
// A handler is called by many flows at once, so the callable must be const-callable: a lambda that
// is not `mutable`. What it captures lives as long as the handler, so a coroutine lambda may
// capture here, where it stays at its place until the server has ended; elsewhere it may not.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/http/request.hpp>
#include <sennit/http/response.hpp>

#include <concepts>
#include <functional>
#include <type_traits>
#include <utility>
#include <variant>

namespace sennit::http {

/// A callable that answers a request and may block its flow while it does.
///
/// ```cpp
/// http::response hello(http::request& request);
/// static_assert(http::plain_handler<decltype(&hello)>);
/// ```
template<class Fn>
concept plain_handler = requires(const std::decay_t<Fn>& fn, request& asked) {
    { fn(asked) } -> std::convertible_to<response>;
};

/// A coroutine that answers a request. The request lives until it has ended.
///
/// ```cpp
/// task<http::response> hello(http::request& request);
/// static_assert(http::coroutine_handler<decltype(&hello)>);
/// ```
template<class Fn>
concept coroutine_handler = requires(const std::decay_t<Fn>& fn, request& asked) {
    { fn(asked) } -> std::same_as<task<response>>;
};

/// Either kind of callable, as one type. Move-only.
///
/// ```cpp
/// http::handler hello([](http::request&) { return http::response::text(200, "hello\n"); });
/// http::request request(http::method::get, "/hello");
/// if (!hello.is_coroutine()) http::response answer = hello.call(request);
/// ```
class handler {
public:
    /// No handler: it converts to false and must not be called.
    handler() = default;

    template<class Fn>
        requires(plain_handler<Fn> && !coroutine_handler<Fn>)
    handler(Fn&& fn) : fn_(std::in_place_type<plain>, std::forward<Fn>(fn)) {}

    template<coroutine_handler Fn>
    handler(Fn&& fn) : fn_(std::in_place_type<coroutine>, std::forward<Fn>(fn)) {}

    [[nodiscard]] explicit operator bool() const noexcept {
        return !std::holds_alternative<std::monostate>(fn_);
    }
    [[nodiscard]] bool is_coroutine() const noexcept {
        return std::holds_alternative<coroutine>(fn_);
    }

    /// Answers with a plain handler. Exceptions pass through. An assertion with any other.
    [[nodiscard]] response call(request& asked) const {
        const plain* fn = std::get_if<plain>(&fn_);
        SENNIT_ASSERT(fn, "ask is_coroutine() first, and start() a coroutine");
        return (*fn)(asked);
    }

    /// Starts to answer with a coroutine: nothing runs before the task is awaited. `asked` must
    /// live until the task has ended. An assertion with any other handler.
    [[nodiscard]] task<response> start(request& asked) const {
        const coroutine* fn = std::get_if<coroutine>(&fn_);
        SENNIT_ASSERT(fn, "ask is_coroutine() first, and call() a plain function");
        return (*fn)(asked);
    }

private:
    using plain = std::move_only_function<response(request&) const>;
    using coroutine = std::move_only_function<task<response>(request&) const>;

    std::variant<std::monostate, plain, coroutine> fn_;
};

} // namespace sennit::http
