// Real sockets on the loopback interface; an epoll stands where a runtime would, so nothing sleeps
// and nothing spins.
#include <sennit/os/socket.hpp>

#include "os/support.hpp"
#include <sennit/os/epoll.hpp>
#include <sennit/os/thread.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <vector>

namespace sennit::os {
namespace {

using test_support::bytes_of;
using test_support::text_of;

const socket_address any_port = socket_address::from_ipv4({127, 0, 0, 1}, 0);

void wait_for(int fd, std::uint32_t events) {
    epoll poller = epoll::create().value();
    ASSERT_TRUE(poller.add(fd, events, 0).has_value());
    std::array<epoll::event, 1> ready;
    while (poller.wait(ready).value() == 0) {}
}

unique_fd listen_on(const socket_address& address, int backlog = backlog_max) {
    unique_fd fd = socket(address.family()).value();
    EXPECT_TRUE(set_reuse_address(fd.get(), true).has_value());
    EXPECT_TRUE(bind(fd.get(), address).has_value());
    EXPECT_TRUE(listen(fd.get(), backlog).has_value());
    return fd;
}

unique_fd connect_to(const socket_address& address) {
    unique_fd fd = socket(address.family()).value();
    connect_status status = connect(fd.get(), address).value();
    while (status == connect_status::in_progress) {
        wait_for(fd.get(), epoll::writable);
        status = connect_result(fd.get()).value();
    }
    return fd;
}

unique_fd accept_from(int listener, socket_address* peer = nullptr) {
    wait_for(listener, epoll::readable);
    accepted taken = accept(listener, peer);
    EXPECT_EQ(taken.error, 0);
    return std::move(taken.fd);
}

/// Two ends of one connection.
struct connection {
    unique_fd client;
    unique_fd server;
};

connection make_connection() {
    const unique_fd listener = listen_on(any_port);
    connection made;
    made.client = connect_to(local_address(listener.get()).value());
    made.server = accept_from(listener.get());
    return made;
}

std::string receive(int fd, std::size_t size) {
    std::vector<std::byte> buffer(size);
    std::size_t length = 0;
    while (length < size) {
        wait_for(fd, epoll::readable);
        const io_result got = recv(fd, std::span{buffer}.subspan(length));
        EXPECT_TRUE(got.ok());
        if (got.value <= 0) break;
        length += static_cast<std::size_t>(got.value);
    }
    return text_of(std::span{buffer}.first(length));
}

/// Sends until the socket takes no more; returns how much it took.
std::size_t fill(int fd) {
    const std::string block(64 * 1024, 'x');
    std::size_t sent = 0;
    for (;;) {
        const io_result put = send(fd, bytes_of(block));
        if (!put.ok()) {
            EXPECT_TRUE(would_block(put.error));
            return sent;
        }
        sent += static_cast<std::size_t>(put.value);
    }
}

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t size = sizeof(value);
    EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
    return value;
}

TEST(socket, is_nonblocking_and_close_on_exec) {
    for (const auto kind : {socket_kind::stream, socket_kind::datagram}) {
        const unique_fd fd = socket(address_family::ipv4, kind).value();
        EXPECT_NE(::fcntl(fd.get(), F_GETFL) & O_NONBLOCK, 0);
        EXPECT_NE(::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC, 0);
        EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_TYPE),
                  kind == socket_kind::stream ? SOCK_STREAM : SOCK_DGRAM);
    }
}

TEST(socket, reports_a_family_that_is_not_there) {
    const auto fd = socket(static_cast<address_family>(200));
    ASSERT_FALSE(fd.has_value());
    EXPECT_EQ(fd.error().code(), std::errc::address_family_not_supported);
}

TEST(bind, lets_the_kernel_choose_a_port) {
    const unique_fd fd = socket(address_family::ipv4).value();
    ASSERT_TRUE(bind(fd.get(), any_port).has_value());
    const socket_address bound = local_address(fd.get()).value();
    EXPECT_NE(bound.port(), 0);
    EXPECT_EQ(bound, any_port.with_port(bound.port()));
}

TEST(bind, reports_a_port_that_is_taken) {
    const unique_fd first = listen_on(any_port);
    const unique_fd second = socket(address_family::ipv4).value();
    const auto bound = bind(second.get(), local_address(first.get()).value());
    ASSERT_FALSE(bound.has_value());
    EXPECT_EQ(bound.error().code(), std::errc::address_in_use);
    EXPECT_STREQ(bound.error().operation(), "bind");
}

