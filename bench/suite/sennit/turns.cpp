// yield, mutex: flows that take turns without telling each other anything.
#include "workloads.hpp"
#include <sennit/core/this_flow.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/mutex.hpp>

#include <mutex>

namespace suite {
namespace {

using sennit::join_handle;
using sennit::spawn;
using sennit::task;

// What the flows of a workload share, and what each of them does of it.
struct turns {
    std::int64_t flows, each;
    bool hold = false;
    sennit::mutex lock = {};
    std::int64_t count = 0; // guarded by lock
};

outcome checked(const turns& all, std::int64_t count) {
    expect(count == all.flows * all.each, "the turns were not all taken");
    return {count};
}
turns yields_of(const request& asked) {
    const std::int64_t k = asked.number("k");
    return {.flows = k, .each = asked.number("n") / k};
}
turns locks_of(const request& asked) {
    const std::int64_t flows = asked.number("flows");
    return {.flows = flows, .each = asked.number("n") / flows, .hold = asked.number("hold") != 0};
}

std::int64_t yield_fiber(std::int64_t times) {
    std::int64_t done = 0;
    for (; done < times; ++done)
        sennit::this_flow::yield();
    return done;
}
task<std::int64_t> yield_task(std::int64_t times) {
    std::int64_t done = 0;
    for (; done < times; ++done)
        co_await sennit::async_yield();
    co_return done;
}

std::int64_t lock_fiber(turns& all) {
    for (std::int64_t i = 0; i < all.each; ++i) {
        std::lock_guard guard(all.lock);
        ++all.count;
        if (all.hold) sennit::this_flow::yield();
    }
    return all.each;
}
task<std::int64_t> lock_task(turns& all) {
    for (std::int64_t i = 0; i < all.each; ++i) {
        auto guard = co_await all.lock.async_lock();
        ++all.count;
        if (all.hold) co_await sennit::async_yield();
    }
    co_return all.each;
}

outcome yield_fibers(const request& asked) {
    const turns all = yields_of(asked);
    std::vector<join_handle<std::int64_t>> flows;
    for (std::int64_t i = 0; i < all.flows; ++i)
        flows.push_back(spawn(yield_fiber, all.each));
    std::int64_t count = 0;
    for (auto& flow : flows)
        count += flow.join();
    return checked(all, count);
}
task<outcome> yield_tasks(const request& asked) {
    const turns all = yields_of(asked);
    std::vector<join_handle<std::int64_t>> flows;
    for (std::int64_t i = 0; i < all.flows; ++i)
        flows.push_back(spawn(yield_task(all.each)));
    std::int64_t count = 0;
    for (auto& flow : flows)
        count += co_await flow.async_join();
    co_return checked(all, count);
}

outcome mutex_fibers(const request& asked) {
    turns all = locks_of(asked);
    std::vector<join_handle<std::int64_t>> flows;
    for (std::int64_t i = 0; i < all.flows; ++i)
        flows.push_back(spawn([&all] { return lock_fiber(all); }));
    for (auto& flow : flows)
        flow.join();
    return checked(all, all.count);
}
task<outcome> mutex_tasks(const request& asked) {
    turns all = locks_of(asked);
    std::vector<join_handle<std::int64_t>> flows;
    for (std::int64_t i = 0; i < all.flows; ++i)
        flows.push_back(spawn(lock_task(all)));
    for (auto& flow : flows)
        co_await flow.async_join();
    co_return checked(all, all.count);
}

} // namespace

void add_turns(std::vector<workload>& all) {
    all.push_back(both_models("yield", {{"n", {"2000000"}}, {"k", {"1", "10", "1000"}}},
                              yield_fibers, yield_tasks));
    all.push_back(both_models("mutex", {{"n", {"1600000"}}, {"hold", {"0", "1"}}, {"flows", {"8"}}},
                              mutex_fibers, mutex_tasks));
}

} // namespace suite
