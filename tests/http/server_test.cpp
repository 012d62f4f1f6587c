// Requests and responses: what the server makes of what a client sends. Connections are in server_connection_test.cpp.
#include "allocation_count.hpp"
#include "server_fixture.hpp"
#include <sennit/base/config.hpp>
#include <sennit/sync/event.hpp>
#include <sennit/time/sleep.hpp>

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <stdexcept>

namespace sennit::http {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

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

} // namespace
} // namespace sennit::http
