// Assertions for what the caller does wrong, and the one way in which the library ends a program.
//
// What the world does wrong is a result<T> (result.hpp). What the caller does wrong ends here: the
// report says what was violated, where, and what to do instead.
#pragma once

#include <sennit/base/config.hpp>

#include <source_location>
#include <string_view>

namespace sennit {

/// Writes "sennit: fatal: <report>" and a newline to standard error in one call, and aborts.
/// Any thread may call it, on a stack of some kilobytes; it allocates, so it is not for signal
/// handlers.
///
/// ```cpp
/// if (std::getenv("HOME") == nullptr) fatal("HOME is not set");
/// ```
[[noreturn]] SENNIT_NOINLINE void fatal(std::string_view report);

namespace detail {

[[noreturn]] SENNIT_NOINLINE void assertion_failed(
    const char* condition, const char* advice,
    std::source_location where = std::source_location::current());

} // namespace detail
} // namespace sennit

/// Checks a condition that the caller owes the library, in every build type. On violation it prints
/// the file and line, the function, the condition and the advice to standard error, and aborts.
///
/// ```cpp
/// std::size_t capacity = 8;
/// SENNIT_ASSERT(capacity > 0, "give the ring at least one slot");
/// ```
#define SENNIT_ASSERT(condition, advice)                            \
    do {                                                            \
        if (!(condition)) [[unlikely]] {                            \
            ::sennit::detail::assertion_failed(#condition, advice); \
        }                                                           \
    } while (false)

/// Checks what the library owes itself, only where SENNIT_DEBUG is 1. The condition is compiled in
/// every build type, and evaluated only in those.
///
/// ```cpp
/// int waiting = 0;
/// SENNIT_DEBUG_ASSERT(waiting >= 0, "a waiter was counted twice");
/// ```
#define SENNIT_DEBUG_ASSERT(condition, advice)                        \
    do {                                                              \
        if constexpr (SENNIT_DEBUG) SENNIT_ASSERT(condition, advice); \
    } while (false)
