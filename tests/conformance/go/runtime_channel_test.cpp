// The rules of golang/go's runtime/chan_test.go and chanbarrier_test.go. Above each case stands the upstream test.
#include "conformance/pairing.hpp"

#include <any>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::kind;

class go_runtime_chan : public test::conformance {};
SENNIT_PAIRINGS(go_runtime_chan);

// TestChan: who receives from an empty channel, or sends to a full one, goes on when the other side comes, and a try
// beside it does nothing.
TEST_P(go_runtime_chan, waits_for_the_other_side) {
    for (const int capacity : {0, 1, 7}) {
        auto c = make_chan<int>(capacity);
        EXPECT_EQ(c.try_recv().error(), recv_error::empty);
        std::atomic<bool> received{false}, sent{false};
        std::atomic<int> waiting{0};
        start_party(0, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting, c.async_recv())), 17);
            received = true;
        });
        start_party(1, [&](kind me) -> task<void> {
            auto one = async_select(on_recv(c, [](std::optional<int> v) { EXPECT_EQ(v, 17); }));
            co_await by(me, counting(waiting, std::move(one)));
            received = true;
        });
        await_count(waiting, 2);
        EXPECT_FALSE(received);
        EXPECT_EQ(c.try_recv().error(), recv_error::empty);
        c.send(17);
        c.send(17);
        join();
        EXPECT_TRUE(received);

        for (int i = 0; i < capacity; ++i)
            EXPECT_TRUE(c.try_send(i));
        EXPECT_FALSE(c.try_send(-1));
        EXPECT_EQ(c.len(), unsigned(capacity));
        EXPECT_EQ(c.cap(), unsigned(capacity));
        start_party(1, [&](kind me) -> task<void> {
            co_await by(me, counting(waiting, c.async_send(capacity)));
            sent = true;
        });
        await_count(waiting, 3);
        EXPECT_FALSE(sent);
        EXPECT_FALSE(c.try_send(-1));
        EXPECT_EQ(c.len(), unsigned(capacity));
        for (int i = 0; i <= capacity; ++i)
            EXPECT_EQ(c.recv(), i); // what waits comes after what is buffered
        join();
        EXPECT_TRUE(sent);
    }
}

// TestChan: a closed channel is drained in order and then tells that it is closed; closing tells who waits.
TEST_P(go_runtime_chan, closing_drains_and_wakes) {
    for (const int capacity : {0, 1, 5}) {
        auto c = make_chan<int>(capacity);
        for (int i = 0; i < capacity; ++i)
            c.send(i);
        c.close();
        auto waited_for = make_chan<int>(capacity);
        start_party(0, [&](kind me) -> task<void> {
            for (int i = 0; i < capacity; ++i)
                EXPECT_EQ(co_await by(me, c.async_recv()), i);
            for (int i = 0; i < 2; ++i)
                EXPECT_EQ(co_await by(me, c.async_recv()), std::nullopt);
        });
        std::atomic<int> waiting{0};
        for (int i = 0; i < 2; ++i) {
            start_party(i, [&](kind me) -> task<void> {
                EXPECT_EQ(co_await by(me, counting(waiting, waited_for.async_recv())),
                          std::nullopt);
            });
        }
        await_count(waiting, 2);
        waited_for.close();
        join();
    }
}

// closechan in runtime/chan.go, G-CH-5 and G-CH-7: closing is an error for those who wait to send, in every form, and what
// they wanted to send is not in the channel.
TEST_P(go_runtime_chan, closing_refuses_those_who_wait_to_send) {
    for (const int capacity : {0, 2}) {
        auto c = make_chan<int>(capacity);
        for (int i = 0; i < capacity; ++i)
            c.send(i);
        std::atomic<int> waiting{0}, refused{0};
        for (int i = 0; i < 6; ++i) {
            start_party(i, [&, i](kind me) -> task<void> {
                try {
                    if (i < 3) {
                        co_await by(me, counting(waiting, c.async_send(100)));
                    } else {
                        auto one = async_select(on_send(c, 100), on_recv(chan<int>()));
                        co_await by(me, counting(waiting, std::move(one)));
                    }
                } catch (const channel_error& e) {
                    refused += e.why() == channel_error::cause::send_on_closed;
                }
            });
        }
        await_count(waiting, 6);
        c.close();
        join();
        EXPECT_EQ(refused, 6);
        for (int i = 0; i < capacity; ++i)
            EXPECT_EQ(c.recv(), i);
        EXPECT_EQ(c.recv(), std::nullopt);
    }
}

