// timers_sleep, timers_lateness. There is no timers_cancel: a timer is the deadline of a fiber that waits, so none can be armed and
// withdrawn without a fiber and its switches.
#include "../common/timers.hpp"

#include "workloads.hpp"

#include <chrono>

namespace suite {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

outcome sleep(const request& asked) {
    const std::int64_t n = asked.number("n");
    if (n > live_max) unsupported();
    random numbers(1);
    std::vector<fibers::future<bool>> flows; // true: it woke early
    flows.reserve(static_cast<std::size_t>(n));
    for (std::int64_t i = 0; i < n; ++i) {
        flows.push_back(start([d = nap(numbers)] {
            const std::uint64_t due = due_after(d);
            boost::this_fiber::sleep_for(d);
            return now_ns() < due;
        }));
    }
    std::int64_t early = 0;
    for (auto& flow : flows)
        early += flow.get();
    expect(early == 0, "timers_sleep: somebody woke early");
    return {n};
}

void late_flow(lateness& all, std::int64_t flow) {
    random numbers(static_cast<std::uint64_t>(flow));
    for (std::int64_t i = 0; i < all.rounds; ++i) {
        const nanoseconds d = short_nap(numbers);
        const std::uint64_t due = due_after(d);
        boost::this_fiber::sleep_for(d);
        all.note(flow, i, due);
    }
}

outcome timers_lateness(const request& asked) {
    lateness all(asked);
    bool over = false;
    auto load = start([&over] {
        while (!over) {
            compute_for(50us);
            boost::this_fiber::yield();
        }
    });
    std::vector<fibers::future<void>> sleeping;
    for (std::int64_t i = 0; i < all.n; ++i)
        sleeping.push_back(start([&all, i] { late_flow(all, i); }));
    for (auto& each : sleeping)
        each.get();
    over = true;
    load.get();
    return all.result();
}

} // namespace

void add_timers(std::vector<workload>& all) {
    all.push_back(on_one_thread("timers_sleep", {{"n", {std::to_string(live_max)}}}, sleep));
    all.push_back(
        on_one_thread("timers_lateness", {{"n", {"1000"}}, {"rounds", {"100"}}}, timers_lateness));
}

} // namespace suite
