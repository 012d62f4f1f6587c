// timers_sleep, timers_cancel, timers_lateness.
#include "../common/timers.hpp"

#include "workloads.hpp"

#include <chrono>

namespace suite {
namespace {

using namespace std::chrono_literals;
using std::chrono::nanoseconds;

// ---- sleep: a million flows, up to a second each

// 1: it woke early.
awaitable<int> sleep_flow(nanoseconds d) {
    const std::uint64_t started = now_ns();
    timer alarm(co_await asio::this_coro::executor, d);
    co_await alarm.async_wait(asio::deferred);
    co_return now_ns() < started + static_cast<std::uint64_t>(d.count()) ? 1 : 0;
}

awaitable<outcome> sleep(const request& asked) {
    const std::int64_t n = asked.number("n");
    random numbers(1);
    flows all(co_await asio::this_coro::executor);
    for (std::int64_t i = 0; i < n; ++i)
        all.start(sleep_flow(nap(numbers)));
    const std::int64_t early = co_await all.join();
    expect(early == 0, "timers_sleep: somebody woke early");
    co_return outcome{n};
}

// ---- cancel: armed and withdrawn. A timer that is withdrawn runs its handler all the same, which is a part of the work.

class hours {
public:
    explicit hours(executor on) : on_(on) {}
    timer armed() {
        timer alarm(on_, 1h);
        alarm.async_wait([this](error_code error) {
            if (!error) fired_.fetch_add(1, std::memory_order_relaxed);
            handled_.fetch_add(1, std::memory_order_release);
        });
        return alarm;
    }
    awaitable<void> all_handled(std::int64_t n) {
        while (handled_.load(std::memory_order_acquire) < n)
            co_await asio::post(asio::deferred);
        expect(fired_.load() == 0, "timers_cancel: a timer of an hour has fired");
    }

private:
    executor on_;
    std::atomic<std::int64_t> fired_{0};
    std::atomic<std::int64_t> handled_{0};
};

awaitable<outcome> cancel(const request& asked) {
    const std::int64_t n = asked.number("n");
    hours all(co_await asio::this_coro::executor);
    if (asked.text("mode") == "all") {
        std::vector<timer> timers;
        timers.reserve(static_cast<std::size_t>(n));
        for (std::int64_t i = 0; i < n; ++i)
            timers.push_back(all.armed());
        timers.clear();
    } else {
        for (std::int64_t i = 0; i < n; ++i) {
            all.armed().cancel();
            if (i % 1000 == 999) co_await asio::post(asio::deferred); // the handlers run
        }
    }
    co_await all.all_handled(n);
    co_return outcome{n};
}

// ---- lateness: sleepers among flows that compute

struct watched : lateness {
    explicit watched(const request& asked) : lateness(asked), sleeping(n) {}
    std::atomic<std::int64_t> sleeping;
};

awaitable<void> late_flow(watched& all, std::int64_t flow) {
    random numbers(static_cast<std::uint64_t>(flow));
    timer alarm(co_await asio::this_coro::executor);
    for (std::int64_t i = 0; i < all.rounds; ++i) {
        const nanoseconds d = short_nap(numbers);
        const std::uint64_t due = due_after(d);
        alarm.expires_after(d);
        co_await alarm.async_wait(asio::deferred);
        all.note(flow, i, due);
    }
    all.sleeping.fetch_sub(1, std::memory_order_relaxed);
}
awaitable<void> load_flow(const watched& all) {
    while (all.sleeping.load(std::memory_order_relaxed) > 0) {
        compute_for(50us);
        co_await asio::post(asio::deferred);
    }
}

awaitable<outcome> timers_lateness(const request& asked) {
    watched all(asked);
    flows others(co_await asio::this_coro::executor);
    for (unsigned i = 0; i < asked.threads; ++i)
        others.start(load_flow(all));
    for (std::int64_t i = 0; i < all.n; ++i)
        others.start(late_flow(all, i));
    co_await others.join();
    co_return all.result();
}

} // namespace

void add_timers(std::vector<workload>& all) {
    all.push_back(coroutines("timers_sleep", {{"n", {"1000000"}}}, sleep));
    all.push_back(
        coroutines("timers_cancel", {{"n", {"1000000"}}, {"mode", {"all", "one"}}}, cancel));
    all.push_back(
        coroutines("timers_lateness", {{"n", {"1000"}}, {"rounds", {"100"}}}, timers_lateness));
}

} // namespace suite
