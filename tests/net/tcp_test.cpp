// TCP between flows of all kinds, on runtimes of several sizes. Only loopback addresses.
#include "support.hpp"
#include <sennit/os/eventfd.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>
#include <sys/resource.h>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::connected;
using test::open_descriptors;
using test::read_size;
using test::read_text;
using test::read_to_end;

class tcp : public test::with_runtime {
protected:
    // What the default runtime and the look-ups keep open belongs to nobody here.
    tcp() {
        (void)lookup("localhost:1");
        wait(async_yield());
        (void)default_executor();
        descriptors_ = open_descriptors();
    }
    void TearDown() override {
        rt_->wait_all();
        EXPECT_EQ(open_descriptors(), descriptors_);
        with_runtime::TearDown();
    }

private:
    std::ptrdiff_t descriptors_;
};
INSTANTIATE_TEST_SUITE_P(workers, tcp, testing::ValuesIn(test::settings), test::name_of);

TEST_P(tcp, addresses_are_told) {
    run([] {
        tcp_listener listener = test::listen();
        const socket_address local = listener.local_address().value();
        EXPECT_EQ(local.to_string(), "127.0.0.1:" + std::to_string(local.port()));
        auto [client, server] = connected(listener);
        EXPECT_EQ(client.peer_address().value(), local);
        EXPECT_EQ(server.local_address().value(), local);
        EXPECT_EQ(server.peer_address().value(), client.local_address().value());
    });
}

TEST_P(tcp, echoes_between_all_kinds_of_flow) {
    for (int server_kind = 0; server_kind < 3; ++server_kind) {
        for (int client_kind = 0; client_kind < 3; ++client_kind) {
            auto pair = run([] { return connected(); });
            std::vector<join_handle<result<void>>> handles;
            std::vector<std::thread> threads;
            const auto echo_here = [&] { EXPECT_TRUE(test::echo(std::move(pair.server))); };
            const auto ask_here = [&] {
                tcp_stream client = std::move(pair.client);
                EXPECT_TRUE(test::ask(client, 20));
            };
            if (server_kind == 0)
                handles.push_back(rt_->spawn([&] { return test::echo(std::move(pair.server)); }));
            if (server_kind == 1)
                handles.push_back(rt_->spawn(test::echo_task(std::move(pair.server))));
            if (server_kind == 2) threads.emplace_back(echo_here);
            if (client_kind == 0) {
                handles.push_back(rt_->spawn([&] {
                    tcp_stream client = std::move(pair.client);
                    return test::ask(client, 20);
                }));
            }
            if (client_kind == 1) {
                handles.push_back(rt_->spawn([](tcp_stream client) -> task<result<void>> {
                    co_return co_await test::ask_task(client, 20);
                }(std::move(pair.client))));
            }
            if (client_kind == 2) threads.emplace_back(ask_here);
            for (auto& h : handles)
                EXPECT_TRUE(h.join());
            for (auto& t : threads)
                t.join();
        }
    }
}

TEST_P(tcp, two_hundred_connections_echo_at_once) {
    run([] {
        constexpr int count = 200;
        tcp_listener listener = test::listen();
        const socket_address to = listener.local_address().value();
        auto accepting = spawn([&] {
            for (int i = 0; i < count; ++i) {
                tcp_stream s = listener.accept().value();
                if (i % 2 == 0) {
                    go([s = std::move(s)]() mutable { EXPECT_TRUE(test::echo(std::move(s))); });
                } else {
                    spawn(test::echo_task(std::move(s))).detach();
                }
            }
        });
        std::vector<join_handle<void>> clients;
        for (int i = 0; i < count; ++i) {
            clients.push_back(spawn([to] {
                tcp_stream s = tcp_stream::connect(to).value();
                EXPECT_TRUE(test::ask(s, 5));
            }));
        }
        for (auto& c : clients)
            c.join();
        accepting.join();
    });
}

