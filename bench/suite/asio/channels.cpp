// ping_pong, channels, select, oneshot, sieve. A flow is told that no more comes by a message with an error, since close() drops
// what is in the buffer still.
#include "workloads.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <memory>
#include <type_traits>

namespace suite {
namespace {

using local = local_channel<std::int64_t>;
using shared = shared_channel<std::int64_t>;

constexpr auto with_error = asio::as_tuple(asio::deferred);
constexpr error_code no_error;

std::size_t buffer_of(const request& asked) {
    return static_cast<std::size_t>(asked.number("buffer"));
}

// ---- ping_pong: a number goes there and comes back

template<class Channel>
awaitable<void> echo(Channel& in, Channel& out) {
    for (;;) {
        const auto [error, v] = co_await in.async_receive(with_error);
        if (error) co_return;
        co_await out.async_send(no_error, v, asio::deferred);
    }
}

template<class Channel>
awaitable<outcome> ping_pong(const request& asked) {
    const std::int64_t n = asked.number("n");
    const executor on = co_await asio::this_coro::executor;
    Channel there(on, buffer_of(asked));
    Channel back(on, buffer_of(asked));
    flows others(on);
    others.start(echo(there, back));
    for (std::int64_t i = 0; i < n; ++i) {
        co_await there.async_send(no_error, i, asio::deferred);
        const std::int64_t came = co_await back.async_receive(asio::deferred);
        expect(came == i, "ping_pong: another number came back");
    }
    co_await there.async_send(asio::error::eof, 0, asio::deferred);
    co_await others.join();
    co_return outcome{n};
}

// ---- channels: producers and consumers of one channel. Variant `try`: what needs no wait is done without going through the
// context, which async_send() and async_receive() always do.

template<class Channel>
struct pipe {
    std::int64_t n, producers, consumers;
    bool tries_first;
    Channel messages;
    std::atomic<std::int64_t> sending;

