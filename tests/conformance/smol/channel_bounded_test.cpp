// The rules of smol-rs/async-channel's tests/bounded.rs, on chan and on mpsc_channel: who waits, and what the end does. Above each
// case stands the upstream test.
// Not here: force_send, since no channel of ours throws a buffered value away for a new one (broadcast_channel does that, by
// its own rules), and receiver_count, since mpsc_channel has one receiver and handles of a chan are not counted.
#include "conformance/smol/bounded.hpp"

#include <atomic>
#include <optional>
#include <utility>

namespace sennit::test::smol {

SENNIT_PAIRINGS(smol_bounded);

// smoke, smoke_blocking: the future and the verb of sending meet the future, the verb and the try of receiving.
template<class Ends>
void smol_bounded::every_way_in_and_out() {
    Ends c(1);
    together(
        [&](kind me) -> task<void> {
            for (int i = 0; i < 4; ++i)
                co_await by(me, c.tx.async_send(i));
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < 4; ++i)
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
        });
    c.tx.send(7);
    EXPECT_EQ(c.rx.try_recv(), 7);
    c.tx.send(8);
    EXPECT_EQ(wait(c.rx.async_recv()), 8);
    wait(c.tx.async_send(9));
    EXPECT_EQ(c.rx.recv(), 9);
    EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
}
TEST_P(smol_bounded, every_way_in_meets_every_way_out) {
    every_way_in_and_out<chan_ends<>>();
    every_way_in_and_out<mpsc_ends<>>();
}

// try_recv: says "empty", gives the value once it was sent, and says "closed" once the sender is gone.
template<class Ends>
void smol_bounded::try_recv_answers() {
    Ends c(100);
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
            co_await by(me, c.tx.async_send(7));
            put.set();
            co_await by(me, taken.async_wait());
            c.drop_sender();
            gone.set();
        });
}
TEST_P(smol_bounded, try_recv_says_empty_then_the_value_then_closed) {
    try_recv_answers<chan_ends<>>();
    try_recv_answers<mpsc_ends<>>();
}

// recv: one that waits gets the first value, takes what is buffered at once, and then learns of the end.
template<class Ends>
void smol_bounded::recv_waits() {
    Ends c(100);
    waiting_ = 0;
    event all_sent, two_taken;
    together(
        [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 7);
            co_await by(me, all_sent.async_wait());
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 8);
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 9);
            EXPECT_EQ(waiting_, 1);
            two_taken.set();
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), std::nullopt);
        },
        [&](kind me) -> task<void> {
            co_await until(me, waiting_, 1);
            for (const int i : {7, 8, 9})
                co_await by(me, c.tx.async_send(i));
            all_sent.set();
            co_await by(me, two_taken.async_wait());
            co_await until(me, waiting_, 2);
            c.drop_sender();
        });
}
TEST_P(smol_bounded, recv_waits_while_there_is_nothing) {
    recv_waits<chan_ends<>>();
    recv_waits<mpsc_ends<>>();
}

// try_send: says "full", and the value comes back; succeeds beside a receiver that waits; and says "closed".
template<class Ends>
void smol_bounded::try_send_answers() {
    Ends c(1);
    waiting_ = 0;
    event full, third;
    together(
        [&](kind me) -> task<void> {
            EXPECT_EQ(try_send(c.tx, 1), sent::done);
            EXPECT_EQ(try_send(c.tx, 2), sent::full);
            full.set();
            co_await until(me, waiting_, 1);
            EXPECT_EQ(try_send(c.tx, 3), sent::done);
            co_await by(me, third.async_wait());
            EXPECT_EQ(try_send(c.tx, 4), sent::closed);
        },
        [&](kind me) -> task<void> {
            co_await by(me, full.async_wait());
            EXPECT_EQ(c.rx.try_recv(), 1);
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::empty);
            EXPECT_EQ(co_await by(me, counting(waiting_, c.rx.async_recv())), 3);
            c.drop_receiver();
            third.set();
        });
}
TEST_P(smol_bounded, try_send_says_full_and_closed) {
    try_send_answers<chan_ends<>>();
    try_send_answers<mpsc_ends<>>();
}

