// How much a parked flow costs: N fibers parked at once, then N tasks, each waiting for one event, stacks guarded.
// Prints resident memory plus page tables, divided by N, and what is left after they ended. Usage: million_flows [N] [fibers|tasks].
// In optimised builds it fails when a flow costs more than promised.
#include <sennit/all.hpp>
#include <sennit/os/process_memory.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

using namespace sennit;

constexpr double fiber_bytes_max = 4.8 * 1024;
constexpr double task_bytes_max = 256;
// What allocators, caches and warm pools may keep afterwards.
constexpr double left_bytes_max = 32e6;

struct gate {
    event open;
    std::atomic<std::size_t> arrived{0};
    std::atomic<std::size_t> left{0};
};

void fiber_body(gate& g) {
    g.arrived.fetch_add(1, std::memory_order_relaxed);
    g.open.wait();
    g.left.fetch_add(1, std::memory_order_relaxed);
}
task<void> task_body(gate& g) {
    co_await g.open.async_wait();
    g.left.fetch_add(1, std::memory_order_relaxed);
}

double bytes_now() {
    return static_cast<double>(os::resident_bytes().value() + os::page_table_bytes().value());
}

bool measure(const char* what, std::size_t n, double limit, void (*start)(gate&)) {
    runtime rt{{.workers = 2, .force_migration = false}};
    gate g;
    const double before = bytes_now();
    rt.block_on([&] {
        for (std::size_t i = 0; i < n; ++i) {
            start(g);
            if (i % 256 == 0) this_flow::yield();
        }
    });
    while (rt.stats().parked < n)
        std::this_thread::yield();
    const double parked = bytes_now();
    const double each = (parked - before) / static_cast<double>(n);
    g.open.set();
    rt.wait_all();
    // A runtime that rests for a second gives pooled stacks back; wait for that, not for ever, and elsewhere.
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    double after = bytes_now() - before;
    while (after > left_bytes_max && std::chrono::steady_clock::now() < patience) {
        sleep_for(std::chrono::milliseconds(200));
        after = bytes_now() - before;
    }
    std::printf(
        "%-7s %8zu parked: %7.1f bytes each (resident + page tables); %5.1f MB left after they "
        "ended\n",
        what, n, each, after / 1e6);
    std::fflush(stdout);
    bool ok = g.left.load() == n;
    if (!ok) std::printf("  only %zu of %zu went on\n", g.left.load(), n);
#if defined(__OPTIMIZE__) && !SENNIT_ASAN && !SENNIT_TSAN
    if (n >= 10000 && each > limit) {
        std::printf("  more than the promised %.0f bytes\n", limit);
        ok = false;
    }
    if (after > left_bytes_max) {
        std::printf("  the memory did not go back\n");
        ok = false;
    }
#else
    (void)limit;
#endif
    return ok;
}

} // namespace

int main(int argc, char** argv) {
    const std::size_t n = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 1'000'000;
    const std::string only = argc > 2 ? argv[2] : "";
    bool ok = true;
    if (only != "fibers") {
        ok = measure("tasks", n, task_bytes_max, [](gate& g) { spawn(task_body(g)).detach(); }) &&
             ok;
    }
    if (only != "tasks") {
        ok = measure("fibers", n, fiber_bytes_max, [](gate& g) { go([&g] { fiber_body(g); }); }) &&
             ok;
    }
    std::printf("guards: %s\n", stack_pool::stats().lightweight_guards
                                    ? "light-weight (MADV_GUARD_INSTALL)"
                                    : "mprotect");
    return ok ? 0 : 1;
}
