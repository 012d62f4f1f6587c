// One attempt to connect to one address.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/future.hpp>
#include <sennit/net/address.hpp>
#include <sennit/net/tcp_stream.hpp>
#include <sennit/net/timed_source.hpp>
#include <sennit/os/socket.hpp>

namespace sennit {

// The first poll makes the socket. Dropping it closes the socket, and the attempt is given up.
class [[nodiscard]] tcp_connect_future {
public:
    explicit tcp_connect_future(const socket_address& to) noexcept : to_(to) {}
    tcp_connect_future(tcp_connect_future&&) noexcept = default;

    sennit::poll<result<tcp_stream>> poll(context& cx);

private:
    // Waits until the kernel says how it went.
    class handshake : private detail::io_operation {
    public:
        handshake() noexcept : io_operation(nullptr, detail::direction::write) {}
        handshake(handshake&&) noexcept = default;
        void begin(detail::timed_source& s) noexcept { set_source(s); }
        sennit::poll<result<void>> poll(context& cx);

    private:
        bool asked_ = false;
    };

    result<os::connect_status> start();
    result<tcp_stream> finish();

    const socket_address to_;
    detail::timed_source_ptr source_; // null: not polled yet
    handshake handshake_;             // destroyed before the source
};

} // namespace sennit
