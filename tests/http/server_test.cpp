#include <sennit/http/server.hpp>

#include "allocation_count.hpp"
#include "client.hpp"
#include "os/open_descriptors.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/cell_pool.hpp>
#include <sennit/net/tcp_listener.hpp>
#include <sennit/runtime/runtime.hpp>
#include <sennit/sync/event.hpp>
#include <sennit/time/sleep.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace sennit::http {
namespace {

using namespace std::chrono_literals;
using test::open_descriptors;
using testing::ElementsAre;

response plain_hello(request& asked) {
    return response::text(200, "plain " + std::string(asked.param("name")));
}
task<response> coroutine_hello(request& asked) {
    co_return response::text(200, "coroutine " + std::string(asked.param("name")));
}
response echo(request& asked) { return response::text(200, std::move(asked.body())); }

// A runtime with so many workers, and a server with some routes on a port of its own. Afterwards
// everything must be gone again.
class http_server : public testing::TestWithParam<unsigned> {
protected:
    http_server() {
        descriptors_before_ = open_descriptors();
        objects_before_ = pool_stats();
        runtime_.emplace(runtime_options{.workers = GetParam()});
        routes_.get("/plain/{name}", plain_hello);
        routes_.get("/coroutine/{name}", coroutine_hello);
        routes_.post("/echo", echo);
        options_.report = [this](std::string_view line) {
            const std::lock_guard guard(lines_lock_);
            lines_.emplace_back(line);
        };
    }

    void start() {
        server_.emplace(std::move(routes_), std::move(options_));
        auto listener = runtime_->block_on([] { return tcp_listener::bind("127.0.0.1:0"); });
        ASSERT_TRUE(listener) << listener.error().message();
        port_ = listener->local_address()->port();
        serving_ = runtime_->spawn(server_->async_serve(std::move(*listener)));
    }
    client connect() const { return client(port_); }

    // Runs a shutdown as a flow of its own.
    join_handle<std::size_t> begin_shutdown(std::chrono::nanoseconds grace) {
        return runtime_->spawn(server_->async_shutdown(grace));
    }

    void TearDown() override {
        if (server_) {
            EXPECT_EQ(begin_shutdown(20s).join(), forced_expected_);
            const auto served = serving_.join();
            EXPECT_TRUE(served) << served.error().message();
            EXPECT_EQ(server_->statistics().connections_open, 0U);
        }
        server_.reset();
        runtime_.reset();
        EXPECT_EQ(open_descriptors(), descriptors_before_);
        const pool_statistics left = pool_stats();
        EXPECT_EQ(left.cells, objects_before_.cells) << "a flow was leaked";
        EXPECT_EQ(left.frames, objects_before_.frames) << "a coroutine frame was leaked";
    }

    std::vector<std::string> lines() {
        const std::lock_guard guard(lines_lock_);
        return lines_;
    }

    std::optional<runtime> runtime_;
    router routes_;
    server_options options_;
    std::optional<server> server_;
    std::size_t forced_expected_ = 0;

private:
    join_handle<result<void>> serving_;
    std::uint16_t port_ = 0;
    std::ptrdiff_t descriptors_before_ = 0;
    pool_statistics objects_before_{};
    std::mutex lines_lock_;
    std::vector<std::string> lines_;
};

INSTANTIATE_TEST_SUITE_P(workers, http_server, testing::Values(1U, 2U));

TEST_P(http_server, answers_plain_and_coroutine_handlers_on_one_connection) {
    start();
    client peer = connect();
    for (const std::string kind : {"plain", "coroutine", "plain", "coroutine"}) {
        peer.get("/" + kind + "/you");
        const client_response got = peer.receive();
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.body, kind + " you");
        EXPECT_EQ(got.header("Connection"), "");
    }
    const server_statistics seen = server_->statistics();
    EXPECT_EQ(seen.connections_accepted, 1U);
    EXPECT_EQ(seen.requests, 4U);
    EXPECT_EQ(seen.responses[2], 4U);
    EXPECT_GT(seen.bytes_received, 0U);
    EXPECT_GT(seen.bytes_sent, 0U);
}

