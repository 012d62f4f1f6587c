// spawn_join, skynet, fib, nqueens. Variant `handlers`: a child's completion handler adds its result and counts down; fib, which has
// as many children in all calls, takes a parallel_group of both halves. Variant `promise`: a child's promise is awaited, which
// is made for one thread.
#include "../common/fork_join.hpp"

#include "workloads.hpp"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/experimental/promise.hpp>
#include <boost/asio/experimental/use_promise.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>

namespace suite {
namespace {

// For what asio::deferred does not work with in Boost 1.81: a promise of a result, and a bound cancellation slot.
constexpr asio::use_awaitable_t<executor> use_awaitable;

// Nobody cancels a group. Without that said, it would enter itself with its parent's cancellation after the children have
// started, when the parent may go on already on another thread; which operator&& does.
auto not_cancelled() {
    return asio::bind_cancellation_slot(asio::cancellation_slot(), use_awaitable);
}

// Children whose results are added up.
template<class T>
using handlers = flows;

template<class T>
class promises {
public:
    explicit promises(executor on) : on_(on) {}
    void start(awaitable<T> child) {
        children_.push_back(asio::co_spawn(on_, std::move(child), asio::experimental::use_promise));
    }
    awaitable<std::int64_t> join() {
        std::int64_t all = 0;
        for (auto& child : children_)
            all += co_await child(use_awaitable);
        children_.clear();
        co_return all;
    }

private:
    executor on_;
    std::vector<decltype(asio::co_spawn(on_, std::declval<awaitable<T>>(),
                                        asio::experimental::use_promise))>
        children_;
};

awaitable<int> one() { co_return 1; }

template<template<class> class Children>
awaitable<std::int64_t> start_and_join(std::int64_t n, std::int64_t batch) {
    Children<int> children(co_await asio::this_coro::executor);
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        for (std::int64_t i = 0; i < std::min(batch, left); ++i)
            children.start(one());
        sum += co_await children.join();
    }
    co_return sum;
}

template<template<class> class Children>
awaitable<outcome> spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    if (size.parents == 1) {
        const std::int64_t sum = co_await start_and_join<Children>(size.each(), size.batch);
        co_return checked_spawn_join(size, sum);
    }
    Children<std::int64_t> parents(co_await asio::this_coro::executor);
    for (std::int64_t i = 0; i < size.parents; ++i)
        parents.start(start_and_join<Children>(size.each(), size.batch));
    const std::int64_t sum = co_await parents.join();
    co_return checked_spawn_join(size, sum);
}

template<template<class> class Children>
awaitable<std::int64_t> skynet_node(std::int64_t first, std::int64_t leaves) {
    if (leaves == 1) co_return first;
    Children<std::int64_t> children(co_await asio::this_coro::executor);
    const std::int64_t each = leaves / 10;
    for (std::int64_t i = 0; i < 10; ++i)
        children.start(skynet_node<Children>(first + i * each, each));
    co_return co_await children.join();
}
template<template<class> class Children>
awaitable<outcome> skynet(const request& asked) {
    const std::int64_t sum = co_await skynet_node<Children>(0, asked.number("n"));
    co_return checked_skynet(asked, sum);
}

awaitable<std::int64_t> fib_of_group(int n) {
    if (n < 2) co_return n;
    const executor on = co_await asio::this_coro::executor;
    const auto [order, left_error, left, right_error, right] =
        co_await asio::experimental::make_parallel_group(
            asio::co_spawn(on, fib_of_group(n - 1), asio::deferred),
            asio::co_spawn(on, fib_of_group(n - 2), asio::deferred))
            .async_wait(asio::experimental::wait_for_all(), not_cancelled());
    co_return left + right;
}
awaitable<std::int64_t> fib_of_promise(int n) {
    if (n < 2) co_return n;
    auto left = asio::co_spawn(co_await asio::this_coro::executor, fib_of_promise(n - 1),
                               asio::experimental::use_promise);
    const std::int64_t right = co_await fib_of_promise(n - 2);
    co_return co_await left(use_awaitable) + right;
}
template<awaitable<std::int64_t> (*Fib)(int)>
awaitable<outcome> fib_number(const request& asked) {
    const std::int64_t value = co_await Fib(static_cast<int>(asked.number("n")));
    co_return checked_fib(asked, value);
}

template<template<class> class Children>
awaitable<std::int64_t> place_queens(board columns, int row, int n) {
    if (row == n) co_return 1;
    Children<std::int64_t> children(co_await asio::this_coro::executor);
    for (char column = 0; column < n; ++column) {
        if (!is_safe(columns.data(), row, column)) continue;
        columns[static_cast<std::size_t>(row)] = column;
        children.start(place_queens<Children>(columns, row + 1, n));
    }
    co_return co_await children.join();
}
template<template<class> class Children>
awaitable<outcome> nqueens(const request& asked) {
    const std::int64_t solutions =
        co_await place_queens<Children>(board(), 0, static_cast<int>(asked.number("n")));
    co_return checked_nqueens(asked, solutions);
}

workload both(std::string name, std::vector<parameter> parameters, asio_work of_handlers,
              asio_work of_promise) {
    workload all = coroutines(std::move(name), std::move(parameters), of_handlers);
    all.variants = {"handlers", "promise"};
    all.run = [=](const request& asked) {
        if (asked.variant == "promise" && asked.threads != 1) unsupported();
        repeat_in_context(asked, asked.variant == "promise" ? of_promise : of_handlers);
    };
    return all;
}

} // namespace

void add_fork_join(std::vector<workload>& all) {
    all.push_back(
        both("spawn_join", spawn_join_parameters(), spawn_join<handlers>, spawn_join<promises>));
    all.push_back(both("skynet", {{"n", {"1000000"}}}, skynet<handlers>, skynet<promises>));
    all.push_back(
        both("fib", {{"n", {"28"}}}, fib_number<fib_of_group>, fib_number<fib_of_promise>));
    all.push_back(both("nqueens", {{"n", {"10"}}}, nqueens<handlers>, nqueens<promises>));
}

} // namespace suite
