// Sockets, one system call at a time.
#include <sennit/os/socket.hpp>

#include "last_error.hpp"
#include <sennit/base/config.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace sennit::os {
namespace {

// The kernel reads our const_buffer as its iovec.
static_assert(sizeof(const_buffer) == sizeof(iovec) && alignof(const_buffer) == alignof(iovec));
static_assert(offsetof(const_buffer, data) == offsetof(iovec, iov_base));
static_assert(offsetof(const_buffer, size) == offsetof(iovec, iov_len));

// The two calls that every message makes. The C library's are points where a thread may be cancelled (pthread_cancel), which
// threads with flows cannot be and which takes 70 of some 100 instructions; a sanitizer wants to see them.
#if SENNIT_ASAN || SENNIT_TSAN
ssize_t receive_from(int fd, void* data, std::size_t size, int flags) noexcept {
    return ::recv(fd, data, size, flags);
}
ssize_t send_to(int fd, const void* data, std::size_t size, int flags) noexcept {
    return ::send(fd, data, size, flags);
}
#else
ssize_t receive_from(int fd, void* data, std::size_t size, int flags) noexcept {
    return ::syscall(SYS_recvfrom, fd, data, size, flags, nullptr, nullptr);
}
ssize_t send_to(int fd, const void* data, std::size_t size, int flags) noexcept {
    return ::syscall(SYS_sendto, fd, data, size, flags, nullptr, 0);
}
#endif

const sockaddr* kernel_address(const socket_address& address) noexcept {
    return static_cast<const sockaddr*>(address.data());
}

int kernel_seconds(std::chrono::seconds time) noexcept {
    return static_cast<int>(std::clamp<std::int64_t>(time.count(), 0, INT_MAX));
}

template<class Value>
result<void> set_option(int fd, int level, int option, const Value& value, const char* operation) {
    if (::setsockopt(fd, level, option, &value, sizeof(value)) < 0)
        return detail::failed(operation);
    return {};
}

result<void> set_size(int fd, int option, std::size_t size, const char* operation) {
    return set_option(fd, SOL_SOCKET, option,
                      static_cast<int>(std::min<std::size_t>(size, INT_MAX)), operation);
}

using address_call = int (*)(int, sockaddr*, socklen_t*);

result<socket_address> ask_address(int fd, address_call call, const char* operation) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    if (call(fd, reinterpret_cast<sockaddr*>(&storage), &size) < 0)
        return detail::failed(operation);
    return socket_address::from_bytes(&storage, size);
}

} // namespace

result<unique_fd> socket(address_family family, socket_kind kind) {
    const int type = kind == socket_kind::stream ? SOCK_STREAM : SOCK_DGRAM;
    unique_fd fd{::socket(static_cast<int>(family), type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    if (!fd) return detail::failed("socket");
    return fd;
}

result<void> bind(int fd, const socket_address& address) {
    if (::bind(fd, kernel_address(address), static_cast<socklen_t>(address.size())) < 0) {
        return detail::failed("bind");
    }
    return {};
}

result<void> listen(int fd, int backlog) {
    if (::listen(fd, backlog) < 0) return detail::failed("listen");
    return {};
}

accepted accept(int fd, socket_address* peer) noexcept {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    auto* const address = peer == nullptr ? nullptr : reinterpret_cast<sockaddr*>(&storage);
    const io_result taken = detail::retry_interrupted([&] {
        size = sizeof(storage);
        return ::accept4(fd, address, peer == nullptr ? nullptr : &size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);
    });
    if (!taken.ok()) return {.fd = unique_fd{}, .error = taken.error};
    // A Unix address that does not fit is cut, and `size` tells its true length.
    if (peer != nullptr)
        *peer = *socket_address::from_bytes(&storage, std::min<std::size_t>(size, sizeof(storage)));
    return {.fd = unique_fd{static_cast<int>(taken.value)}, .error = 0};
}

// EINTR: the connection goes on without us, so asking again would only say EALREADY.
result<connect_status> connect(int fd, const socket_address& address) {
    if (::connect(fd, kernel_address(address), static_cast<socklen_t>(address.size())) == 0) {
        return connect_status::connected;
    }
    const int number = detail::last_error();
    if (number == EINPROGRESS || number == EINTR) return connect_status::in_progress;
    return error::from_errno(number, "connect");
}

// No error waiting is no proof: before the handshake ends there is none either, and then the socket
// has no peer yet.
result<connect_status> connect_result(int fd) {
    if (const int number = take_socket_error(fd); number != 0)
        return error::from_errno(number, "connect");
    sockaddr_storage storage;
    socklen_t size = sizeof(storage);
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) == 0)
        return connect_status::connected;
    const int number = detail::last_error();
    if (number == ENOTCONN) return connect_status::in_progress;
    return error::from_errno(number, "connect");
}

