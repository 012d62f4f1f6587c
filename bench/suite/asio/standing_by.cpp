// memory, idle: what flows cost that wait. Asio's event for many flows is a channel that is closed.
#include "workloads.hpp"

#include <boost/asio/as_tuple.hpp>

#include <chrono>

namespace suite {
namespace {

using namespace std::chrono_literals;

template<class Channel>
struct gate {
    explicit gate(executor on) : open(on) {}
    std::atomic<std::int64_t> waiting{0};
    Channel open;
};

template<class Channel>
awaitable<void> waiting_flow(gate<Channel>& at) {
    at.waiting.fetch_add(1, std::memory_order_relaxed);
    co_await at.open.async_receive(asio::as_tuple(asio::deferred));
}

template<class Channel>
awaitable<outcome> memory(const request& asked) {
    const std::int64_t n = asked.number("count");
    const executor on = co_await asio::this_coro::executor;
    gate<Channel> at(on);
    flows all(on);
    for (std::int64_t i = 0; i < n; ++i) {
        all.start(waiting_flow(at));
        if (i % 1000 == 0) co_await asio::post(asio::deferred);
    }
    while (at.waiting.load(std::memory_order_relaxed) < n)
        co_await asio::post(asio::deferred);
    const std::uint64_t taken = memory_bytes() - memory_bytes_at_start();
    at.open.close();
    co_await all.join();
    co_return outcome{n, {{"bytes_each", static_cast<double>(taken) / static_cast<double>(n)}}};
}

awaitable<outcome> idle(const request&) {
    timer alarm(co_await asio::this_coro::executor, 1s);
    co_await alarm.async_wait(asio::deferred);
    co_return outcome{1};
}

using local = asio::experimental::channel<executor, void(error_code)>;
using shared = asio::experimental::concurrent_channel<executor, void(error_code)>;

} // namespace

void add_standing_by(std::vector<workload>& all) {
    all.push_back(
        over_channels("memory", {{"count", {"100000", "1000000"}}}, memory<local>, memory<shared>));
    all.push_back(coroutines("idle", {}, idle));
}

} // namespace suite