// G-CH-9, which chan_test.go takes for granted: who waits is served in the order of arrival, whatever its kind, and whether
// it waits plainly or in a select.
TEST_P(go_runtime_chan, who_waits_is_served_in_order) {
    constexpr int n = 8;
    for (const int capacity : {0, 2}) {
        auto c = make_chan<int>(capacity);
        std::atomic<int> waiting{0};
        std::array<std::atomic<int>, n> got{};
        for (int i = 0; i < n; ++i) {
            start_party(i, [&, i](kind me) -> task<void> {
                std::optional<int> v;
                if (i % 3 == 0) {
                    auto one = async_select(on_recv(c, [&](std::optional<int> x) { v = x; }));
                    co_await by(me, counting(waiting, std::move(one)));
                } else {
                    v = co_await by(me, counting(waiting, c.async_recv()));
                }
                got[unsigned(i)] = *v;
            });
            await_count(waiting, i + 1);
        }
        for (int i = 0; i < n; ++i)
            c.send(i);
        join();
        for (int i = 0; i < n; ++i)
            EXPECT_EQ(got[unsigned(i)], i);

        for (int i = 0; i < capacity; ++i)
            c.send(i);
        waiting = 0;
        for (int i = 0; i < n; ++i) {
            start_party(i, [&, i](kind me) -> task<void> {
                if (i % 3 == 0) {
                    auto one = async_select(on_send(c, capacity + i));
                    co_await by(me, counting(waiting, std::move(one)));
                } else {
                    co_await by(me, counting(waiting, c.async_send(capacity + i)));
                }
            });
            await_count(waiting, i + 1);
        }
        for (int i = 0; i < n + capacity; ++i)
            EXPECT_EQ(c.recv(), i);
        join();
    }
}

// TestChan: a hundred values arrive in order; of several producers and consumers each value arrives as often as it
// was sent.
TEST_P(go_runtime_chan, many_on_both_sides) {
    constexpr int rounds = test::rounds_scaled(200), sides = 4;
    for (const int capacity : {0, 3}) {
        auto c = make_chan<int>(capacity);
        const auto hundred = [&](kind me) -> task<void> {
            for (int i = 0; i < 100; ++i)
                co_await by(me, c.async_send(i));
        };
        together(hundred, [&](kind me) -> task<void> {
            for (int i = 0; i < 100; ++i)
                EXPECT_EQ(co_await by(me, c.async_recv()), i);
        });
        std::array<std::vector<int>, sides> got;
        for (int side = 0; side < sides; ++side) {
            start_party(side, [&](kind me) -> task<void> {
                for (int i = 0; i < rounds; ++i)
                    co_await by(me, c.async_send(i));
            });
            start_party(side + 1, [&, side](kind me) -> task<void> {
                for (int i = 0; i < rounds; ++i) {
                    const std::optional<int> v = co_await by(me, c.async_recv());
                    got[unsigned(side)].push_back(*v);
                }
            });
        }
        join();
        std::vector<int> times(rounds);
        for (const std::vector<int>& each : got)
            for (const int v : each)
                ++times[unsigned(v)];
        EXPECT_EQ(std::ranges::count(times, sides), rounds);
    }
}

// TestNonblockRecvRace: a channel that holds a value or is closed is never "not ready", also while it changes from the
// one to the other.
TEST_P(go_runtime_chan, a_try_never_misses_a_value_or_the_close) {
    for (int i = 0; i < test::rounds_scaled(150); ++i) {
        auto c = make_chan<int>(1);
        c.send(1);
        start_party(i, [&](kind me) -> task<void> {
            auto one = async_select(on_recv(c), otherwise([] { ADD_FAILURE() << "not ready"; }));
            co_await by(me, std::move(one));
        });
        c.close();
        (void)c.recv();
        join();
    }
}

// TestMultiConsumer: many workers between two channels; what comes out is what went in.
TEST_P(go_runtime_chan, many_workers_between_two_channels) {
    constexpr int workers = 12, items = test::rounds_scaled(2000);
    constexpr std::array primes{2, 3, 7, 11, 13, 17, 19, 23, 27, 31};
    auto in = make_chan<int>(workers * 3), out = make_chan<int>(workers * 3);
    wait_group running(workers);
    for (int w = 0; w < workers; ++w) {
        start_party(w, [&, w](kind me) -> task<void> {
            for (;;) {
                const std::optional<int> v = co_await by(me, in.async_recv());
                if (!v) break;
                if (primes[unsigned(w) % primes.size()] == *v) co_await by(me, async_yield());
                co_await by(me, out.async_send(*v));
            }
            running.done();
        });
    }
    std::int64_t expected = 0, sum = 0;
    int count = 0;
    first([&](kind me) -> task<void> {
        for (int i = 0; i < items; ++i) {
            const int v = primes[unsigned(i) % primes.size()];
            expected += v;
            co_await by(me, in.async_send(v));
        }
        in.close();
        co_await by(me, running.async_wait());
        out.close();
    });
    second([&](kind me) -> task<void> {
        for (;;) {
            const std::optional<int> v = co_await by(me, out.async_recv());
            if (!v) break;
            sum += *v;
            ++count;
        }
    });
    join();
    EXPECT_EQ(count, items);
    EXPECT_EQ(sum, expected);
}

