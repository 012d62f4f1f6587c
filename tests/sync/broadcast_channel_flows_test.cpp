// Broadcast between flows of all kinds: what lags is told, and ends that come and go (R-MP-3).
#include "counted.hpp"
#include "support.hpp"
#include <sennit/sync/broadcast_channel.hpp>

namespace sennit {
namespace {

using test::counted;
using test::driver;
using test::drop;

class broadcast_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, broadcast_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

template<class Fn>
task<void> in_task(Fn body) {
    co_await async_yield();
    body();
}

// What a receiver has seen: values rise, and what is not received was reported as missed.
struct log {
    int next = 0;
    long received = 0, missed = 0;
    void take(const std::expected<counted, broadcast_recv_error>& got) {
        if (got) {
            EXPECT_EQ(got->value(), next) << "out of order, or missed without a word";
            ++next;
            ++received;
        } else if (got.error().is_lagged()) {
            EXPECT_GT(got.error().lagged(), 0u);
            next += static_cast<int>(got.error().lagged());
            missed += static_cast<long>(got.error().lagged());
        }
    }
};
bool goes_on(const std::expected<counted, broadcast_recv_error>& got) {
    return got || !got.error().is_closed();
}
task<void> follow(std::shared_ptr<broadcast_receiver<counted>> rx, int count,
                  std::atomic<int>& finished) {
    log seen;
    for (;;) {
        auto got = co_await rx->async_recv();
        if (!goes_on(got)) break;
        seen.take(got);
    }
    EXPECT_EQ(seen.received + seen.missed, count);
    ++finished;
}

// One sender: each receiver gets each value in order, or is told that it missed it.
TEST_P(broadcast_pairs, each_value_is_received_or_reported_as_missed) {
    static constexpr int count = test::rounds_scaled(1000);
    for (const std::size_t capacity : {std::size_t{1}, std::size_t{4}, std::size_t{1024}}) {
        std::atomic<int> finished{0};
        {
            auto [tx, unused] = broadcast_channel<counted>(capacity);
            for (int r = 0; r < 3; ++r) {
                auto rx = std::make_shared<broadcast_receiver<counted>>(tx.subscribe());
                start(
                    kind_of(1),
                    [rx, capacity, &finished] {
                        log seen;
                        for (auto got = rx->recv(); goes_on(got); got = rx->recv())
                            seen.take(got);
                        EXPECT_EQ(seen.received + seen.missed, count);
                        if (capacity >= count) {
                            EXPECT_EQ(seen.missed, 0);
                        }
                        ++finished;
                    },
                    [&] { return follow(rx, count, finished); });
            }
            const auto send = [last = std::move(tx)] {
                for (int i = 0; i < count; ++i) {
                    EXPECT_TRUE(last.send(counted(i)));
                    if (i % 16 == 0) this_flow::yield();
                }
            };
            drop(unused);
            start(kind_of(0), send, [&] { return in_task(send); });
        }
        join();
        EXPECT_EQ(finished, 3);
        EXPECT_EQ(counted::alive(), 0);
    }
}

// Seeded: receivers subscribe, receive, drop their futures half-way, resubscribe and go; senders send, wait
// for the end, upgrade and go. Nothing is left behind and everybody ends.
void random_receiver(broadcast_receiver<counted> rx, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    for (unsigned left = random() % 60; left != 0; --left) {
        switch (random() % 6) {
            case 0: {
                auto dropped = rx.async_recv();
                (void)d.poll(dropped);
                break;
            }
            case 1:
                rx = rx.resubscribe();
                break;
            case 2:
                (void)rx.try_recv();
                break;
            default:
                if (!goes_on(rx.recv())) return;
        }
    }
}
void random_sender(const broadcast_sender<counted>& tx, std::uint32_t seed) {
    std::mt19937 random(seed);
    driver d;
    for (int i = 0; i < 60; ++i) {
        switch (random() % 6) {
            case 0: {
                auto dropped = tx.async_closed();
                (void)d.poll(dropped);
                break;
            }
            case 1:
                (void)tx.subscribe().try_recv();
                break;
            case 2:
                this_flow::yield();
                break;
            case 3:
                (void)tx.downgrade().upgrade()->send(counted(i));
                break;
            default:
                if (!tx.send(counted(i))) return;
        }
    }
}

TEST_P(broadcast_pairs, ends_that_come_and_go_leave_nothing_behind) {
    const int seeds = test::rounds_scaled(30);
    for (int seed = 0; seed < seeds; ++seed) {
        {
            auto [tx, rx] = broadcast_channel<counted>(std::size_t{1} << (seed % 4));
            for (int i = 0; i < 2; ++i) {
                const auto base = static_cast<std::uint32_t>(seed * 10 + i);
                const auto sender = [tx, base] { random_sender(tx, base); };
                auto shared = std::make_shared<broadcast_receiver<counted>>(rx.resubscribe());
                const auto receiver = [shared, base] {
                    random_receiver(std::move(*shared), base + 5);
                };
                start(kind_of(0), sender, [&] { return in_task(sender); });
                start(kind_of(1), receiver, [&] { return in_task(receiver); });
            }
        }
        join();
        ASSERT_EQ(counted::alive(), 0) << "seed " << seed;
    }
}

} // namespace
} // namespace sennit
