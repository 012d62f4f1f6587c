// on_big_stack: a call that gets a large stack of its own, on the same flow.
#pragma once

#include <sennit/core/joinable.hpp>
#include <sennit/stack/stack.hpp>

#include <concepts>
#include <cstddef>
#include <exception>
#include <functional>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

// Calls `f(argument)` on a stack of at least `size` bytes. `f` must not throw. Throws std::system_error when none can be had.
void call_on_stack(std::size_t size, void (*f)(void*) noexcept, void* argument);

} // namespace detail

/// Runs `f` on a large stack and returns its result: for deep recursion, TLS handshakes, foreign libraries. `f` may wait, and may
/// come back on another thread, as everywhere. Works on plain threads too. Exceptions pass through.
///
/// Errors: `std::system_error` (`resource_unavailable_try_again`) when no stack can be had. Stop requests: as in `f`'s waits.
/// Cost: two stack switches, and page faults as deep as `f` goes.
///
/// ```cpp
/// int depth = sennit::on_big_stack([] { return 100000; });
/// (void)depth;
/// ```
template<std::invocable Fn>
std::invoke_result_t<Fn> on_big_stack(Fn&& f, std::size_t size = stack_size_big) {
    struct call {
        Fn& f;
        detail::outcome how = detail::outcome::none;
        detail::result_slot<std::invoke_result_t<Fn>> slot{};
        ~call() { slot.destroy(how); }
    } c{f};
    detail::call_on_stack(
        size,
        [](void* argument) noexcept {
            auto& inner = *static_cast<call*>(argument);
            try {
                inner.slot.emplace_from([&]() -> std::invoke_result_t<Fn> {
                    return std::invoke(std::forward<Fn>(inner.f));
                });
                inner.how = detail::outcome::value;
            } catch (...) {
                inner.slot.emplace_exception(
                    std::current_exception()); // `stopped` too: it goes on below
                inner.how = detail::outcome::exception;
            }
        },
        &c);
    return c.slot.take(c.how);
}

} // namespace sennit
