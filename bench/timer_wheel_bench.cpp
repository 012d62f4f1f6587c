// The timing wheel beside a std::multimap, the timer queue that comes to mind first.
//
// `pending` timers wait in the queue meanwhile; their deadlines are spread over a minute and their
// nodes lie in random order in memory. The time is that of one iteration; the counter "each" is
// that of one timer, where an iteration handles many.
#include <sennit/time/timer_wheel.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <vector>

namespace sennit {
namespace {

constexpr std::uint64_t now_ns = 3'600'000'000'123;
constexpr std::uint64_t millisecond = 1'000'000;
constexpr std::uint64_t spread_ns = 60'000 * millisecond;

// A node with what an owner adds to it: each timer has a cache line to itself.
struct alignas(64) timer : timer_node {
    std::uint64_t deadline_ns = 0;
};

// `count` timers with random deadlines up to `spread` after now, and a random order to visit them.
class population {
public:
    population(std::size_t count, std::uint64_t spread) : timers_(count) {
        std::mt19937_64 random{count};
        order_.reserve(count);
        for (timer& each : timers_) {
            each.deadline_ns = now_ns + random() % spread;
            order_.push_back(&each);
        }
        std::shuffle(order_.begin(), order_.end(), random);
    }

    const std::vector<timer*>& in_random_order() const { return order_; }

    void insert_all(timer_wheel& wheel) {
        for (timer* each : order_)
            wheel.insert(*each, each->deadline_ns);
    }

