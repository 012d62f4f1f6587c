// The sizes and the checks of spawn_join, skynet, fib and nqueens.
#pragma once

#include "suite.hpp"

#include <array>
#include <cstdint>

namespace suite {

struct spawn_join_size {
    std::int64_t n, batch, parents;
    explicit spawn_join_size(const request& asked)
        : n(asked.number("n")), batch(asked.number("batch")), parents(asked.number("parents")) {
        if (batch == 0) batch = each();
    }
    // How many children each of the parents starts.
    std::int64_t each() const { return n / parents; }
};
inline std::vector<parameter> spawn_join_parameters() {
    return {{"n", {"1000000"}}, {"batch", {"0", "1000"}}, {"parents", {"1"}}};
}

inline outcome checked_spawn_join(const spawn_join_size& size, std::int64_t sum) {
    expect(sum == size.each() * size.parents, "spawn_join: not every child ran once");
    return {sum};
}
inline outcome checked_skynet(const request& asked, std::int64_t sum) {
    const std::int64_t n = asked.number("n");
    expect(sum == n * (n - 1) / 2, "skynet: the sum is wrong");
    return {n};
}
inline outcome checked_fib(const request& asked, std::int64_t value) {
    const int n = static_cast<int>(asked.number("n"));
    expect(value == fib(n), "fib: the number is wrong");
    return {fib_calls(n)};
}

// The column of the queen in each row.
using board = std::array<char, nqueens_max>;

inline outcome checked_nqueens(const request& asked, std::int64_t solutions) {
    const int n = static_cast<int>(asked.number("n"));
    expect(solutions == nqueens_solutions(n), "nqueens: not every solution was found");
    return {nqueens_places(n)};
}

} // namespace suite
