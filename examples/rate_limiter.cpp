// A rate limiter: ten requests, at most one each 10 ms, but a burst of three that were saved up goes at once.
#include <sennit/all.hpp>

#include <chrono>
#include <cstdio>

using namespace sennit;
using namespace std::chrono_literals;

namespace {

constexpr int requests = 10;
constexpr int burst = 3;
constexpr auto pace = 10ms;

// Go's way: a buffered channel of tokens that a ticker fills.
namespace fibers {

class rate_limiter {
public:
    rate_limiter() {
        for (int i = 0; i < burst; ++i)
            tokens_.send({});
        filler_ = spawn([tokens = tokens_] {
            ticker pulse(pace);
            for (;;) {
                pulse.tick();
                select(on_send(tokens, token{}), otherwise()); // full: the token is lost
            }
        });
    }
    void wait_turn() { tokens_.recv(); }

private:
    struct token {};
    chan<token> tokens_ = make_chan<token>(burst);
    join_handle<void> filler_; // stopped and joined with the limiter
};

std::chrono::nanoseconds serve_all() {
    rate_limiter limiter;
    const auto start = runtime_clock::now();
    for (int i = 0; i < requests; ++i)
        limiter.wait_turn();
    return runtime_clock::now() - start;
}

} // namespace fibers

// Rust's way: a semaphore whose permits are spent, and a task that adds new ones.
namespace tasks {

task<void> refill(semaphore& permits) {
    ticker pulse(pace);
    for (;;) {
        co_await pulse.async_tick();
        if (permits.available() < burst) permits.release();
    }
}

task<std::chrono::nanoseconds> serve_all() {
    semaphore permits(burst);
    auto filler = spawn(refill(permits));
    const auto start = runtime_clock::now();
    for (int i = 0; i < requests; ++i)
        (co_await permits.async_acquire()).forget(); // spent, not given back
    co_return runtime_clock::now() - start;
}

} // namespace tasks

long long in_ms(std::chrono::nanoseconds d) { return d / 1ms; }

} // namespace

int main() {
    // Time is virtual here: it jumps to the next timer when every flow waits.
    return run(
        [] {
            const auto by_fibers = fibers::serve_all();
            const auto by_tasks = wait(tasks::serve_all());
            std::printf("%d requests took %lld ms (fibers), %lld ms (tasks)\n", requests,
                        in_ms(by_fibers), in_ms(by_tasks));
            const auto expected = (requests - burst) * pace;
            return by_fibers == expected && by_tasks == expected ? 0 : 1;
        },
        {.current_thread = true, .virtual_time = true});
}