// send: waits for each value that does not fit until one was received, and the last stays in the buffer.
template<class Ends>
void smol_bounded::send_waits() {
    Ends c(1);
    waiting_ = 0;
    together(
        [&](kind me) -> task<void> {
            for (const int i : {7, 8, 9, 10})
                EXPECT_EQ(co_await send_value(me, c.tx, i, waiting_), sent::done);
        },
        [&](kind me) -> task<void> {
            for (int i = 0; i < 3; ++i) {
                co_await until(me, waiting_, i + 1); // the buffer has one, and one does not fit
                EXPECT_EQ(c.rx.try_recv(), 7 + i);
            }
        });
    EXPECT_EQ(waiting_, 3);
    EXPECT_EQ(c.rx.try_recv(), 10);
}
TEST_P(smol_bounded, send_waits_for_room) {
    send_waits<chan_ends<>>();
    send_waits<mpsc_ends<>>();
}

// closed: the future of the receiver's end is pending while it is there, ready when it is gone, and ready at once afterwards.
// A chan has nobody who could be gone: only mpsc_channel has such a future.
TEST_P(smol_bounded, senders_may_wait_for_the_end_of_the_receiver) {
    mpsc_ends c(1);
    std::atomic<bool> gone{false};
    together(
        [&](kind me) -> task<void> {
            co_await by(me, c.tx.async_send(7));
            co_await by(me, counting(waiting_, c.tx.async_closed()));
            EXPECT_TRUE(gone);
            co_await by(me, counting(waiting_, c.tx.async_closed()));
            EXPECT_EQ(waiting_, 1);
            EXPECT_TRUE(c.tx.is_closed());
        },
        [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, c.rx.async_recv()), 7);
            co_await until(me, waiting_, 1);
            EXPECT_FALSE(c.tx.is_closed());
            gone = true;
            c.drop_receiver();
        });
}

// send_after_close: refused in both forms though there would be room.
template<class Ends>
void smol_bounded::send_after_close() {
    Ends c(100);
    waiting_ = 0;
    event gone;
    together(
        [&](kind me) -> task<void> {
            for (const int i : {1, 2, 3})
                co_await by(me, c.tx.async_send(i));
            c.drop_receiver();
            gone.set();
            EXPECT_EQ(co_await send_value(me, c.tx, 4, waiting_), sent::closed);
        },
        [&](kind me) -> task<void> {
            co_await by(me, gone.async_wait());
            EXPECT_EQ(try_send(c.tx, 5), sent::closed);
            EXPECT_EQ(co_await send_value(me, c.tx, 6, waiting_), sent::closed);
        });
    EXPECT_EQ(waiting_, 0);
}
TEST_P(smol_bounded, nothing_is_sent_after_the_end) {
    send_after_close<chan_ends<>>();
    send_after_close<mpsc_ends<>>();
}

// recv_after_close: what was sent before is received, then the end.
template<class Ends>
void smol_bounded::recv_after_close() {
    Ends c(100);
    event gone;
    together(
        [&](kind me) -> task<void> {
            for (const int i : {1, 2, 3})
                co_await by(me, c.tx.async_send(i));
            c.drop_sender();
            gone.set();
        },
        [&](kind me) -> task<void> {
            co_await by(me, gone.async_wait());
            for (const int i : {1, 2, 3})
                EXPECT_EQ(co_await by(me, c.rx.async_recv()), i);
            EXPECT_EQ(co_await by(me, c.rx.async_recv()), std::nullopt);
            EXPECT_EQ(c.rx.try_recv().error(), recv_error::closed);
        });
}
TEST_P(smol_bounded, what_was_sent_before_the_end_is_received) {
    recv_after_close<chan_ends<>>();
    recv_after_close<mpsc_ends<>>();
}

// close_wakes_sender: everybody who waits for room is refused, and what was buffered stays.
template<class Ends>
void smol_bounded::close_wakes_senders() {
    constexpr int senders = 6;
    Ends c(1);
    waiting_ = 0;
    EXPECT_EQ(try_send(c.tx, 0), sent::done);
    for (int i = 0; i < senders; ++i) {
        start_party(i, [&, i](kind me) -> task<void> {
            EXPECT_EQ(co_await send_value(me, c.tx, i, waiting_), sent::closed);
        });
    }
    await_count(waiting_, senders);
    c.rx.close();
    join();
    EXPECT_EQ(c.rx.try_recv(), 0);
    EXPECT_EQ(c.rx.try_recv().error(), recv_error::closed);
}
TEST_P(smol_bounded, the_end_wakes_every_sender) {
    close_wakes_senders<chan_ends<>>();
    close_wakes_senders<mpsc_ends<>>();
}
TEST_P(smol_bounded, a_receiver_that_goes_wakes_every_sender) {
    mpsc_ends c(1);
    EXPECT_EQ(try_send(c.tx, 0), sent::done);
    for (int i = 0; i < 6; ++i) {
        start_party(i, [&, i](kind me) -> task<void> {
            EXPECT_EQ(co_await send_value(me, c.tx, i, waiting_), sent::closed);
        });
    }
    await_count(waiting_, 6);
    c.drop_receiver();
    join();
}

