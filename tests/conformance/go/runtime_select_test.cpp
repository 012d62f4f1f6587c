// The rules of golang/go's runtime/chan_test.go that are about select. Above each case stands the upstream test.
#include "conformance/pairing.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <random>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::kind;

class go_runtime_select : public test::conformance {};
SENNIT_PAIRINGS(go_runtime_select);

// TestNonblockSelectRace: the ready one of two changes while a select looks at both; at every moment one was ready.
// TestNonblockSelectRace2: the same with a close.
TEST_P(go_runtime_select, otherwise_is_taken_only_if_nothing_was_ready_at_one_moment) {
    constexpr int rounds = test::rounds_scaled(400);
    for (const bool by_close : {false, true}) {
        for (const int side : {0, 1}) {
            auto c1 = make_chan<int>(1);
            chan<int> c2;
            std::atomic<int> begun{0}, ended{0}, misses{0};
            start_party(side, [&](kind me) -> task<void> {
                for (int i = 1; i <= rounds; ++i) {
                    while (begun < i)
                        co_await by(me, async_yield());
                    auto one = async_select(on_recv(c1), on_recv(c2), otherwise([&] { ++misses; }));
                    co_await by(me, std::move(one));
                    ended = i;
                }
            });
            std::mt19937 random(1);
            for (int i = 1; i <= rounds; ++i) {
                c2 = make_chan<int>(by_close ? 0 : 1);
                (void)c1.try_send(1);
                begun = i;
                for (unsigned delay = random() % 3000; delay > 0; --delay)
                    (void)begun.load(); // it has to get to its select
                if (by_close) {
                    c2.close();
                } else {
                    c2.send(1);
                }
                (void)c1.try_recv();
                await_count(ended, i);
            }
            join();
            EXPECT_EQ(misses, 0);
        }
    }
}

// TestSelfSelect: one that sends and receives on the same channel in one select does not meet itself.
TEST_P(go_runtime_select, a_select_does_not_meet_itself) {
    constexpr int rounds = test::rounds_scaled(500);
    for (const int capacity : {0, 10}) {
        auto c = make_chan<int>(capacity);
        const auto trader = [&](int number) {
            return [&, number](kind me) -> task<void> {
                const auto look = [&](std::optional<int> v) {
                    EXPECT_TRUE(capacity != 0 || v != number);
                };
                for (int i = 0; i < rounds; ++i) {
                    if (number == 0 || i % 2 == 0) {
                        auto one = async_select(on_send(c, number), on_recv(c, look));
                        co_await by(me, std::move(one));
                    } else {
                        auto one = async_select(on_recv(c, look), on_send(c, number));
                        co_await by(me, std::move(one));
                    }
                }
            };
        };
        together(trader(0), trader(1));
    }
}

// TestSelectStress: four channels with and without buffers; plain flows on either side of each, and one select over all
// on either side. Written for each kind with its own verbs.
constexpr int stress_rounds = test::rounds_scaled(250);
void select_sends(std::array<chan<int>, 4>& c) {
    std::array<chan<int>, 4> open = c;
    std::array<int, 4> sent{};
    for (int i = 0; i < 4 * stress_rounds; ++i) {
        const std::size_t k = select(on_send(open[3], 0), on_send(open[2], 0), on_send(open[1], 0),
                                     on_send(open[0], 0));
        if (++sent[3 - k] == stress_rounds) open[3 - k] = {};
    }
}
task<void> select_sends_in_task(std::array<chan<int>, 4>& c) {
    std::array<chan<int>, 4> open = c;
    std::array<int, 4> sent{};
    for (int i = 0; i < 4 * stress_rounds; ++i) {
        auto one = async_select(on_send(open[3], 0), on_send(open[2], 0), on_send(open[1], 0),
                                on_send(open[0], 0));
        const std::size_t k = co_await std::move(one);
        if (++sent[3 - k] == stress_rounds) open[3 - k] = {};
    }
}
void select_receives(std::array<chan<int>, 4>& c) {
    std::array<chan<int>, 4> open = c;
    std::array<int, 4> got{};
    for (int i = 0; i < 4 * stress_rounds; ++i) {
        const std::size_t k =
            select(on_recv(open[0]), on_recv(open[1]), on_recv(open[2]), on_recv(open[3]));
        if (++got[k] == stress_rounds) open[k] = {};
    }
}
task<void> select_receives_in_task(std::array<chan<int>, 4>& c) {
    std::array<chan<int>, 4> open = c;
    std::array<int, 4> got{};
    for (int i = 0; i < 4 * stress_rounds; ++i) {
        auto one =
            async_select(on_recv(open[0]), on_recv(open[1]), on_recv(open[2]), on_recv(open[3]));
        const std::size_t k = co_await std::move(one);
        if (++got[k] == stress_rounds) open[k] = {};
    }
}
TEST_P(go_runtime_select, select_under_stress) {
    std::array<chan<int>, 4> c{make_chan<int>(), make_chan<int>(), make_chan<int>(2),
                               make_chan<int>(3)};
    for (int i = 0; i < 4; ++i) {
        start_party(i, [&, i](kind me) -> task<void> {
            for (int k = 0; k < stress_rounds; ++k)
                co_await by(me, c[unsigned(i)].async_send(k));
        });
        start_party(i + 1, [&, i](kind me) -> task<void> {
            for (int k = 0; k < stress_rounds; ++k)
                co_await by(me, c[unsigned(i)].async_recv());
        });
    }
    start(kind_of(0), [&] { select_sends(c); }, [&] { return select_sends_in_task(c); });
    start(kind_of(1), [&] { select_receives(c); }, [&] { return select_receives_in_task(c); });
    join();
    for (const chan<int>& each : c)
        EXPECT_EQ(each.len(), 0u); // as many came out as went in
}

