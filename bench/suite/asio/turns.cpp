// yield, mutex: flows that take turns without telling each other anything. Asio has no lock that a coroutine waits for; a channel
// with one token in it is what stands for one.
#include "workloads.hpp"

namespace suite {
namespace {

awaitable<std::int64_t> yield_flow(std::int64_t times) {
    std::int64_t done = 0;
    for (; done < times; ++done)
        co_await asio::post(asio::deferred);
    co_return done;
}

awaitable<outcome> yield(const request& asked) {
    const std::int64_t k = asked.number("k");
    const std::int64_t each = asked.number("n") / k;
    flows all(co_await asio::this_coro::executor);
    for (std::int64_t i = 0; i < k; ++i)
        all.start(yield_flow(each));
    const std::int64_t count = co_await all.join();
    expect(count == each * k, "the turns were not all taken");
    co_return outcome{count};
}

template<class Channel>
struct locks {
    std::int64_t each;
    bool hold;
    Channel token;
    std::int64_t count = 0; // of whoever has the token
};

template<class Channel>
awaitable<void> lock_flow(locks<Channel>& all) {
    for (std::int64_t i = 0; i < all.each; ++i) {
        if (!all.token.try_receive([](auto...) {}))
            co_await all.token.async_receive(asio::deferred);
        ++all.count;
        if (all.hold) co_await asio::post(asio::deferred);
        expect(all.token.try_send(error_code()), "mutex: there are two tokens");
    }
}

template<class Channel>
awaitable<outcome> mutex(const request& asked) {
    const std::int64_t k = asked.number("flows");
    const executor on = co_await asio::this_coro::executor;
    locks<Channel> all{
        .each = asked.number("n") / k, .hold = asked.number("hold") != 0, .token = Channel(on, 1)};
    all.token.try_send(error_code());
    flows others(on);
    for (std::int64_t i = 0; i < k; ++i)
        others.start(lock_flow(all));
    co_await others.join();
    expect(all.count == all.each * k, "the turns were not all taken");
    co_return outcome{all.count};
}

using local = asio::experimental::channel<executor, void(error_code)>;
using shared = asio::experimental::concurrent_channel<executor, void(error_code)>;

} // namespace

void add_turns(std::vector<workload>& all) {
    all.push_back(coroutines("yield", {{"n", {"2000000"}}, {"k", {"1", "10", "1000"}}}, yield));
    all.push_back(over_channels("mutex",
                                {{"n", {"1600000"}}, {"hold", {"0", "1"}}, {"flows", {"8"}}},
                                mutex<local>, mutex<shared>));
}

} // namespace suite
