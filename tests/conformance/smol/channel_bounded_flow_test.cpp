// More rules of smol-rs/async-channel's tests/bounded.rs: what passes through a channel arrives, once and in order, and its
// counts are right. Above each case stands the upstream test. The rest is in channel_bounded_test.cpp.
#include "conformance/smol/bounded.hpp"

#include <atomic>
#include <cstddef>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit::test::smol {

// len: never above the capacity while both sides are at work, and zero at the end.
template<class Ends>
void smol_bounded::len_under_load() {
    constexpr int count = test::rounds_scaled(1000), capacity = 20;
    Ends c(capacity);
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i) {
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
                EXPECT_LE(c.rx.len(), unsigned(capacity));
            }
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i) {
                co_await by(me, c.tx.async_send(i));
                EXPECT_LE(c.rx.len(), unsigned(capacity));
            }
        });
    EXPECT_EQ(c.rx.len(), 0u);
}
TEST_P(smol_bounded, len_never_exceeds_the_capacity) {
    len_under_load<chan_ends<>>();
    len_under_load<mpsc_ends<>>();
}

// spsc: every value arrives, in order, and then the end.
template<class Ends>
void smol_bounded::in_order() {
    constexpr int count = test::rounds_scaled(2000);
    Ends c(3);
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
            EXPECT_EQ(co_await by(me, c.rx.async_recv()), std::nullopt);
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                co_await by(me, c.tx.async_send(i));
            c.drop_sender();
        });
}
TEST_P(smol_bounded, one_to_one_in_order) {
    in_order<chan_ends<>>();
    in_order<mpsc_ends<>>();
}

// mpmc: four flows send each number once, four receive as many: each number arrives four times.
TEST_P(smol_bounded, many_to_many) {
    constexpr int flows = 4, count = test::rounds_scaled(300);
    auto c = make_chan<int>(3);
    std::vector<std::atomic<int>> seen(count);
    for (int f = 0; f < flows; ++f) {
        start_party(f, [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i) {
                const std::optional<int> v = co_await by(me, c.async_recv());
                ++seen[unsigned(*v)];
            }
        });
        start_party(f + 1, [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                co_await by(me, c.async_send(i));
        });
    }
    join();
    EXPECT_EQ(c.try_recv().error(), recv_error::empty);
    for (const std::atomic<int>& n : seen)
        EXPECT_EQ(n, flows);
}

// mpmc_stream: the same where each receiver takes the channel for a stream.
TEST_P(smol_bounded, many_to_many_as_streams) {
    constexpr int flows = 4, count = test::rounds_scaled(300);
    auto c = make_chan<int>(3);
    std::vector<std::atomic<int>> seen(count);
    for (int f = 0; f < flows; ++f) {
        start_party(f, [&](kind me) -> task<void> {
            auto all =
                streams::for_each(streams::take(c, count), [&](int v) { ++seen[unsigned(v)]; });
            co_await by(me, std::move(all));
        });
        start_party(f + 1, [&](kind me) -> task<void> {
            for (int i = 0; i < count; ++i)
                co_await by(me, c.async_send(i));
        });
    }
    join();
    EXPECT_EQ(c.try_recv().error(), recv_error::empty);
    for (const std::atomic<int>& n : seen)
        EXPECT_EQ(n, flows);
}

// What bounded.rs leaves to the types: a value that is in the channel, or waits to enter it, when the end comes is destroyed
// once, and not before the end.
template<class Ends>
void smol_bounded::refused_values_die_once() {
    std::atomic<int> alive{0};
    waiting_ = 0;
    std::atomic<int> refused{0};
    {
        Ends c(2);
        for (int i = 0; i < 6; ++i) {
            start_party(i, [&](kind me) -> task<void> {
                try {
                    counted_value v(alive);
                    auto one = counting(waiting_, c.tx.async_send(std::move(v)));
                    if constexpr (std::is_same_v<Ends, chan_ends<counted_value>>) {
                        co_await by(me, std::move(one));
                    } else {
                        const auto answer = co_await by(me, std::move(one));
                        refused += !answer.has_value();
                    }
                } catch (const channel_error&) {
                    ++refused;
                }
            });
        }
        await_count(waiting_, 4);
        EXPECT_EQ(alive, 6);
        c.rx.close();
        join();
        EXPECT_EQ(refused, 4);
        EXPECT_EQ(alive, 2); // the buffered ones
        EXPECT_TRUE(c.rx.try_recv().has_value());
        EXPECT_EQ(alive, 1);
    }
    EXPECT_EQ(alive, 0);
}
TEST_P(smol_bounded, values_that_are_refused_or_left_die_once) {
    refused_values_die_once<chan_ends<counted_value>>();
    refused_values_die_once<mpsc_ends<counted_value>>();
}

