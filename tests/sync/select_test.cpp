// The rules of Go's select (G-SEL-1 to G-SEL-11) and of tokio's select!; upstream tests are named where a rule has one.
#include "support.hpp"

#include <array>
#include <atomic>
#include <stdexcept>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;
using test::kind;

class select_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, select_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

struct counted {
    static inline std::atomic<int> live{0};
    int value;

    explicit counted(int v) noexcept : value(v) { ++live; }
    counted(counted&& other) noexcept : value(std::exchange(other.value, -1)) { ++live; }
    ~counted() { --live; }
};

// ---- what is ready

TEST(select, does_the_case_that_is_ready) {
    auto a = make_chan<int>(1), b = make_chan<int>(1);
    b.send(7);
    int got = 0;
    EXPECT_EQ(select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v.value_or(0); })),
              1u);
    EXPECT_EQ(got, 7);
    bool sent = false;
    EXPECT_EQ(select(on_recv(b), on_send(a, 5, [&] { sent = true; })), 1u);
    EXPECT_TRUE(sent);
    EXPECT_EQ(a.recv(), 5);
    b.close();
    EXPECT_EQ(select(on_recv(a), on_recv(b, [&](std::optional<int> v) { got = v ? 1 : 2; })), 1u);
    EXPECT_EQ(got, 2);
}

// go: test/chan/select5.go, G-SEL-4, G-SEL-5
TEST(select, otherwise_is_for_when_nothing_is_ready) {
    auto empty = make_chan<int>(1);
    const chan<int> nil;
    bool called = false;
    EXPECT_EQ(
        select(on_recv(empty), on_recv(nil), on_send(nil, 1), otherwise([&] { called = true; })),
        3u);
    EXPECT_TRUE(called);
    EXPECT_EQ(select(otherwise(), on_send(empty, 1)), 1u);
    EXPECT_EQ(select(on_recv(empty).when(false), otherwise()), 1u);
    EXPECT_EQ(select(on_recv(empty).when(true), otherwise()), 0u);
    event set;
    set.set();
    EXPECT_EQ(select(on_recv(empty), on(set.async_wait()), otherwise()), 1u);
}

// go: test/chan/select4.go, select6.go, G-SEL-6
TEST(select, without_a_case_that_can_be_ready_waits_for_ever) {
    driver d;
    auto none = async_select();
    EXPECT_FALSE(d.poll(none).is_ready());
    auto nil = async_select(on_recv(chan<int>()), on_send(chan<int>(), 1));
    EXPECT_FALSE(d.poll(nil).is_ready());

    runtime rt{{.workers = 1}};
    auto stuck = rt.spawn([] { select(); });
    stuck.request_stop();
    EXPECT_TRUE(stuck.try_join().error().is_cancelled());
}

// go: test/closedchan.go, G-SEL-7
TEST(select, sending_to_a_closed_channel_throws) {
    auto c = make_chan<int>();
    c.close();
    EXPECT_THROW(select(on_send(c, 1), on_timeout(1h)), channel_error);
    auto open = make_chan<int>();
    driver d;
    auto waiting = async_select(on_send(open, 1));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    open.close();
    EXPECT_THROW((void)d.poll(waiting), channel_error);
}

// go: runtime: TestSelectFairness; every ready one gets its share of what is random.
TEST(select, chooses_at_random_among_the_ready) {
    constexpr int rounds = 3000;
    auto full = make_chan<int>(rounds), also = make_chan<int>(rounds),
         room = make_chan<int>(rounds);
    event set;
    set.set();
    for (int i = 0; i < rounds; ++i) {
        full.send(i);
        also.send(i);
    }
    std::array<int, 4> times{};
    for (int i = 0; i < rounds; ++i)
        ++times[select(on_recv(full), on_recv(also), on_send(room, 1), on(set.async_wait()))];
    for (const int each : times)
        EXPECT_GT(each, rounds / 10);
}

// tokio: macros_select biased_one_not_ready, biased_eventually_ready
TEST(select, biased_takes_the_first) {
    auto a = make_chan<int>(100), b = make_chan<int>(100);
    for (int i = 0; i < 100; ++i) {
        a.send(i);
        b.send(i);
    }
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(select(biased, on_recv(a), on_recv(b)), 0u);
    for (int i = 0; i < 50; ++i)
        EXPECT_EQ(select(biased, on_recv(b), on_recv(a)), 0u);
    EXPECT_EQ(select(biased, on_timeout(0s), on_recv(a)), 0u);
    EXPECT_EQ(select(on_timeout(0s), on_recv(a)), 1u); // what is ready beats the clock
}