// More than all buffers hold, while the other side sends as much.
TEST_P(tcp, much_data_in_both_directions) {
    run([] {
        auto [client, server] = connected();
        std::string sent(8 << 20, '\0');
        for (std::size_t i = 0; i < sent.size(); ++i)
            sent[i] = static_cast<char>(i * 2654435761U >> 24);
        const auto pump = [&](tcp_stream& s) {
            auto writing = spawn([&] {
                EXPECT_TRUE(s.write_all(sent));
                EXPECT_TRUE(s.shutdown_write());
            });
            const std::string got = read_to_end(s).value();
            EXPECT_TRUE(got == sent);
            writing.join();
        };
        auto other = spawn([&] { pump(server); });
        pump(client);
        other.join();
    });
}

TEST_P(tcp, half_close_ends_one_direction) {
    run([] {
        auto [client, server] = connected();
        EXPECT_TRUE(client.write_all("question"));
        EXPECT_TRUE(client.shutdown_write());
        EXPECT_EQ(read_to_end(server).value(), "question");
        EXPECT_EQ(read_text(server).value(), ""); // the end stays
        EXPECT_TRUE(server.write_all("answer"));
        server.close();
        EXPECT_EQ(read_to_end(client).value(), "answer");
    });
}

// The end comes with the last bytes: the short read of them must not make the next one wait.
TEST_P(tcp, the_end_right_behind_data_is_seen) {
    run([] {
        for (int i = 0; i < 200; ++i) {
            auto [client, server] = connected();
            auto reading = spawn([&] { return read_to_end(server).value(); });
            if (i % 2 == 0) this_flow::yield();
            EXPECT_TRUE(client.write_all("x"));
            if (i % 3 == 0) this_flow::yield();
            client.close();
            EXPECT_EQ(reading.join(), "x");
        }
    });
}

TEST_P(tcp, empty_reads_and_writes_return_at_once) {
    run([] {
        auto [client, server] = connected();
        EXPECT_EQ(client.read({}).value(), 0U);
        EXPECT_EQ(client.write("").value(), 0U);
        EXPECT_TRUE(client.write_all(""));
    });
}

TEST_P(tcp, close_wakes_everybody_who_waits) {
    run([] {
        auto [client, server] = connected();
        const std::string much(1 << 20, 'x');
        std::vector<join_handle<bool>> waiting;
        for (int i = 0; i < 3; ++i) {
            waiting.push_back(spawn([&c = client] {
                auto got = read_text(c);
                return !got && is(got.error(), errc::closed);
            }));
            waiting.push_back(spawn([&c = client, &much] {
                for (;;) {
                    auto put = c.write_all(much);
                    if (!put) return is(put.error(), errc::closed);
                }
            }));
        }
        for (int i = 0; i < 50; ++i)
            this_flow::yield();
        client.close();
        for (auto& w : waiting)
            EXPECT_TRUE(w.join());
        EXPECT_TRUE(client.is_closed());
        EXPECT_TRUE(is(client.write_all("x").error(), errc::closed));
        EXPECT_TRUE(is(client.shutdown_write().error(), errc::closed));
        EXPECT_TRUE(is(client.local_address().error(), errc::closed));
        client.close();
    });
}

TEST_P(tcp, closing_a_listener_wakes_who_accepts) {
    run([] {
        tcp_listener listener = test::listen();
        std::vector<join_handle<bool>> waiting;
        for (int i = 0; i < 3; ++i) {
            waiting.push_back(spawn([&] {
                auto got = listener.accept();
                return !got && is(got.error(), errc::closed);
            }));
        }
        for (int i = 0; i < 20; ++i)
            this_flow::yield();
        listener.close();
        for (auto& w : waiting)
            EXPECT_TRUE(w.join());
    });
}

TEST_P(tcp, a_stopped_flow_leaves_its_read_and_nothing_is_lost) {
    run([] {
        auto [client, server] = connected();
        auto reading = spawn([&] {
            auto got = read_text(server);
            return !got && is(got.error(), errc::stopped);
        });
        for (int i = 0; i < 20; ++i)
            this_flow::yield();
        reading.request_stop();
        EXPECT_TRUE(reading.join());
        EXPECT_TRUE(client.write_all("abc"));
        EXPECT_EQ(read_size(server, 3).value(), "abc");
    });
}

