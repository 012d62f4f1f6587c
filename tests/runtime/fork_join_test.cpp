#include "support.hpp"

namespace sennit {
namespace {

using test::with_runtime;
class fork_join : public with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, fork_join, testing::ValuesIn(test::settings), test::name_of);

constexpr int depth = SENNIT_ASAN || SENNIT_TSAN || SENNIT_DEBUG ? 16 : 27;

long fib(int n) {
    if (n < 2) return n;
    auto left = spawn(fib, n - 1);
    const long right = fib(n - 2);
    return left.join() + right;
}
task<long> task_fib(int n) {
    if (n < 2) co_return n;
    auto left = spawn(task_fib(n - 1));
    const long right = co_await task_fib(n - 2);
    co_return co_await left.async_join() + right;
}
long plain_fib(int n) { return n < 2 ? n : plain_fib(n - 1) + plain_fib(n - 2); }

TEST_P(fork_join, fib_of_fibers) {
    EXPECT_EQ(run([] { return fib(depth); }), plain_fib(depth));
}
TEST_P(fork_join, fib_of_tasks) {
    EXPECT_EQ(run([] { return spawn(task_fib(depth)).join(); }), plain_fib(depth));
}

// Memory follows the depth of the recursion, not the number of calls.
TEST(fork_join_memory, is_bounded_by_depth) {
    runtime rt{{.workers = 1, .force_migration = false}};
    std::int64_t most = 0;
    rt.block_on([&] {
        const std::function<long(int)> counting = [&](int n) -> long {
            most = std::max(most, pool_stats().cells);
            if (n < 2) return n;
            auto left = spawn(counting, n - 1);
            const long right = counting(n - 2);
            return left.join() + right;
        };
        counting(12);
    });
    EXPECT_LE(most, 64);
}

// A chain of spawned children that each join the next: children get stacks of their own before this one is full.
long chain(int n) {
    if (n == 0) return 0;
    auto next = spawn(chain, n - 1);
    return next.join() + 1;
}
TEST_P(fork_join, a_long_chain_does_not_overflow) {
    const int n = SENNIT_TSAN ? 500 : 20'000;
    EXPECT_EQ(run([&] { return chain(n); }), n);
}

// A child that blocks while it runs in place on its parent's stack.
TEST_P(fork_join, a_child_in_place_may_wait) {
    run([&] {
        event e;
        auto setter = spawn([&] {
            this_flow::yield();
            e.set();
        });
        auto child = spawn([&] {
            e.wait();
            return 1;
        });
        EXPECT_EQ(child.join(), 1);
        setter.join();
    });
}

} // namespace
} // namespace sennit
