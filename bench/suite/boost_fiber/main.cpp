// Boost.Fiber in the comparison suite, on one thread: its schedulers for several threads either spin while they have nothing to
// do or do not wake each other for new work. Stacks are pooled and of 16 KiB, which is what it is fastest with.
#include "../common/fork_join.hpp"

#include <boost/fiber/all.hpp>
#include <boost/version.hpp>

#include <algorithm>
#include <bit>
#include <mutex>

namespace suite {
namespace {

namespace fibers = boost::fibers;
using namespace std::chrono_literals;

constexpr std::size_t stack_size = 16 * 1024;
constexpr std::int64_t live_max = 100'000; // more stacks than that do not fit

// A fiber with a result. With `dispatch` it runs at once, which keeps a tree of them from being alive as a whole.
template<class Fn>
auto start(Fn fn, fibers::launch how = fibers::launch::post) {
    static fibers::pooled_fixedsize_stack stacks(stack_size);
    return fibers::async(how, std::allocator_arg, stacks, std::move(fn));
}

// ---- fork-join

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

// ---- flows that talk

template<class Channel>
outcome ping_pong_over(Channel& there, Channel& back, std::int64_t n) {
    auto echo = start([&] {
        for (const std::int64_t v : there)
            back.push(v);
    });
    for (std::int64_t i = 0; i < n; ++i) {
        there.push(i);
        expect(back.value_pop() == i, "ping_pong: another number came back");
    }
    there.close();
    echo.get();
    return {n};
}
outcome ping_pong(const request& asked) {
    if (asked.number("buffer") != 0) unsupported(); // its smallest buffer is 2
    fibers::unbuffered_channel<std::int64_t> there;
    fibers::unbuffered_channel<std::int64_t> back;
    return ping_pong_over(there, back, asked.number("n"));
}

template<class Channel>
outcome channels_over(Channel& messages, const request& asked) {
    const std::int64_t n = asked.number("n");
    const std::int64_t producers = asked.number("producers");
    std::int64_t sending = producers;
    std::vector<fibers::future<void>> sent;
    std::vector<fibers::future<std::int64_t>> received;
    for (std::int64_t i = 0; i < producers; ++i) {
        sent.push_back(start([&, i] {
            for (std::int64_t v = i; v < n; v += producers)
                messages.push(v);
            if (--sending == 0) messages.close();
        }));
    }
    for (std::int64_t i = 0; i < asked.number("consumers"); ++i) {
        received.push_back(start([&] {
            std::int64_t sum = 0;
            for (const std::int64_t v : messages)
                sum += v;
            return sum;
        }));
    }
    std::int64_t sum = 0;
    for (auto& each : received)
        sum += each.get();
    for (auto& each : sent)
        each.get();
    expect(sum == n * (n - 1) / 2, "channels: the sum is wrong");
    return {n};
}
outcome channels(const request& asked) {
    const std::int64_t buffer = asked.number("buffer");
    if (buffer == 0) {
        fibers::unbuffered_channel<std::int64_t> messages;
        return channels_over(messages, asked);
    }
    if (buffer == 1)
        unsupported(); // a buffer is a power of two from 2 on, one less of which is used
    fibers::buffered_channel<std::int64_t> messages(
        std::bit_ceil(static_cast<std::size_t>(buffer)));
    return channels_over(messages, asked);
}

outcome oneshot(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::int64_t sum = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        fibers::promise<std::int64_t> sender;
        auto result = sender.get_future();
        start([sender = std::move(sender), i]() mutable { sender.set_value(i); });
        sum += result.get();
    }
    expect(sum == n * (n - 1) / 2, "oneshot: the sum is wrong");
    return {n};
}

using numbers = fibers::unbuffered_channel<int>;

outcome sieve(const request& asked) {
    const std::int64_t n = asked.number("n");
    std::vector<std::unique_ptr<numbers>> links;
    links.push_back(std::make_unique<numbers>());
    std::vector<fibers::future<void>> flows;
    flows.push_back(start([&out = *links.back()] {
        for (int i = 2; out.push(i) == fibers::channel_op_status::success; ++i) {}
    }));
    int prime = 0;
    for (std::int64_t i = 0; i < n; ++i) {
        numbers& in = *links.back();
        prime = in.value_pop();
        links.push_back(std::make_unique<numbers>());
        flows.push_back(start([&in, &out = *links.back(), prime] {
            for (const int v : in) {
                if (v % prime != 0 && out.push(v) != fibers::channel_op_status::success) break;
            }
            in.close(); // whoever sends to it ends, too
        }));
    }
    links.back()->close();
    for (auto& each : flows)
        each.get();
    expect(prime == nth_prime(static_cast<int>(n)), "sieve: the number is wrong");
    return {n};
}

// ---- turns

outcome yield(const request& asked) {
    const std::int64_t k = asked.number("k");
    const std::int64_t each = asked.number("n") / k;
    std::vector<fibers::future<std::int64_t>> flows;
    for (std::int64_t i = 0; i < k; ++i) {
        flows.push_back(start([each] {
            std::int64_t done = 0;
            for (; done < each; ++done)
                boost::this_fiber::yield();
            return done;
        }));
    }
    std::int64_t count = 0;
    for (auto& flow : flows)
        count += flow.get();
    expect(count == each * k, "the turns were not all taken");
    return {count};
}

outcome mutex(const request& asked) {
    const std::int64_t flows = asked.number("flows");
    const std::int64_t each = asked.number("n") / flows;
    const bool hold = asked.number("hold") != 0;
    fibers::mutex lock;
    std::int64_t count = 0;
    std::vector<fibers::future<void>> all;
    for (std::int64_t i = 0; i < flows; ++i) {
        all.push_back(start([&] {
            for (std::int64_t turn = 0; turn < each; ++turn) {
                const std::lock_guard guard(lock);
                ++count;
                if (hold) boost::this_fiber::yield();
            }
        }));
    }
    for (auto& flow : all)
        flow.get();
    expect(count == each * flows, "the turns were not all taken");
    return {count};
}

outcome idle(const request&) {
    boost::this_fiber::sleep_for(1s);
    return {1};
}

workload on_one_thread(std::string name, std::vector<parameter> parameters,
                       outcome (*work)(const request&)) {
    return {.name = std::move(name),
            .variants = {"fibers"},
            .threads = {1},
            .parameters = std::move(parameters),
            .run = [work](const request& asked) {
                if (asked.threads != 1) unsupported();
                asked.repeat([&] { return work(asked); });
            }};
}

} // namespace
} // namespace suite