// close_wakes_receiver: everybody who waits for a value learns of the end.
TEST_P(smol_bounded, the_end_wakes_every_receiver) {
    auto c = make_chan<int>(1);
    for (int i = 0; i < 6; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting_, c.async_recv())), std::nullopt);
        });
    }
    await_count(waiting_, 6);
    c.close();
    join();

    mpsc_ends alone(1);
    start_party(0, [&](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, counting(waiting_, alone.rx.async_recv())), std::nullopt);
    });
    await_count(waiting_, 7);
    alone.drop_sender();
    join();
}

// forget_blocked_sender: a sender that waited once and is never polled again does not hold up the others. A difference: ours
// keeps its place in the queue, so its value is the next to enter a chan, and the slot of an mpsc_channel is kept for it until
// it goes; upstream the value of the next sender passes it.
TEST_P(smol_bounded, a_sender_that_is_never_polled_again_holds_up_nobody) {
    auto c = make_chan<int>(2);
    test::driver forgetful;
    c.send(3);
    c.send(7);
    {
        auto forgotten = c.async_send(13);
        EXPECT_FALSE(forgetful.poll(forgotten).is_ready());
        EXPECT_TRUE(forgetful.rearm());
        start_party(0, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await send_value(me, c, 42, waiting_), sent::done);
        });
        await_count(waiting_, 1);
        start_party(1, [&](kind me) -> task<void> {
            for (const int expected : {3, 7, 13, 42})
                EXPECT_EQ(co_await by(me, c.async_recv()), expected);
        });
        join();
        EXPECT_EQ(forgetful.wakes(), 1);
    }

    mpsc_ends m(2);
    (void)m.tx.send(3);
    (void)m.tx.send(7);
    {
        auto forgotten = m.tx.async_send(13);
        EXPECT_FALSE(forgetful.poll(forgotten).is_ready());
        EXPECT_TRUE(forgetful.rearm());
        start_party(0, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await send_value(me, m.tx, 42, waiting_), sent::done);
        });
        await_count(waiting_, 2);
        start_party(1, [&](kind me) -> task<void> {
            for (const int expected : {3, 7, 42})
                EXPECT_EQ(co_await by(me, m.rx.async_recv()), expected);
        });
        join();
        EXPECT_EQ(forgetful.wakes(), 2);
        EXPECT_EQ(m.tx.capacity(), 1u); // one slot is the forgotten one's
    }
    EXPECT_EQ(m.tx.capacity(), 2u);
    EXPECT_EQ(m.rx.try_recv().error(), recv_error::empty);
}

// forget_blocked_receiver: a receiver that waited once and is never polled again does not hold up the others. A difference:
// ours was given the first value, and when it goes the value is the first of the channel again; upstream the second receiver
// has it.
TEST_P(smol_bounded, a_receiver_that_is_never_polled_again_holds_up_nobody) {
    auto c = make_chan<int>(2);
    test::driver forgetful;
    {
        auto forgotten = c.async_recv();
        EXPECT_FALSE(forgetful.poll(forgotten).is_ready());
        EXPECT_TRUE(forgetful.rearm());
        start_party(0, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, counting(waiting_, c.async_recv())), 7);
        });
        await_count(waiting_, 1);
        start_party(1, [&](kind me) -> task<void> {
            co_await by(me, c.async_send(3));
            co_await by(me, c.async_send(7));
        });
        join();
        EXPECT_EQ(forgetful.wakes(), 1);
        EXPECT_EQ(try_send(c, 42), sent::done);
    }
    EXPECT_EQ(c.try_recv(), 3);
    EXPECT_EQ(c.try_recv(), 42);
    EXPECT_EQ(c.try_recv().error(), recv_error::empty);
}

} // namespace sennit::test::smol
