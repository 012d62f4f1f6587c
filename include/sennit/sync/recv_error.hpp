// recv_error: why there is nothing to receive, for every kind of channel.
#pragma once

#include <sennit/base/error.hpp>

#include <cstdint>
#include <system_error>

namespace sennit {

/// Why `try_recv` has no value; or, from a `recv` that waits, that none will come.
///
/// Turns into an `error` by itself, so `SENNIT_TRY(rx.try_recv())` works in a function that returns a
/// `result`.
///
/// ```cpp
/// auto [tx, rx] = sennit::oneshot_channel<int>();
/// if (rx.try_recv().error() == sennit::recv_error::empty) std::puts("not yet");
/// ```
class recv_error {
public:
    enum cause : std::uint8_t {
        empty,  ///< it would have to wait
        closed, ///< the channel is closed and drained
    };

    constexpr recv_error(cause why) noexcept : why_(why) {}
    constexpr cause why() const noexcept { return why_; }

    operator error() const {
        if (why_ == closed) return {errc::closed, "recv"};
        return {std::errc::resource_unavailable_try_again, "try_recv"};
    }
    friend constexpr bool operator==(recv_error, recv_error) = default;

private:
    cause why_;
};

} // namespace sennit