int main(int argc, char** argv) {
    using namespace suite;
    const parameter million{"n", {"1000000"}};
    return run_program(
        argc, argv,
        {.system = "boost_fiber",
         .versions = {{"Boost", BOOST_LIB_VERSION}, {"compiler", SUITE_COMPILER}},
         .workloads = {
             on_one_thread("spawn_join", spawn_join_parameters(), spawn_join),
             on_one_thread("skynet", {million}, skynet),
             on_one_thread("fib", {{"n", {"28"}}}, fib_number),
             on_one_thread("ping_pong", {million, {"buffer", {"0"}}}, ping_pong),
             on_one_thread("channels",
                           {million,
                            {"producers", {"1", "4"}},
                            {"consumers", {"1", "4"}},
                            {"buffer", {"0", "100", "1024"}}},
                           channels),
             on_one_thread("oneshot", {million}, oneshot),
             on_one_thread("sieve", {{"n", {"2000"}}}, sieve),
             on_one_thread("yield", {{"n", {"2000000"}}, {"k", {"1", "10", "1000"}}}, yield),
             on_one_thread("mutex", {{"n", {"1600000"}}, {"hold", {"0", "1"}}, {"flows", {"8"}}},
                           mutex),
             on_one_thread("idle", {}, idle)}});
}
