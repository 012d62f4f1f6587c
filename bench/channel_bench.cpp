// sennit::chan and select, between fibers and between tasks, on one and on two workers.
//
// ping_pong is a round trip over two unbuffered channels; buffered/p/c/n has p senders and c receivers on one channel of
// n places, and the figure is for each message; select_4 receives from four unbuffered channels with a sender each; sieve is the concurrent prime sieve for the primes below 2000, as a whole.
#include <sennit/all.hpp>

#include <benchmark/benchmark.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace {

using namespace sennit;

enum class style { fiber, task };

// ---- the flows, in both styles

void ping(chan<int> out, chan<int> in, std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i) {
        out.send(1);
        (void)in.recv();
    }
}
void pong(chan<int> in, chan<int> out, std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i)
        out.send(*in.recv());
}
task<void> ping_task(chan<int> out, chan<int> in, std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i) {
        co_await out.async_send(1);
        (void)co_await in.async_recv();
    }
}
task<void> pong_task(chan<int> in, chan<int> out, std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i) {
        const std::optional<int> v = co_await in.async_recv();
        co_await out.async_send(*v);
    }
}

void produce(chan<std::int64_t> out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        out.send(i);
}
void consume(chan<std::int64_t> in) {
    while (in.recv()) {}
}
task<void> produce_task(chan<std::int64_t> out, std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i)
        co_await out.async_send(i);
}
task<void> consume_task(chan<std::int64_t> in) {
    for (;;) {
        const std::optional<std::int64_t> v = co_await in.async_recv();
        if (!v) co_return;
    }
}

void count_up(send_chan<int> out, int limit) {
    for (int i = 2; i < limit; ++i)
        out.send(i);
    out.close();
}
void filter(recv_chan<int> in, send_chan<int> out, int prime) {
    for (int v : in) {
        if (v % prime != 0) out.send(v);
    }
    out.close();
}
int sieve(int limit) {
    auto first = make_chan<int>();
    go(count_up, send_chan<int>(first), limit);
    recv_chan<int> in = first;
    int primes = 0;
    while (std::optional<int> prime = in.recv()) {
        ++primes;
        auto next = make_chan<int>();
        go(filter, in, send_chan<int>(next), *prime);
        in = next;
    }
    return primes;
}

void consume_4(std::vector<chan<std::int64_t>>& c, std::int64_t n) {
    const auto take = [](std::optional<std::int64_t> v) { benchmark::DoNotOptimize(v); };
    for (std::int64_t i = 0; i < n; ++i)
        select(on_recv(c[0], take), on_recv(c[1], take), on_recv(c[2], take), on_recv(c[3], take));
}
task<void> consume_4_task(std::vector<chan<std::int64_t>>& c, std::int64_t n) {
    const auto take = [](std::optional<std::int64_t> v) { benchmark::DoNotOptimize(v); };
    for (std::int64_t i = 0; i < n; ++i) {
        co_await async_select(on_recv(c[0], take), on_recv(c[1], take), on_recv(c[2], take),
                              on_recv(c[3], take));
    }
}

// ---- measuring

void ns_per_operation(benchmark::State& state, std::int64_t operations) {
    state.counters["ns_per_op"] =
        benchmark::Counter(static_cast<double>(state.iterations() * operations) / 1e9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template<style How>
void ping_pong(benchmark::State& state) {
    static constexpr std::int64_t rounds = 200'000;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        rt.block_on([] {
            auto there = make_chan<int>(), back = make_chan<int>();
            if constexpr (How == style::fiber) {
                auto a = spawn(ping, there, back, rounds), b = spawn(pong, there, back, rounds);
                a.join(), b.join();
            } else {
                auto a = spawn(ping_task(there, back, rounds));
                auto b = spawn(pong_task(there, back, rounds));
                a.join(), b.join();
            }
        });
    }
    ns_per_operation(state, rounds);
}

template<style How>
void buffered(benchmark::State& state) {
    const std::int64_t senders = state.range(1), receivers = state.range(2);
    const std::int64_t each = 400'000 / senders;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        rt.block_on([&] {
            auto c = make_chan<std::int64_t>(state.range(3));
            std::vector<join_handle<void>> in, out;
            for (std::int64_t i = 0; i < receivers; ++i) {
                if constexpr (How == style::fiber) {
                    out.push_back(spawn(consume, c));
                } else {
                    out.push_back(spawn(consume_task(c)));
                }
            }
            for (std::int64_t i = 0; i < senders; ++i) {
                if constexpr (How == style::fiber) {
                    in.push_back(spawn(produce, c, each));
                } else {
                    in.push_back(spawn(produce_task(c, each)));
                }
            }
            for (auto& h : in)
                h.join();
            c.close();
            for (auto& h : out)
                h.join();
        });
    }
    ns_per_operation(state, each * senders);
}

template<style How>
void select_4(benchmark::State& state) {
    static constexpr std::int64_t each = 50'000;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        rt.block_on([] {
            std::vector<chan<std::int64_t>> channels;
            std::vector<join_handle<void>> senders;
            for (int i = 0; i < 4; ++i) {
                channels.push_back(make_chan<std::int64_t>());
                if constexpr (How == style::fiber) {
                    senders.push_back(spawn(produce, channels.back(), each));
                } else {
                    senders.push_back(spawn(produce_task(channels.back(), each)));
                }
            }
            if constexpr (How == style::fiber) {
                consume_4(channels, 4 * each);
            } else {
                wait(consume_4_task(channels, 4 * each));
            }
            for (auto& h : senders)
                h.join();
        });
    }
    ns_per_operation(state, 4 * each);
}

void prime_sieve(benchmark::State& state) {
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        if (rt.block_on([] { return sieve(2000); }) != 303) state.SkipWithError("not the primes");
    }
}

// Nobody else: what the two operations cost.
void alone(benchmark::State& state) {
    runtime rt({.workers = 1, .force_migration = false});
    rt.block_on([&] {
        auto c = make_chan<std::int64_t>(1);
        for (auto _ : state) {
            c.send(1);
            benchmark::DoNotOptimize(c.recv());
        }
    });
}

void sizes(benchmark::internal::Benchmark* b) {
    for (const int workers : {1, 2}) {
        for (const int receivers : {1, 4}) {
            for (const int places : {100, 1024})
                b->Args({workers, 4, receivers, places});
        }
    }
    b->UseRealTime()->MeasureProcessCPUTime();
}

BENCHMARK(alone);
BENCHMARK(ping_pong<style::fiber>)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(ping_pong<style::task>)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(buffered<style::fiber>)->Apply(sizes);
BENCHMARK(buffered<style::task>)->Apply(sizes);
BENCHMARK(select_4<style::fiber>)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(select_4<style::task>)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(prime_sieve)
    ->Arg(1)
    ->Arg(2)
    ->UseRealTime()
    ->MeasureProcessCPUTime()
    ->Unit(benchmark::kMillisecond);

} // namespace
