// Futures together and streams, on one thread, driven by a task.
//
// set_wake/n: one of n children of a future_set is woken, polled and answers pending; when_all_wake/n is the same in a
// when_all over a range. when_all_ready and when_any_ready are the whole life of a pair of ready futures. stream/n is a
// value through n adaptors.
#include <sennit/all.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace {

using namespace sennit;

// Answers pending and remembers whom to wake.
struct child {
    waker* place;
    sennit::poll<int> poll(context& cx) {
        *place = cx.waker();
        return pending;
    }
};
struct ready {
    sennit::poll<int> poll(context&) { return 1; }
};

template<class Make>
void wake_one_of(benchmark::State& state, Make make) {
    const auto size = static_cast<std::size_t>(state.range(0));
    std::vector<waker> wakers(size);
    std::vector<child> children;
    for (waker& w : wakers)
        children.push_back({&w});
    wake_callback driver([] {});
    make(children, [&](auto&& f) {
        for (std::size_t i = 0; i < 2 * size; i += future_set_polls_max)
            (void)f.poll(driver.context());
        std::size_t i = 0;
        for (auto _ : state) {
            wakers[i].wake();
            benchmark::DoNotOptimize(f.poll(driver.context()));
            i = i + 1 < size ? i + 1 : 0;
            (void)driver.rearm();
        }
    });
}
void set_wake(benchmark::State& state) {
    wake_one_of(state, [](std::vector<child>& children, auto run) {
        future_set<child> set;
        for (child& c : children)
            set.push(c);
        run(set.async_next());
    });
}
void when_all_wake(benchmark::State& state) {
    wake_one_of(state,
                [](std::vector<child>& children, auto run) { run(when_all(std::move(children))); });
}

task<void> repeat_pairs(benchmark::State& state, bool all) {
    if (all) {
        for (auto _ : state)
            benchmark::DoNotOptimize(co_await when_all(ready(), ready()));
    } else {
        for (auto _ : state)
            benchmark::DoNotOptimize(co_await when_any(ready(), ready()));
    }
}
void when_all_ready(benchmark::State& state) { wait(repeat_pairs(state, true)); }
void when_any_ready(benchmark::State& state) { wait(repeat_pairs(state, false)); }

stream<std::int64_t> numbers() {
    for (std::int64_t n = 0;; ++n)
        co_yield n;
}
task<void> read_values(benchmark::State& state, stream<std::int64_t> s) {
    for (auto _ : state)
        benchmark::DoNotOptimize(co_await s.next());
}
void stream_value(benchmark::State& state) {
    stream<std::int64_t> s = numbers();
    for (std::int64_t i = 0; i < state.range(0); ++i) {
        auto next = std::move(s) | streams::map([](std::int64_t n) { return n + 1; });
        s = std::move(next);
    }
    wait(read_values(state, std::move(s)));
}
void set_life(benchmark::State& state) {
    for (auto _ : state) {
        future_set<ready> set;
        for (std::int64_t i = 0; i < state.range(0); ++i)
            set.push(ready());
        while (set.next()) {}
    }
    state.SetItemsProcessed(state.iterations() * state.range(0));
}

BENCHMARK(set_wake)->Arg(10)->Arg(1'000)->Arg(10'000);
BENCHMARK(when_all_wake)->Arg(10)->Arg(30)->Arg(1'000)->Arg(10'000);
BENCHMARK(when_all_ready);
BENCHMARK(when_any_ready);
BENCHMARK(set_life)->Arg(1'000);
BENCHMARK(stream_value)->Arg(0)->Arg(1)->Arg(4);

} // namespace
