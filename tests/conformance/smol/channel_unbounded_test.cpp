// The rules of smol-rs/async-channel's tests/unbounded.rs, on unbounded_channel. Above each case stands the upstream test.
// Ours has many senders and one receiver: where upstream has many receivers, here flows take turns with the one. So there is no
// receiver_count. Sending is one verb that never waits, for send, try_send and their blocking forms.
#include "conformance/smol/ends.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::kind;
using test::until;
using test::smol::counted_value;
using test::smol::sent;
using test::smol::try_send;
using test::smol::unbounded_ends;

class smol_unbounded : public test::conformance {
protected:
    std::atomic<int> waiting_{0};
};
SENNIT_PAIRINGS(smol_unbounded);

// smoke, smoke_blocking: what is sent is received by a try, a verb and a future.
TEST_P(smol_unbounded, every_way_in_meets_every_way_out) {
    unbounded_ends c;
    together(
        [&](kind) -> task<void> {
            for (int i = 0; i < 4; ++i)
                EXPECT_EQ(try_send(c.tx, i), sent::done);
            co_return;
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < 4; ++i)
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
        });
    for (const int i : {7, 8, 9})
        EXPECT_EQ(try_send(c.tx, i), sent::done);
    EXPECT_EQ(c.rx.try_recv(), 7);
    EXPECT_EQ(wait(c.rx.async_recv()), 8);
    EXPECT_EQ(c.rx.recv(), 9);
    EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
}

// try_recv: says "empty", gives the value once it was sent, and says "closed" once the last sender is gone.
TEST_P(smol_unbounded, try_recv_says_empty_then_the_value_then_closed) {
    unbounded_ends c;
    event asked, put, taken, gone;
    together(
        [&](kind me) -> task<void> {
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
            asked.set();
            co_await by(me, put.async_wait());
            EXPECT_EQ(c.rx.try_recv(), 7);
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
            taken.set();
            co_await by(me, gone.async_wait());
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::closed);
        },
        [&](kind me) -> task<void> {
            co_await by(me, asked.async_wait());
            EXPECT_EQ(try_send(c.tx, 7), sent::done);
            put.set();
            co_await by(me, taken.async_wait());
            c.drop_sender();
            gone.set();
        });
}

// recv: one that waits gets the first value, takes what is there at once, and then learns of the end.
TEST_P(smol_unbounded, recv_waits_while_there_is_nothing) {
    unbounded_ends c;
    event all_sent;
    together(
        [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 7);
            co_await by(me, all_sent.async_wait());
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 8);
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 9);
            EXPECT_EQ(waiting_, 1);
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), std::nullopt);
        },
        [&](kind me) -> task<void> {
            co_await until(me, waiting_, 1);
            for (const int i : {7, 8, 9})
                EXPECT_EQ(try_send(c.tx, i), sent::done);
            all_sent.set();
            co_await until(me, waiting_, 2);
            c.drop_sender();
        });
}

// try_send, send, send_after_close: never waits however much is there, and gives the value back when the receiver is gone.
TEST_P(smol_unbounded, send_has_room_until_the_receiver_goes) {
    constexpr int count = 1000;
    unbounded_ends c;
    event all_sent, gone;
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                EXPECT_EQ(try_send(c.tx, i), sent::done);
            all_sent.set();
            co_await by(me, gone.async_wait());
            for (const int i : {777, 778})
                EXPECT_EQ(try_send(c.tx, i), sent::closed);
            EXPECT_TRUE(c.tx.is_closed());
        },
        [&](kind me) -> task<void> {
            co_await by(me, all_sent.async_wait());
            EXPECT_EQ(c.rx.len(), unsigned(count));
            c.drop_receiver();
            gone.set();
        });
}

// recv_after_close: what was sent before is received, then the end.
TEST_P(smol_unbounded, what_was_sent_before_the_end_is_received) {
    unbounded_ends c;
    event gone;
    together(
        [&](kind) -> task<void> {
            for (const int i : {1, 2, 3})
                EXPECT_EQ(try_send(c.tx, i), sent::done);
            c.drop_sender();
            gone.set();
            co_return;
        },
        [&](kind me) -> task<void> {
            co_await by(me, gone.async_wait());
            EXPECT_TRUE(c.rx.is_closed());
            for (const int i : {1, 2, 3})
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
            EXPECT_EQ(co_await by(me, c.rx.async_recv()), std::nullopt);
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::closed);
        });
}

// close_wakes_receiver: the receiver that waits learns that the last of several senders has gone, and not before.
TEST_P(smol_unbounded, the_last_sender_wakes_the_receiver) {
    unbounded_ends c;
    std::array<unbounded_sender<int>, 3> copies{c.tx, c.tx, c.tx};
    std::atomic<bool> all_gone{false};
    together(
        [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), std::nullopt);
            EXPECT_TRUE(all_gone);
        },
        [&](kind me) -> task<void> {
            co_await until(me, waiting_, 1);
            c.drop_sender();
            copies[0] = {};
            copies[1] = {};
            co_await by(me, async_yield());
            all_gone = true;
            copies[2] = {};
        });
}

// spsc: every value arrives, in order, and then the end.
TEST_P(smol_unbounded, one_to_one_in_order) {
    constexpr int count = test::rounds_scaled(4000);
    unbounded_ends c;
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
            EXPECT_EQ(co_await by(me, c.rx.async_recv()), std::nullopt);
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i) {
                EXPECT_EQ(try_send(c.tx, i), sent::done);
                if (i % 64 == 0) co_await by(me, async_yield());
            }
            c.drop_sender();
        });
}

