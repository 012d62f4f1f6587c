// A pipeline of three stages: numbers -> squares -> their sum. Each stage is a flow, and channels join them.
// Closing a channel ends the stage behind it, so the end of the input passes down the line.
#include <sennit/all.hpp>

#include <cstdio>

using namespace sennit;

namespace {

constexpr int count = 100;
constexpr int expected = 328350; // 0² + 1² + … + 99²

// Go's way.
namespace fibers {

recv_chan<int> numbers() {
    auto out = make_chan<int>();
    go([out] {
        for (int i = 0; i < count; ++i)
            out.send(i);
        out.close();
    });
    return out;
}

recv_chan<int> squares(recv_chan<int> in) {
    auto out = make_chan<int>();
    go([in, out] {
        for (int n : in)
            out.send(n * n);
        out.close();
    });
    return out;
}

int sum() {
    int total = 0;
    for (int square : squares(numbers()))
        total += square;
    return total;
}

} // namespace fibers

// Rust's way: the same stages as lazy tasks.
namespace tasks {

task<void> numbers(send_chan<int> out) {
    for (int i = 0; i < count; ++i)
        co_await out.async_send(i);
    out.close();
}

task<void> squares(recv_chan<int> in, send_chan<int> out) {
    while (auto n = co_await in.async_recv())
        co_await out.async_send(*n * *n);
    out.close();
}

task<int> sum() {
    auto first = make_chan<int>();
    auto second = make_chan<int>();
    auto producer = spawn(numbers(first));
    auto squarer = spawn(squares(first, second));
    int total = 0;
    while (auto square = co_await second.async_recv())
        total += *square;
    co_await producer.async_join();
    co_await squarer.async_join();
    co_return total;
}

} // namespace tasks
} // namespace

int main() {
    return run([] {
        const int by_fibers = fibers::sum();
        const int by_tasks = wait(tasks::sum());
        std::printf("fibers: %d, tasks: %d\n", by_fibers, by_tasks);
        return by_fibers == expected && by_tasks == expected ? 0 : 1;
    });
}
