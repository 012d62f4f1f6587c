// yield, mutex: flows that take turns without telling each other anything.
#include "workloads.hpp"

#include <mutex>

namespace suite {
namespace {

outcome yield(const request& asked) {
    const std::int64_t k = asked.number("k");
    const std::int64_t each = asked.number("n") / k;
    std::vector<fibers::future<std::int64_t>> flows;
    for (std::int64_t i = 0; i < k; ++i) {
        flows.push_back(start([each] {
            std::int64_t done = 0;
            for (; done < each; ++done)
                boost::this_fiber::yield();
            return done;
        }));
    }
    std::int64_t count = 0;
    for (auto& flow : flows)
        count += flow.get();
    expect(count == each * k, "the turns were not all taken");
    return {count};
}

outcome mutex(const request& asked) {
    const std::int64_t flows = asked.number("flows");
    const std::int64_t each = asked.number("n") / flows;
    const bool hold = asked.number("hold") != 0;
    fibers::mutex lock;
    std::int64_t count = 0;
    std::vector<fibers::future<void>> all;
    for (std::int64_t i = 0; i < flows; ++i) {
        all.push_back(start([&] {
            for (std::int64_t turn = 0; turn < each; ++turn) {
                const std::lock_guard guard(lock);
                ++count;
                if (hold) boost::this_fiber::yield();
            }
        }));
    }
    for (auto& flow : all)
        flow.get();
    expect(count == each * flows, "the turns were not all taken");
    return {count};
}

} // namespace

void add_turns(std::vector<workload>& all) {
    all.push_back(on_one_thread("yield", {{"n", {"2000000"}}, {"k", {"1", "10", "1000"}}}, yield));
    all.push_back(on_one_thread(
        "mutex", {{"n", {"1600000"}}, {"hold", {"0", "1"}}, {"flows", {"8"}}}, mutex));
}

} // namespace suite
