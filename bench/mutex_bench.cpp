// sennit::mutex: alone, contended by eight flows, and held across a yield; on one and on two workers.
// One iteration is one lock and unlock of every flow together: the figure is nanoseconds for each.
#include <sennit/all.hpp>

#include <benchmark/benchmark.h>

#include <mutex>
#include <thread>
#include <vector>

namespace {

using namespace sennit;

constexpr int flows = 8;

enum class style { fiber, task };

void fiber_body(mutex& m, long& count, std::int64_t rounds, bool hold) {
    for (std::int64_t i = 0; i < rounds; ++i) {
        std::lock_guard guard(m);
        ++count;
        if (hold) this_flow::yield();
    }
}
task<void> task_body(mutex& m, long& count, std::int64_t rounds, bool hold) {
    for (std::int64_t i = 0; i < rounds; ++i) {
        auto guard = co_await m.async_lock();
        ++count;
        if (hold) co_await async_yield();
    }
}

void run_contended(benchmark::State& state, style how, bool hold) {
    constexpr std::int64_t rounds = 20'000;
    runtime rt({.workers = static_cast<unsigned>(state.range(0)), .force_migration = false});
    for (auto _ : state) {
        rt.block_on([&] {
            mutex m;
            long count = 0;
            std::vector<join_handle<void>> all;
            for (int i = 0; i < flows; ++i) {
                if (how == style::fiber) {
                    all.push_back(spawn([&] { fiber_body(m, count, rounds, hold); }));
                } else {
                    all.push_back(spawn(task_body(m, count, rounds, hold)));
                }
            }
            for (auto& each : all)
                each.join();
            if (count != flows * rounds) state.SkipWithError("the mutex does not exclude");
        });
    }
    state.counters["ns_per_lock"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * flows * rounds / 1e9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void fibers(benchmark::State& s) { run_contended(s, style::fiber, false); }
void fibers_that_yield_inside(benchmark::State& s) { run_contended(s, style::fiber, true); }
void tasks(benchmark::State& s) { run_contended(s, style::task, false); }
void tasks_that_yield_inside(benchmark::State& s) { run_contended(s, style::task, true); }

void uncontended(benchmark::State& state) {
    runtime rt({.workers = 1});
    rt.block_on([&] {
        mutex m;
        for (auto _ : state)
            std::lock_guard guard(m);
    });
}
void uncontended_try_lock(benchmark::State& state) {
    mutex m;
    for (auto _ : state) {
        if (m.try_lock()) m.unlock();
    }
}
void std_mutex_uncontended(benchmark::State& state) {
    std::mutex m;
    for (auto _ : state)
        std::lock_guard guard(m);
}
void std_mutex_threads(benchmark::State& state) {
    constexpr std::int64_t rounds = 20'000;
    for (auto _ : state) {
        std::mutex m;
        long count = 0;
        std::vector<std::thread> all;
        for (int i = 0; i < flows; ++i) {
            all.emplace_back([&] {
                for (std::int64_t k = 0; k < rounds; ++k) {
                    std::lock_guard guard(m);
                    ++count;
                }
            });
        }
        for (auto& each : all)
            each.join();
        benchmark::DoNotOptimize(count);
    }
    state.counters["ns_per_lock"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * flows * rounds / 1e9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(uncontended);
BENCHMARK(uncontended_try_lock);
BENCHMARK(std_mutex_uncontended);
BENCHMARK(fibers)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(tasks)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(fibers_that_yield_inside)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(tasks_that_yield_inside)->Arg(1)->Arg(2)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(std_mutex_threads)->UseRealTime()->MeasureProcessCPUTime();

} // namespace
