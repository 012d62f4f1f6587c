// The HTTP/1.1 server: accepts connections, and drives each with one coroutine task.
//
// What a connection is made of: bytes -> request_parser -> router -> handler -> response_writer ->
// bytes. The four in the middle know no sockets; this layer adds I/O, bounds in time, and the order
// of closing.
//
// A plain handler is called within the connection's step. If it blocks, that step takes a stack for
// as long as it needs one, so such a handler is a fiber exactly while it waits. A coroutine handler
// is awaited and needs no stack at all.
//
// Each response is sent before the next pipelined request is answered: a handler may wait for
// something that its client does only after it has seen the response before. So at most one
// response of a connection is in memory, and requests that wait their turn stay in the kernel.
//
// This layer stands above net, beside which the picture of the layers draws it: the server is what
// http and net are for together.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/http/limits.hpp>
#include <sennit/http/router.hpp>
#include <sennit/net/tcp_listener.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string_view>

namespace sennit::http {

/// Connections that a server keeps open at once unless its options say otherwise.
inline constexpr std::size_t connections_max_default = 10'000;

/// How a server treats its clients. Durations that are too long for the clock mean for ever.
///
/// ```cpp
/// http::server_options patient{.header_timeout = std::chrono::minutes(1)};
/// ```
struct server_options {
    /// What one request may hold; crossing it is answered by 413, 414 or 431.
    http::limits limits = {};

    /// 408: from the first byte of a request to the end of its head. A new connection has as long
    /// for its first byte; without one it is closed in silence.
    std::chrono::nanoseconds header_timeout = std::chrono::seconds(10);

    /// 408: for the body, and one second more for each body_rate_min bytes that have come, so that
    /// a large upload has its time and a trickle has not.
    std::chrono::nanoseconds body_timeout = std::chrono::seconds(30);
    std::uint64_t body_rate_min = 1024;

    /// How long a connection stays open between requests; then it is closed in silence.
    std::chrono::nanoseconds idle_timeout = std::chrono::seconds(60);

    /// How long a client may take to accept up to 64 KiB of a response; then the connection is
    /// closed. Checked lazily: a quarter later at most.
    std::chrono::nanoseconds write_timeout = std::chrono::seconds(30);

    /// Requests for each connection; the last one is answered with "Connection: close".
    std::uint64_t requests_max = std::numeric_limits<std::uint64_t>::max();

    /// Connections at once; while so many are open, new ones wait in the listener's backlog.
    std::size_t connections_max = connections_max_default;

    /// Is given a line of text, without its end, for each exception that leaves a handler or a body
    /// source, and when connections cannot be accepted for want of descriptors. Called by many
    /// flows at once; must not throw. Empty: the line goes to stderr.
    std::function<void(std::string_view line)> report = {};
};

/// One look at a server. Taken while requests run, so the numbers may be off by those.
///
/// ```cpp
/// http::server_statistics seen;
/// std::uint64_t failures = seen.responses[5];
/// ```
struct server_statistics {
    std::uint64_t connections_open = 0;
    std::uint64_t connections_accepted = 0;
    std::uint64_t requests = 0;               ///< heads that were read to their end
    std::uint64_t bytes_received = 0;         ///< from sockets, heads included
    std::uint64_t bytes_sent = 0;             ///< to sockets, heads included
    std::array<std::uint64_t, 6> responses{}; ///< by the first digit of the status
};

namespace detail {
class server_core;
}

/// Answers the requests of any number of listeners with the handlers of one router. A handle:
/// copies mean the same server, and it lives until all of them are gone and its last connection has
/// ended. Any flow and any thread may call any function.
///
/// ```cpp
/// #include <sennit/all.hpp>
/// int main() {
///     return sennit::run([] {
///         sennit::http::router routes;
///         routes.get("/hello", [](sennit::http::request&) {
///             return sennit::http::response::text(200, "hello\n");
///         });
///         sennit::http::server server(std::move(routes));
///         auto listener = sennit::tcp_listener::bind("127.0.0.1:0");
///         if (!listener) return 1;
///         auto serving = sennit::spawn(server.async_serve(std::move(*listener)));
///         server.shutdown(std::chrono::seconds(1));
///         return serving.join() ? 0 : 1;
///     });
/// }
/// ```
class server {
public:
    explicit server(router routes, server_options options = {});

    /// Accepts connections until the server is shut down, which is success, or the listener fails
    /// for good, which is the error. Connections run on the executor of the flow that calls this,
    /// and go on when it has returned. When descriptors run out accepting pauses and goes on.
    /// Errors: those of accept; `errc::shut_down` when the server was shut down before;
    /// `errc::stopped` when the flow was asked to stop.
    ///
    /// ```cpp
    /// result<void> run_service(http::router routes) {
    ///     http::server server(std::move(routes));
    ///     return server.serve(SENNIT_TRY(tcp_listener::bind("127.0.0.1:8080")));
    /// }
    /// ```
    result<void> serve(tcp_listener listener);
    task<result<void>> async_serve(tcp_listener listener);

    /// Stops accepting, closes idle connections at once, lets requests that have begun finish for
    /// at most `grace`, then closes what is left and asks its flows to stop. Returns how many were
    /// left. Returns when all connections have ended, but waits no longer than `force_wait` for
    /// those that it forced: a handler that computes notices nothing. A second call joins the first
    /// one with a grace of its own. Throws `stopped`.
    std::size_t shutdown(std::chrono::nanoseconds grace);
    task<std::size_t> async_shutdown(std::chrono::nanoseconds grace);

    /// How long a shutdown waits for handlers that were asked to stop.
    static constexpr std::chrono::seconds force_wait{1};

    /// Cost: a few dozen relaxed loads.
    [[nodiscard]] server_statistics statistics() const noexcept;

private:
    std::shared_ptr<detail::server_core> core_;
};

} // namespace sennit::http
