#include "workloads.hpp"

#include <boost/version.hpp>

namespace suite {

workload on_one_thread(std::string name, std::vector<parameter> parameters,
                       outcome (*work)(const request&)) {
    return {.name = std::move(name),
            .variants = {"fibers"},
            .threads = {1},
            .parameters = std::move(parameters),
            .run = [work](const request& asked) {
                if (asked.threads != 1) unsupported();
                asked.repeat([&] { return work(asked); });
            }};
}

} // namespace suite

int main(int argc, char** argv) {
    suite::program boost_fiber{
        .system = "boost_fiber",
        .versions = {{"Boost", BOOST_LIB_VERSION}, {"compiler", SUITE_COMPILER}},
        .workloads = {}};
    suite::add_fork_join(boost_fiber.workloads);
    suite::add_channels(boost_fiber.workloads);
    suite::add_turns(boost_fiber.workloads);
    suite::add_timers(boost_fiber.workloads);
    suite::add_standing_by(boost_fiber.workloads);
    return suite::run_program(argc, argv, boost_fiber);
}