// The counter sees every thread, so nothing on the way allocates: reactor, parser, router, frames of
// coroutines, writer. What a handler puts into its response is its own affair; here it is nothing.
TEST_P(http_server, allocates_nothing_for_a_request_on_an_open_connection) {
    routes_.get("/plain", [](request&) { return response(204); });
    routes_.get("/coroutine", [](request&) -> task<response> { co_return response(204); });
    start();
    client peer = connect();
    std::array<char, 4096> answer;
    const auto ask_often = [&] {
        for (int i = 0; i < 100; ++i) {
            peer.send(i % 2 == 0 ? "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n"
                                 : "GET /coroutine HTTP/1.1\r\nHost: a\r\n\r\n");
            std::size_t size = 0;
            while (!std::string_view(answer.data(), size).ends_with("\r\n\r\n"))
                size += peer.receive_some(std::span(answer).subspan(size));
        }
    };
    // The runtime may start a spare thread meanwhile, on a loaded machine; so the best of some rounds.
    std::size_t least = std::numeric_limits<std::size_t>::max();
    for (int round = 0; round < 5; ++round) {
        const allocation_count allocations;
        ask_often();
        least = std::min(least, allocations.so_far());
    }
    // AddressSanitizer is to see each frame, so it gets no pool.
    EXPECT_EQ(least, SENNIT_ASAN ? 50U : 0U);
}

TEST_P(http_server, closes_when_the_client_asks_for_it) {
    start();
    client peer = connect();
    peer.get("/plain/x", "Connection: close\r\n");
    EXPECT_EQ(peer.receive().header("Connection"), "close");
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, closes_after_a_request_of_http_1_0) {
    start();
    client peer = connect();
    peer.send("GET /plain/x HTTP/1.0\r\n\r\n");
    const client_response got = peer.receive();
    EXPECT_EQ(got.body, "plain x");
    EXPECT_EQ(got.header("Connection"), "close");
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, answers_a_hundred_pipelined_requests_in_order) {
    start();
    client peer = connect();
    std::string all;
    for (int i = 0; i < 100; ++i) {
        all += i % 2 == 0 ? "GET /plain/" : "GET /coroutine/";
        all += std::to_string(i) + " HTTP/1.1\r\nHost: here\r\n\r\n";
    }
    peer.send(all);
    for (int i = 0; i < 100; ++i) {
        const client_response got = peer.receive();
        ASSERT_EQ(got.body, (i % 2 == 0 ? "plain " : "coroutine ") + std::to_string(i));
    }
}

