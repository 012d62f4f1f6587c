// What the tests of the server share: a runtime, a server on a port of its own, and a check that nothing of them is left behind.
#pragma once

#include "client.hpp"
#include "os/open_descriptors.hpp"
#include <sennit/core/cell_pool.hpp>
#include <sennit/http/server.hpp>
#include <sennit/net/tcp_listener.hpp>
#include <sennit/runtime/runtime.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sennit::http {

inline response plain_hello(request& asked) {
    return response::text(200, "plain " + std::string(asked.param("name")));
}
inline task<response> coroutine_hello(request& asked) {
    co_return response::text(200, "coroutine " + std::string(asked.param("name")));
}
inline response echo(request& asked) { return response::text(200, std::move(asked.body())); }

// A runtime with so many workers, and a server with some routes on a port of its own. Afterwards
// everything must be gone again.
class http_server : public testing::TestWithParam<unsigned> {
protected:
    http_server() {
        descriptors_before_ = test::open_descriptors();
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
            EXPECT_EQ(begin_shutdown(std::chrono::seconds(20)).join(), forced_expected_);
            const auto served = serving_.join();
            EXPECT_TRUE(served) << served.error().message();
            EXPECT_EQ(server_->statistics().connections_open, 0U);
        }
        server_.reset();
        runtime_.reset();
        EXPECT_EQ(test::open_descriptors(), descriptors_before_);
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

} // namespace sennit::http
