// memory, idle: what flows cost that wait.
#include "workloads.hpp"
#include <sennit/core/this_flow.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/event.hpp>
#include <sennit/sync/wait_group.hpp>
#include <sennit/time/sleep.hpp>

#include <thread>

namespace suite {
namespace {

using namespace std::chrono_literals;
using sennit::spawn;
using sennit::task;

// The flows say that they have come and wait; whoever started them looks at the memory and opens.
struct gate {
    explicit gate(std::int64_t n) : coming(n), leaving(n) {}
    sennit::wait_group coming, leaving;
    sennit::event open;
};

outcome opened(gate& waiting, std::int64_t n) {
    const std::uint64_t taken = memory_bytes() - memory_bytes_at_start();
    waiting.open.set();
    return {n, {{"bytes_each", static_cast<double>(taken) / static_cast<double>(n)}}};
}

task<void> waiting_task(gate& at) {
    at.coming.done();
    co_await at.open.async_wait();
    at.leaving.done();
}

outcome memory_fibers(const request& asked) {
    const std::int64_t n = asked.number("count");
    gate at(n);
    for (std::int64_t i = 0; i < n; ++i) {
        sennit::go([&at] {
            at.coming.done();
            at.open.wait();
            at.leaving.done();
        });
        if (i % 1000 == 0) sennit::this_flow::yield();
    }
    at.coming.wait();
    const outcome result = opened(at, n);
    at.leaving.wait();
    return result;
}
task<outcome> memory_tasks(const request& asked) {
    const std::int64_t n = asked.number("count");
    gate at(n);
    for (std::int64_t i = 0; i < n; ++i) {
        spawn(waiting_task(at)).detach();
        if (i % 1000 == 0) co_await sennit::async_yield();
    }
    co_await at.coming.async_wait();
    const outcome result = opened(at, n);
    co_await at.leaving.async_wait();
    co_return result;
}

outcome idle_fibers(const request&) {
    sennit::sleep_for(1s);
    return {1};
}
task<outcome> idle_tasks(const request&) {
    co_await sennit::async_sleep_for(1s);
    co_return outcome{1};
}

} // namespace

void add_standing_by(std::vector<workload>& all) {
    all.push_back(
        both_models("memory", {{"count", {"100000", "1000000"}}}, memory_fibers, memory_tasks));
    all.push_back(both_models("idle", {}, idle_fibers, idle_tasks));
}

} // namespace suite
