#include "workloads.hpp"
#include <sennit/runtime/spawn.hpp>
#include <sennit/version.hpp>

#include <string>
#include <utility>

namespace suite {

void run_in_runtime(const request& asked, fiber_work fibers, task_work tasks) {
    sennit::runtime rt{{.workers = asked.threads}};
    rt.block_on([&] {
        asked.repeat([&] {
            if (asked.variant == "tasks") return sennit::spawn(tasks(asked)).join();
            return fibers(asked);
        });
    });
}

workload both_models(std::string name, std::vector<parameter> parameters, fiber_work fibers,
                     task_work tasks) {
    return {.name = std::move(name),
            .variants = {"fibers", "tasks"},
            .threads = thread_counts(),
            .parameters = std::move(parameters),
            .run = [=](const request& asked) { run_in_runtime(asked, fibers, tasks); }};
}

} // namespace suite

int main(int argc, char** argv) {
    suite::program sennit{
        .system = "sennit",
        .versions = {{"sennit", std::string(sennit::version)}, {"compiler", SUITE_COMPILER}},
        .workloads = {}};
    suite::add_fork_join(sennit.workloads);
    suite::add_channels(sennit.workloads);
    suite::add_turns(sennit.workloads);
    suite::add_timers(sennit.workloads);
    suite::add_standing_by(sennit.workloads);
    suite::add_servers(sennit.workloads);
    return suite::run_program(argc, argv, sennit);
}
