// The rules of golang/go's test/chan that are about select. Above each case stands the upstream file.
#include "conformance/pairing.hpp"

#include <algorithm>
#include <atomic>
#include <ranges>
#include <string>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::kind;

class go_select_programs : public test::conformance {};
SENNIT_PAIRINGS(go_select_programs);

// test/chan/doubleselect.go. A select over four sends of one value sends it once.
TEST_P(go_select_programs, a_select_never_fires_two_cases) {
    constexpr int n = test::rounds_scaled(500);
    std::vector<chan<int>> lanes;
    for (int i = 0; i < 4; ++i)
        lanes.push_back(make_chan<int>());
    auto all = make_chan<int>();
    first([&](kind me) -> task<void> {
        for (int i = 0; i < n; ++i) {
            auto one = async_select(on_send(lanes[0], i), on_send(lanes[1], i),
                                    on_send(lanes[2], i), on_send(lanes[3], i));
            co_await by(me, std::move(one));
        }
        for (const chan<int>& c : lanes)
            c.close();
    });
    wait_group relays(4);
    for (int i = 0; i < 4; ++i) {
        start_party(i + 1, [&, i](kind me) -> task<void> {
            const chan<int>& mine = lanes[static_cast<unsigned>(i)];
            for (;;) {
                const std::optional<int> v = co_await by(me, mine.async_recv());
                if (!v) break;
                co_await by(me, all.async_send(*v));
            }
            relays.done();
        });
    }
    second([&](kind me) -> task<void> {
        co_await by(me, relays.async_wait());
        all.close();
    });
    std::vector<int> times(n);
    for (const int v : all)
        ++times[static_cast<unsigned>(v)];
    EXPECT_EQ(std::ranges::count(times, 1), n);
    join();
}

// test/chan/select.go. Operands are evaluated in every round; a case whose channel is nil drops out; with all of them
// nil `otherwise` is left.
TEST_P(go_select_programs, a_case_is_switched_off_by_nil) {
    std::atomic<int> counter{0}, shifts{0};
    const auto next = [&](int limit) { return counter < limit ? ++counter : 0; };
    auto a = make_chan<int>(1), b = make_chan<int>(1); // as in Go: their own sends fill them
    first([&](kind me) -> task<void> {
        chan<int> to_a = a, to_b = b;
        int rounds = 0;
        while (to_a || to_b) {
            ++rounds;
            const int value = next(10);
            if (value == 0) break;
            bool was_a = false, was_b = false;
            auto give_a = on_send(to_a, value, [&] { was_a = true; });
            auto give_b = on_send(to_b, value, [&] { was_b = true; });
            auto one = async_select(give_a, give_b);
            co_await by(me, std::move(one));
            if (was_a) to_a = {};
            if (was_b) to_b = {};
            ++shifts;
        }
        EXPECT_EQ(rounds, 2); // each had room once; evaluated twice
        bool none = false;
        auto last = async_select(on_send(to_a, 1), on_send(to_b, 1), on_recv(to_a),
                                 otherwise([&] { none = true; }));
        co_await by(me, std::move(last));
        EXPECT_TRUE(none);
    });
    second([&](kind me) -> task<void> {
        const std::optional<int> x = co_await by(me, a.async_recv());
        const std::optional<int> y = co_await by(me, b.async_recv());
        EXPECT_EQ(*x + *y, 3); // 1 went to one of them and 2 to the other
    });
    join();
    EXPECT_EQ(counter, 2);
    EXPECT_EQ(shifts, 2);
}

