// Connections: when the server closes them, how many it has, and its shutdown. The suite begins in server_test.cpp.
#include "server_fixture.hpp"
#include <sennit/sync/event.hpp>

#include <atomic>
#include <memory>
#include <thread>

namespace sennit::http {
namespace {

using namespace std::chrono_literals;

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
    client peer = connect(); // it serves: otherwise the shutdown could come first, and serving fail
    peer.get("/plain/1");
    EXPECT_EQ(peer.receive().status, 200);
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
