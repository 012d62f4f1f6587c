// memory, idle: what flows cost that wait. The event for many flows is a future that they share.
#include "workloads.hpp"

#include <chrono>

namespace suite {
namespace {

using namespace std::chrono_literals;

outcome memory(const request& asked) {
    const std::int64_t n = asked.number("count");
    if (n > live_max) unsupported();
    fibers::promise<void> opener;
    const fibers::shared_future<void> open = opener.get_future().share();
    std::int64_t waiting = 0;
    std::int64_t gone_on = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        fibers::fiber(std::allocator_arg, stacks(), [&] {
            ++waiting;
            open.wait();
            ++gone_on;
        }).detach();
        if (i % 1000 == 0) boost::this_fiber::yield();
    }
    while (waiting < n)
        boost::this_fiber::yield();
    const std::uint64_t taken = memory_bytes() - memory_bytes_at_start();
    opener.set_value();
    while (gone_on < n)
        boost::this_fiber::yield();
    return {n, {{"bytes_each", static_cast<double>(taken) / static_cast<double>(n)}}};
}

outcome idle(const request&) {
    boost::this_fiber::sleep_for(1s);
    return {1};
}

} // namespace

void add_standing_by(std::vector<workload>& all) {
    all.push_back(on_one_thread("memory", {{"count", {std::to_string(live_max)}}}, memory));
    all.push_back(on_one_thread("idle", {}, idle));
}

} // namespace suite