// test/chan/select2.go. Selects that come and go leave nothing behind: the pools hold as much after many as after few.
TEST_P(go_select_programs, selects_leave_no_memory_behind) {
    auto numbers = make_chan<int>(), unused = make_chan<int>();
    const auto exchange = [&](int n) {
        const auto send = [&, n](kind me) -> task<void> {
            for (int i = 0; i < n; ++i)
                co_await by(me, numbers.async_send(i));
        };
        together(send, [&, n](kind me) -> task<void> {
            for (int i = 0; i < n; ++i) {
                auto one = async_select(on_recv(numbers), on_recv(unused));
                co_await by(me, std::move(one));
            }
        });
    };
    exchange(10);
    const auto before = pool_stats();
    exchange(test::rounds_scaled(1000));
    const auto after = pool_stats();
    EXPECT_LE(after.cells, before.cells + 2);
    EXPECT_LE(after.frames, before.frames + 2);
    EXPECT_FALSE(unused.try_send(1)); // nobody is left in the queue
}

// test/chan/select4.go and select5.go. What a case needs is evaluated once, when the case is made, also if it waits and
// whether it is chosen or not; what is done with a value only if it is chosen.
TEST_P(go_select_programs, operands_are_evaluated_once_and_results_only_when_chosen) {
    std::vector<chan<int>> channels;
    for (int i = 0; i < 4; ++i)
        channels.push_back(make_chan<int>());
    auto ready = make_chan<int>();
    first([&](kind me) -> task<void> {
        std::string order;
        std::vector<int> assigned(4);
        const auto channel = [&](unsigned i) -> const chan<int>& {
            order += static_cast<char>('a' + i);
            return channels[i];
        };
        const auto value = [&](int v) {
            order += static_cast<char>('0' + v);
            return v;
        };
        for (unsigned winner = 0; winner < 4; ++winner) {
            order.clear();
            select_list cases;
            for (unsigned i = 0; i < 4; ++i) {
                if (i % 2 == 0) {
                    const chan<int>& c = channel(i);
                    cases.add(on_send(c, value(int(i)), [&, i] { ++assigned[i]; }));
                } else {
                    cases.add(on_recv(channel(i), [&, i](std::optional<int>) { ++assigned[i]; }));
                }
            }
            EXPECT_EQ(order, "a0bc2d");
            co_await by(me, ready.async_send(int(winner)));
            auto one = async_select(std::move(cases));
            const std::size_t fired = co_await by(me, std::move(one));
            EXPECT_EQ(fired, winner);
            EXPECT_EQ(order, "a0bc2d");
            for (unsigned i = 0; i < 4; ++i)
                EXPECT_EQ(assigned[i], i <= winner ? 1 : 0);
        }
    });
    second([&](kind me) -> task<void> {
        for (unsigned i = 0; i < 4; ++i) {
            co_await by(me, ready.async_recv());
            if (i % 2 == 0) {
                EXPECT_EQ(co_await by(me, channels[i].async_recv()), int(i));
            } else {
                co_await by(me, channels[i].async_send(7));
            }
        }
    });
    join();
}

// test/chan/select6.go. A select that waited for two channels and got the one leaves the others who wait for the other.
TEST_P(go_select_programs, a_loser_leaves_the_queue_whole) {
    for (int round = 0; round < 20; ++round) {
        auto c = make_chan<int>(), d = make_chan<int>();
        std::atomic<int> sum{0};
        std::atomic<int> waiting{0};
        const auto plain = [&](kind me) -> task<void> {
            const std::optional<int> v = co_await by(me, counting(waiting, c.async_recv()));
            sum += *v;
        };
        const auto choosing = [&](kind me) -> task<void> {
            auto one = async_select(on_recv(c, [](std::optional<int>) { ADD_FAILURE(); }),
                                    on_recv(d, [&](std::optional<int> v) { sum += *v; }));
            co_await by(me, counting(waiting, std::move(one)));
        };
        start_party(round, plain);
        await_count(waiting, 1);
        start_party(round + 1, choosing); // between two others
        await_count(waiting, 2);
        start_party(round, plain);
        await_count(waiting, 3);
        d.send(100); // taken by the select: nothing else is ready
        c.send(1);
        c.send(10);
        join();
        EXPECT_EQ(sum, 111);
    }
}

} // namespace
} // namespace sennit
