// The channels with two ends: mpsc, unbounded, oneshot, broadcast and watch, in tasks.
//
// alone_… is one value sent and received with nobody else there; text is one that travels in a box.
// many_to_one/w/n is four senders and one receiver on w workers with n places (0: no bound), for each
// message; one_to_many/w/r is one sender and r receivers of a broadcast with 1024 places, for each
// message sent; request/w sends a oneshot with each request and waits for the answer.
#include <sennit/all.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace {

using namespace sennit;

void ns_per_operation(benchmark::State& state, std::int64_t operations) {
    state.counters["ns_per_op"] =
        benchmark::Counter(static_cast<double>(state.iterations() * operations) / 1e9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// ---- nobody else

template<class Fn>
void in_runtime(benchmark::State& state, Fn once) {
    runtime rt({.workers = 1, .force_migration = false});
    rt.block_on([&] {
        for (auto _ : state)
            once();
    });
}

void alone_mpsc(benchmark::State& state) {
    auto [tx, rx] = mpsc_channel<std::int64_t>(1);
    in_runtime(state, [&] {
        (void)tx.send(1);
        benchmark::DoNotOptimize(rx.recv());
    });
}
void alone_mpsc_text(benchmark::State& state) {
    auto [tx, rx] = mpsc_channel<std::string>(1);
    in_runtime(state, [&] {
        (void)tx.send("short");
        benchmark::DoNotOptimize(rx.recv());
    });
}
void alone_unbounded(benchmark::State& state) {
    auto [tx, rx] = unbounded_channel<std::int64_t>();
    in_runtime(state, [&] {
        (void)tx.send(1);
        benchmark::DoNotOptimize(rx.recv());
    });
}
// Of the channel, too.
void alone_oneshot(benchmark::State& state) {
    in_runtime(state, [] {
        auto [tx, rx] = oneshot_channel<std::int64_t>();
        (void)tx.send(1);
        benchmark::DoNotOptimize(rx.recv());
    });
}
void alone_broadcast(benchmark::State& state) {
    auto [tx, rx] = broadcast_channel<std::int64_t>(16);
    in_runtime(state, [&] {
        (void)tx.send(1);
        benchmark::DoNotOptimize(rx.recv());
    });
}
void alone_broadcast_text(benchmark::State& state) {
    auto [tx, rx] = broadcast_channel<std::string>(16);
    in_runtime(state, [&] {
        (void)tx.send("short");
        benchmark::DoNotOptimize(rx.recv());
    });
}
void alone_watch(benchmark::State& state) {
    auto [tx, rx] = watch_channel<std::int64_t>(0);
    in_runtime(state, [&] {
        (void)tx.send(1);
        (void)rx.changed();
        benchmark::DoNotOptimize(*rx.borrow());
    });
}

// ---- several

task<void> send_bounded(mpsc_sender<std::int64_t> tx, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        (void)co_await tx.async_send(i);
}
task<void> send_unbounded(unbounded_sender<std::int64_t> tx, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        (void)tx.send(i);
        if (i % 128 == 0) co_await async_yield();
    }
}
task<std::int64_t> count_all(mpsc_receiver<std::int64_t> rx) {
    std::int64_t count = 0;
    for (;;) {
        const auto v = co_await rx.async_recv();
        if (!v) co_return count;
        ++count;
    }
}

void many_to_one(benchmark::State& state) {
    static constexpr std::int64_t each = 100'000, senders = 4;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    const auto places = static_cast<std::size_t>(state.range(1));
    for (auto _ : state) {
        const std::int64_t received = rt.block_on([&]() -> std::int64_t {
            if (places == 0) {
                auto [tx, rx] = unbounded_channel<std::int64_t>();
                for (std::int64_t i = 0; i < senders; ++i)
                    spawn(send_unbounded(tx, each)).detach();
                tx = {};
                return spawn(count_all(std::move(rx))).join();
            }
            auto [tx, rx] = mpsc_channel<std::int64_t>(places);
            for (std::int64_t i = 0; i < senders; ++i)
                spawn(send_bounded(tx, each)).detach();
            tx = {};
            return spawn(count_all(std::move(rx))).join();
        });
        if (received != senders * each) state.SkipWithError("a message is lost");
    }
    ns_per_operation(state, senders * each);
}

task<std::int64_t> count_seen(broadcast_receiver<std::int64_t> rx) {
    std::int64_t count = 0;
    for (;;) {
        const auto v = co_await rx.async_recv();
        if (v) {
            ++count;
        } else if (v.error().is_closed()) {
            co_return count;
        } else {
            count += static_cast<std::int64_t>(v.error().lagged());
        }
    }
}
task<void> broadcast_all(broadcast_sender<std::int64_t> tx, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        (void)tx.send(i);
        if (i % 128 == 0) co_await async_yield();
    }
}

void one_to_many(benchmark::State& state) {
    static constexpr std::int64_t sent = 100'000;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        const bool complete = rt.block_on([&] {
            auto [tx, first] = broadcast_channel<std::int64_t>(1024);
            std::vector<join_handle<std::int64_t>> receivers;
            for (std::int64_t i = 1; i < state.range(1); ++i)
                receivers.push_back(spawn(count_seen(tx.subscribe())));
            receivers.push_back(spawn(count_seen(std::move(first))));
            spawn(broadcast_all(std::move(tx), sent)).join();
            bool all = true;
            for (auto& r : receivers)
                all = r.join() == sent && all;
            return all;
        });
        if (!complete) state.SkipWithError("a message is lost");
    }
    ns_per_operation(state, sent);
}

struct question {
    std::int64_t value;
    oneshot_sender<std::int64_t> reply;
};
task<void> serve(mpsc_receiver<question> rx) {
    for (;;) {
        auto q = co_await rx.async_recv();
        if (!q) co_return;
        (void)q->reply.send(q->value);
    }
}
task<void> ask(mpsc_sender<question> tx, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
        auto [reply, answer] = oneshot_channel<std::int64_t>();
        (void)co_await tx.async_send(question{i, std::move(reply)});
        benchmark::DoNotOptimize(co_await answer);
    }
}

void request(benchmark::State& state) {
    static constexpr std::int64_t each = 50'000, clients = 4;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        rt.block_on([] {
            auto [tx, rx] = mpsc_channel<question>(32);
            auto server = spawn(serve(std::move(rx)));
            for (std::int64_t i = 0; i < clients; ++i)
                spawn(ask(tx, each)).detach();
            tx = {};
            server.join();
        });
    }
    ns_per_operation(state, clients * each);
}

BENCHMARK(alone_mpsc);
BENCHMARK(alone_mpsc_text);
BENCHMARK(alone_unbounded);
BENCHMARK(alone_oneshot);
BENCHMARK(alone_broadcast);
BENCHMARK(alone_broadcast_text);
BENCHMARK(alone_watch);
BENCHMARK(many_to_one)
    ->ArgsProduct({{1, 2}, {0, 1, 100, 1024}})
    ->UseRealTime()
    ->MeasureProcessCPUTime();
BENCHMARK(one_to_many)->ArgsProduct({{1, 2}, {1, 4, 16}})->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(request)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();

} // namespace