TEST_P(tcp, a_dropped_task_leaves_its_read_and_nothing_is_lost) {
    run([] {
        auto [client, server] = connected();
        std::array<std::byte, 64> buffer;
        auto reading = spawn([](tcp_stream& s, std::span<std::byte> b) -> task<void> {
            (void)co_await s.async_read(b);
        }(server, buffer));
        for (int i = 0; i < 20; ++i)
            this_flow::yield();
        reading.request_stop();
        EXPECT_FALSE(reading.try_join());
        EXPECT_TRUE(client.write_all("abc"));
        EXPECT_EQ(read_size(server, 3).value(), "abc");
    });
}

TEST_P(tcp, deadlines_on_real_time) {
    run([] {
        auto [client, server] = connected();
        server.set_read_deadline(std::chrono::steady_clock::now() + 5ms);
        auto got = read_text(server);
        ASSERT_FALSE(got);
        EXPECT_TRUE(is(got.error(), errc::timed_out));
        EXPECT_TRUE(is(got.error(), std::errc::timed_out));
        server.set_read_deadline(std::nullopt);
        EXPECT_TRUE(client.write_all("x"));
        EXPECT_EQ(read_text(server).value(), "x");
    });
}

// Deadlines are set, moved and cleared by one flow while another reads: whatever happens, every
// byte comes.
TEST_P(tcp, deadlines_race_with_reads) {
    run([] {
        auto [client, server] = connected();
        std::atomic<bool> over{false};
        auto mover = spawn([&] {
            for (int i = 0; !over; ++i) {
                const auto now = std::chrono::steady_clock::now();
                if (i % 3 == 0) server.set_read_deadline(now + 20us);
                if (i % 3 == 1) server.set_read_deadline(now - 1us);
                if (i % 3 == 2) server.set_read_deadline(std::nullopt);
                this_flow::yield();
            }
            server.set_read_deadline(std::nullopt);
        });
        constexpr std::size_t bytes = 300;
        auto writer = spawn([&] {
            for (std::size_t i = 0; i < bytes; ++i) {
                EXPECT_TRUE(client.write_all("x"));
                this_flow::yield();
            }
        });
        std::size_t received = 0;
        while (received < bytes) {
            auto got = read_text(server);
            if (got) {
                received += got->size();
            } else {
                EXPECT_TRUE(is(got.error(), errc::timed_out));
                this_flow::yield();
            }
        }
        over = true;
        mover.join();
        writer.join();
    });
}

TEST_P(tcp, nobody_listens_is_refused) {
    run([] {
        const socket_address nobody = [] { return test::listen().local_address().value(); }();
        auto made = tcp_stream::connect(nobody);
        ASSERT_FALSE(made);
        EXPECT_TRUE(is(made.error(), std::errc::connection_refused)) << made.error().message();
    });
}

TEST_P(tcp, connects_by_name) {
    run([] {
        auto listener = tcp_listener::bind("localhost:0");
        ASSERT_TRUE(listener) << listener.error().message();
        const auto port = std::to_string(listener->local_address()->port());
        auto client = tcp_stream::connect("localhost:" + port);
        ASSERT_TRUE(client) << client.error().message();
        EXPECT_TRUE(listener->accept());
        EXPECT_TRUE(is(tcp_stream::connect("nonsense").error(), std::errc::invalid_argument));
    });
}

TEST_P(tcp, an_attempt_to_connect_may_be_dropped) {
    run([] {
        tcp_listener listener = test::listen();
        const socket_address to = listener.local_address().value();
        const auto before = open_descriptors();
        for (int i = 0; i < 50; ++i) {
            test_support::driver driver;
            auto connecting = tcp_stream::async_connect(to);
            (void)driver.poll(connecting).is_ready();
        }
        EXPECT_EQ(open_descriptors(), before);
    });
}

