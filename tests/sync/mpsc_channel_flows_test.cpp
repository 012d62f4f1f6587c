// Bounded mpsc between flows of all kinds: order, and random programs (R-MP-1). Upstream tests are named.
#include "counted.hpp"
#include "support.hpp"
#include <sennit/sync/mpsc_channel.hpp>

namespace sennit {
namespace {

using test::counted;
using test::driver;

class mpsc_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, mpsc_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

task<void> send_all(mpsc_sender<counted> tx, int from, int to) {
    for (int i = from; i < to; ++i)
        (void)co_await tx.async_send(counted(i));
}
void send_all_plain(const mpsc_sender<counted>& tx, int from, int to) {
    for (int i = from; i < to; ++i)
        EXPECT_TRUE(tx.send(counted(i)));
}
// Each sender's values come in its order.
struct order_check {
    int next[3] = {};
    long sum = 0, count = 0;
    void take(const counted& c) {
        const int sender = c.value() / 100'000;
        EXPECT_EQ(c.value() % 100'000, next[sender]++);
        sum += c.value();
        ++count;
    }
};
task<void> recv_all(mpsc_receiver<counted> rx, order_check& check) {
    for (;;) {
        auto v = co_await rx.async_recv();
        if (!v) break;
        check.take(*v);
    }
}

// smol: async-channel mpsc; tokio: send_recv_buffer_limited
TEST_P(mpsc_pairs, every_value_arrives_in_its_senders_order) {
    static constexpr int each = test::rounds_scaled(500);
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{3}, std::size_t{100}}) {
        order_check check;
        {
            auto [tx, rx] = mpsc_channel<counted>(capacity);
            for (int s = 0; s < 3; ++s) {
                const int from = s * 100'000;
                start(
                    kind_of(0), [tx, from] { send_all_plain(tx, from, from + each); },
                    [&] { return send_all(tx, from, from + each); });
            }
            auto shared = std::make_shared<mpsc_receiver<counted>>(std::move(rx));
            start(
                kind_of(1),
                [shared, &check] {
                    for (const counted& c : *shared)
                        check.take(c);
                },
                [&] { return recv_all(std::move(*shared), check); });
        }
        join();
        EXPECT_EQ(check.count, 3 * each);
    }
    EXPECT_EQ(counted::alive(), 0);
}

// Seeded: senders send, reserve, try, drop their futures half-way and leave; the receiver receives
// one or many, closes, leaves. What was sent is received, handed back, or was destroyed unreceived.
struct tally {
    std::atomic<int> sent{0}, received{0};
};
void random_sender(const mpsc_sender<counted>& tx, tally& t, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    for (int i = 0; i < 30; ++i) {
        switch (random() % 6) {
            case 0:
                if (tx.try_send(counted(i))) ++t.sent;
                break;
            case 1: {
                auto dropped = tx.async_send(counted(i));
                auto answer = d.poll(dropped);
                if (answer.is_ready() && std::move(answer).take()) ++t.sent;
                break;
            }
            case 2: {
                auto permit = tx.reserve();
                if (permit && random() % 2 == 0 && permit->send(counted(i))) ++t.sent;
                break;
            }
            case 3: {
                auto permits = tx.try_reserve_many(2);
                if (permits && permits->send(counted(i))) ++t.sent;
                break;
            }
            default:
                if (!tx.send(counted(i))) return;
                ++t.sent;
        }
    }
}
void random_receiver(mpsc_receiver<counted>& rx, tally& t, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    const unsigned last = random() % 200;
    for (unsigned i = 0;; ++i) {
        if (i == last && seed % 3 == 1) rx.close();
        if (i == last && seed % 3 == 2) return; // leaves
        switch (random() % 4) {
            case 0: {
                auto dropped = rx.async_recv();
                auto answer = d.poll(dropped);
                if (!answer.is_ready()) break;
                if (!std::move(answer).take()) return;
                ++t.received;
                break;
            }
            case 1: {
                std::vector<counted> out;
                const std::size_t n = rx.recv_many(out, 1 + random() % 8);
                if (n == 0) return;
                t.received += static_cast<int>(n);
                break;
            }
            default:
                if (!rx.recv()) return;
                ++t.received;
        }
    }
}
template<class Fn>
task<void> in_task(Fn body) {
    co_await async_yield();
    body();
}

TEST_P(mpsc_pairs, random_programs_lose_no_value) {
    const int seeds = test::rounds_scaled(30);
    for (int seed = 0; seed < seeds; ++seed) {
        tally t;
        {
            auto [tx, rx] = mpsc_channel<counted>(2 + static_cast<std::size_t>(seed % 4));
            for (int s = 0; s < 3; ++s) {
                const auto body = [tx, &t, seed, s] {
                    random_sender(tx, t, static_cast<std::uint32_t>(seed * 10 + s));
                };
                start(kind_of(s), body, [&] { return in_task(body); });
            }
            auto shared = std::make_shared<mpsc_receiver<counted>>(std::move(rx));
            const auto body = [shared, &t, seed] {
                mpsc_receiver<counted> mine = std::move(*shared);
                random_receiver(mine, t, static_cast<std::uint32_t>(seed));
            };
            start(kind_of(1), body, [&] { return in_task(body); });
        }
        join();
        ASSERT_EQ(counted::alive(), 0) << "seed " << seed;
        if (seed % 3 == 2) {
            ASSERT_LE(t.received, t.sent) << "seed " << seed;
        } else {
            ASSERT_EQ(t.received, t.sent) << "seed " << seed;
        }
    }
}

} // namespace
} // namespace sennit
