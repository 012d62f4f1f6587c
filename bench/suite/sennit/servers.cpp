// echo_server, http_server.
#include "workloads.hpp"
#include <sennit/base/result.hpp>
#include <sennit/coro/or_return.hpp>
#if SENNIT_HAS_HTTP
#include <sennit/http/server.hpp>
#endif
#include <sennit/net/tcp_listener.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>

#include <array>
#include <string>
#include <utility>

namespace suite {
namespace {

using sennit::or_return;
using sennit::result;
using sennit::spawn;
using sennit::task;
using sennit::tcp_listener;
using sennit::tcp_stream;

std::string address_of(const request& asked) { return "127.0.0.1:" + asked.text("port"); }

// ---- echo

result<void> echo_fiber(tcp_stream stream) {
    std::array<std::byte, 1024> buffer;
    for (;;) {
        const std::size_t size = SENNIT_TRY(stream.read(buffer));
        if (size == 0) return {};
        SENNIT_TRY(stream.write_all(std::span(buffer).first(size)));
    }
}
result<void> serve_fiber(const request& asked) {
    auto listener = SENNIT_TRY(tcp_listener::bind(address_of(asked)));
    asked.ready();
    for (;;) {
        auto stream = SENNIT_TRY(listener.accept());
        sennit::go(echo_fiber, std::move(stream));
    }
}

task<result<void>> echo_task(tcp_stream stream) {
    std::array<std::byte, 1024> buffer;
    for (;;) {
        const std::size_t size = co_await or_return(stream.async_read(buffer));
        if (size == 0) co_return {};
        co_await or_return(stream.async_write_all(std::span(buffer).first(size)));
    }
}
task<result<void>> serve_task(const request& asked) {
    auto listener = co_await or_return(tcp_listener::bind(address_of(asked)));
    asked.ready();
    for (;;) {
        auto stream = co_await or_return(listener.async_accept());
        spawn(echo_task(std::move(stream))).detach();
    }
}

void echo_server(const request& asked) {
    sennit::runtime rt{{.workers = asked.threads}};
    const auto ended = rt.block_on([&] {
        return asked.variant == "tasks" ? spawn(serve_task(asked)).join() : serve_fiber(asked);
    });
    if (!ended) fail("echo_server: " + ended.error().message());
}

// ---- HTTP

#if SENNIT_HAS_HTTP
namespace http = sennit::http;

void http_server(const request& asked) {
    sennit::runtime rt{{.workers = asked.threads}};
    const auto ended = rt.block_on([&]() -> result<void> {
        http::router routes;
        if (asked.variant == "tasks") {
            routes.get("/", [](http::request&) -> task<http::response> {
                co_return http::response::text(200, "hello world\n");
            });
        } else {
            routes.get("/",
                       [](http::request&) { return http::response::text(200, "hello world\n"); });
        }
        http::server server(std::move(routes));
        auto listener = SENNIT_TRY(tcp_listener::bind(address_of(asked)));
        asked.ready();
        return server.serve(std::move(listener));
    });
    if (!ended) fail("http_server: " + ended.error().message());
}
#endif

} // namespace

void add_servers(std::vector<workload>& all) {
    all.push_back({.name = "echo_server",
                   .variants = {"fibers", "tasks"},
                   .threads = thread_counts(),
                   .parameters = {{"port", {"7007"}}},
                   .run = echo_server,
                   .is_server = true});
#if SENNIT_HAS_HTTP
    all.push_back({.name = "http_server",
                   .variants = {"fibers", "tasks"},
                   .threads = thread_counts(),
                   .parameters = {{"port", {"7008"}}},
                   .run = http_server,
                   .is_server = true});
#endif
}

} // namespace suite