// TestChanSendInterface: elements of any type, also empty pointers, through a send, a select and a select with
// `otherwise`.
TEST_P(go_runtime_chan, elements_of_any_type) {
    struct thing {
        int content;
    };
    auto c = make_chan<std::any>(1), d = make_chan<std::any>(2);
    const std::any empty = static_cast<thing*>(nullptr);
    const auto give = [&](kind me) -> task<void> {
        auto plain = c.async_send(empty);
        co_await by(me, std::move(plain));
        auto chosen = async_select(on_send(c, empty), on_send(d, empty));
        co_await by(me, std::move(chosen));
        auto tried = async_select(on_send(d, std::any(thing{3})), otherwise([] { ADD_FAILURE(); }));
        co_await by(me, std::move(tried));
        c.close();
        d.close();
    };
    int nulls = 0, threes = 0;
    const auto count = [&](const std::any& a) {
        if (const auto* p = std::any_cast<thing*>(&a)) nulls += *p == nullptr;
        if (const auto* v = std::any_cast<thing>(&a)) threes += v->content == 3;
    };
    together(give, [&](kind me) -> task<void> {
        for (const chan<std::any>& each : {c, d}) {
            for (;;) {
                const std::optional<std::any> a = co_await by(me, each.async_recv());
                if (!a) break;
                count(*a);
            }
        }
    });
    EXPECT_EQ(nulls, 2);
    EXPECT_EQ(threes, 1);
}

// Deep in the stack: a value that lives in the frame of one who waits, sent from there and received to there.
SENNIT_NOINLINE int through_deep_frames(int depth, const chan<int>& give, const chan<int>& take) {
    std::array<volatile int, 64> frame{};
    for (int& i : reinterpret_cast<std::array<int, 64>&>(frame))
        i = depth;
    int result = 0;
    if (depth > 0) {
        result = through_deep_frames(depth - 1, give, take);
    } else {
        give.send(1);
        std::optional<int> got;
        select(on_recv(take, [&](std::optional<int> v) { got = v; }), on_recv(chan<int>()));
        result = got.value_or(-1);
    }
    for (const volatile int& i : frame)
        if (i != depth) return -1000;
    return result + 1;
}
// TestShrinkStackDuringBlockedSend, TestNoShrinkStackWhileParking, TestSelectStackAdjust: one that waits on a channel keeps
// its stack as it is, however deep, and others may write into it.
TEST_P(go_runtime_chan, who_waits_deep_in_its_stack_finds_it_again) {
    constexpr int flows = 8;
    auto give = make_chan<int>(), take = make_chan<int>();
    std::atomic<int> right{0};
    for (int i = 0; i < flows; ++i) {
        const int depth = 1 << i % 7;
        const auto work = [&, depth] {
            for (int round = 0; round < 3; ++round) // deeper, and less deep again
                right += through_deep_frames(depth, give, take) == depth + 101;
        };
        start(kind_of(i), work, [work]() -> task<void> {
            // In a task: a step that blocks, on a stack that it is given.
            return [](auto fn) -> task<void> {
                fn();
                co_return;
            }(work);
        });
    }
    for (int i = 0; i < 3 * flows; ++i) {
        EXPECT_EQ(give.recv(), 1);
        take.send(100);
    }
    join();
    EXPECT_EQ(right, 3 * flows);
}

// chanbarrier_test.go: TestChanSendBarrier, TestChanSendSelectBarrier. What a flow sends as its last act is whole when it
// is received, though the flow and its stack are gone.
TEST_P(go_runtime_chan, the_last_word_of_a_flow_is_whole) {
    struct message {
        std::array<int, 32> content;
    };
    constexpr int flows = test::rounds_scaled(60);
    for (const bool selecting : {false, true}) {
        auto c = make_chan<std::unique_ptr<message>>();
        auto never = make_chan<int>();
        for (int i = 0; i < flows; ++i) {
            start_party(i, [&, i, c](kind me) -> task<void> {
                auto word = std::make_unique<message>();
                word->content.fill(i);
                if (selecting) {
                    auto one = async_select(on_recv(never), on_send(c, std::move(word)));
                    co_await by(me, std::move(one));
                } else {
                    auto sent = c.async_send(std::move(word));
                    co_await by(me, std::move(sent));
                }
            });
        }
        std::vector<int> times(flows);
        for (int i = 0; i < flows; ++i) {
            const std::optional<std::unique_ptr<message>> word = c.recv();
            const std::array<int, 32>& content = (*word)->content;
            EXPECT_EQ(std::ranges::count(content, content[0]), 32);
            ++times[unsigned(content[0])];
        }
        EXPECT_EQ(std::ranges::count(times, 1), flows);
        join();
    }
}

} // namespace
} // namespace sennit
