// Selects of several flows, and such as are dropped: every value goes one way, nothing is lost, and waiting costs nothing. Upstream
// tests are named where a rule has one.
#include "counted.hpp"
#include "support.hpp"

#include <algorithm>
#include <atomic>

namespace sennit {
namespace {

using test::counted;
using test::driver;

class select_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, select_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

// ---- dropping

TEST(select, a_value_given_to_one_that_is_dropped_goes_back) {
    const int before = counted::alive();
    {
        auto a = make_chan<counted>(), b = make_chan<counted>();
        driver d;
        auto dropped = std::make_unique<decltype(async_select(on_recv(a), on_send(b, counted(1))))>(
            async_select(on_recv(a), on_send(b, counted(1))));
        EXPECT_FALSE(d.poll(*dropped).is_ready());
        a.send(counted(7));
        dropped.reset();
        EXPECT_EQ(a.try_recv()->value(), 7);
        EXPECT_EQ(b.try_recv().error(), recv_error::empty);

        auto taken = std::make_unique<decltype(async_select(on_recv(a), on_send(b, counted(1))))>(
            async_select(on_recv(a), on_send(b, counted(2))));
        EXPECT_FALSE(d.poll(*taken).is_ready());
        EXPECT_EQ(b.recv()->value(), 2);
        taken.reset(); // sent it stays
        EXPECT_FALSE(a.try_send(counted(1)));
    }
    EXPECT_EQ(counted::alive(), before);
}

// ---- flows of all kinds

// Moves values from `in` to `out` with one select that does both, until `in` is closed.
void relay(chan<int> in, chan<int> out) {
    std::optional<int> held;
    for (bool open = true; open || held;) {
        select(on_recv(in,
                       [&](std::optional<int> v) {
                           held = v;
                           open = v.has_value();
                       })
                   .when(open && !held),
               on_send(out, held.value_or(0), [&] { held.reset(); }).when(held.has_value()));
    }
}
task<void> relay_task(chan<int> in, chan<int> out) {
    std::optional<int> held;
    for (bool open = true; open || held;) {
        auto receive = on_recv(in, [&](std::optional<int> v) {
                           held = v;
                           open = v.has_value();
                       }).when(open && !held);
        auto send = on_send(out, held.value_or(0), [&] { held.reset(); }).when(held.has_value());
        co_await async_select(receive, send);
    }
}

// go: test/chan/select7.go, doubleselect.go: every value goes through exactly one select.
TEST_P(select_pairs, every_value_passes_once) {
    static constexpr int count = test::rounds_scaled(1500);
    for (const int capacity : {0, 2}) {
        auto in = make_chan<int>(capacity), out = make_chan<int>(capacity);
        std::atomic<int> left{3};
        for (int i = 0; i < 3; ++i) {
            start(
                kind_of(i),
                [=, &left] {
                    relay(in, out);
                    if (--left == 0) out.close();
                },
                [=, &left] {
                    return
                        [](chan<int> from, chan<int> to, std::atomic<int>& running) -> task<void> {
                            co_await relay_task(from, to);
                            if (--running == 0) to.close();
                        }(in, out, left);
                });
        }
        std::thread feed([in] {
            for (int i = 0; i < count; ++i)
                in.send(i);
            in.close();
        });
        std::vector<bool> seen(count);
        for (const int v : out) {
            EXPECT_FALSE(seen[static_cast<unsigned>(v)]) << v;
            seen[static_cast<unsigned>(v)] = true;
        }
        EXPECT_EQ(std::ranges::count(seen, true), count);
        feed.join();
        join();
    }
}

// Two flows that select on both directions of two channels, in opposite orders: each meets the other, never itself,
// and locks that were not taken in one order would deadlock.
void trade(chan<int> a, chan<int> b, int rounds, std::atomic<long>& sum) {
    for (int i = 0; i < rounds; ++i) {
        select(on_recv(a, [&](std::optional<int> v) { sum += *v; }), on_send(b, 1),
               on_recv(b, [&](std::optional<int> v) { sum += *v; }), on_send(a, 1));
    }
}
task<void> trade_task(chan<int> a, chan<int> b, int rounds, std::atomic<long>& sum) {
    for (int i = 0; i < rounds; ++i) {
        auto take_a = on_recv(a, [&](std::optional<int> v) { sum += *v; });
        auto take_b = on_recv(b, [&](std::optional<int> v) { sum += *v; });
        auto give_a = on_send(a, 1);
        auto give_b = on_send(b, 1);
        co_await async_select(take_a, give_b, take_b, give_a);
    }
}
// go: test/chan/select3.go, runtime: TestSelfSelect, TestSelectStress
TEST_P(select_pairs, meet_on_both_directions_of_two_channels) {
    static constexpr int rounds = test::rounds_scaled(1500);
    auto a = make_chan<int>(), b = make_chan<int>();
    std::atomic<long> sum{0};
    start(
        kind_of(0), [&, a, b] { trade(a, b, rounds, sum); },
        [&] { return trade_task(a, b, rounds, sum); });
    start(
        kind_of(1), [&, a, b] { trade(b, a, rounds, sum); },
        [&] { return trade_task(b, a, rounds, sum); });
    join();
    EXPECT_EQ(sum, rounds); // of each meeting one side received
}

// Seeded: selects that lose, are dropped and run out of time at random. What was sent is what was received and what
// is left.
TEST(select, random_programs_lose_nothing) {
    const int before = counted::alive();
    const int seeds = test::rounds_scaled(100);
    for (int seed = 0; seed < seeds; ++seed) {
        runtime rt{{.workers = 1u + static_cast<unsigned>(seed) % 4u}};
        auto a = make_chan<counted>(seed % 2), b = make_chan<counted>(seed % 3);
        std::atomic<long> sent{0}, received{0};
        std::vector<join_handle<void>> flows;
        for (int flow = 0; flow < 3; ++flow) {
            flows.push_back(rt.spawn([&, seed, flow] {
                std::mt19937 random(static_cast<std::uint32_t>(seed * 100 + flow));
                for (int i = 1; i <= 60; ++i) {
                    const auto note = [&, i] { sent += i; };
                    if (random() % 3 == 0) {
                        select(on_send(a, counted(i), note), on_send(b, counted(i), note),
                               on_timeout(std::chrono::microseconds(random() % 5)));
                    } else {
                        select(on_send(a, counted(i), note), on_send(b, counted(i), note));
                    }
                }
            }));
            flows.push_back(rt.spawn([&, seed, flow] {
                std::mt19937 random(static_cast<std::uint32_t>(seed * 100 + 50 + flow));
                const auto note = [&](bool& open) {
                    return [&](std::optional<counted> v) {
                        open = v.has_value();
                        if (v) received += v->value();
                    };
                };
                for (bool a_open = true, b_open = true; a_open || b_open;) {
                    auto cases = [&] {
                        return async_select(on_recv(a, note(a_open)).when(a_open),
                                            on_recv(b, note(b_open)).when(b_open));
                    };
                    if (random() % 3 != 0) {
                        // Dropped when the time is over, perhaps decided already.
                        (void)wait(timeout(std::chrono::microseconds(random() % 5), cases()));
                    } else {
                        wait(cases());
                    }
                }
            }));
        }
        for (std::size_t i = 0; i < flows.size(); i += 2)
            flows[i].join();
        a.close();
        b.close();
        for (std::size_t i = 1; i < flows.size(); i += 2)
            flows[i].join();
        for (auto& c : {a, b}) {
            while (auto v = c.try_recv())
                received += v->value();
        }
        ASSERT_EQ(sent, received) << "seed " << seed;
    }
    EXPECT_EQ(counted::alive(), before);
}

struct counting {
    static constexpr auto cancel_class = cancel_safety::lossless;
    std::atomic<int>& polls;
    sennit::poll<void> poll(context&) {
        ++polls;
        return pending;
    }
};

// Waiting burns nothing: a select that nobody wakes is polled once.
TEST(select, waiting_costs_no_polls) {
    runtime rt{{.workers = 2}};
    auto never = make_chan<int>();
    auto c = make_chan<int>();
    std::atomic<int> polls{0};
    auto waiting =
        rt.spawn([&] { return select(on_recv(never), on_recv(c), on(counting{polls})); });
    c.send(1); // meets it
    EXPECT_EQ(waiting.join(), 1u);
    EXPECT_LE(polls, 1);
}

// go: test/chanlinear.go: many selects that wait for one channel and are decided by another do not stand in its way.
TEST(select, decided_ones_do_not_slow_a_channel_down) {
    auto busy = make_chan<int>(), other = make_chan<int>();
    driver d;
    using waiting = decltype(async_select(on_recv(busy), on_recv(other)));
    std::vector<std::unique_ptr<waiting>> all;
    constexpr int many = 5000;
    for (int i = 0; i < many; ++i) {
        all.push_back(std::make_unique<waiting>(async_select(on_recv(busy), on_recv(other))));
        EXPECT_FALSE(d.poll(*all.back()).is_ready());
    }
    other.close(); // decides all of them; none has been polled
    for (int i = 0; i < many; ++i)
        EXPECT_FALSE(busy.try_send(i)); // the first one clears the way
    for (auto& each : all)
        EXPECT_EQ(d.poll(*each).take(), 1u);
}

} // namespace
} // namespace sennit
