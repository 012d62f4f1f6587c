// channel_error: the caller used a channel in a way that Go answers with a panic.
#pragma once

#include <cstdint>
#include <stdexcept>

namespace sennit {

/// Thrown for misuse of a channel. The program's logic is wrong, not the world: so it is an exception and not a
/// `result`, and it says which rule was broken. Source: G-CH-1, G-CH-5, G-CH-6.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// c.close();
/// try {
///     c.send(1);
/// } catch (const sennit::channel_error& e) {
///     std::puts(e.what());
/// }
/// ```
class channel_error : public std::logic_error {
public:
    enum class cause : std::uint8_t {
        send_on_closed, ///< also for a flow that was waiting to send when the channel was closed
        close_of_closed,
        close_of_nil,
        bad_capacity, ///< negative, or more than memory can hold
    };

    explicit channel_error(cause why);
    cause why() const noexcept { return why_; }

private:
    cause why_;
};

} // namespace sennit