// capacity: as it was made, whatever is in it; the free slots of an mpsc_channel are told apart from it.
TEST(smol_bounded_state, capacity) {
    for (std::size_t i = 1; i < 10; ++i) {
        const auto c = make_chan<int>(i);
        EXPECT_EQ(c.cap(), i);
        c.send(1);
        EXPECT_EQ(c.cap(), i);

        const mpsc_ends m(i);
        EXPECT_EQ(m.tx.max_capacity(), i);
        EXPECT_EQ(m.rx.max_capacity(), i);
        (void)m.tx.send(1);
        EXPECT_EQ(m.tx.max_capacity(), i);
        EXPECT_EQ(m.tx.capacity(), i - 1);
        EXPECT_EQ(m.rx.capacity(), i - 1);
    }
}

// len_empty_full: after each send and each receive both ends tell the same.
TEST(smol_bounded_state, len_empty_full) {
    const auto c = make_chan<int>(2);
    const recv_chan<int> rx = c;
    mpsc_ends m(2);
    const auto expect = [&](std::size_t n) {
        EXPECT_EQ(c.len(), n);
        EXPECT_EQ(rx.len(), n);
        EXPECT_EQ(m.rx.len(), n);
        EXPECT_EQ(m.rx.is_empty(), n == 0);
        EXPECT_EQ(m.tx.capacity(), 2 - n);
    };
    expect(0);
    for (std::size_t n = 1; n <= 2; ++n) {
        c.send(1);
        (void)m.tx.send(1);
        expect(n);
    }
    EXPECT_EQ(try_send(c, 1), sent::full);
    EXPECT_EQ(try_send(m.tx, 1), sent::full);
    expect(2);
    (void)c.recv();
    (void)m.rx.recv();
    expect(1);
}

// len: exact when nobody else is at work, however often the ring goes round.
TEST(smol_bounded_state, len_is_exact) {
    constexpr std::size_t capacity = 100, part = 50;
    const auto c = make_chan<int>(capacity);
    mpsc_ends m(capacity);
    for (int round = 0; round < 10; ++round) {
        for (std::size_t i = 1; i <= part; ++i) {
            c.send(1);
            (void)m.tx.send(1);
            EXPECT_EQ(c.len(), i);
            EXPECT_EQ(m.rx.len(), i);
        }
        for (std::size_t i = 1; i <= part; ++i) {
            (void)c.recv();
            (void)m.rx.recv();
            EXPECT_EQ(c.len(), part - i);
            EXPECT_EQ(m.rx.len(), part - i);
        }
    }
    for (std::size_t i = 1; i <= capacity; ++i) {
        c.send(1);
        (void)m.tx.send(1);
        EXPECT_EQ(c.len(), i);
        EXPECT_EQ(m.rx.len(), i);
    }
}

// sender_count: copies count, on both ends, until they go.
TEST(smol_bounded_state, senders_are_counted) {
    mpsc_ends m(5);
    {
        const std::vector<mpsc_sender<int>> copies(20, m.tx);
        EXPECT_EQ(m.tx.strong_count(), 21u);
        EXPECT_EQ(m.rx.sender_strong_count(), 21u);
    }
    EXPECT_EQ(m.tx.strong_count(), 1u);
    EXPECT_EQ(m.rx.sender_strong_count(), 1u);
}

// weak: becomes a sender while there is one, and nothing afterwards. Of receivers there is no weak one.
TEST(smol_bounded_state, a_weak_sender_keeps_nothing_open) {
    mpsc_ends m(3);
    const auto weak = m.tx.downgrade();
    EXPECT_EQ(m.tx.strong_count(), 1u);
    {
        const auto strong = weak.upgrade();
        ASSERT_TRUE(strong.has_value());
        EXPECT_EQ(m.tx.strong_count(), 2u);
        EXPECT_TRUE(strong->send(3).has_value());
        EXPECT_EQ(m.rx.recv(), 3);
    }
    m.drop_sender();
    EXPECT_FALSE(weak.upgrade().has_value());
    EXPECT_EQ(m.rx.recv(), std::nullopt);
}

} // namespace sennit::test::smol
