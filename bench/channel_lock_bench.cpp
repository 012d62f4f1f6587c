// Would a buffered channel without a lock be faster? The same values through a channel, which takes a lock of one byte for each
// operation, and through rings of cells with sequence numbers (Vyukov's bounded queue for many producers and consumers):
//
//   ring        the queue alone, a bound that no channel can reach: nobody can wait for it
//   ring_waits  with what it takes that a flow may wait: after each operation a look whether somebody does, behind a full
//               fence, since a waiter announces itself and looks at the queue while the operation does the reverse
//
// Neither can do select, closing or a hand-over. docs/decisions/0007-channels-take-a-lock.md holds the figures.
#include <sennit/sync/channel.hpp>

#include <benchmark/benchmark.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <thread>
#include <vector>

namespace sennit {
namespace {

constexpr std::size_t slots = 1024;
constexpr std::int64_t values = 1 << 20;

template<bool Waits>
class ring_of {
    struct alignas(64) cell {
        std::atomic<std::uint64_t> turn;
        std::int64_t value;
    };

public:
    ring_of() {
        for (std::size_t i = 0; i < slots; ++i)
            cells_[i].turn.store(i, std::memory_order_relaxed);
    }
    bool try_push(std::int64_t v) {
        std::uint64_t at = tail_.load(std::memory_order_relaxed);
        for (;;) {
            cell& c = cells_[at % slots];
            const std::uint64_t turn = c.turn.load(std::memory_order_acquire);
            if (turn == at) {
                if (!tail_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                c.value = v;
                c.turn.store(at + 1, std::memory_order_release);
                look_for_waiters(receivers_);
                return true;
            }
            if (turn < at) return false;
            at = tail_.load(std::memory_order_relaxed);
        }
    }
    std::optional<std::int64_t> try_pop() {
        std::uint64_t at = head_.load(std::memory_order_relaxed);
        for (;;) {
            cell& c = cells_[at % slots];
            const std::uint64_t turn = c.turn.load(std::memory_order_acquire);
            if (turn == at + 1) {
                if (!head_.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
                const std::int64_t v = c.value;
                c.turn.store(at + slots, std::memory_order_release);
                look_for_waiters(senders_);
                return v;
            }
            if (turn < at + 1) return std::nullopt;
            at = head_.load(std::memory_order_relaxed);
        }
    }

private:
    void look_for_waiters(const std::atomic<void*>& list) {
        if constexpr (Waits) {
            std::atomic_thread_fence(std::memory_order_seq_cst);
            benchmark::DoNotOptimize(list.load(std::memory_order_relaxed));
        }
    }

    std::vector<cell> cells_{slots};
    alignas(64) std::atomic<std::uint64_t> head_{0};
    alignas(64) std::atomic<std::uint64_t> tail_{0};
    alignas(64) std::atomic<void*> receivers_{nullptr};
    std::atomic<void*> senders_{nullptr};
};

struct ring : ring_of<false> {};
struct ring_waits : ring_of<true> {};
struct channel {
    chan<std::int64_t> c = make_chan<std::int64_t>(slots);

    bool try_push(std::int64_t v) { return c.try_send(v); }
    std::optional<std::int64_t> try_pop() {
        auto v = c.try_recv();
        if (!v) return std::nullopt;
        return *v;
    }
};

// One thread, in bursts that fit.
template<class Queue>
void one_thread(benchmark::State& state) {
    Queue q;
    constexpr int burst = 64;
    for (auto _ : state) {
        for (int i = 0; i < burst; ++i)
            q.try_push(i);
        for (int i = 0; i < burst; ++i)
            benchmark::DoNotOptimize(q.try_pop());
    }
    state.counters["ns/value"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * burst * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Threads that never sleep, as many producers as consumers.
template<class Queue>
void threads(benchmark::State& state) {
    const auto pairs = static_cast<int>(state.range(0));
    for (auto _ : state) {
        Queue q;
        std::vector<std::jthread> all;
        for (int i = 0; i < pairs; ++i) {
            all.emplace_back([&] {
                for (std::int64_t n = values / pairs; n > 0;) {
                    if (q.try_push(n)) {
                        --n;
                    } else {
                        std::this_thread::yield();
                    }
                }
            });
            all.emplace_back([&] {
                for (std::int64_t n = values / pairs; n > 0;) {
                    if (q.try_pop()) {
                        --n;
                    } else {
                        std::this_thread::yield();
                    }
                }
            });
        }
        all.clear();
    }
    state.counters["ns/value"] =
        benchmark::Counter(static_cast<double>(state.iterations()) * values * 1e-9,
                           benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK(one_thread<channel>);
BENCHMARK(one_thread<ring>);
BENCHMARK(one_thread<ring_waits>);
BENCHMARK(threads<channel>)->Arg(1)->Arg(4)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(threads<ring>)->Arg(1)->Arg(4)->UseRealTime()->MeasureProcessCPUTime();
BENCHMARK(threads<ring_waits>)->Arg(1)->Arg(4)->UseRealTime()->MeasureProcessCPUTime();

} // namespace
} // namespace sennit
