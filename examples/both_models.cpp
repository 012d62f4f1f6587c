// The same program in both models, mixed: fibers and coroutine tasks wait for each other's results on one scheduler.
#include <sennit/all.hpp>

#include <chrono>
#include <cstdio>

using namespace sennit;
using namespace std::chrono_literals;

// Go's way: plain code that looks blocking.
int slow_square(int n) {
    sleep_for(1ms);
    return n * n;
}

// Rust's way: a lazy state machine.
task<int> slow_cube(int n) {
    co_await async_sleep_for(1ms);
    co_return n* n* n;
}

// A task that waits for a fiber, and calls plain code that blocks: no thread stands still.
task<int> both(int n) {
    auto square = spawn(slow_square, n);
    const int cube = co_await slow_cube(n);
    co_return co_await square.async_join() + cube + slow_square(1);
}

int main() {
    return run([] {
        int sum = 0;
        for (int n = 1; n <= 3; ++n)
            sum += spawn(both(n)).join(); // a fiber that waits for tasks
        std::printf("%d\n", sum);
        return sum == 14 + 36 + 3 ? 0 : 1;
    });
}
