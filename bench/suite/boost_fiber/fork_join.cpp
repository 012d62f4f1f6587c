// spawn_join, skynet, fib, nqueens.
#include "../common/fork_join.hpp"

#include "workloads.hpp"

#include <algorithm>
#include <array>

namespace suite {
namespace {

std::int64_t start_and_join(std::int64_t n, std::int64_t batch) {
    std::vector<fibers::future<int>> children;
    children.reserve(static_cast<std::size_t>(batch));
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        for (std::int64_t i = 0; i < std::min(batch, left); ++i)
            children.push_back(start([] { return 1; }));
        for (auto& child : children)
            sum += child.get();
        children.clear();
    }
    return sum;
}
outcome spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    if (size.batch * size.parents > live_max) unsupported();
    std::vector<fibers::future<std::int64_t>> parents;
    for (std::int64_t i = 0; i < size.parents; ++i)
        parents.push_back(start([&size] { return start_and_join(size.each(), size.batch); }));
    std::int64_t sum = 0;
    for (auto& parent : parents)
        sum += parent.get();
    return checked_spawn_join(size, sum);
}

std::int64_t skynet_node(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) return first;
    std::array<fibers::future<std::int64_t>, 10> children;
    const std::int64_t each = leaves / 10;
    for (auto& child : children) {
        child = start([first, each] { return skynet_node(first, each); }, fibers::launch::dispatch);
        first += each;
    }
    std::int64_t sum = 0;
    for (auto& child : children)
        sum += child.get();
    return sum;
}
outcome skynet(const request& asked) {
    return checked_skynet(asked, skynet_node(0, asked.number("n")));
}

std::int64_t fib_call(int n) {
    if (n < 2) return n;
    auto left = start([n] { return fib_call(n - 1); }, fibers::launch::dispatch);
    const std::int64_t right = fib_call(n - 2);
    return left.get() + right;
}
outcome fib_number(const request& asked) {
    return checked_fib(asked, fib_call(static_cast<int>(asked.number("n"))));
}

std::int64_t place_queens(board columns, int row, int n) {
    if (row == n) return 1;
    std::vector<fibers::future<std::int64_t>> children;
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns.data(), row, column)) continue;
        columns[static_cast<std::size_t>(row)] = column;
        children.push_back(start([columns, row, n] { return place_queens(columns, row + 1, n); },
                                 fibers::launch::dispatch));
    }
    std::int64_t solutions = 0;
    for (auto& child : children)
        solutions += child.get();
    return solutions;
}
outcome nqueens(const request& asked) {
    return checked_nqueens(asked, place_queens({}, 0, static_cast<int>(asked.number("n"))));
}

} // namespace

void add_fork_join(std::vector<workload>& all) {
    all.push_back(on_one_thread("spawn_join", spawn_join_parameters(), spawn_join));
    all.push_back(on_one_thread("skynet", {{"n", {"1000000"}}}, skynet));
    all.push_back(on_one_thread("fib", {{"n", {"28"}}}, fib_number));
    all.push_back(on_one_thread("nqueens", {{"n", {"10"}}}, nqueens));
}

} // namespace suite
