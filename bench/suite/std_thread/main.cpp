// std::thread in the comparison suite: a flow is a thread, a channel a queue under a mutex with two condition variables. "Threads"
// are processors here: that many are left to the process. There are fewer operations than elsewhere where each is a switch of
// threads.
#include "../common/fork_join.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <numeric>
#include <optional>
#include <sched.h>
#include <thread>

namespace suite {
namespace {

constexpr std::int64_t live_max = 10'000; // of threads, which a container may limit

cpu_set_t processors() {
    cpu_set_t offered;
    CPU_ZERO(&offered);
    expect(sched_getaffinity(0, sizeof(offered), &offered) == 0, "sched_getaffinity");
    return offered;
}
std::vector<unsigned> processor_counts() {
    const cpu_set_t offered = processors();
    std::vector<unsigned> counts = thread_counts();
    std::erase_if(counts,
                  [&](unsigned n) { return n > static_cast<unsigned>(CPU_COUNT(&offered)); });
    return counts;
}

// Leaves the first `count` processors of those there are to this thread, and to all that it starts.
void use_processors(unsigned count) {
    const cpu_set_t offered = processors();
    cpu_set_t taken;
    CPU_ZERO(&taken);
    for (std::size_t i = 0; i < CPU_SETSIZE && count > 0; ++i) {
        if (!CPU_ISSET(i, &offered)) continue;
        CPU_SET(i, &taken);
        --count;
    }
    if (count > 0) unsupported();
    expect(sched_setaffinity(0, sizeof(taken), &taken) == 0, "sched_setaffinity");
}

// ---- fork-join: a child's result goes where its parent says

std::int64_t start_and_join(std::int64_t n, std::int64_t batch) {
    std::vector<std::thread> children;
    std::vector<int> results(static_cast<std::size_t>(batch));
    std::int64_t sum = 0;
    for (std::int64_t left = n; left > 0; left -= batch) {
        const auto end = results.begin() + std::min(batch, left);
        std::for_each(results.begin(), end,
                      [&](int& to) { children.emplace_back([&to] { to = 1; }); });
        for (auto& child : children)
            child.join();
        children.clear();
        sum += std::accumulate(results.begin(), end, std::int64_t(0));
    }
    return sum;
}

outcome spawn_join(const request& asked) {
    const spawn_join_size size(asked);
    if (size.batch * size.parents > live_max) unsupported();
    std::vector<std::thread> parents;
    std::vector<std::int64_t> sums(static_cast<std::size_t>(size.parents));
    for (std::int64_t& to : sums)
        parents.emplace_back([&size, &to] { to = start_and_join(size.each(), size.batch); });
    for (auto& parent : parents)
        parent.join();
    return checked_spawn_join(size, std::accumulate(sums.begin(), sums.end(), std::int64_t(0)));
}

// ---- flows that talk

// A bounded queue. The smallest is of one: there is none without a buffer.
class channel {
public:
    explicit channel(std::int64_t buffer)
        : capacity_(static_cast<std::size_t>(std::max<std::int64_t>(buffer, 1))) {}