    pipe(const request& asked, executor on)
        : n(asked.number("n")),
          producers(asked.number("producers")),
          consumers(asked.number("consumers")),
          tries_first(asked.variant == "try"),
          messages(on, buffer_of(asked)),
          sending(producers) {}
};

template<class Channel>
awaitable<void> produce(pipe<Channel>& all, std::int64_t first) {
    for (std::int64_t v = first; v < all.n; v += all.producers) {
        if (!all.tries_first || !all.messages.try_send(no_error, v))
            co_await all.messages.async_send(no_error, v, asio::deferred);
    }
    if (all.sending.fetch_sub(1, std::memory_order_relaxed) > 1) co_return;
    for (std::int64_t i = 0; i < all.consumers; ++i)
        co_await all.messages.async_send(asio::error::eof, 0, asio::deferred);
}

template<class Channel>
awaitable<std::int64_t> consume(pipe<Channel>& all) {
    std::int64_t sum = 0;
    error_code end;
    const auto take = [&](error_code error, std::int64_t v) {
        end = error;
        sum += v;
    };
    while (!end) {
        if (all.tries_first && all.messages.try_receive(take)) continue;
        const auto [error, v] = co_await all.messages.async_receive(with_error);
        take(error, v);
    }
    co_return sum;
}

template<class Channel>
awaitable<outcome> channels(const request& asked) {
    const executor on = co_await asio::this_coro::executor;
    pipe<Channel> all(asked, on);
    flows others(on);
    for (std::int64_t i = 0; i < all.producers; ++i)
        others.start(produce(all, i));
    for (std::int64_t i = 0; i < all.consumers; ++i)
        others.start(consume(all));
    const std::int64_t sum = co_await others.join();
    expect(sum == all.n * (all.n - 1) / 2, "channels: the sum is wrong");
    co_return outcome{all.n};
}

// ---- select: four flows feed a channel each, one takes what comes. It waits by the parallel_group that operator|| is made of,
// whose results tell of each message: two may have come before the others are cancelled, and operator|| drops all but one. With
// several threads it has a strand, so that it does not go on before the group has been started as a whole.

template<class Channel>
awaitable<void> feed(Channel& to, std::int64_t first, std::int64_t n) {
    for (std::int64_t v = first; v < n; v += 4)
        co_await to.async_send(no_error, v, asio::deferred);
}

template<class On, class Channel>
asio::awaitable<std::int64_t, On> take_all(std::vector<Channel>& from, std::int64_t n) {
    std::int64_t sum = 0;
    std::int64_t count = 0;
    const auto take = [&](error_code error, std::int64_t v) {
        sum += error ? 0 : v;
        count += error ? 0 : 1;
    };
    while (count < n) {
        const auto [order, e0, v0, e1, v1, e2, v2, e3, v3] =
            co_await asio::experimental::make_parallel_group(
                from[0].async_receive(asio::deferred), from[1].async_receive(asio::deferred),
                from[2].async_receive(asio::deferred), from[3].async_receive(asio::deferred))
                .async_wait(asio::experimental::wait_for_one(), asio::deferred);
        take(e0, v0);
        take(e1, v1);
        take(e2, v2);
        take(e3, v3);
    }
    co_return sum;
}

template<class Channel>
awaitable<outcome> select(const request& asked) {
    const std::int64_t n = asked.number("n");
    const executor on = co_await asio::this_coro::executor;
    std::vector<Channel> from;
    flows others(on);
    from.reserve(4);
    for (std::int64_t i = 0; i < 4; ++i) {
        from.emplace_back(on, buffer_of(asked));
        others.start(feed(from.back(), i, n));
    }
    std::int64_t sum = 0;
    if constexpr (std::is_same_v<Channel, local>) {
        sum = co_await take_all<executor>(from, n);
    } else {
        using strand = asio::strand<executor>;
        sum = co_await asio::co_spawn(strand(on), take_all<strand>(from, n),
                                      asio::use_awaitable_t<executor>());
    }
    co_await others.join();
    expect(sum == n * (n - 1) / 2, "select: the sum is wrong");
    co_return outcome{n};
}

// ---- oneshot: a channel for one value, a child that sends it

template<class Channel>
awaitable<void> reply(Channel& to, std::int64_t v) {
    expect(to.try_send(no_error, v), "oneshot: the channel is full");
    co_return;
}

template<class Channel>
awaitable<outcome> oneshot(const request& asked) {
    const std::int64_t n = asked.number("n");
    const executor on = co_await asio::this_coro::executor;
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        Channel result(on, 1);
        asio::co_spawn(on, reply(result, i), asio::detached);
        sum += co_await result.async_receive(asio::deferred);
    }
    expect(sum == n * (n - 1) / 2, "oneshot: the sum is wrong");
    co_return outcome{n};
}

// ---- sieve: a chain of filters. A filter ends when its input does, and tells the next one; whoever generates the numbers is
// told to end by a flag.

template<class Channel>
using link = std::shared_ptr<Channel>;

template<class Channel>
awaitable<void> generate(const std::atomic<bool>& is_over, link<Channel> out) {
    for (std::int64_t i = 2; !is_over.load(std::memory_order_relaxed); ++i)
        co_await out->async_send(no_error, i, asio::deferred);
    co_await out->async_send(asio::error::eof, 0, asio::deferred);
}

template<class Channel>
awaitable<void> filter(link<Channel> in, link<Channel> out, std::int64_t prime) {
    for (;;) {
        const auto [error, v] = co_await in->async_receive(with_error);
        if (error || v % prime != 0) co_await out->async_send(error, v, asio::deferred);
        if (error) co_return;
    }
}

template<class Channel>
awaitable<outcome> sieve(const request& asked) {
    const std::int64_t n = asked.number("n");
    const executor on = co_await asio::this_coro::executor;
    std::atomic<bool> is_over{false};
    flows others(on);
    auto in = std::make_shared<Channel>(on);
    others.start(generate(is_over, in));
    std::int64_t prime = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        prime = co_await in->async_receive(asio::deferred);
        auto out = std::make_shared<Channel>(on);
        others.start(filter(in, out, prime));
        in = out;
    }
    is_over.store(true, std::memory_order_relaxed);
    for (error_code end; !end;) {
        const auto [error, v] = co_await in->async_receive(with_error);
        end = error;
    }
    co_await others.join();
    expect(prime == nth_prime(static_cast<int>(n)), "sieve: the number is wrong");
    co_return outcome{n};
}

} // namespace

void add_channels(std::vector<workload>& all) {
    const parameter million{"n", {"1000000"}};
    all.push_back(over_channels("ping_pong", {million, {"buffer", {"0", "1"}}}, ping_pong<local>,
                                ping_pong<shared>));
    all.push_back(over_channels("channels",
                                {million,
                                 {"producers", {"1", "4"}},
                                 {"consumers", {"1", "4"}},
                                 {"buffer", {"0", "1", "100", "1024"}}},
                                channels<local>, channels<shared>));
    all.back().variants.push_back("try");
    all.push_back(
        over_channels("select", {million, {"buffer", {"0"}}}, select<local>, select<shared>));
    all.push_back(over_channels("oneshot", {million}, oneshot<local>, oneshot<shared>));
    all.push_back(over_channels("sieve", {{"n", {"2000"}}}, sieve<local>, sieve<shared>));
}

} // namespace suite
