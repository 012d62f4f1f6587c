// Graceful shutdown: on SIGINT or SIGTERM the service takes no new work, finishes what it has begun, and ends.
// To show that by itself it sends the signal to itself; with "--stay" it waits for one from outside.
#include <sennit/all.hpp>
#include <sennit/os/signal.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <string_view>
#include <unistd.h>

using namespace sennit;
using namespace std::chrono_literals;

namespace {

// Ready when one of the signals has come.
task<int> next_signal(os::signal_fd& signals) {
    async_fd events(signals.fd());
    for (;;) {
        if (const auto signal = signals.read_one()) co_return *signal;
        auto readable = co_await events.async_readable();
        if (!readable) co_return 0;
    }
}

// Go's way: a channel that is closed when it is time to end.
namespace fibers {

int serve(os::signal_fd& signals, bool by_itself) {
    auto quit = make_chan<int>();
    auto jobs = make_chan<int>();
    int begun = 0, finished = 0;
    auto worker = spawn([&] {
        for (int job : jobs) {
            (void)job;
            ++begun;
            sleep_for(1ms); // an interrupted job would be half done
            ++finished;
        }
    });
    auto producer = spawn([&] {
        bool going_on = true;
        for (int job = 0; going_on; ++job) {
            select(on_send(jobs, job), on_recv(quit, [&](auto) { going_on = false; }));
            if (by_itself && job == 3) ::kill(::getpid(), SIGTERM);
        }
        jobs.close();
    });
    wait(next_signal(signals));
    quit.close();
    producer.join();
    worker.join();
    std::printf("fibers: %d jobs begun, %d finished\n", begun, finished);
    return begun == finished && begun > 0 ? 0 : 1;
}

} // namespace fibers

// Rust's way: a stop token, and a select that prefers it.
namespace tasks {

task<void> produce(send_chan<int> jobs, std::stop_token quit, bool by_itself) {
    bool going_on = true;
    for (int job = 0; going_on; ++job) {
        co_await async_select(biased, on_stop(quit, [&going_on] { going_on = false; }),
                              on_send(jobs, job));
        if (by_itself && job == 3) ::kill(::getpid(), SIGTERM);
    }
    jobs.close();
}

task<int> work(recv_chan<int> jobs, int& begun) {
    int finished = 0;
    while (auto job = co_await jobs.async_recv()) {
        ++begun;
        co_await async_sleep_for(1ms);
        ++finished;
    }
    co_return finished;
}

task<int> serve(os::signal_fd& signals, bool by_itself) {
    std::stop_source quit;
    auto jobs = make_chan<int>();
    int begun = 0;
    auto worker = spawn(work(jobs, begun));
    auto producer = spawn(produce(jobs, quit.get_token(), by_itself));
    co_await next_signal(signals);
    quit.request_stop();
    co_await producer.async_join();
    const int finished = co_await worker.async_join();
    std::printf("tasks: %d jobs begun, %d finished\n", begun, finished);
    co_return begun == finished&& begun > 0 ? 0 : 1;
}

} // namespace tasks
} // namespace

int main(int argc, char** argv) {
    const bool by_itself = !(argc > 1 && std::string_view(argv[1]) == "--stay");
    // Before the runtime starts its threads, which inherit that the signals are blocked.
    auto signals = os::signal_fd::create(std::array{SIGINT, SIGTERM});
    if (!signals) {
        std::fprintf(stderr, "%s\n", signals.error().message().c_str());
        return 1;
    }
    return run([&] {
        const int by_fibers = fibers::serve(*signals, by_itself);
        const int by_tasks = wait(tasks::serve(*signals, by_itself));
        return by_fibers + by_tasks;
    });
}
