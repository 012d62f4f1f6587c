// What all connections of a server share: the routes, the options, the counts, and the list of the
// connections.
//
// Always true while lock_ is free:
//   1. connections_ holds every connection from admit() to the beginning of its destructor.
//   2. After begin_shutdown() no connection is in phase idle for longer than it takes to notice.
//   3. ended_ is set if the server is stopping and connections_ is empty.
// Locks: lock_ is a leaf. Connections are closed, and events set, after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/http/server.hpp>
#include <sennit/sync/event.hpp>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

namespace sennit::http::detail {

class connection;

// Counts of some of the connections. Nothing is ordered by them: every access is relaxed.
struct alignas(64) server_counts {
    std::atomic<std::uint64_t> requests{0};
    std::atomic<std::uint64_t> bytes_received{0};
    std::atomic<std::uint64_t> bytes_sent{0};
    std::array<std::atomic<std::uint64_t>, 6> responses{};

    static void add(std::atomic<std::uint64_t>& count, std::uint64_t n = 1) noexcept {
        count.fetch_add(n, std::memory_order_relaxed);
    }
};

class server_core {
public:
    server_core(router handlers, server_options bounds)
        : routes(std::move(handlers)), options(std::move(bounds)) {}

    // Constant, and used by all connections at once.
    const router routes;
    const server_options options;

    // Takes a connection into the list; false when the server is stopping.
    [[nodiscard]] bool admit(connection& added);
    void forget(connection& ended) noexcept;
    // The counts for the next connection.
    [[nodiscard]] server_counts& counts() noexcept;

    // A listener that shutdown closes; false when the server is stopping.
    [[nodiscard]] bool add_listener(const std::shared_ptr<tcp_listener>& added);
    void remove_listener(const tcp_listener& ended) noexcept;
    // Ready when there is room for one more connection.
    [[nodiscard]] task<void> wait_for_room();

    [[nodiscard]] bool is_stopping() const noexcept {
        return stopping_.load(std::memory_order_seq_cst); // see connection::become_idle
    }
    void begin_shutdown();
    // Closes every connection, asks its flow to stop, and returns how many there were.
    [[nodiscard]] std::size_t force();
    [[nodiscard]] event& ended() noexcept { return ended_; }

    void report(std::string_view line) const;
    // In a handler of an exception: says what `whose` threw while it answered `asked`.
    void report_exception(const char* whose, const request& asked) const;
    [[nodiscard]] server_statistics statistics() const noexcept;

private:
    static constexpr std::size_t shards = 16;

    [[nodiscard]] std::vector<std::shared_ptr<connection>> snapshot();

    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> accepted_{0};
    std::array<server_counts, shards> counts_;
    event ended_;
    event room_;

    mutable std::mutex lock_;
    // guarded by lock_
    list<connection> connections_;
    std::size_t open_ = 0;
    std::vector<std::shared_ptr<tcp_listener>> listeners_;
};

} // namespace sennit::http::detail