// go: test/chan/select2.go (nothing is left in the queues), select3.go
TEST(select, losing_waiters_leave_the_queues) {
    auto a = make_chan<int>(), b = make_chan<int>();
    driver d;
    {
        auto waiting = async_select(on_recv(a), on_send(b, 9), on_recv(a));
        EXPECT_FALSE(d.poll(waiting).is_ready());
        EXPECT_TRUE(d.rearm());
        EXPECT_TRUE(a.try_send(1));
        EXPECT_EQ(d.wakes(), 1);
        EXPECT_EQ(b.try_recv().error(), recv_error::empty); // it is decided
        EXPECT_FALSE(a.try_send(2));
        EXPECT_NE(d.poll(waiting).take(), 1u);
    }
    {
        auto dropped = async_select(on_recv(a), on_send(b, 9));
        EXPECT_FALSE(d.poll(dropped).is_ready());
    }
    EXPECT_FALSE(a.try_send(1));
    EXPECT_EQ(b.try_recv().error(), recv_error::empty);
}

// go: test/chan/select3.go, runtime: TestSelfSelect; G-SEL-8
TEST(select, never_meets_itself) {
    auto c = make_chan<int>();
    driver d;
    auto both = async_select(on_send(c, 1), on_recv(c));
    EXPECT_FALSE(d.poll(both).is_ready());
    EXPECT_FALSE(d.poll(both).is_ready());
    // But two of them meet.
    auto other = async_select(on_send(c, 2), on_recv(c));
    const std::size_t mine = d.poll(other).take();
    EXPECT_EQ(d.poll(both).take(), 1 - mine);
    EXPECT_FALSE(c.try_send(3));
}

// A wait with many, each of which may be the one; the waiters move with the polls.
TEST(select, polls_for_nothing_keep_the_places) {
    auto a = make_chan<int>(), b = make_chan<int>();
    driver first, second;
    auto waiting = async_select(on_recv(a), on_recv(b));
    EXPECT_FALSE(first.poll(waiting).is_ready());
    auto behind = a.async_recv();
    EXPECT_FALSE(first.poll(behind).is_ready());
    EXPECT_FALSE(second.poll(waiting).is_ready());
    EXPECT_TRUE(second.rearm());
    a.send(1);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(waiting).take(), 0u);
    EXPECT_FALSE(first.poll(behind).is_ready());
}

// ---- handlers, futures, bounds

TEST(select, a_handler_may_go_on_with_a_future) {
    auto in = make_chan<int>(1), out = make_chan<int>();
    driver d;
    auto relay = async_select(on_recv(in, [&](std::optional<int> v) { return out.async_send(*v); }),
                              on_timeout(1h));
    EXPECT_FALSE(d.poll(relay).is_ready());
    in.send(7);
    EXPECT_FALSE(d.poll(relay).is_ready()); // the handler waits for a receiver
    EXPECT_EQ(out.recv(), 7);
    EXPECT_EQ(d.poll(relay).take(), 0u);

    const auto twice = [](int v) -> task<int> {
        co_await async_yield();
        co_return 2 * v;
    };
    int doubled = 0;
    const auto handler = [&](std::optional<int> v) -> task<void> {
        return [](int n, auto make, int& result) -> task<void> { result = co_await make(n); }(
                                                     *v, twice, doubled);
    };
    in.send(4);
    EXPECT_EQ(select(on_recv(in, handler)), 0u);
    EXPECT_EQ(doubled, 8);
}

TEST(select, what_a_handler_throws_passes_through) {
    auto c = make_chan<int>(2);
    c.send(1);
    EXPECT_THROW(select(on_recv(c, [](std::optional<int>) { throw std::runtime_error("no"); })),
                 std::runtime_error);
    EXPECT_EQ(c.len(), 0u); // received it was
}

// Counts its drops, and is ready when told.
struct flag_future {
    static inline int dropped = 0;
    static constexpr auto cancel_class = cancel_safety::lossless;
    const bool* ready;

    explicit flag_future(const bool& r) : ready(&r) {}
    flag_future(flag_future&& other) noexcept : ready(std::exchange(other.ready, nullptr)) {}
    ~flag_future() { dropped += ready != nullptr; }
    sennit::poll<int> poll(context&) {
        if (!*ready) return pending;
        return 42;
    }
};

// tokio: macros_select drop_in_fut; the losers are gone when the handler runs.
TEST(select, losers_are_destroyed_before_the_handler_runs) {
    bool no = false, yes = true;
    flag_future::dropped = 0;
    int seen = 0, dropped = 0;
    EXPECT_EQ(select(on(flag_future(no)), on(flag_future(yes),
                                             [&](int v) {
                                                 seen = v;
                                                 dropped = flag_future::dropped;
                                             })),
              1u);
    EXPECT_EQ(seen, 42);
    EXPECT_EQ(dropped, 2);
}

