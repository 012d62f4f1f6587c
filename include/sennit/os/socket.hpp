// Sockets: making, connecting, moving bytes, options. Each function is one system call, with the
// flags a runtime needs.
//
// Every socket made here is non-blocking and close-on-exec, and no call here raises SIGPIPE. What
// moves bytes answers with an io_result, cheap enough for the hot path; the rest with a result<T>.
// All functions may be called from any thread, on one socket also from several.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/fd.hpp>
#include <sennit/os/io_result.hpp>
#include <sennit/os/socket_address.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sennit::os {

/// What kind of conversation a socket has.
enum class socket_kind { stream, datagram };

/// A new socket. Errors: EMFILE, ENFILE, EAFNOSUPPORT (IPv6 is switched off).
///
/// ```cpp
/// result<os::unique_fd> listen_on(const os::socket_address& address) {
///     auto fd = SENNIT_TRY(os::socket(address.family()));
///     SENNIT_TRY(os::set_reuse_address(fd.get(), true));
///     SENNIT_TRY(os::bind(fd.get(), address));
///     SENNIT_TRY(os::listen(fd.get()));
///     return fd;
/// }
/// ```
[[nodiscard]] result<unique_fd> socket(address_family family,
                                       socket_kind kind = socket_kind::stream);

/// Gives the socket its local address. Port 0 lets the kernel choose one; local_address() tells
/// which. Errors: EADDRINUSE, EADDRNOTAVAIL, EACCES (a port below 1024).
[[nodiscard]] result<void> bind(int fd, const socket_address& address);

/// The longest queue of connections that wait for accept(); the kernel cuts it to
/// net.core.somaxconn.
inline constexpr int backlog_max = 65535;

/// Makes a bound socket accept connections. Errors: EADDRINUSE (without bind(), or another one
/// listens).
[[nodiscard]] result<void> listen(int fd, int backlog = backlog_max);

/// An accepted connection, or the errno value that says why there is none.
struct accepted {
    unique_fd fd;
    int error = 0;
};

/// Takes one waiting connection; `peer`, when given, receives its address. Besides EAGAIN the
/// errors that belong to the connection and not to the listener (ECONNABORTED, EPROTO, ENETDOWN, …;
/// accept(2) lists them) are answered by trying again, and EMFILE, ENFILE, ENOBUFS and ENOMEM by
/// trying later.
///
/// ```cpp
/// std::size_t accept_all(int listener) {
///     std::size_t count = 0;
///     while (os::accept(listener).fd) ++count;
///     return count;
/// }
/// ```
[[nodiscard]] accepted accept(int fd, socket_address* peer = nullptr) noexcept;

/// How far a connection has come.
enum class connect_status {
    connected,
    in_progress, ///< wait until the socket is writable, then ask connect_result()
};

/// Starts to connect. Errors: ECONNREFUSED, ENETUNREACH, EADDRNOTAVAIL (no local port left), ….
///
/// ```cpp
/// result<os::connect_status> start(os::unique_fd& fd, const os::socket_address& address) {
///     fd = SENNIT_TRY(os::socket(address.family()));
///     return os::connect(fd.get(), address);
/// }
/// ```
[[nodiscard]] result<connect_status> connect(int fd, const socket_address& address);

/// What has become of a connection in progress: its error, or how far it has come. To be asked when
/// the socket is writable; the answer in_progress means that the wake-up was for nothing.
[[nodiscard]] result<connect_status> connect_result(int fd);

/// The error that waits in the socket (SO_ERROR) as an errno value, 0 for none. Asking clears it.
[[nodiscard]] int take_socket_error(int fd) noexcept;

/// Receives what is there. 0: the peer has ended its data.
///
/// ```cpp
/// std::byte buffer[4096];
/// const os::io_result got = os::recv(0, buffer);
/// if (!got.ok() && !os::would_block(got.error)) std::puts("broken");
/// ```
[[nodiscard]] io_result recv(int fd, std::span<std::byte> buffer) noexcept;

/// Looks at what recv() would give, and leaves it there.
[[nodiscard]] io_result peek(int fd, std::span<std::byte> buffer) noexcept;

/// Sends as much as the socket takes. Errors: EPIPE, ECONNRESET, EAGAIN, ….
[[nodiscard]] io_result send(int fd, std::span<const std::byte> bytes) noexcept;

/// Bytes that somebody else owns: one piece of a gathering send. Laid out as the kernel's iovec.
struct const_buffer {
    const void* data = nullptr;
    std::size_t size = 0;
};

/// Sends several pieces with one call, as if they were one. At most 1024 pieces are taken at once
/// (IOV_MAX); like every send it may stop anywhere.
///
/// ```cpp
/// os::io_result send_page(int fd, std::string_view head, std::string_view body) {
///     const os::const_buffer pieces[] = {{head.data(), head.size()},
///                                        {body.data(), body.size()}};
///     return os::send_gather(fd, pieces);
/// }
/// ```
[[nodiscard]] io_result send_gather(int fd, std::span<const const_buffer> pieces) noexcept;

/// Which directions shutdown() ends.
enum class shutdown_how { read, write, both };

/// Ends a direction; the peer reads the end of the data, and whoever waits on the socket wakes up.
/// Errors: ENOTCONN (the peer has gone already).
[[nodiscard]] result<void> shutdown(int fd, shutdown_how how);

/// Lets a listener bind a port whose old connections still linger, if their listener had it too
/// (SO_REUSEADDR).
[[nodiscard]] result<void> set_reuse_address(int fd, bool on);

/// Lets several sockets of one user listen on one port; the kernel spreads connections over them
/// (SO_REUSEPORT).
[[nodiscard]] result<void> set_reuse_port(int fd, bool on);

/// Keeps an IPv6 socket from serving IPv4 too (IPV6_V6ONLY). Before bind().
[[nodiscard]] result<void> set_ipv6_only(int fd, bool on);

/// Sends small writes at once instead of waiting for more (TCP_NODELAY).
[[nodiscard]] result<void> set_no_delay(int fd, bool on);

/// When TCP asks a silent peer whether it is still there. The defaults are Go's: noticed after 150
/// seconds.
struct keepalive {
    std::chrono::seconds idle{15};     ///< silence before the first probe
    std::chrono::seconds interval{15}; ///< between probes
    int probes = 9;                    ///< unanswered ones until the connection is broken
};

/// Switches keep-alive probes on, as `options` say, or off.
///
/// ```cpp
/// result<void> tune(int fd) {
///     SENNIT_TRY(os::set_no_delay(fd, true));
///     return os::set_keepalive(fd, os::keepalive{});
/// }
/// ```
[[nodiscard]] result<void> set_keepalive(int fd, std::optional<keepalive> options);

/// What close() does with unsent data: nothing set, the kernel sends it in the background (the
/// default); zero, it is thrown away and the peer sees a reset; more, close() blocks so long.
[[nodiscard]] result<void> set_linger(int fd, std::optional<std::chrono::seconds> time);

/// Sizes of the kernel's buffers in bytes; the kernel doubles what is asked for, and has limits.
[[nodiscard]] result<void> set_send_buffer(int fd, std::size_t size);
[[nodiscard]] result<void> set_receive_buffer(int fd, std::size_t size);

/// The address the socket is bound to.
///
/// ```cpp
/// result<std::uint16_t> port_of(int listener) {
///     return SENNIT_TRY(os::local_address(listener)).port();
/// }
/// ```
[[nodiscard]] result<socket_address> local_address(int fd);

/// The address the socket is connected to. Errors: ENOTCONN.
[[nodiscard]] result<socket_address> peer_address(int fd);

} // namespace sennit::os
