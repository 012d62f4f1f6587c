// An idle runtime uses no CPU: measured by the process's own clock over one second.
//
// The margin is 20 ms of CPU time for a second: the monitor's last looks before it sleeps (25 at some 20 µs each), the timers of this test,
// and what a loaded machine adds. A spinning worker would use 1000.
#include "support.hpp"
#include <sennit/os/cpu.hpp>

namespace sennit {
namespace {

using namespace std::chrono_literals;

TEST(idle, uses_no_cpu) {
    runtime rt{{.workers = 4}};
    event never;
    for (int i = 0; i < 100; ++i)
        rt.go([&] { never.wait(); });
    rt.block_on([] { sleep_for(200ms); }); // whatever started up has settled
    const auto before = os::process_cpu_time();
    rt.block_on([] { sleep_for(1s); });
    const auto used = os::process_cpu_time() - before;
    EXPECT_LT(used, 20ms);
    never.set();
    rt.wait_all();
}

} // namespace
} // namespace sennit
