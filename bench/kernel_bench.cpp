// The kernel's own costs on one worker, beside std::thread, Boost.Fiber and Boost.Asio's coroutines on the same work.
//
// Each benchmark runs its loop inside one flow of a one-worker runtime and reports the time per operation measured there.
#include <sennit/all.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#if SENNIT_BENCH_PEERS
#include <boost/asio.hpp>
#include <boost/fiber/all.hpp>
#endif

namespace {

using namespace sennit;
using clock_type = std::chrono::steady_clock;

// Runs `body(operations)` inside a flow for each iteration and divides the time by the operations.
template<class Fn>
void on_one_worker(benchmark::State& state, std::int64_t operations, Fn body) {
    runtime rt{{.workers = 1, .force_migration = false}};
    rt.block_on([&] {
        for (auto _ : state)
            body(operations);
    });
    state.SetItemsProcessed(state.iterations() * operations);
    state.counters["per_op"] =
        benchmark::Counter(static_cast<double>(state.iterations() * operations),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
void per_operation(benchmark::State& state, std::int64_t operations) {
    state.SetItemsProcessed(state.iterations() * operations);
    state.counters["per_op"] =
        benchmark::Counter(static_cast<double>(state.iterations() * operations),
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// ---- go of a function that does not block: spawned and run in batches of 1000

void go_batch(benchmark::State& state) {
    on_one_worker(state, 1000, [](std::int64_t n) {
        std::atomic<std::int64_t> done{0};
        for (std::int64_t i = 0; i < n; ++i)
            go([&done] { done.fetch_add(1, std::memory_order_relaxed); }); // a spare may run some
        while (done.load(std::memory_order_relaxed) < n)
            this_flow::yield();
    });
}
BENCHMARK(go_batch)->UseRealTime();

void spawn_join_batch(benchmark::State& state) {
    std::vector<join_handle<int>> handles;
    handles.reserve(1000);
    on_one_worker(state, 1000, [&](std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i)
            handles.push_back(spawn([] { return 1; }));
        for (auto& h : handles)
            benchmark::DoNotOptimize(h.join());
        handles.clear();
    });
}
BENCHMARK(spawn_join_batch)->UseRealTime();

task<int> one() { co_return 1; }
void spawn_join_batch_tasks(benchmark::State& state) {
    std::vector<join_handle<int>> handles;
    handles.reserve(1000);
    on_one_worker(state, 1000, [&](std::int64_t n) {
        for (std::int64_t i = 0; i < n; ++i)
            handles.push_back(spawn(one()));
        for (auto& h : handles)
            benchmark::DoNotOptimize(h.join());
        handles.clear();
    });
}
BENCHMARK(spawn_join_batch_tasks)->UseRealTime();

void thread_create_join(benchmark::State& state) {
    for (auto _ : state)
        std::thread([] {}).join();
    per_operation(state, 1);
}
BENCHMARK(thread_create_join)->UseRealTime();

// ---- yield: k flows take turns

void fiber_yield(benchmark::State& state) {
    const std::int64_t flows = state.range(0);
    on_one_worker(state, 100'000, [flows](std::int64_t n) {
        std::vector<join_handle<void>> handles;
        for (std::int64_t k = 0; k < flows; ++k) {
            handles.push_back(spawn([rounds = n / flows] {
                for (std::int64_t i = 0; i < rounds; ++i)
                    this_flow::yield();
            }));
        }
        for (auto& h : handles)
            h.join();
    });
}
BENCHMARK(fiber_yield)->Arg(2)->Arg(10)->Arg(1000)->UseRealTime();

task<void> yielding(std::int64_t rounds) {
    for (std::int64_t i = 0; i < rounds; ++i)
        co_await async_yield();
}
void task_resume(benchmark::State& state) {
    const std::int64_t flows = state.range(0);
    on_one_worker(state, 100'000, [flows](std::int64_t n) {
        std::vector<join_handle<void>> handles;
        for (std::int64_t k = 0; k < flows; ++k)
            handles.push_back(spawn(yielding(n / flows)));
        for (auto& h : handles)
            h.join();
    });
}
BENCHMARK(task_resume)->Arg(2)->Arg(10)->Arg(1000)->UseRealTime();

// ---- fork-join: a spawn for each call

long fib(int n) {
    if (n < 2) return n;
    auto left = spawn(fib, n - 1);
    const long right = fib(n - 2);
    return left.join() + right;
}
constexpr std::int64_t fib_30_calls = 2'692'537;
void fib_30(benchmark::State& state) {
    on_one_worker(state, fib_30_calls, [](std::int64_t) { benchmark::DoNotOptimize(fib(30)); });
}
BENCHMARK(fib_30)->UseRealTime()->Unit(benchmark::kMillisecond);

// ---- awaiting

task<int> ready(int i) { co_return i; }
void await_ready_task(benchmark::State& state) {
    on_one_worker(state, 100'000, [](std::int64_t n) {
        wait([](std::int64_t count) -> task<void> {
            for (std::int64_t i = 0; i < count; ++i)
                benchmark::DoNotOptimize(co_await ready(1));
        }(n));
    });
}
BENCHMARK(await_ready_task)->UseRealTime();

#if SENNIT_BENCH_PEERS

// ---- Boost.Fiber: default scheduler, one thread, 16 KiB pooled stacks

namespace bf = boost::fibers;
void boost_fiber_spawn_join(benchmark::State& state) {
    boost::context::pooled_fixedsize_stack stacks(16384);
    std::vector<bf::fiber> handles;
    handles.reserve(1000);
    for (auto _ : state) {
        for (int i = 0; i < 1000; ++i)
            handles.emplace_back(std::allocator_arg, stacks, [] {});
        for (auto& h : handles)
            h.join();
        handles.clear();
    }
    per_operation(state, 1000);
}
BENCHMARK(boost_fiber_spawn_join)->UseRealTime();

void boost_fiber_yield(benchmark::State& state) {
    const std::int64_t flows = state.range(0);
    boost::context::pooled_fixedsize_stack stacks(16384);
    for (auto _ : state) {
        std::vector<bf::fiber> handles;
        for (std::int64_t k = 0; k < flows; ++k) {
            handles.emplace_back(std::allocator_arg, stacks, [rounds = 100'000 / flows] {
                for (std::int64_t i = 0; i < rounds; ++i)
                    boost::this_fiber::yield();
            });
        }
        for (auto& h : handles)
            h.join();
    }
    per_operation(state, 100'000);
}
BENCHMARK(boost_fiber_yield)->Arg(2)->Arg(10)->Arg(1000)->UseRealTime();

// ---- Boost.Asio: io_context with one thread

namespace asio = boost::asio;
void asio_co_spawn(benchmark::State& state) {
    asio::io_context context(1);
    for (auto _ : state) {
        for (int i = 0; i < 1000; ++i) {
            asio::co_spawn(context, []() -> asio::awaitable<void> { co_return; }, asio::detached);
        }
        context.run();
        context.restart();
    }
    per_operation(state, 1000);
}
BENCHMARK(asio_co_spawn)->UseRealTime();

void asio_yield(benchmark::State& state) {
    const std::int64_t flows = state.range(0);
    asio::io_context context(1);
    for (auto _ : state) {
        for (std::int64_t k = 0; k < flows; ++k) {
            asio::co_spawn(
                context,
                [](std::int64_t rounds) -> asio::awaitable<void> {
                    auto executor = co_await asio::this_coro::executor;
                    for (std::int64_t i = 0; i < rounds; ++i)
                        co_await asio::post(executor, asio::use_awaitable);
                }(100'000 / flows),
                asio::detached);
        }
        context.run();
        context.restart();
    }
    per_operation(state, 100'000);
}
BENCHMARK(asio_yield)->Arg(2)->Arg(10)->Arg(1000)->UseRealTime();

#endif

} // namespace