// R-SEL-9: a future that is referred to goes on in the next select.
TEST(select, a_future_given_as_an_lvalue_stays) {
    bool ready = false;
    flag_future f(ready);
    auto c = make_chan<int>(1);
    c.send(1);
    EXPECT_EQ(select(on(f), on_recv(c)), 1u);
    ready = true;
    EXPECT_EQ(select(on(f), on_recv(c)), 0u);
}

struct half_done {
    static constexpr auto cancel_class = cancel_safety::loses_progress;
    sennit::poll<int> poll(context&) { return 1; }
};
TEST(select, a_future_that_loses_progress_is_named) {
    half_done lvalue;
    EXPECT_EQ(select(on(lvalue)), 0u);
    EXPECT_EQ(select(on(abandonable(half_done{}))), 0u);
    using plain = decltype(async_select(on_recv(chan<int>())));
    static_assert(cancel_safety_of<plain> == cancel_safety::loses_place);
}

TEST(select, bounds_and_stops) {
    auto never = make_chan<int>();
    bool late = false;
    EXPECT_EQ(select(on_recv(never), on_timeout(1ms, [&] { late = true; })), 1u);
    EXPECT_TRUE(late);
    EXPECT_EQ(select(on_recv(never), on_timeout(std::chrono::steady_clock::now())), 1u);

    std::stop_source source;
    driver d;
    auto waiting = async_select(on_recv(never), on_stop(source.get_token()));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    EXPECT_TRUE(d.rearm());
    source.request_stop();
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(d.poll(waiting).take(), 1u);

    // A stop has its turn also where a channel is always ready.
    auto busy = make_chan<int>(1);
    bool stopped = false;
    for (int i = 0; i < 200 && !stopped; ++i) {
        (void)busy.try_send(1);
        stopped = select(on_recv(busy), on_stop(source.get_token())) == 1;
    }
    EXPECT_TRUE(stopped);
}

// G-SEL-10; go: reflect: TestSelect
TEST(select, a_list_of_cases) {
    std::vector<chan<int>> inputs;
    for (int i = 0; i < 1000; ++i)
        inputs.push_back(make_chan<int>(1));
    const auto cases = [&](int& got) {
        select_list list;
        for (const auto& c : inputs)
            list.add(on_recv(c, [&](std::optional<int> v) { got = *v; }));
        return list;
    };
    int got = 0;
    inputs[700].send(7);
    EXPECT_EQ(select(cases(got)), 700u);
    EXPECT_EQ(got, 7);
    driver d;
    auto waiting = async_select(cases(got));
    EXPECT_FALSE(d.poll(waiting).is_ready());
    inputs[3].send(8);
    inputs[4].send(9);
    EXPECT_EQ(d.poll(waiting).take(), 3u);
    EXPECT_EQ(got, 8);
    EXPECT_EQ(inputs[4].recv(), 9);
    select_list with_otherwise = cases(got);
    EXPECT_EQ(with_otherwise.add(otherwise()), 1000u);
    EXPECT_EQ(select(biased, std::move(with_otherwise)), 1000u);
}

// ---- dropping

TEST(select, a_value_given_to_one_that_is_dropped_goes_back) {
    const int before = counted::live;
    {
        auto a = make_chan<counted>(), b = make_chan<counted>();
        driver d;
        auto dropped = std::make_unique<decltype(async_select(on_recv(a), on_send(b, counted(1))))>(
            async_select(on_recv(a), on_send(b, counted(1))));
        EXPECT_FALSE(d.poll(*dropped).is_ready());
        a.send(counted(7));
        dropped.reset();
        EXPECT_EQ(a.try_recv()->value, 7);
        EXPECT_EQ(b.try_recv().error(), recv_error::empty);

        auto taken = std::make_unique<decltype(async_select(on_recv(a), on_send(b, counted(1))))>(
            async_select(on_recv(a), on_send(b, counted(2))));
        EXPECT_FALSE(d.poll(*taken).is_ready());
        EXPECT_EQ(b.recv()->value, 2);
        taken.reset(); // sent it stays
        EXPECT_FALSE(a.try_send(counted(1)));
    }
    EXPECT_EQ(counted::live, before);
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
    const int before = counted::live;
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
                        if (v) received += v->value;
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
                received += v->value;
        }
        ASSERT_EQ(sent, received) << "seed " << seed;
    }
    EXPECT_EQ(counted::live, before);
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

struct counter {
    int* calls;
    void count() { ++*calls; }
};
struct counter_at_once {
    counter value;
    sennit::poll<counter> poll(context&) { return value; }
};
TEST(select_handler, may_be_a_pointer_to_a_member_of_the_value) {
    int calls = 0;
    select(on(counter_at_once{{&calls}}, &counter::count));
    EXPECT_EQ(calls, 1);
}

} // namespace
} // namespace sennit