TEST(bind, reuse_port_shares_a_port) {
    const unique_fd first = socket(address_family::ipv4).value();
    ASSERT_TRUE(set_reuse_port(first.get(), true).has_value());
    ASSERT_TRUE(bind(first.get(), any_port).has_value());
    ASSERT_TRUE(listen(first.get()).has_value());
    const unique_fd second = socket(address_family::ipv4).value();
    ASSERT_TRUE(set_reuse_port(second.get(), true).has_value());
    EXPECT_TRUE(bind(second.get(), local_address(first.get()).value()).has_value());
    EXPECT_TRUE(listen(second.get()).has_value());
}

// The side that closes first keeps the port in TIME_WAIT; a new listener on it needs SO_REUSEADDR,
// as the old one did.
TEST(bind, reuse_address_takes_a_port_with_old_connections) {
    unique_fd listener = listen_on(any_port);
    const socket_address address = local_address(listener.get()).value();
    unique_fd client = connect_to(address);
    unique_fd server = accept_from(listener.get());
    server.reset();
    EXPECT_EQ(receive(client.get(), 1), "");
    client.reset();
    listener.reset();
    const unique_fd again = socket(address_family::ipv4).value();
    ASSERT_TRUE(set_reuse_address(again.get(), true).has_value());
    EXPECT_TRUE(bind(again.get(), address).has_value());
    EXPECT_TRUE(listen(again.get()).has_value());
}

TEST(accept, answers_not_now_without_a_connection) {
    const unique_fd listener = listen_on(any_port);
    const accepted taken = accept(listener.get());
    EXPECT_FALSE(taken.fd);
    EXPECT_TRUE(would_block(taken.error));
}

TEST(accept, reports_a_socket_that_does_not_listen) {
    const unique_fd fd = socket(address_family::ipv4).value();
    EXPECT_EQ(accept(fd.get()).error, EINVAL);
    EXPECT_EQ(accept(-1).error, EBADF);
}

