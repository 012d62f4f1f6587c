// echo_server; http_server, by Beast. A connection is one flow, so that it needs no strand.
#include "workloads.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>

namespace suite {
namespace {

namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using acceptor = tcp::acceptor::rebind_executor<executor>::other;
using tcp_socket = tcp::socket::rebind_executor<executor>::other;

constexpr auto with_error = asio::as_tuple(asio::deferred);

// ---- echo

awaitable<void> echo(tcp_socket socket) {
    std::array<char, 1024> buffer;
    for (;;) {
        const auto [read_error, size] =
            co_await socket.async_read_some(asio::buffer(buffer), with_error);
        if (read_error) co_return;
        const auto [write_error, written] =
            co_await asio::async_write(socket, asio::buffer(buffer, size), with_error);
        if (write_error) co_return;
    }
}

// ---- HTTP

http::response<http::string_body> answer(const http::request<http::empty_body>& to) {
    const bool is_found = to.method() == http::verb::get && to.target() == "/";
    http::response<http::string_body> made(is_found ? http::status::ok : http::status::not_found,
                                           to.version());
    made.set(http::field::content_type, "text/plain; charset=utf-8");
    made.keep_alive(to.keep_alive());
    made.body() = is_found ? "hello world\n" : "not found\n";
    made.prepare_payload();
    return made;
}

awaitable<void> serve_http(tcp_socket socket) {
    beast::flat_buffer buffer;
    for (;;) {
        http::request<http::empty_body> came;
        const auto [read_error, size] = co_await http::async_read(socket, buffer, came, with_error);
        if (read_error) co_return;
        const auto made = answer(came);
        const auto [write_error, written] = co_await http::async_write(socket, made, with_error);
        if (write_error || !made.keep_alive()) co_return;
    }
}

// ---- both

template<awaitable<void> (*Serve)(tcp_socket)>
awaitable<void> listen(const request& asked) {
    const executor on = co_await asio::this_coro::executor;
    const auto port = static_cast<std::uint16_t>(asked.number("port"));
    acceptor listener(on, tcp::endpoint(asio::ip::address_v4::loopback(), port));
    asked.ready();
    for (;;) {
        auto [error, socket] = co_await listener.async_accept(with_error);
        if (error == asio::error::connection_aborted) continue;
        if (error) fail("accept: " + error.message());
        socket.set_option(tcp::no_delay(true), error);
        asio::co_spawn(on, Serve(std::move(socket)), asio::detached);
    }
}

template<awaitable<void> (*Serve)(tcp_socket)>
workload server(std::string name, std::string port) {
    return {.name = std::move(name),
            .variants = {"coroutines"},
            .threads = thread_counts(),
            .parameters = {{"port", {std::move(port)}}},
            .run = [](const request& asked) { run_in_context(asked, listen<Serve>(asked)); },
            .is_server = true};
}

} // namespace

void add_servers(std::vector<workload>& all) {
    all.push_back(server<echo>("echo_server", "7007"));
    all.push_back(server<serve_http>("http_server", "7008"));
}

} // namespace suite