int take_socket_error(int fd) noexcept {
    int number = 0;
    socklen_t size = sizeof(number);
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) < 0) return detail::last_error();
    return number;
}

io_result recv(int fd, std::span<std::byte> buffer) noexcept {
    return detail::retry_interrupted(
        [&] { return receive_from(fd, buffer.data(), buffer.size(), 0); });
}

io_result peek(int fd, std::span<std::byte> buffer) noexcept {
    return detail::retry_interrupted(
        [&] { return ::recv(fd, buffer.data(), buffer.size(), MSG_PEEK); });
}

io_result send(int fd, std::span<const std::byte> bytes) noexcept {
    return detail::retry_interrupted(
        [&] { return send_to(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL); });
}

io_result send_gather(int fd, std::span<const const_buffer> pieces) noexcept {
    msghdr message{};
    // The kernel only reads through the pointers; its struct has no const version.
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<const_buffer*>(pieces.data()));
    message.msg_iovlen = std::min<std::size_t>(pieces.size(), IOV_MAX);
    return detail::retry_interrupted([&] { return ::sendmsg(fd, &message, MSG_NOSIGNAL); });
}

result<void> shutdown(int fd, shutdown_how how) {
    constexpr int directions[] = {SHUT_RD, SHUT_WR, SHUT_RDWR};
    if (::shutdown(fd, directions[static_cast<int>(how)]) < 0) return detail::failed("shutdown");
    return {};
}

result<void> set_reuse_address(int fd, bool on) {
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, int{on}, "set_reuse_address");
}

result<void> set_reuse_port(int fd, bool on) {
    return set_option(fd, SOL_SOCKET, SO_REUSEPORT, int{on}, "set_reuse_port");
}

result<void> set_ipv6_only(int fd, bool on) {
    return set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, int{on}, "set_ipv6_only");
}

result<void> set_no_delay(int fd, bool on) {
    return set_option(fd, IPPROTO_TCP, TCP_NODELAY, int{on}, "set_no_delay");
}

// The times first: a connection must not probe with the kernel's two hours in between.
result<void> set_keepalive(int fd, std::optional<keepalive> options) {
    constexpr const char* operation = "set_keepalive";
    if (options) {
        SENNIT_TRY(
            set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, kernel_seconds(options->idle), operation));
        SENNIT_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, kernel_seconds(options->interval),
                              operation));
        SENNIT_TRY(set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, options->probes, operation));
    }
    return set_option(fd, SOL_SOCKET, SO_KEEPALIVE, int{options.has_value()}, operation);
}

result<void> set_linger(int fd, std::optional<std::chrono::seconds> time) {
    linger value{};
    value.l_onoff = time.has_value();
    value.l_linger = time ? kernel_seconds(*time) : 0;
    return set_option(fd, SOL_SOCKET, SO_LINGER, value, "set_linger");
}

result<void> set_send_buffer(int fd, std::size_t size) {
    return set_size(fd, SO_SNDBUF, size, "set_send_buffer");
}

result<void> set_receive_buffer(int fd, std::size_t size) {
    return set_size(fd, SO_RCVBUF, size, "set_receive_buffer");
}

result<socket_address> local_address(int fd) {
    return ask_address(fd, ::getsockname, "local_address");
}

result<socket_address> peer_address(int fd) {
    return ask_address(fd, ::getpeername, "peer_address");
}

} // namespace sennit::os