TEST(accept, tells_the_peer_and_sets_the_flags) {
    const unique_fd listener = listen_on(any_port);
    const unique_fd client = connect_to(local_address(listener.get()).value());
    socket_address peer;
    const unique_fd server = accept_from(listener.get(), &peer);
    EXPECT_EQ(peer, local_address(client.get()).value());
    EXPECT_EQ(peer, peer_address(server.get()).value());
    EXPECT_EQ(peer_address(client.get()).value(), local_address(listener.get()).value());
    EXPECT_NE(::fcntl(server.get(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(server.get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(connect, reports_a_refusal) {
    unique_fd listener = listen_on(any_port);
    const socket_address address = local_address(listener.get()).value();
    listener.reset();
    const unique_fd fd = socket(address_family::ipv4).value();
    auto status = connect(fd.get(), address);
    if (status.has_value()) {
        wait_for(fd.get(), epoll::writable);
        status = connect_result(fd.get());
    }
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().code(), std::errc::connection_refused);
    EXPECT_STREQ(status.error().operation(), "connect");
}

// A listener with room for one connection drops the requests of others, which then stay in
// progress: no error waits in the socket, and there is no peer yet.
TEST(connect, stays_in_progress_until_the_peer_answers) {
    const unique_fd listener = listen_on(any_port, 0);
    std::vector<unique_fd> clients;
    bool waiting = false;
    for (int i = 0; i < 8 && !waiting; ++i) {
        clients.push_back(socket(address_family::ipv4).value());
        ASSERT_TRUE(
            connect(clients.back().get(), local_address(listener.get()).value()).has_value());
        waiting = connect_result(clients.back().get()).value() == connect_status::in_progress;
    }
    EXPECT_TRUE(waiting);
    EXPECT_EQ(connect_result(clients.front().get()).value(), connect_status::connected);
}

TEST(connect, of_a_unix_socket_is_done_at_once) {
    const std::string name = std::string{'\0'} + "sennit-test-" + std::to_string(os::gettid());
    const socket_address address = socket_address::from_unix_path(name).value();
    const unique_fd listener = listen_on(address);
    const unique_fd client = socket(address_family::unix_domain).value();
    EXPECT_EQ(connect(client.get(), address).value(), connect_status::connected);
    socket_address peer;
    const unique_fd server = accept_from(listener.get(), &peer);
    EXPECT_EQ(peer.to_string(), "unix:");
    EXPECT_EQ(local_address(listener.get()).value(), address);
}

TEST(recv, answers_not_now_then_bytes_then_the_end) {
    connection both = make_connection();
    std::array<std::byte, 16> buffer;
    EXPECT_EQ(recv(both.server.get(), buffer), io_result::failure(EAGAIN));
    EXPECT_EQ(send(both.client.get(), bytes_of("hello")), io_result::success(5));
    wait_for(both.server.get(), epoll::readable);
    EXPECT_EQ(peek(both.server.get(), std::span{buffer}.first(2)), io_result::success(2));
    EXPECT_EQ(text_of(std::span{buffer}.first(2)), "he");
    EXPECT_EQ(recv(both.server.get(), buffer), io_result::success(5));
    EXPECT_EQ(text_of(std::span{buffer}.first(5)), "hello");
    both.client.reset();
    wait_for(both.server.get(), epoll::readable);
    EXPECT_EQ(recv(both.server.get(), buffer), io_result::success(0));
}

TEST(send, answers_not_now_when_the_socket_is_full) {
    const connection both = make_connection();
    const std::size_t sent = fill(both.client.get());
    EXPECT_GT(sent, 0U);
    EXPECT_EQ(receive(both.server.get(), sent).size(), sent);
    wait_for(both.client.get(), epoll::writable);
    EXPECT_TRUE(send(both.client.get(), bytes_of("x")).ok());
}

// SIGPIPE has its default here, which would end the test program.
TEST(send, to_a_peer_that_is_gone_is_an_error_and_no_signal) {
    connection both = make_connection();
    both.server.reset();
    wait_for(both.client.get(), epoll::read_hangup);
    io_result put = send(both.client.get(), bytes_of("x")); // answered with a reset
    while (put.ok()) {
        wait_for(both.client.get(), epoll::hangup);
        put = send(both.client.get(), bytes_of("x"));
    }
    EXPECT_TRUE(put.error == EPIPE || put.error == ECONNRESET) << put.error;
    EXPECT_EQ(send(both.client.get(), bytes_of("x")), io_result::failure(EPIPE));
    const const_buffer piece{"x", 1};
    EXPECT_EQ(send_gather(both.client.get(), std::span{&piece, 1}), io_result::failure(EPIPE));
}

TEST(send_gather, sends_the_pieces_in_order) {
    const connection both = make_connection();
    const std::array<const_buffer, 4> pieces{
        {{"one ", 4}, {nullptr, 0}, {"two ", 4}, {"three", 5}}};
    EXPECT_EQ(send_gather(both.client.get(), pieces), io_result::success(13));
    EXPECT_EQ(receive(both.server.get(), 13), "one two three");
    EXPECT_EQ(send_gather(both.client.get(), {}), io_result::success(0));
}

TEST(send_gather, takes_a_thousand_and_twenty_four_pieces_at_once) {
    const connection both = make_connection();
    const std::vector<const_buffer> pieces(1500, const_buffer{"x", 1});
    EXPECT_EQ(send_gather(both.client.get(), pieces), io_result::success(1024));
    EXPECT_EQ(receive(both.server.get(), 1024), std::string(1024, 'x'));
}

TEST(shutdown, ends_one_direction_only) {
    const connection both = make_connection();
    ASSERT_TRUE(shutdown(both.client.get(), shutdown_how::write).has_value());
    EXPECT_EQ(receive(both.server.get(), 1), "");
    EXPECT_TRUE(send(both.server.get(), bytes_of("late")).ok());
    EXPECT_EQ(receive(both.client.get(), 4), "late");
    EXPECT_EQ(send(both.client.get(), bytes_of("x")), io_result::failure(EPIPE));
}

TEST(shutdown, of_reading_ends_the_own_data) {
    const connection both = make_connection();
    ASSERT_TRUE(shutdown(both.client.get(), shutdown_how::read).has_value());
    EXPECT_EQ(receive(both.client.get(), 1), "");
    EXPECT_TRUE(shutdown(both.client.get(), shutdown_how::both).has_value());
}

TEST(shutdown, reports_a_socket_without_a_peer) {
    const unique_fd fd = socket(address_family::ipv4).value();
    const auto ended = shutdown(fd.get(), shutdown_how::both);
    ASSERT_FALSE(ended.has_value());
    EXPECT_EQ(ended.error().code(), std::errc::not_connected);
}

TEST(take_socket_error, tells_the_error_once) {
    connection both = make_connection();
    EXPECT_EQ(take_socket_error(both.client.get()), 0);
    ASSERT_TRUE(set_linger(both.server.get(), std::chrono::seconds{0}).has_value());
    both.server.reset(); // with a linger time of zero: a reset
    wait_for(both.client.get(), epoll::error);
    EXPECT_EQ(take_socket_error(both.client.get()), ECONNRESET);
    EXPECT_EQ(take_socket_error(both.client.get()), 0);
    EXPECT_EQ(take_socket_error(-1), EBADF);
}

TEST(socket_options, reach_the_kernel) {
    const unique_fd fd = socket(address_family::ipv4).value();
    for (const bool on : {true, false}) {
        ASSERT_TRUE(set_reuse_address(fd.get(), on).has_value());
        EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_REUSEADDR) != 0, on);
        ASSERT_TRUE(set_reuse_port(fd.get(), on).has_value());
        EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_REUSEPORT) != 0, on);
        ASSERT_TRUE(set_no_delay(fd.get(), on).has_value());
        EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_NODELAY) != 0, on);
    }
    ASSERT_TRUE(set_send_buffer(fd.get(), 32 * 1024).has_value());
    EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_SNDBUF), 64 * 1024);
    ASSERT_TRUE(set_receive_buffer(fd.get(), 32 * 1024).has_value());
    EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_RCVBUF), 64 * 1024);
    ASSERT_TRUE(set_linger(fd.get(), std::chrono::seconds{3}).has_value());
    ASSERT_TRUE(set_linger(fd.get(), std::nullopt).has_value());
}

