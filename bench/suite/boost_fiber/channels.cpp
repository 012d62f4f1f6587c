// ping_pong, channels, oneshot, sieve: flows that talk. It has no select.
#include "workloads.hpp"

#include <bit>

namespace suite {
namespace {

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

} // namespace

void add_channels(std::vector<workload>& all) {
    const parameter million{"n", {"1000000"}};
    all.push_back(on_one_thread("ping_pong", {million, {"buffer", {"0"}}}, ping_pong));
    all.push_back(on_one_thread("channels",
                                {million,
                                 {"producers", {"1", "4"}},
                                 {"consumers", {"1", "4"}},
                                 {"buffer", {"0", "100", "1024"}}},
                                channels));
    all.push_back(on_one_thread("oneshot", {million}, oneshot));
    all.push_back(on_one_thread("sieve", {{"n", {"2000"}}}, sieve));
}

} // namespace suite
