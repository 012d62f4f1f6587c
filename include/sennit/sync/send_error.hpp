// What the channels with two ends (mpsc, unbounded, oneshot, broadcast, watch) answer when they cannot do
// what they were asked: always the world's doing, so always a value, and a message that was not taken
// stands in it.
//
// All of them turn into an `error` by themselves, so `SENNIT_TRY(tx.send(1))` works in a function that
// returns a `result`.
#pragma once

#include <sennit/base/error.hpp>

#include <cstdint>
#include <system_error>

namespace sennit {

/// Nobody will receive any more; `value` is what was to be sent.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// rx.close();
/// auto sent = tx.send(7);
/// if (!sent) std::printf("%d comes back\n", sent.error().value);
/// ```
template<class T>
struct send_error {
    T value;

    operator error() const { return {errc::closed, "send"}; }
};
/// The same where there was nothing to be sent yet, as for `reserve`.
///
/// ```cpp
/// sennit::error why = sennit::send_error<void>();
/// ```
template<>
struct send_error<void> {
    operator error() const { return {errc::closed, "reserve"}; }
};

/// Why something cannot be sent now.
enum class try_send_reason : std::uint8_t { full, closed };

/// The answer of the forms that never wait; `value` is what was to be sent.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// tx.send(1);
/// auto sent = tx.try_send(2);
/// if (!sent && sent.error().is_full()) std::printf("%d does not fit\n", sent.error().value);
/// ```
template<class T>
struct try_send_error {
    try_send_reason reason;
    T value;

    bool is_full() const noexcept { return reason == try_send_reason::full; }
    bool is_closed() const noexcept { return reason == try_send_reason::closed; }
    operator error() const {
        if (is_closed()) return {errc::closed, "try_send"};
        return {std::errc::resource_unavailable_try_again, "try_send"};
    }
};
/// The same where there was nothing to be sent yet, as for `try_reserve`.
///
/// ```cpp
/// sennit::try_send_error<void> full{sennit::try_send_reason::full};
/// ```
template<>
struct try_send_error<void> {
    try_send_reason reason;

    bool is_full() const noexcept { return reason == try_send_reason::full; }
    bool is_closed() const noexcept { return reason == try_send_reason::closed; }
    operator error() const {
        if (is_closed()) return {errc::closed, "try_reserve"};
        return {std::errc::resource_unavailable_try_again, "try_reserve"};
    }
};

} // namespace sennit