// mpmc: four flows send each number once, four receive as many, taking turns: each number arrives four times.
TEST_P(smol_unbounded, many_to_many_by_turns) {
    constexpr int flows = 4, count = test::rounds_scaled(300);
    unbounded_ends c;
    mutex turn; // guards c.rx
    std::vector<std::atomic<int>> seen(count);
    for (int f = 0; f < flows; ++f) {
        start_party(f, [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i) {
                const auto mine = co_await by(me, turn.async_lock());
                const std::optional<int> v = co_await by(me, c.rx.async_recv());
                ++seen[unsigned(*v)];
            }
        });
        start_party(f + 1, [&](kind me) -> task<void> {
            const auto tx = c.tx;
            for (int i = 0; i < count; ++i) {
                EXPECT_EQ(try_send(tx, i), sent::done);
                if (i % 16 == 0) co_await by(me, async_yield());
            }
        });
    }
    join();
    EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
    for (const std::atomic<int>& n : seen)
        EXPECT_EQ(n, flows);
}

// mpmc_stream: the same from many to one, which takes the channel for a stream that ends when the senders have gone.
TEST_P(smol_unbounded, many_to_one_as_a_stream) {
    constexpr int flows = 4, count = test::rounds_scaled(300);
    unbounded_ends c;
    std::vector<int> seen(count);
    start_party(0, [&](kind me) -> task<void> {
        auto all = streams::for_each(std::move(c.rx), [&](int v) { ++seen[unsigned(v)]; });
        co_await by(me, std::move(all));
    });
    for (int f = 0; f < flows; ++f) {
        start_party(f + 1, [&](kind me) -> task<void> {
            const auto tx = c.tx;
            for (int i = 0; i < count; ++i) {
                EXPECT_EQ(try_send(tx, i), sent::done);
                if (i % 16 == 0) co_await by(me, async_yield());
            }
            if (++waiting_ == flows) c.drop_sender();
        });
    }
    join();
    for (const int n : seen)
        EXPECT_EQ(n, flows);
}

// What unbounded.rs leaves to the types: what was not received is destroyed once, when the receiver goes; what comes later goes
// back to its sender.
TEST_P(smol_unbounded, values_that_are_refused_or_left_die_once) {
    std::atomic<int> alive{0};
    unbounded_ends<counted_value> c;
    event all_sent, gone;
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < 100; ++i)
                EXPECT_TRUE(c.tx.send(counted_value(alive)).has_value());
            all_sent.set();
            co_await by(me, gone.async_wait());
            {
                const auto answer = c.tx.send(counted_value(alive));
                EXPECT_FALSE(answer.has_value());
                EXPECT_EQ(alive, 1); // it is in the answer
            }
            EXPECT_EQ(alive, 0);
        },
        [&](kind me) -> task<void> {
            co_await by(me, all_sent.async_wait());
            for (int i = 0; i < 40; ++i) {
                const auto got = co_await by(me, c.rx.async_recv());
                EXPECT_TRUE(got.has_value());
                EXPECT_EQ(alive, 100 - i);
            }
            EXPECT_EQ(alive, 60);
            c.drop_receiver();
            EXPECT_EQ(alive, 0);
            gone.set();
        });
}

// capacity: there is none. The ends of an unbounded channel do not offer one on the sender's side, which the compiler checks.
template<class Tx>
concept has_capacity = requires(const Tx& tx) { tx.max_capacity(); };
static_assert(has_capacity<mpsc_sender<int>> && !has_capacity<unbounded_sender<int>>);

// len, len_empty_full: exact when nobody else is at work, and never full.
TEST(smol_unbounded_state, len_is_exact) {
    constexpr std::size_t count = 50;
    unbounded_ends c;
    EXPECT_TRUE(c.rx.is_empty());
    for (std::size_t i = 1; i <= count; ++i) {
        EXPECT_EQ(try_send(c.tx, 1), sent::done);
        EXPECT_EQ(c.rx.len(), i);
        EXPECT_FALSE(c.rx.is_empty());
    }
    for (std::size_t i = 1; i <= count; ++i) {
        EXPECT_EQ(c.rx.recv(), 1);
        EXPECT_EQ(c.rx.len(), count - i);
    }
    EXPECT_TRUE(c.rx.is_empty());
}

// sender_count: copies count, on both ends, until they go.
TEST(smol_unbounded_state, senders_are_counted) {
    unbounded_ends c;
    {
        const std::vector<unbounded_sender<int>> copies(20, c.tx);
        EXPECT_EQ(c.tx.strong_count(), 21u);
        EXPECT_EQ(c.rx.sender_strong_count(), 21u);
    }
    EXPECT_EQ(c.tx.strong_count(), 1u);
    EXPECT_EQ(c.rx.sender_strong_count(), 1u);
}

// weak: becomes a sender while there is one, and nothing afterwards. Of receivers there is no weak one.
TEST(smol_unbounded_state, a_weak_sender_keeps_nothing_open) {
    unbounded_ends c;
    const auto weak = c.tx.downgrade();
    {
        const auto strong = weak.upgrade();
        ASSERT_TRUE(strong.has_value());
        EXPECT_EQ(c.tx.strong_count(), 2u);
        EXPECT_EQ(try_send(*strong, 3), sent::done);
        EXPECT_EQ(c.rx.recv(), 3);
    }
    c.drop_sender();
    EXPECT_FALSE(weak.upgrade().has_value());
    EXPECT_EQ(c.rx.recv(), std::nullopt);
}

} // namespace
} // namespace sennit
