// The answer of a system call on the hot path: a count, or an errno value.
//
// result<T> carries an error with an operation and notes; that is right where an error is reported
// and too dear where EAGAIN is an everyday answer. An io_result is two words, travels in registers
// and allocates nothing. The caller turns it into a result<T> with error::from_errno once it knows
// that the error is a real one.
//
// Always true: either value >= 0 and error == 0, or value == -1 and error is an errno value.
#pragma once

#include <cstdint>

namespace sennit::os {

/// What a read-like or write-like call answered: `value` bytes, or the errno value `error`.
///
/// A `value` of 0 from a read-like call means the end of the stream (or that no bytes were asked
/// for).
///
/// ```cpp
/// result<std::int64_t> checked(os::io_result got) {
///     if (got.ok()) return got.value;
///     return error::from_errno(got.error, "read");
/// }
/// ```
struct io_result {
    std::int64_t value = 0;
    int error = 0;

    /// True when the call succeeded and `value` counts.
    [[nodiscard]] constexpr bool ok() const noexcept { return error == 0; }

    [[nodiscard]] static constexpr io_result success(std::int64_t count) noexcept {
        return {.value = count, .error = 0};
    }
    [[nodiscard]] static constexpr io_result failure(int number) noexcept {
        return {.value = -1, .error = number};
    }

    friend constexpr bool operator==(const io_result&, const io_result&) noexcept = default;
};

/// True when the errno value says "not now": EAGAIN (on Linux the same number as EWOULDBLOCK).
///
/// ```cpp
/// const bool try_later = os::would_block(EAGAIN); // true
/// ```
[[nodiscard]] bool would_block(int error) noexcept;

} // namespace sennit::os
