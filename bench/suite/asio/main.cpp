#include "workloads.hpp"

#include <boost/version.hpp>

#include <thread>

namespace suite {
namespace {

awaitable<void> repeat(const request& asked, asio_work work) {
    for (int i = 0; i < asked.repetitions; ++i) {
        const request::stopwatch watch;
        const outcome done = co_await work(asked);
        asked.report(i, done, watch);
    }
}

} // namespace

void run_in_context(const request& asked, awaitable<void> flow) {
    asio::io_context context(static_cast<int>(asked.threads));
    asio::co_spawn(context, std::move(flow), [](std::exception_ptr error) {
        if (error) std::rethrow_exception(error);
    });
    std::vector<std::jthread> others;
    for (unsigned i = 1; i < asked.threads; ++i)
        others.emplace_back([&context] { context.run(); });
    context.run();
}

void repeat_in_context(const request& asked, asio_work work) {
    run_in_context(asked, repeat(asked, work));
}

workload coroutines(std::string name, std::vector<parameter> parameters, asio_work work) {
    return {.name = std::move(name),
            .variants = {"coroutines"},
            .threads = thread_counts(),
            .parameters = std::move(parameters),
            .run = [=](const request& asked) { repeat_in_context(asked, work); }};
}
workload over_channels(std::string name, std::vector<parameter> parameters, asio_work local,
                       asio_work shared) {
    workload all = coroutines(std::move(name), std::move(parameters), local);
    all.run = [=](const request& asked) {
        repeat_in_context(asked, asked.threads == 1 ? local : shared);
    };
    return all;
}

} // namespace suite

int main(int argc, char** argv) {
    suite::program asio{.system = "asio",
                        .versions = {{"Boost", BOOST_LIB_VERSION}, {"compiler", SUITE_COMPILER}},
                        .workloads = {}};
    suite::add_fork_join(asio.workloads);
    suite::add_channels(asio.workloads);
    suite::add_turns(asio.workloads);
    suite::add_timers(asio.workloads);
    suite::add_standing_by(asio.workloads);
    suite::add_servers(asio.workloads);
    return suite::run_program(argc, argv, asio);
}