// TestSelectFairness: of two that are always ready each is chosen about half of the time, next to two that never are.
// The bound is five standard deviations.
TEST_P(go_runtime_select, select_is_fair) {
    constexpr int trials = 2000;
    auto c1 = make_chan<int>(trials + 1), c2 = make_chan<int>(trials + 1);
    for (int i = 0; i <= trials; ++i) {
        c1.send(1);
        c2.send(2);
    }
    auto c3 = make_chan<int>(), c4 = make_chan<int>();
    auto out = make_chan<int>(), done = make_chan<int>();
    first([&](kind me) -> task<void> {
        bool over = false;
        while (!over) {
            int got = 0;
            const auto keep = [&](std::optional<int> v) { got = *v; };
            auto one = async_select(on_recv(c3, keep), on_recv(c4, keep), on_recv(c1, keep),
                                    on_recv(c2, keep));
            co_await by(me, std::move(one));
            auto next = async_select(on_send(out, got), on_recv(done, [&] { over = true; }));
            co_await by(me, std::move(next));
        }
    });
    std::array<int, 3> count{};
    second([&](kind me) -> task<void> {
        for (int i = 0; i < trials; ++i) {
            const std::optional<int> v = co_await by(me, out.async_recv());
            ++count[unsigned(*v)];
        }
        done.close();
    });
    join();
    EXPECT_EQ(count[1] + count[2], trials);
    EXPECT_LT(std::abs(count[1] / double{trials} - 0.5), 5 / (2 * std::sqrt(double{trials})));
}

// TestPseudoRandomSend: two sends to one channel: each side is chosen more than one time in ten.
TEST_P(go_runtime_select, two_sends_to_one_channel_are_chosen_at_random) {
    constexpr int n = 200;
    for (const int capacity : {0, n}) {
        auto c = make_chan<int>(capacity);
        int zeros = 0, ones = 0;
        const auto send = [&](kind me) -> task<void> {
            for (int i = 0; i < n; ++i) {
                auto one = async_select(on_send(c, 0), on_send(c, 1));
                co_await by(me, std::move(one));
            }
        };
        together(send, [&](kind me) -> task<void> {
            for (int i = 0; i < n; ++i) {
                const std::optional<int> v = co_await by(me, c.async_recv());
                ++(*v == 0 ? zeros : ones);
            }
        });
        EXPECT_EQ(zeros + ones, n);
        EXPECT_GT(zeros, n / 10);
        EXPECT_GT(ones, n / 10);
    }
}

// TestSelectDuplicateChannel: one channel twice in a select. When the third case wins, both leave the queue, and who stands
// behind them is found.
TEST_P(go_runtime_select, a_channel_twice_in_one_select_leaves_its_queue) {
    for (int round = 0; round < 20; ++round) {
        auto c = make_chan<int>(), d = make_chan<int>(), e = make_chan<int>();
        start_party(round, [&](kind me) -> task<void> {
            const auto wrong = [](std::optional<int>) { ADD_FAILURE(); };
            auto one = async_select(on_recv(c, wrong), on_recv(c, wrong), on_recv(d));
            co_await by(me, std::move(one));
            co_await by(me, e.async_send(9));
        });
        start_party(round + 1,
                    [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, c.async_recv()), 8); });
        d.send(7);
        EXPECT_EQ(e.recv(), 9);
        c.send(8);
        join();
    }
}

} // namespace
} // namespace sennit
