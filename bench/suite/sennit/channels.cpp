// ping_pong, channels, select, oneshot, sieve.
#include "workloads.hpp"
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/channel.hpp>
#include <sennit/sync/oneshot_channel.hpp>
#include <sennit/sync/select.hpp>

#include <array>
#include <atomic>
#include <optional>
#include <utility>

namespace suite {
namespace {

using sennit::chan;
using sennit::join_handle;
using sennit::make_chan;
using sennit::recv_chan;
using sennit::send_chan;
using sennit::spawn;
using sennit::task;

// ---- ping_pong: a number goes there and comes back

void expect_same(std::int64_t sent, std::optional<std::int64_t> came) {
    expect(came == sent, "ping_pong: another number came back");
}

void echo_fiber(recv_chan<std::int64_t> in, send_chan<std::int64_t> out) {
    for (const std::int64_t v : in)
        out.send(v);
}
task<void> echo_task(recv_chan<std::int64_t> in, send_chan<std::int64_t> out) {
    while (const auto v = co_await in.async_recv())
        co_await out.async_send(*v);
}

outcome ping_pong_fibers(const request& asked) {
    const std::int64_t n = asked.number("n");
    const auto there = make_chan<std::int64_t>(asked.number("buffer"));
    const auto back = make_chan<std::int64_t>(asked.number("buffer"));
    auto echo = spawn(echo_fiber, there, back);
    for (std::int64_t i = 0; i < n; ++i) {
        there.send(i);
        expect_same(i, back.recv());
    }
    there.close();
    echo.join();
    return {n};
}
task<outcome> ping_pong_tasks(const request& asked) {
    const std::int64_t n = asked.number("n");
    const auto there = make_chan<std::int64_t>(asked.number("buffer"));
    const auto back = make_chan<std::int64_t>(asked.number("buffer"));
    auto echo = spawn(echo_task(there, back));
    for (std::int64_t i = 0; i < n; ++i) {
        co_await there.async_send(i);
        expect_same(i, co_await back.async_recv());
    }
    there.close();
    co_await echo.async_join();
    co_return outcome{n};
}

// ---- channels: producers and consumers of one channel

// What they share. The numbers 0 … n-1 go through it, and the producers take every k-th each.
struct pipe {
    std::int64_t n, producers, consumers;
    chan<std::int64_t> messages;
    std::atomic<std::int64_t> sending;

    explicit pipe(const request& asked)
        : n(asked.number("n")),
          producers(asked.number("producers")),
          consumers(asked.number("consumers")),
          messages(make_chan<std::int64_t>(asked.number("buffer"))),
          sending(producers) {}
    void producer_is_over() {
        if (sending.fetch_sub(1, std::memory_order_relaxed) == 1) messages.close();
    }
    outcome checked(std::int64_t sum) const {
        expect(sum == n * (n - 1) / 2, "channels: the sum is wrong");
        return {n};
    }
};

void produce_fiber(pipe& all, std::int64_t first) {
    for (std::int64_t v = first; v < all.n; v += all.producers)
        all.messages.send(v);
    all.producer_is_over();
}
std::int64_t consume_fiber(pipe& all) {
    std::int64_t sum = 0;
    for (const std::int64_t v : all.messages)
        sum += v;
    return sum;
}

task<void> produce_task(pipe& all, std::int64_t first) {
    for (std::int64_t v = first; v < all.n; v += all.producers)
        co_await all.messages.async_send(v);
    all.producer_is_over();
}
task<std::int64_t> consume_task(pipe& all) {
    std::int64_t sum = 0;
    while (const auto v = co_await all.messages.async_recv())
        sum += *v;
    co_return sum;
}

outcome channels_fibers(const request& asked) {
    pipe all(asked);
    std::vector<join_handle<void>> producers;
    std::vector<join_handle<std::int64_t>> consumers;
    for (std::int64_t i = 0; i < all.producers; ++i)
        producers.push_back(spawn([&all, i] { produce_fiber(all, i); }));
    for (std::int64_t i = 0; i < all.consumers; ++i)
        consumers.push_back(spawn([&all] { return consume_fiber(all); }));
    std::int64_t sum = 0;
    for (auto& each : consumers)
        sum += each.join();
    for (auto& each : producers)
        each.join();
    return all.checked(sum);
}
task<outcome> channels_tasks(const request& asked) {
    pipe all(asked);
    std::vector<join_handle<void>> producers;
    std::vector<join_handle<std::int64_t>> consumers;
    for (std::int64_t i = 0; i < all.producers; ++i)
        producers.push_back(spawn(produce_task(all, i)));
    for (std::int64_t i = 0; i < all.consumers; ++i)
        consumers.push_back(spawn(consume_task(all)));
    std::int64_t sum = 0;
    for (auto& each : consumers)
        sum += co_await each.async_join();
    for (auto& each : producers)
        co_await each.async_join();
    co_return all.checked(sum);
}

// ---- select: four flows feed a channel each, one takes what comes

struct feeds {
    std::int64_t n;
    std::array<chan<std::int64_t>, 4> from;