    void remove_all(timer_wheel& wheel) {
        for (timer& each : timers_)
            wheel.remove(each);
    }

private:
    std::vector<timer> timers_;
    std::vector<timer*> order_;
};

void report_each(benchmark::State& state, std::size_t timers) {
    using counter = benchmark::Counter;
    state.counters["each"] =
        counter(static_cast<double>(timers), counter::kIsIterationInvariantRate | counter::kInvert);
}

// A timeout that does not strike: a hot node is inserted and removed again.
void insert_remove_hot(benchmark::State& state) {
    population others{static_cast<std::size_t>(state.range(0)), spread_ns};
    const std::uint64_t deadline = now_ns + static_cast<std::uint64_t>(state.range(1)) * 1'000;
    timer_wheel wheel{now_ns};
    others.insert_all(wheel);
    timer each;
    for ([[maybe_unused]] auto _ : state) {
        wheel.insert(each, deadline);
        benchmark::DoNotOptimize(wheel.remove(each));
    }
    others.remove_all(wheel);
}
BENCHMARK(insert_remove_hot)
    ->ArgNames({"pending", "delay_us"})
    ->ArgsProduct({{0, 1'000'000}, {100, 10'000, 30'000'000}});

// A timer that is pushed back among all the others: its node and its neighbours are cold.
void remove_insert_random(benchmark::State& state) {
    population timers{static_cast<std::size_t>(state.range(0)), spread_ns};
    timer_wheel wheel{now_ns};
    timers.insert_all(wheel);
    std::mt19937_64 random{1};
    std::size_t next = 0;
    for ([[maybe_unused]] auto _ : state) {
        timer* each = timers.in_random_order()[next];
        if (++next == timers.in_random_order().size()) next = 0;
        wheel.remove(*each);
        wheel.insert(*each, now_ns + random() % spread_ns);
    }
    timers.remove_all(wheel);
}
BENCHMARK(remove_insert_random)->ArgName("pending")->Arg(1'000)->Arg(1'000'000);

void remove_insert_random_multimap(benchmark::State& state) {
    std::mt19937_64 random{1};
    std::multimap<std::uint64_t, int> queue;
    std::vector<std::multimap<std::uint64_t, int>::iterator> timers(
        static_cast<std::size_t>(state.range(0)));
    for (auto& each : timers)
        each = queue.emplace(now_ns + random() % spread_ns, 0);
    std::shuffle(timers.begin(), timers.end(), random);
    std::size_t next = 0;
    for ([[maybe_unused]] auto _ : state) {
        queue.erase(timers[next]);
        timers[next] = queue.emplace(now_ns + random() % spread_ns, 0);
        if (++next == timers.size()) next = 0;
    }
}
BENCHMARK(remove_insert_random_multimap)->ArgName("pending")->Arg(1'000)->Arg(1'000'000);

// All timers are inserted, then all are removed.
void insert_all_remove_all(benchmark::State& state) {
    population timers{static_cast<std::size_t>(state.range(0)), spread_ns};
    timer_wheel wheel{now_ns};
    for ([[maybe_unused]] auto _ : state) {
        timers.insert_all(wheel);
        for (timer* each : timers.in_random_order())
            wheel.remove(*each);
    }
    report_each(state, timers.in_random_order().size());
}
BENCHMARK(insert_all_remove_all)
    ->ArgName("timers")
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMicrosecond);

// All timers fire, by one advance() for each step of time. Cascading and popping are in the figure,
// insertion is not.
void advance_expired(benchmark::State& state) {
    const auto spread = static_cast<std::uint64_t>(state.range(1)) * millisecond;
    const auto step = static_cast<std::uint64_t>(state.range(2)) * 1'000;
    population timers{static_cast<std::size_t>(state.range(0)), spread};
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        auto wheel = std::make_unique<timer_wheel>(now_ns);
        timers.insert_all(*wheel);
        state.ResumeTiming();
        timer_list due;
        for (std::uint64_t now = now_ns; wheel->size() != 0; now += step) {
            wheel->advance(now, due);
            while (timer_node* node = due.pop_front())
                benchmark::DoNotOptimize(node);
        }
    }
    report_each(state, timers.in_random_order().size());
}
BENCHMARK(advance_expired)
    ->ArgNames({"timers", "spread_ms", "step_us"})
    ->Args({1'000, 10, 100})
    ->Args({1'000, 1'000, 1'000})
    ->Args({1'000, 1'000, 2'000'000})
    ->Args({1'000'000, 1'000, 1'000})
    ->Args({1'000'000, 60'000, 1'000})
    ->Args({1'000'000, 1'000, 2'000'000})
    ->Unit(benchmark::kMicrosecond);

// The longest that one advance() can take: all timers wait in one bundle of a high level, which
// is cascaded. The figure is the reason for advance_some().
void advance_one_full_slot(benchmark::State& state) {
    constexpr std::uint64_t slot_ns = timer_wheel::tick_ns << 23; // one digit of level 4: 137 s
    constexpr std::uint64_t start = (now_ns / slot_ns + 5) * slot_ns;
    population timers{static_cast<std::size_t>(state.range(0)), slot_ns - timer_wheel::tick_ns};
    for ([[maybe_unused]] auto _ : state) {
        state.PauseTiming();
        auto wheel = std::make_unique<timer_wheel>(now_ns);
        for (timer* each : timers.in_random_order()) {
            wheel->insert(*each, start + 1 + (each->deadline_ns - now_ns));
        }
        timer_list due;
        state.ResumeTiming();
        wheel->advance(start, due);
        state.PauseTiming();
        timers.remove_all(*wheel);
        wheel.reset();
        state.ResumeTiming();
    }
    report_each(state, timers.in_random_order().size());
}
BENCHMARK(advance_one_full_slot)
    ->ArgName("timers")
    ->Arg(1'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMicrosecond);

// What each turn of a worker's loop pays while nothing is due.
void advance_nothing_due(benchmark::State& state) {
    population others{static_cast<std::size_t>(state.range(0)), spread_ns};
    timer_wheel wheel{now_ns - 1};
    others.insert_all(wheel);
    timer_list due;
    for ([[maybe_unused]] auto _ : state) {
        wheel.advance(now_ns - 1, due);
        benchmark::DoNotOptimize(due.empty());
    }
    while (due.pop_front() != nullptr) {}
    others.remove_all(wheel);
}
BENCHMARK(advance_nothing_due)->ArgName("pending")->Arg(0)->Arg(1)->Arg(1'000'000);

// One timer is inserted four months ahead, and the next advance() comes after a year: 2e12 ticks.
void advance_over_a_year(benchmark::State& state) {
    constexpr std::uint64_t year_ns = 31'556'952'000 * millisecond;
    std::uint64_t now = 0;
    timer_wheel wheel{now};
    timer each;
    timer_list due;
    for ([[maybe_unused]] auto _ : state) {
        wheel.insert(each, now + year_ns / 3);
        now += year_ns;
        wheel.advance(now, due);
        benchmark::DoNotOptimize(due.pop_front());
    }
}
BENCHMARK(advance_over_a_year)->Iterations(500);

void next_deadline(benchmark::State& state) {
    population others{static_cast<std::size_t>(state.range(0)), spread_ns};
    timer_wheel wheel{now_ns};
    others.insert_all(wheel);
    for ([[maybe_unused]] auto _ : state)
        benchmark::DoNotOptimize(wheel.next_deadline_ns());
    others.remove_all(wheel);
}
BENCHMARK(next_deadline)->ArgName("pending")->Arg(0)->Arg(1)->Arg(8)->Arg(1'000'000);

} // namespace
} // namespace sennit