// The second handler ends only after the client has read the first answer.
TEST_P(http_server, sends_a_response_before_the_next_pipelined_handler_waits) {
    event seen;
    routes_.get("/wait", [&seen](request&) {
        seen.wait();
        return response::text(200, "waited");
    });
    start();
    client peer = connect();
    peer.send("GET /plain/1 HTTP/1.1\r\nHost: a\r\n\r\nGET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_EQ(peer.receive().body, "plain 1");
    seen.set();
    EXPECT_EQ(peer.receive().body, "waited");
}

TEST_P(http_server, reads_a_request_that_comes_byte_by_byte) {
    start();
    client peer = connect();
    for (const char byte :
         std::string("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"))
        peer.send({&byte, 1});
    EXPECT_EQ(peer.receive().body, "abc");
}

TEST_P(http_server, reads_a_chunked_body) {
    start();
    client peer = connect();
    peer.send(
        "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nChecksum: 1\r\n\r\n");
    EXPECT_EQ(peer.receive().body, "abcdefgh");
    peer.get("/plain/next");
    EXPECT_EQ(peer.receive().body, "plain next");
}

TEST_P(http_server, streams_a_large_response_in_chunks) {
    constexpr int pieces = 200;
    routes_.get("/stream", [](request&) {
        return response::stream(200, "text/plain", [n = 0](std::string& piece) mutable {
            piece.assign(100'000, static_cast<char>('a' + n % 26));
            if (n % 50 == 0) sleep_for(1ms); // a source may wait
            return ++n < pieces;
        });
    });
    start();
    client peer = connect();
    peer.get("/stream");
    const client_response got = peer.receive();
    EXPECT_TRUE(got.complete);
    EXPECT_EQ(got.header("Transfer-Encoding"), "chunked");
    ASSERT_EQ(got.body.size(), 100'000U * pieces);
    EXPECT_EQ(got.body.back(), 'a' + (pieces - 1) % 26);
    peer.get("/plain/next");
    EXPECT_EQ(peer.receive().body, "plain next");
}

TEST_P(http_server, returns_a_large_body) {
    options_.limits.body_size_max = 64 << 20;
    start();
    client peer = connect();
    std::string body(8 << 20, 'x');
    for (std::size_t i = 0; i < body.size(); i += 4093)
        body[i] = static_cast<char>('a' + i % 26);
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
    peer.send(body);
    EXPECT_TRUE(peer.receive().body == body);
    peer.get("/plain/next");
    EXPECT_EQ(peer.receive().body, "plain next");
}

TEST_P(http_server, lets_a_client_continue_that_expects_to_be_asked) {
    start();
    client peer = connect();
    for (int i = 0; i < 2; ++i) {
        peer.send(
            "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
            "Expect: 100-continue\r\n\r\n");
        EXPECT_EQ(peer.receive().status, 100);
        peer.send("abc");
        const client_response got = peer.receive();
        EXPECT_EQ(got.status, 200);
        EXPECT_EQ(got.body, "abc");
    }
}

TEST_P(http_server, refuses_a_client_that_expects_to_be_asked_where_no_route_is) {
    start();
    client peer = connect();
    peer.send(
        "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\n\r\n");
    const client_response got = peer.receive();
    EXPECT_EQ(got.status, 404);
    EXPECT_EQ(got.header("Connection"), "close");
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, answers_malformed_requests_and_closes) {
    options_.limits = {.target_size_max = 100, .header_size_max = 200, .body_size_max = 10};
    start();
    const std::string post = "POST /echo HTTP/1.1\r\nHost: a\r\n";
    const std::vector<std::pair<int, std::string>> cases{
        {400, "nonsense\r\n\r\n"},
        {400, "GET /plain/x HTTP/1.1\r\n\r\n"},
        {400, post + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"},
        {413, post + "Content-Length: 11\r\n\r\n"},
        {413, post + "Transfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n"},
        {414, "GET /" + std::string(200, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n"},
        {417, post + "Expect: wonders\r\nContent-Length: 3\r\n\r\n"},
        {431, "GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(300, 'x') + "\r\n\r\n"},
        {501, "BREW / HTTP/1.1\r\nHost: a\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n"},
    };
    for (const auto& [status, bytes] : cases) {
        SCOPED_TRACE(bytes);
        client peer = connect();
        peer.send(bytes + "and what follows is never read");
        const client_response got = peer.receive();
        EXPECT_EQ(got.status, status);
        EXPECT_EQ(got.header("Connection"), "close");
        EXPECT_TRUE(got.complete);
        peer.end_sending();
        EXPECT_TRUE(peer.is_closed_cleanly());
    }
    EXPECT_EQ(server_->statistics().responses[4] + server_->statistics().responses[5],
              cases.size());
}

// The client sends all of its body before it looks for the answer, which a reset would destroy.
TEST_P(http_server, lets_a_client_read_the_answer_that_refuses_its_body) {
    start();
    client peer = connect();
    const std::string body(3 << 20, 'x');
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n");
    peer.send(body);
    EXPECT_EQ(peer.receive().status, 413);
    peer.end_sending();
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, keeps_the_connection_where_no_route_is) {
    start();
    client peer = connect();
    peer.get("/nowhere");
    EXPECT_EQ(peer.receive().status, 404);
    peer.get("/echo");
    const client_response refused = peer.receive();
    EXPECT_EQ(refused.status, 405);
    EXPECT_EQ(refused.header("Allow"), "POST");
    peer.send("HEAD /plain/x HTTP/1.1\r\nHost: a\r\n\r\n");
    const client_response head = peer.receive(true);
    EXPECT_EQ(head.header("Content-Length"), "7");
    peer.get("/plain/x");
    EXPECT_EQ(peer.receive().body, "plain x");
}

TEST_P(http_server, answers_408_to_a_slow_head) {
    options_.header_timeout = 50ms;
    start();
    client peer = connect();
    peer.send("GET /plain/x HTTP/1.1\r\nHo");
    EXPECT_EQ(peer.receive().status, 408);
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, answers_408_to_a_slow_head_after_other_requests) {
    options_.header_timeout = 50ms;
    start();
    client peer = connect();
    peer.get("/plain/x");
    EXPECT_EQ(peer.receive().status, 200);
    peer.send("GET /plain/x HTTP/1.1\r\nHo");
    EXPECT_EQ(peer.receive().status, 408);
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, answers_408_to_a_slow_body) {
    options_.body_timeout = 50ms;
    start();
    client peer = connect();
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
    EXPECT_EQ(peer.receive().status, 408);
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, closes_an_idle_connection_in_silence) {
    options_.idle_timeout = 50ms;
    start();
    client peer = connect();
    peer.get("/plain/x");
    EXPECT_EQ(peer.receive().status, 200);
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, closes_a_connection_that_never_says_anything_in_silence) {
    options_.header_timeout = 50ms;
    start();
    client peer = connect();
    EXPECT_TRUE(peer.is_closed_cleanly());
}

// The end of the connection is seen by what its body source owns.
TEST_P(http_server, closes_a_connection_whose_client_reads_nothing) {
    options_.write_timeout = 50ms;
    event ended;
    struct tell {
        event& ended;
        ~tell() { ended.set(); }
    };
    routes_.get("/endless", [&ended](request&) {
        return response::stream(200, "text/plain",
                                [owned = std::make_unique<tell>(ended)](std::string& piece) {
                                    piece.assign(100'000, 'x');
                                    return true;
                                });
    });
    start();
    client peer = connect();
    peer.get("/endless");
    ended.wait();
}

TEST_P(http_server, answers_a_client_that_has_ended_its_side) {
    start();
    client peer = connect();
    peer.get("/coroutine/half");
    peer.end_sending();
    EXPECT_EQ(peer.receive().body, "coroutine half");
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, answers_400_to_a_request_that_is_cut_off) {
    start();
    client peer = connect();
    peer.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
    peer.end_sending();
    EXPECT_EQ(peer.receive().status, 400);
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, turns_exceptions_of_handlers_into_500_and_reports_them) {
    routes_.get("/plain", [](request&) -> response { throw std::runtime_error("plain trouble"); });
    routes_.get("/coroutine", [](request&) -> task<response> {
        co_await async_sleep_for(1ms);
        throw 42;
    });
    start();
    client peer = connect();
    peer.get("/plain");
    EXPECT_EQ(peer.receive().status, 500);
    peer.get("/coroutine");
    EXPECT_EQ(peer.receive().status, 500);
    peer.get("/plain/x");
    EXPECT_EQ(peer.receive().status, 200);
    EXPECT_THAT(lines(), ElementsAre("GET /plain: the handler threw plain trouble",
                                     "GET /coroutine: the handler threw something that is no "
                                     "std::exception"));
    EXPECT_EQ(server_->statistics().responses[5], 2U);
}

TEST_P(http_server, breaks_a_stream_off_whose_source_throws) {
    routes_.get("/broken", [](request&) {
        return response::stream(200, "text/plain", [n = 0](std::string& piece) mutable {
            if (n++ == 3) throw std::runtime_error("the disk is gone");
            piece = "piece";
            return true;
        });
    });
    start();
    client peer = connect();
    peer.get("/broken");
    const client_response got = peer.receive();
    EXPECT_EQ(got.status, 200);
    EXPECT_EQ(got.body, "piecepiecepiece");
    EXPECT_FALSE(got.complete);
    EXPECT_THAT(lines(), ElementsAre("GET /broken: the body source threw the disk is gone"));
}

TEST_P(http_server, closes_after_the_last_request_that_a_connection_may_have) {
    options_.requests_max = 2;
    start();
    client peer = connect();
    peer.get("/plain/1");
    EXPECT_EQ(peer.receive().header("Connection"), "");
    peer.get("/plain/2");
    EXPECT_EQ(peer.receive().header("Connection"), "close");
    EXPECT_TRUE(peer.is_closed_cleanly());
}

TEST_P(http_server, pauses_accepting_while_it_has_its_most_connections) {
    options_.connections_max = 1;
    start();
    client first = connect();
    first.get("/plain/1");
    EXPECT_EQ(first.receive().status, 200);
    client second = connect();
    second.get("/plain/2");
    first.get("/plain/3");
    EXPECT_EQ(first.receive().status, 200);
    EXPECT_EQ(server_->statistics().connections_accepted, 1U);
    first.close();
    EXPECT_EQ(second.receive().body, "plain 2");
    EXPECT_EQ(server_->statistics().connections_accepted, 2U);
}

// Nobody is answered before all requests have arrived, so all are in their handlers at once.
TEST_P(http_server, answers_two_hundred_connections_at_once) {
    constexpr int count = 200;
    std::atomic<int> arrived{0};
    event all_there;
    const auto arrive = [&] {
        if (++arrived == count) all_there.set();
    };
    routes_.get("/plain", [&](request&) {
        arrive();
        all_there.wait();
        return response::text(200, "plain");
    });
    routes_.get("/coroutine", [&](request&) -> task<response> {
        arrive();
        co_await all_there.async_wait();
        co_return response::text(200, "coroutine");
    });
    start();
    std::vector<client> peers;
    for (int i = 0; i < count; ++i) {
        peers.push_back(connect());
        peers.back().get(i % 2 == 0 ? "/plain" : "/coroutine");
    }
    for (int i = 0; i < count; ++i)
        EXPECT_EQ(peers[static_cast<std::size_t>(i)].receive().body,
                  i % 2 == 0 ? "plain" : "coroutine");
    EXPECT_EQ(server_->statistics().connections_open, 200U);
}

TEST_P(http_server, shutdown_closes_idle_connections_and_lets_requests_finish) {
    event entered, release;
    routes_.get("/slow", [&](request&) {
        entered.set();
        release.wait();
        return response::text(200, "done");
    });
    start();
    client silent = connect();
    client idle = connect();
    idle.get("/plain/x");
    EXPECT_EQ(idle.receive().status, 200);
    client busy = connect();
    busy.get("/slow");
    entered.wait();

    auto shutdown = begin_shutdown(20s);
    EXPECT_TRUE(idle.is_closed_cleanly());
    EXPECT_FALSE(shutdown.is_finished());
    release.set();
    const client_response got = busy.receive();
    EXPECT_EQ(got.body, "done");
    EXPECT_EQ(got.header("Connection"), "close");
    busy.close();
    EXPECT_EQ(shutdown.join(), 0U);
}

TEST_P(http_server, shutdown_forces_what_does_not_finish_in_time) {
    event entered, never;
    routes_.get("/plain", [&](request&) {
        entered.set();
        never.wait();
        return response::text(200, "never");
    });
    routes_.get("/coroutine", [&](request&) -> task<response> {
        co_await never.async_wait();
        co_return response::text(200, "never");
    });
    start();
    client plain = connect();
    plain.get("/plain");
    entered.wait();
    client coroutine = connect();
    coroutine.get("/plain/x");
    EXPECT_EQ(coroutine.receive().status, 200);
    coroutine.get("/coroutine");
    while (server_->statistics().requests < 3)
        std::this_thread::yield();

    EXPECT_EQ(begin_shutdown(1ms).join(), 2U);
    EXPECT_TRUE(plain.is_closed_cleanly());
    EXPECT_TRUE(coroutine.is_closed_cleanly());
}

TEST_P(http_server, serves_nobody_after_a_shutdown) {
    start();
    EXPECT_EQ(begin_shutdown(1s).join(), 0U);
    const result<void> again = runtime_->block_on([&]() -> result<void> {
        return server_->serve(SENNIT_TRY(tcp_listener::bind("127.0.0.1:0")));
    });
    ASSERT_FALSE(again);
    EXPECT_TRUE(is(again.error(), errc::shut_down));
}

TEST_P(http_server, goes_on_with_its_connections_when_its_accept_loop_is_stopped) {
    start();
    client peer = connect();
    peer.get("/plain/1");
    EXPECT_EQ(peer.receive().status, 200);
    auto second = runtime_->spawn([&]() -> result<void> {
        return server_->serve(SENNIT_TRY(tcp_listener::bind("127.0.0.1:0")));
    });
    second.request_stop();
    const result<void> stopped = second.join();
    ASSERT_FALSE(stopped);
    EXPECT_TRUE(is(stopped.error(), errc::stopped));
    peer.get("/plain/2");
    EXPECT_EQ(peer.receive().body, "plain 2");
}

} // namespace
} // namespace sennit::http
