// Channels between flows of all kinds (G-CH-1 to G-CH-17); upstream tests are named where a rule has one.
#include "support.hpp"

#include <atomic>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::kind;

class channel_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, channel_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

void send_numbers(chan<int> c, int from, int to) {
    for (int i = from; i < to; ++i)
        c.send(i);
}
task<void> send_numbers_task(chan<int> c, int from, int to) {
    for (int i = from; i < to; ++i)
        co_await c.async_send(i);
}
void sum_up(chan<int> c, std::atomic<long>& sum, std::atomic<long>& count) {
    int last = -1;
    for (const int v : c) {
        sum += v;
        ++count;
        last = v;
    }
    (void)last;
}
task<void> sum_up_task(chan<int> c, std::atomic<long>& sum, std::atomic<long>& count) {
    for (;;) {
        const std::optional<int> v = co_await c.async_recv();
        if (!v) co_return;
        sum += *v;
        ++count;
    }
}

// go: runtime: TestChan ("total sum"), TestPseudoRandomSend; test/chan/fifo.go
TEST_P(channel_pairs, every_value_is_received_once) {
    static constexpr int each = test::rounds_scaled(1000);
    constexpr int flows = 3;
    for (const int capacity : {0, 1, 7}) {
        auto c = make_chan<int>(capacity);
        std::atomic<long> sum{0}, count{0};
        std::atomic<int> left{flows};
        for (int i = 0; i < flows; ++i) {
            start(
                kind_of(0),
                [=, &left] {
                    send_numbers(c, i * each, (i + 1) * each);
                    if (--left == 0) c.close();
                },
                [=, &left] {
                    return [](chan<int> out, int from, std::atomic<int>& running) -> task<void> {
                        co_await send_numbers_task(out, from, from + each);
                        if (--running == 0) out.close();
                    }(c, i * each, left);
                });
            start(
                kind_of(1), [=, &sum, &count] { sum_up(c, sum, count); },
                [=, &sum, &count] { return sum_up_task(c, sum, count); });
        }
        join();
        EXPECT_EQ(count, flows * each);
        EXPECT_EQ(sum, long{flows * each} * (flows * each - 1) / 2);
    }
}

// go: test/chan/fifo.go, G-CH-16: one sender's values arrive in its order, with what it wrote before.
TEST_P(channel_pairs, one_senders_values_arrive_in_order) {
    static constexpr int rounds = test::rounds_scaled(2000);
    for (const int capacity : {0, 1, 10}) {
        auto c = make_chan<int>(capacity);
        std::vector<int> written(rounds); // plain: TSan tells when the order does not hold
        const auto check = [&written](int v, int expected) {
            EXPECT_EQ(v, expected);
            EXPECT_EQ(written[static_cast<unsigned>(v)], v + 1);
        };
        start(
            kind_of(0),
            [c, &written] {
                for (int i = 0; i < rounds; ++i) {
                    written[static_cast<unsigned>(i)] = i + 1;
                    c.send(i);
                }
                c.close();
            },
            [c, &written] {
                return [](chan<int> out, std::vector<int>& w) -> task<void> {
                    for (int i = 0; i < rounds; ++i) {
                        w[static_cast<unsigned>(i)] = i + 1;
                        co_await out.async_send(i);
                    }
                    out.close();
                }(c, written);
            });
        start(
            kind_of(1),
            [c, &check] {
                int next = 0;
                for (const int v : c)
                    check(v, next++);
                EXPECT_EQ(next, rounds);
            },
            [c, &check] {
                return [](chan<int> in, decltype(check) verify) -> task<void> {
                    for (int next = 0;; ++next) {
                        const std::optional<int> v = co_await in.async_recv();
                        if (!v) {
                            EXPECT_EQ(next, rounds);
                            co_return;
                        }
                        verify(*v, next);
                    }
                }(c, check);
            });
        join();
    }
}

// go: runtime: TestBlockRecvAfterClose and the closing halves of TestChan
TEST_P(channel_pairs, closing_ends_those_who_wait) {
    for (int round = 0; round < test::rounds_scaled(100); ++round) {
        auto full = make_chan<int>(), empty = make_chan<int>();
        std::atomic<int> threw{0}, ended{0};
        const auto send = [=, &threw] {
            try {
                full.send(1);
            } catch (const channel_error&) {
                ++threw;
            }
        };
        const auto send_task = [&threw](chan<int> c) -> task<void> {
            try {
                co_await c.async_send(1);
            } catch (const channel_error&) {
                ++threw;
            }
        };
        const auto recv_task = [&ended](chan<int> c) -> task<void> {
            const std::optional<int> v = co_await c.async_recv();
            if (!v) ++ended;
        };
        for (int i = 0; i < 2; ++i) {
            start(kind_of(i), send, [&] { return send_task(full); });
            start(
                kind_of(i),
                [=, &ended] {
                    if (!empty.recv()) ++ended;
                },
                [&] { return recv_task(empty); });
        }
        full.close();
        empty.close();
        join();
        EXPECT_EQ(threw, 2);
        EXPECT_EQ(ended, 2);
    }
}

} // namespace
} // namespace sennit