TEST_P(tcp, a_port_in_use_is_an_error) {
    run([] {
        tcp_listener listener = test::listen();
        auto second = tcp_listener::bind(listener.local_address()->to_string());
        ASSERT_FALSE(second);
        EXPECT_TRUE(is(second.error(), std::errc::address_in_use));
        tcp_listener shared = test::listen({.reuse_port = true});
        EXPECT_TRUE(tcp_listener::bind(*shared.local_address(), {.reuse_port = true}));
    });
}

TEST_P(tcp, connections_wait_in_the_backlog) {
    run([] {
        tcp_listener listener = test::listen({.backlog = 16});
        std::vector<tcp_stream> clients;
        for (int i = 0; i < 10; ++i)
            clients.push_back(tcp_stream::connect(listener.local_address().value()).value());
        for (int i = 0; i < 10; ++i)
            EXPECT_TRUE(listener.accept());
    });
}

TEST_P(tcp, a_reset_is_an_error_of_both_directions) {
    run([] {
        auto [client, server] = connected();
        EXPECT_TRUE(client.write_all("never read"));
        std::array<std::byte, 1> one;
        EXPECT_EQ(server.read(one).value(), 1U);
        server.close(); // with bytes unread
        auto got = read_text(client);
        ASSERT_FALSE(got);
        EXPECT_TRUE(is(got.error(), std::errc::connection_reset)) << got.error().message();
        EXPECT_FALSE(client.write_all("x"));
    });
}

// Numbers of descriptors are reused at once; readers of old and new connections are never mixed up.
TEST_P(tcp, descriptors_are_recycled_under_way) {
    run([] {
        tcp_listener listener = test::listen();
        for (int i = 0; i < 100; ++i) {
            auto [client, server] = connected(listener);
            auto reading = spawn([&] { return read_text(server); });
            this_flow::yield();
            EXPECT_TRUE(client.write_all("old"));
            server.close();
            auto got = reading.join();
            EXPECT_TRUE(got ? *got == "old" : is(got.error(), errc::closed));
            auto [next_client, next_server] = connected(listener);
            auto next = spawn([&] { return read_text(next_server); });
            this_flow::yield();
            EXPECT_TRUE(next_client.write_all("new"));
            EXPECT_EQ(next.join().value(), "new");
        }
    });
}

// The table of descriptors is full: accept says so, and goes on when there is room.
TEST_P(tcp, too_many_descriptors_is_an_error_and_no_end) {
    run([] {
        tcp_listener listener = test::listen();
        tcp_stream client = tcp_stream::connect(listener.local_address().value()).value();
        rlimit before{};
        ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
        std::size_t highest = 0;
        for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd"))
            highest = std::max<std::size_t>(highest, std::stoul(each.path().filename()));
        std::vector<os::eventfd> fillers;
        const rlimit tight{highest + 1, before.rlim_max};
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &tight), 0);
        while (auto made = os::eventfd::create())
            fillers.push_back(std::move(*made));
        auto refused = listener.accept();
        ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
        fillers.clear();
        ASSERT_FALSE(refused);
        EXPECT_TRUE(is(refused.error(), std::errc::too_many_files_open));
        EXPECT_TRUE(listener.accept());
    });
}

// A connection may outlive the runtime that first waited for it, and goes on in another.
TEST(tcp_stream, moves_to_another_runtime) {
    std::optional<test::stream_pair> pair;
    {
        runtime first({.workers = 1});
        first.block_on([&] {
            pair.emplace(connected());
            auto answering = spawn([&] { EXPECT_TRUE(pair->server.write_all("1")); });
            EXPECT_EQ(read_text(pair->client).value(), "1");
            answering.join();
            auto asking = spawn([&] { EXPECT_TRUE(pair->client.write_all("2")); });
            EXPECT_EQ(read_text(pair->server).value(), "2");
            asking.join();
        });
    }
    runtime second({.workers = 1});
    second.block_on([&] {
        auto reading = spawn([&] { return read_text(pair->client).value(); });
        for (int i = 0; i < 10; ++i)
            this_flow::yield();
        EXPECT_TRUE(pair->server.write_all("3"));
        EXPECT_EQ(reading.join(), "3");
    });
    pair.reset();
}

} // namespace
} // namespace sennit
