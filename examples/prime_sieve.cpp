// The prime sieve: a chain of filters that grows by one flow for each prime found. Usage: prime_sieve [how many primes]
#include <sennit/all.hpp>

#include <cstdio>
#include <cstdlib>

using namespace sennit;

namespace {

// Go's way.
namespace fibers {

// The flow that counts is stopped when its handle goes out of scope, and so is each filter.
int nth_prime(int n) {
    auto in = make_chan<int>();
    std::vector<join_handle<void>> chain;
    chain.push_back(spawn([out = in] {
        for (int i = 2;; ++i)
            out.send(i);
    }));
    for (;;) {
        const int prime = in.recv().value();
        if (--n == 0) return prime;
        auto out = make_chan<int>();
        chain.push_back(spawn([in, out, prime] {
            for (int candidate : in)
                if (candidate % prime != 0) out.send(candidate);
        }));
        in = out;
    }
}

} // namespace fibers

// Rust's way.
namespace tasks {

task<void> count_from_two(send_chan<int> out) {
    for (int i = 2;; ++i)
        co_await out.async_send(i);
}

task<void> filter(recv_chan<int> in, send_chan<int> out, int prime) {
    while (auto candidate = co_await in.async_recv())
        if (*candidate % prime != 0) co_await out.async_send(*candidate);
}

task<int> nth_prime(int n) {
    auto in = make_chan<int>();
    std::vector<join_handle<void>> chain;
    chain.push_back(spawn(count_from_two(in)));
    for (;;) {
        const auto prime = co_await in.async_recv();
        if (--n == 0) co_return prime.value();
        auto out = make_chan<int>();
        chain.push_back(spawn(filter(in, out, *prime)));
        in = out;
    }
}

} // namespace tasks
} // namespace

int main(int argc, char** argv) {
    const int n = argc > 1 ? std::atoi(argv[1]) : 100;
    if (n < 1) {
        std::fprintf(stderr, "usage: %s [how many primes, at least 1]\n", argv[0]);
        return 2;
    }
    return run([n] {
        const int by_fibers = fibers::nth_prime(n);
        const int by_tasks = wait(tasks::nth_prime(n));
        std::printf("prime number %d: %d (fibers), %d (tasks)\n", n, by_fibers, by_tasks);
        const bool known = n != 100 || by_fibers == 541;
        return known && by_fibers == by_tasks ? 0 : 1;
    });
}
