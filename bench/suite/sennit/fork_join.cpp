// spawn_join, skynet, fib, nqueens.
#include "../common/fork_join.hpp"

#include "workloads.hpp"
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>

#include <algorithm>
#include <array>

namespace suite {
namespace {

using sennit::join_handle;
using sennit::spawn;
using sennit::task;

namespace fibers {

std::int64_t start_and_join(std::int64_t n, std::int64_t batch) {
    std::vector<join_handle<int>> children;
    children.reserve(static_cast<std::size_t>(batch));
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        for (std::int64_t i = 0; i < std::min(batch, left); ++i)
            children.push_back(spawn([] { return 1; }));
        for (auto& child : children)
            sum += child.join();
        children.clear();
    }
    return sum;
}

outcome spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    if (size.parents == 1) return checked_spawn_join(size, start_and_join(size.each(), size.batch));
    std::vector<join_handle<std::int64_t>> parents;
    for (std::int64_t i = 0; i < size.parents; ++i)
        parents.push_back(spawn(start_and_join, size.each(), size.batch));
    std::int64_t sum = 0;
    for (auto& parent : parents)
        sum += parent.join();
    return checked_spawn_join(size, sum);
}

std::int64_t skynet_node(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) return first;
    std::array<join_handle<std::int64_t>, 10> children;
    const std::int64_t each = leaves / 10;
    for (std::int64_t i = 0; i < 10; ++i)
        children[static_cast<std::size_t>(i)] = spawn(skynet_node, first + i * each, each);
    std::int64_t sum = 0;
    for (auto& child : children)
        sum += child.join();
    return sum;
}

std::int64_t fib_call(int n) {
    if (n < 2) return n;
    auto left = spawn(fib_call, n - 1);
    const std::int64_t right = fib_call(n - 2);
    return left.join() + right;
}

std::int64_t place_queens(board columns, int row, int n) {
    if (row == n) return 1;
    std::vector<join_handle<std::int64_t>> children;
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns.data(), row, column)) continue;
        columns[static_cast<std::size_t>(row)] = column;
        children.push_back(spawn(place_queens, columns, row + 1, n));
    }
    std::int64_t solutions = 0;
    for (auto& child : children)
        solutions += child.join();
    return solutions;
}

} // namespace fibers

namespace tasks {

task<int> one() { co_return 1; }

task<std::int64_t> start_and_join(std::int64_t n, std::int64_t batch) {
    std::vector<join_handle<int>> children;
    children.reserve(static_cast<std::size_t>(batch));
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        for (std::int64_t i = 0; i < std::min(batch, left); ++i)
            children.push_back(spawn(one()));
        for (auto& child : children)
            sum += co_await child.async_join();
        children.clear();
    }
    co_return sum;
}

task<outcome> spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    if (size.parents == 1) {
        const std::int64_t sum = co_await start_and_join(size.each(), size.batch);
        co_return checked_spawn_join(size, sum);
    }
    std::vector<join_handle<std::int64_t>> parents;
    for (std::int64_t i = 0; i < size.parents; ++i)
        parents.push_back(spawn(start_and_join(size.each(), size.batch)));
    std::int64_t sum = 0;
    for (auto& parent : parents)
        sum += co_await parent.async_join();
    co_return checked_spawn_join(size, sum);
}

task<std::int64_t> skynet_node(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) co_return first;
    std::array<join_handle<std::int64_t>, 10> children;
    const std::int64_t each = leaves / 10;
    for (std::int64_t i = 0; i < 10; ++i)
        children[static_cast<std::size_t>(i)] = spawn(skynet_node(first + i * each, each));
    std::int64_t sum = 0;
    for (auto& child : children)
        sum += co_await child.async_join();
    co_return sum;
}

task<std::int64_t> fib_call(int n) {
    if (n < 2) co_return n;
    auto left = spawn(fib_call(n - 1));
    const std::int64_t right = co_await fib_call(n - 2);
    co_return co_await left.async_join() + right;
}

task<std::int64_t> place_queens(board columns, int row, int n) {
    if (row == n) co_return 1;
    std::vector<join_handle<std::int64_t>> children;
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns.data(), row, column)) continue;
        columns[static_cast<std::size_t>(row)] = column;
        children.push_back(spawn(place_queens(columns, row + 1, n)));
    }
    std::int64_t solutions = 0;
    for (auto& child : children)
        solutions += co_await child.async_join();
    co_return solutions;
}

} // namespace tasks

outcome skynet_fibers(const request& asked) {
    return checked_skynet(asked, fibers::skynet_node(0, asked.number("n")));
}
task<outcome> skynet_tasks(const request& asked) {
    const std::int64_t sum = co_await tasks::skynet_node(0, asked.number("n"));
    co_return checked_skynet(asked, sum);
}
outcome fib_fibers(const request& asked) {
    return checked_fib(asked, fibers::fib_call(static_cast<int>(asked.number("n"))));
}
task<outcome> fib_tasks(const request& asked) {
    const std::int64_t value = co_await tasks::fib_call(static_cast<int>(asked.number("n")));
    co_return checked_fib(asked, value);
}
outcome nqueens_fibers(const request& asked) {
    return checked_nqueens(asked, fibers::place_queens({}, 0, static_cast<int>(asked.number("n"))));
}
task<outcome> nqueens_tasks(const request& asked) {
    const std::int64_t solutions =
        co_await tasks::place_queens(board(), 0, static_cast<int>(asked.number("n")));
    co_return checked_nqueens(asked, solutions);
}

} // namespace

void add_fork_join(std::vector<workload>& all) {
    all.push_back(
        both_models("spawn_join", spawn_join_parameters(), fibers::spawn_join, tasks::spawn_join));
    all.push_back(both_models("skynet", {{"n", {"1000000"}}}, skynet_fibers, skynet_tasks));
    all.push_back(both_models("fib", {{"n", {"28"}}}, fib_fibers, fib_tasks));
    all.push_back(both_models("nqueens", {{"n", {"10"}}}, nqueens_fibers, nqueens_tasks));
}

} // namespace suite
