// timers_sleep, timers_cancel, timers_lateness.
#include "../common/timers.hpp"

#include "workloads.hpp"
#include <sennit/core/future.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/wait_group.hpp>
#include <sennit/time/sleep.hpp>

#include <atomic>
#include <span>

namespace suite {
namespace {

using namespace std::chrono_literals;
using sennit::join_handle;
using sennit::spawn;
using sennit::task;
using std::chrono::nanoseconds;

// ---- sleep: a million flows, up to a second each

struct sleepers {
    sennit::wait_group awake;
    std::atomic<std::int64_t> early{0};
    void note(std::uint64_t started, nanoseconds asked) {
        if (now_ns() < started + static_cast<std::uint64_t>(asked.count()))
            early.fetch_add(1, std::memory_order_relaxed);
        awake.done();
    }
};
outcome checked_sleep(const sleepers& all, std::int64_t n) {
    expect(all.early.load() == 0, "timers_sleep: somebody woke early");
    return {n};
}

task<void> sleep_task(sleepers& all, nanoseconds d) {
    const std::uint64_t started = now_ns();
    co_await sennit::async_sleep_for(d);
    all.note(started, d);
}

outcome sleep_fibers(const request& asked) {
    const std::int64_t n = asked.number("n");
    sleepers all;
    random numbers(1);
    all.awake.add(n);
    for (std::int64_t i = 0; i < n; ++i) {
        sennit::go([&all, d = nap(numbers)] {
            const std::uint64_t started = now_ns();
            sennit::sleep_for(d);
            all.note(started, d);
        });
    }
    all.awake.wait();
    return checked_sleep(all, n);
}
task<outcome> sleep_tasks(const request& asked) {
    const std::int64_t n = asked.number("n");
    sleepers all;
    random numbers(1);
    all.awake.add(n);
    for (std::int64_t i = 0; i < n; ++i)
        spawn(sleep_task(all, nap(numbers))).detach();
    co_await all.awake.async_wait();
    co_return checked_sleep(all, n);
}

// ---- cancel: armed and withdrawn

// Polls each of the futures once, so that its timer is armed, and is ready.
class poll_each_once {
public:
    explicit poll_each_once(std::span<sennit::sleep_future> of) : futures_(of) {}
    sennit::poll<int> poll(sennit::context& cx) {
        int fired = 0;
        for (auto& future : futures_)
            fired += future.poll(cx).is_ready();
        return fired;
    }

private:
    std::span<sennit::sleep_future> futures_;
};

std::vector<sennit::sleep_future> timers_of_an_hour(std::int64_t n) {
    std::vector<sennit::sleep_future> timers;
    timers.reserve(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i)
        timers.push_back(sennit::async_sleep_for(1h));
    return timers;
}
outcome checked_cancel(std::int64_t n, int fired) {
    expect(fired == 0, "timers_cancel: a timer of an hour has fired");
    return {n};
}

outcome cancel_fibers(const request& asked) {
    const std::int64_t n = asked.number("n");
    int fired = 0;
    if (asked.text("mode") == "all") {
        auto timers = timers_of_an_hour(n);
        fired += sennit::wait(poll_each_once(timers));
        timers.clear();
    } else {
        for (std::int64_t i = 0; i < n; ++i) {
            auto timer = sennit::async_sleep_for(1h);
            fired += sennit::wait(poll_each_once({&timer, 1}));
        }
    }
    return checked_cancel(n, fired);
}
task<outcome> cancel_tasks(const request& asked) {
    const std::int64_t n = asked.number("n");
    int fired = 0;
    if (asked.text("mode") == "all") {
        auto timers = timers_of_an_hour(n);
        poll_each_once all(timers);
        fired += co_await all;
        timers.clear();
    } else {
        for (std::int64_t i = 0; i < n; ++i) {
            auto timer = sennit::async_sleep_for(1h);
            poll_each_once it({&timer, 1});
            fired += co_await it;
        }
    }
    co_return checked_cancel(n, fired);
}

// ---- lateness: sleepers among flows that compute

struct watched : lateness {
    using lateness::lateness;
    std::atomic<bool> over{false};
};

void late_fiber(watched& all, std::int64_t flow) {
    random numbers(static_cast<std::uint64_t>(flow));
    for (std::int64_t i = 0; i < all.rounds; ++i) {
        const nanoseconds d = short_nap(numbers);
        const std::uint64_t due = due_after(d);
        sennit::sleep_for(d);
        all.note(flow, i, due);
    }
}
task<void> late_task(watched& all, std::int64_t flow) {
    random numbers(static_cast<std::uint64_t>(flow));
    for (std::int64_t i = 0; i < all.rounds; ++i) {
        const nanoseconds d = short_nap(numbers);
        const std::uint64_t due = due_after(d);
        co_await sennit::async_sleep_for(d);
        all.note(flow, i, due);
    }
}
void load_fiber(const watched& all) {
    while (!all.over.load(std::memory_order_relaxed)) {
        compute_for(50us);
        sennit::this_flow::yield();
    }
}
task<void> load_task(const watched& all) {
    while (!all.over.load(std::memory_order_relaxed)) {
        compute_for(50us);
        co_await sennit::async_yield();
    }
}

outcome lateness_fibers(const request& asked) {
    watched all(asked);
    std::vector<join_handle<void>> load;
    std::vector<join_handle<void>> sleeping;
    for (unsigned i = 0; i < asked.threads; ++i)
        load.push_back(spawn([&all] { load_fiber(all); }));
    for (std::int64_t i = 0; i < all.n; ++i)
        sleeping.push_back(spawn([&all, i] { late_fiber(all, i); }));
    for (auto& each : sleeping)
        each.join();
    all.over.store(true, std::memory_order_relaxed);
    for (auto& each : load)
        each.join();
    return all.result();
}
task<outcome> lateness_tasks(const request& asked) {
    watched all(asked);
    std::vector<join_handle<void>> load;
    std::vector<join_handle<void>> sleeping;
    for (unsigned i = 0; i < asked.threads; ++i)
        load.push_back(spawn(load_task(all)));
    for (std::int64_t i = 0; i < all.n; ++i)
        sleeping.push_back(spawn(late_task(all, i)));
    for (auto& each : sleeping)
        co_await each.async_join();
    all.over.store(true, std::memory_order_relaxed);
    for (auto& each : load)
        co_await each.async_join();
    co_return all.result();
}

} // namespace

void add_timers(std::vector<workload>& all) {
    all.push_back(both_models("timers_sleep", {{"n", {"1000000"}}}, sleep_fibers, sleep_tasks));
    all.push_back(both_models("timers_cancel", {{"n", {"1000000"}}, {"mode", {"all", "one"}}},
                              cancel_fibers, cancel_tasks));
    all.push_back(both_models("timers_lateness", {{"n", {"1000"}}, {"rounds", {"100"}}},
                              lateness_fibers, lateness_tasks));
}

} // namespace suite