TEST(socket_options, keepalive_has_go_s_defaults) {
    const unique_fd fd = socket(address_family::ipv4).value();
    ASSERT_TRUE(set_keepalive(fd.get(), keepalive{}).has_value());
    EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 1);
    EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE), 15);
    EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL), 15);
    EXPECT_EQ(option(fd.get(), IPPROTO_TCP, TCP_KEEPCNT), 9);
    ASSERT_TRUE(set_keepalive(fd.get(), std::nullopt).has_value());
    EXPECT_EQ(option(fd.get(), SOL_SOCKET, SO_KEEPALIVE), 0);
}

TEST(socket_options, report_a_socket_of_another_kind) {
    const unique_fd fd = socket(address_family::unix_domain).value();
    EXPECT_FALSE(set_no_delay(fd.get(), true).has_value());
    EXPECT_FALSE(set_ipv6_only(fd.get(), true).has_value());
    EXPECT_FALSE(set_keepalive(fd.get(), keepalive{}).has_value());
    EXPECT_STREQ(set_no_delay(fd.get(), true).error().operation(), "set_no_delay");
}

TEST(addresses, report_what_has_none) {
    const unique_fd fd = socket(address_family::ipv4).value();
    EXPECT_EQ(peer_address(fd.get()).error().code(), std::errc::not_connected);
    EXPECT_EQ(local_address(-1).error().code(), std::errc::bad_file_descriptor);
    EXPECT_EQ(local_address(fd.get()).value().port(), 0);
}

TEST(ipv6, connects_and_keeps_ipv4_out) {
    const auto probe = socket(address_family::ipv6);
    const socket_address loopback = socket_address::parse("[::1]:0").value();
    if (!probe || !bind(probe->get(), loopback)) GTEST_SKIP() << "this machine has no IPv6";
    const unique_fd listener = socket(address_family::ipv6).value();
    ASSERT_TRUE(set_ipv6_only(listener.get(), true).has_value());
    EXPECT_EQ(option(listener.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
    ASSERT_TRUE(bind(listener.get(), loopback).has_value());
    ASSERT_TRUE(listen(listener.get()).has_value());
    const unique_fd client = connect_to(local_address(listener.get()).value());
    socket_address peer;
    const unique_fd server = accept_from(listener.get(), &peer);
    EXPECT_EQ(peer.family(), address_family::ipv6);
    EXPECT_TRUE(peer.to_string().starts_with("[::1]:"));
}

} // namespace
} // namespace sennit::os
