// A worker pool: a few flows take jobs from one channel and put results into another. The first worker to find the jobs
// closed ends, and so do the others; a wait_group closes the results after the last.
#include <sennit/all.hpp>

#include <chrono>
#include <cstdio>

using namespace sennit;
using namespace std::chrono_literals;

namespace {

constexpr int jobs_count = 20;
constexpr int workers = 4;
constexpr int expected = 2 * (jobs_count * (jobs_count - 1) / 2);

// Go's way.
namespace fibers {

int work(int job) {
    sleep_for(1ms); // parks this fiber, no thread
    return 2 * job;
}

int run_pool() {
    auto jobs = make_chan<int>(jobs_count);
    auto results = make_chan<int>();
    wait_group group;
    for (int w = 0; w < workers; ++w) {
        group.add(1);
        go([&, jobs, results] {
            for (int job : jobs)
                results.send(work(job));
            group.done();
        });
    }
    for (int job = 0; job < jobs_count; ++job)
        jobs.send(job);
    jobs.close();
    go([&, results] {
        group.wait();
        results.close();
    });
    int sum = 0;
    for (int result : results)
        sum += result;
    return sum;
}

} // namespace fibers

// Rust's way.
namespace tasks {

task<int> work(int job) {
    co_await async_sleep_for(1ms);
    co_return 2 * job;
}

// The last sender that goes closes an mpsc channel, so nobody has to count.
task<void> serve(recv_chan<int> jobs, mpsc_sender<int> results) {
    while (auto job = co_await jobs.async_recv()) {
        const int result = co_await work(*job);
        if (!co_await results.async_send(result)) co_return; // nobody wants results any more
    }
}

task<int> run_pool() {
    auto jobs = make_chan<int>(jobs_count);
    auto [sender, results] = mpsc_channel<int>(1);
    for (int w = 0; w < workers; ++w)
        spawn(serve(jobs, sender)).detach();
    sender = {};
    for (int job = 0; job < jobs_count; ++job)
        co_await jobs.async_send(job);
    jobs.close();
    int sum = 0;
    while (auto result = co_await results.async_recv())
        sum += *result;
    co_return sum;
}

} // namespace tasks
} // namespace

int main() {
    return run([] {
        const int by_fibers = fibers::run_pool();
        const int by_tasks = wait(tasks::run_pool());
        std::printf("fibers: %d, tasks: %d\n", by_fibers, by_tasks);
        return by_fibers == expected && by_tasks == expected ? 0 : 1;
    });
}
