// oneTBB in the comparison suite: fork-join by task_group. A child's result goes where its parent says.
#include "../common/fork_join.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <oneapi/tbb/version.h>

namespace suite {
namespace {

namespace tbb = oneapi::tbb;

std::int64_t start_and_join(std::int64_t n, std::int64_t batch) {
    tbb::task_group group;
    std::vector<int> results(static_cast<std::size_t>(batch));
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        const auto end = results.begin() + std::min(batch, left);
        std::for_each(results.begin(), end, [&](int& to) { group.run([&to] { to = 1; }); });
        group.wait();
        sum += std::accumulate(results.begin(), end, std::int64_t(0));
    }
    return sum;
}

outcome spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    tbb::task_group group;
    std::vector<std::int64_t> sums(static_cast<std::size_t>(size.parents));
    for (std::int64_t& to : sums)
        group.run([&size, &to] { to = start_and_join(size.each(), size.batch); });
    group.wait();
    return checked_spawn_join(size, std::accumulate(sums.begin(), sums.end(), std::int64_t(0)));
}

std::int64_t skynet_node(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) return first;
    tbb::task_group group;
    std::array<std::int64_t, 10> sums;
    const std::int64_t each = leaves / 10;
    for (std::int64_t& to : sums) {
        group.run([first, each, &to] { to = skynet_node(first, each); });
        first += each;
    }
    group.wait();
    return std::accumulate(sums.begin(), sums.end(), std::int64_t(0));
}
outcome skynet(const request& asked) {
    return checked_skynet(asked, skynet_node(0, asked.number("n")));
}

std::int64_t fib_call(int n) {
    if (n < 2) return n;
    tbb::task_group group;
    std::int64_t left = 0;
    group.run([n, &left] { left = fib_call(n - 1); });
    const std::int64_t right = fib_call(n - 2);
    group.wait();
    return left + right;
}
outcome fib_number(const request& asked) {
    return checked_fib(asked, fib_call(static_cast<int>(asked.number("n"))));
}

std::int64_t place_queens(board columns, int row, int n) {
    if (row == n) return 1;
    tbb::task_group group;
    std::array<std::int64_t, nqueens_max> solutions{};
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns.data(), row, column)) continue;
        columns[static_cast<std::size_t>(row)] = column;
        std::int64_t& to = solutions[static_cast<std::size_t>(column)];
        group.run([columns, row, n, &to] { to = place_queens(columns, row + 1, n); });
    }
    group.wait();
    return std::accumulate(solutions.begin(), solutions.end(), std::int64_t(0));
}
outcome nqueens(const request& asked) {
    return checked_nqueens(asked, place_queens({}, 0, static_cast<int>(asked.number("n"))));
}

workload in_arena(std::string name, std::vector<parameter> parameters,
                  outcome (*work)(const request&)) {
    return {.name = std::move(name),
            .variants = {"task_group"},
            .threads = thread_counts(),
            .parameters = std::move(parameters),
            .run = [work](const request& asked) {
                const tbb::global_control limit(tbb::global_control::max_allowed_parallelism,
                                                asked.threads);
                tbb::task_arena arena(static_cast<int>(asked.threads));
                arena.execute([&] { asked.repeat([&] { return work(asked); }); });
            }};
}

} // namespace
} // namespace suite

int main(int argc, char** argv) {
    using namespace suite;
    return run_program(argc, argv,
                       {.system = "tbb",
                        .versions = {{"oneTBB", TBB_VERSION_STRING}, {"compiler", SUITE_COMPILER}},
                        .workloads = {in_arena("spawn_join", spawn_join_parameters(), spawn_join),
                                      in_arena("skynet", {{"n", {"1000000"}}}, skynet),
                                      in_arena("fib", {{"n", {"28"}}}, fib_number),
                                      in_arena("nqueens", {{"n", {"12"}}}, nqueens)}});
}