    void send(std::int64_t v) {
        {
            std::unique_lock guard(lock_);
            has_room_.wait(guard, [this] { return messages_.size() < capacity_; });
            messages_.push_back(v);
        }
        has_message_.notify_one();
    }
    // Nothing: it is closed and empty.
    std::optional<std::int64_t> recv() {
        std::int64_t v = 0;
        {
            std::unique_lock guard(lock_);
            has_message_.wait(guard, [this] { return is_closed_ || !messages_.empty(); });
            if (messages_.empty()) return std::nullopt;
            v = messages_.front();
            messages_.pop_front();
        }
        has_room_.notify_one();
        return v;
    }
    void close() {
        {
            const std::lock_guard guard(lock_);
            is_closed_ = true;
        }
        has_message_.notify_all();
    }

private:
    const std::size_t capacity_;
    std::mutex lock_;
    std::condition_variable has_room_;
    std::condition_variable has_message_;
    std::deque<std::int64_t> messages_; // guarded by lock_
    bool is_closed_ = false;            // guarded by lock_
};

outcome ping_pong(const request& asked) {
    const std::int64_t n = asked.number("n");
    channel there(asked.number("buffer"));
    channel back(asked.number("buffer"));
    const std::jthread echo([&] {
        while (const auto v = there.recv())
            back.send(*v);
    });
    for (std::int64_t i = 0; i < n; ++i) {
        there.send(i);
        expect(back.recv() == i, "ping_pong: another number came back");
    }
    there.close();
    return {n};
}

outcome channels(const request& asked) {
    const std::int64_t n = asked.number("n");
    const std::int64_t producers = asked.number("producers");
    channel messages(asked.number("buffer"));
    std::atomic<std::int64_t> sending{producers};
    std::atomic<std::int64_t> sum{0};
    std::vector<std::thread> all;
    for (std::int64_t i = 0; i < producers; ++i) {
        all.emplace_back([&, i] {
            for (std::int64_t v = i; v < n; v += producers)
                messages.send(v);
            if (sending.fetch_sub(1, std::memory_order_relaxed) == 1) messages.close();
        });
    }
    for (std::int64_t i = 0; i < asked.number("consumers"); ++i) {
        all.emplace_back([&] {
            std::int64_t own = 0;
            while (const auto v = messages.recv())
                own += *v;
            sum.fetch_add(own, std::memory_order_relaxed);
        });
    }
    for (auto& each : all)
        each.join();
    expect(sum.load() == n * (n - 1) / 2, "channels: the sum is wrong");
    return {n};
}

outcome oneshot(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        std::promise<std::int64_t> sender;
        auto result = sender.get_future();
        std::thread([sender = std::move(sender), i]() mutable { sender.set_value(i); }).detach();
        sum += result.get();
    }
    expect(sum == n * (n - 1) / 2, "oneshot: the sum is wrong");
    return {n};
}

// ---- turns

outcome mutex(const request& asked) {
    const std::int64_t flows = asked.number("flows");
    const std::int64_t each = asked.number("n") / flows;
    const bool hold = asked.number("hold") != 0;
    std::mutex lock;
    std::int64_t count = 0;
    std::vector<std::thread> all;
    for (std::int64_t i = 0; i < flows; ++i) {
        all.emplace_back([&] {
            for (std::int64_t turn = 0; turn < each; ++turn) {
                const std::lock_guard guard(lock);
                ++count;
                if (hold) std::this_thread::yield();
            }
        });
    }
    for (auto& flow : all)
        flow.join();
    expect(count == each * flows, "the turns were not all taken");
    return {count};
}

workload on_threads(std::string name, std::vector<parameter> parameters,
                    outcome (*work)(const request&)) {
    return {.name = std::move(name),
            .variants = {"threads"},
            .threads = processor_counts(),
            .parameters = std::move(parameters),
            .run = [work](const request& asked) {
                use_processors(asked.threads);
                asked.repeat([&] { return work(asked); });
            }};
}

} // namespace
} // namespace suite

int main(int argc, char** argv) {
    using namespace suite;
    return run_program(
        argc, argv,
        {.system = "std_thread",
         .versions = {{"compiler", SUITE_COMPILER}},
         .workloads = {
             on_threads("spawn_join",
                        {{"n", {"20000"}}, {"batch", {"1000", "0"}}, {"parents", {"1"}}},
                        spawn_join),
             on_threads("ping_pong", {{"n", {"100000"}}, {"buffer", {"1"}}}, ping_pong),
             on_threads("channels",
                        {{"n", {"100000"}},
                         {"producers", {"1", "4"}},
                         {"consumers", {"1", "4"}},
                         {"buffer", {"1", "100", "1024"}}},
                        channels),
             on_threads("oneshot", {{"n", {"20000"}}}, oneshot),
             on_threads("mutex", {{"n", {"400000"}}, {"hold", {"0", "1"}}, {"flows", {"8"}}},
                        mutex)}});
}