    explicit feeds(const request& asked) : n(asked.number("n")) {
        for (auto& each : from)
            each = make_chan<std::int64_t>(asked.number("buffer"));
    }
    outcome checked(std::int64_t sum) const {
        expect(sum == n * (n - 1) / 2, "select: the sum is wrong");
        return {n};
    }
};

void feed_fiber(feeds& all, std::size_t which) {
    for (auto v = static_cast<std::int64_t>(which); v < all.n; v += 4)
        all.from[which].send(v);
}
task<void> feed_task(feeds& all, std::size_t which) {
    for (auto v = static_cast<std::int64_t>(which); v < all.n; v += 4)
        co_await all.from[which].async_send(v);
}

outcome select_fibers(const request& asked) {
    feeds all(asked);
    std::vector<join_handle<void>> flows;
    for (std::size_t i = 0; i < all.from.size(); ++i)
        flows.push_back(spawn([&all, i] { feed_fiber(all, i); }));
    std::int64_t sum = 0;
    const auto add = [&sum](std::optional<std::int64_t> v) { sum += *v; };
    for (std::int64_t i = 0; i < all.n; ++i) {
        sennit::select(sennit::on_recv(all.from[0], add), sennit::on_recv(all.from[1], add),
                       sennit::on_recv(all.from[2], add), sennit::on_recv(all.from[3], add));
    }
    for (auto& each : flows)
        each.join();
    return all.checked(sum);
}
task<outcome> select_tasks(const request& asked) {
    feeds all(asked);
    std::vector<join_handle<void>> flows;
    for (std::size_t i = 0; i < all.from.size(); ++i)
        flows.push_back(spawn(feed_task(all, i)));
    std::int64_t sum = 0;
    const auto add = [&sum](std::optional<std::int64_t> v) { sum += *v; };
    for (std::int64_t i = 0; i < all.n; ++i) {
        co_await sennit::async_select(
            sennit::on_recv(all.from[0], add), sennit::on_recv(all.from[1], add),
            sennit::on_recv(all.from[2], add), sennit::on_recv(all.from[3], add));
    }
    for (auto& each : flows)
        co_await each.async_join();
    co_return all.checked(sum);
}

// ---- oneshot: a channel for one value, a child that sends it

using sender = sennit::oneshot_sender<std::int64_t>;

void reply(sender to, std::int64_t v) {
    expect(to.send(v).has_value(), "oneshot: the receiver is gone");
}
task<void> reply_task(sender to, std::int64_t v) {
    reply(std::move(to), v);
    co_return;
}
outcome checked_oneshot(std::int64_t n, std::int64_t sum) {
    expect(sum == n * (n - 1) / 2, "oneshot: the sum is wrong");
    return {n};
}

outcome oneshot_fibers(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        auto [tx, rx] = sennit::oneshot_channel<std::int64_t>();
        sennit::go(reply, std::move(tx), i);
        sum += rx.recv().value();
    }
    return checked_oneshot(n, sum);
}
task<outcome> oneshot_tasks(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        auto [tx, rx] = sennit::oneshot_channel<std::int64_t>();
        spawn(reply_task(std::move(tx), i)).detach();
        sum += (co_await rx).value();
    }
    co_return checked_oneshot(n, sum);
}

// ---- sieve: a chain of filters. A filter ends when its input is closed, and closes its output; whoever generates the
// numbers is told to end by a flag.

outcome checked_sieve(std::int64_t n, int prime) {
    expect(prime == nth_prime(static_cast<int>(n)), "sieve: the number is wrong");
    return {n};
}

void generate_fiber(const std::atomic<bool>& is_over, send_chan<int> out) {
    for (int i = 2; !is_over.load(std::memory_order_relaxed); ++i)
        out.send(i);
    out.close();
}
void filter_fiber(recv_chan<int> in, send_chan<int> out, int prime) {
    for (const int v : in) {
        if (v % prime != 0) out.send(v);
    }
    out.close();
}

task<void> generate_task(const std::atomic<bool>& is_over, send_chan<int> out) {
    for (int i = 2; !is_over.load(std::memory_order_relaxed); ++i)
        co_await out.async_send(i);
    out.close();
}
task<void> filter_task(recv_chan<int> in, send_chan<int> out, int prime) {
    while (const auto v = co_await in.async_recv()) {
        if (*v % prime != 0) co_await out.async_send(*v);
    }
    out.close();
}

outcome sieve_fibers(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::atomic<bool> is_over{false};
    auto in = make_chan<int>();
    auto generator = spawn([&is_over, in] { generate_fiber(is_over, in); });
    int prime = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        prime = in.recv().value();
        auto out = make_chan<int>();
        sennit::go(filter_fiber, in, out, prime);
        in = out;
    }
    is_over.store(true, std::memory_order_relaxed);
    while (in.recv()) {}
    generator.join();
    return checked_sieve(n, prime);
}
task<outcome> sieve_tasks(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::atomic<bool> is_over{false};
    auto in = make_chan<int>();
    auto generator = spawn(generate_task(is_over, in));
    int prime = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        prime = (co_await in.async_recv()).value();
        auto out = make_chan<int>();
        spawn(filter_task(in, out, prime)).detach();
        in = out;
    }
    is_over.store(true, std::memory_order_relaxed);
    while (co_await in.async_recv()) {}
    co_await generator.async_join();
    co_return checked_sieve(n, prime);
}

} // namespace

void add_channels(std::vector<workload>& all) {
    all.push_back(both_models("ping_pong", {{"n", {"1000000"}}, {"buffer", {"0", "1"}}},
                              ping_pong_fibers, ping_pong_tasks));
    all.push_back(both_models("channels",
                              {{"n", {"1000000"}},
                               {"producers", {"1", "4"}},
                               {"consumers", {"1", "4"}},
                               {"buffer", {"0", "1", "100", "1024"}}},
                              channels_fibers, channels_tasks));
    all.push_back(both_models("select", {{"n", {"1000000"}}, {"buffer", {"0"}}}, select_fibers,
                              select_tasks));
    all.push_back(both_models("oneshot", {{"n", {"1000000"}}}, oneshot_fibers, oneshot_tasks));
    all.push_back(both_models("sieve", {{"n", {"2000"}}}, sieve_fibers, sieve_tasks));
}

} // namespace suite
