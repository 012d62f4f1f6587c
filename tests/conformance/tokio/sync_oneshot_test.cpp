// The rules of tokio's sync_oneshot.rs. Above each case stand the upstream tests.
#include "sync_support.hpp"

#include <atomic>
#include <expected>
#include <type_traits>
#include <utility>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counted;
using test::counting;
using test::drop;
using test::is_pending;
using test::kind;

class tokio_oneshot : public test::stepped {
protected:
    // What a receiver that waits gets when the other side does this.
    template<class T, class Fn>
    std::expected<T, recv_error> received(oneshot_receiver<T>& rx, Fn other) {
        std::expected<T, recv_error> got = std::unexpected(recv_error::empty);
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            got = co_await by(me, counting(waiting, rx.async_recv()));
        });
        await_count(waiting, 1);
        second([&](kind) -> task<void> {
            other();
            co_return;
        });
        join();
        return got;
    }
    // A sender waits for the other side to want nothing; then it does this.
    template<class T, class Fn>
    void expect_closed(oneshot_sender<T>& tx, Fn other) {
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            co_await by(me, counting(waiting, tx.async_closed()));
            EXPECT_TRUE(tx.is_closed());
            co_await by(me, tx.async_closed());
        });
        await_count(waiting, 1);
        EXPECT_FALSE(tx.is_closed());
        second([&](kind) -> task<void> {
            other();
            co_return;
        });
        join();
    }
};
SENNIT_PAIRINGS(tokio_oneshot);

// send_recv, async_send_recv. The value comes, whether it was sent before or while the receiver waits.
TEST_P(tokio_oneshot, the_value_comes) {
    {
        auto [tx, rx] = oneshot_channel<int>();
        EXPECT_EQ(received(rx, [&] { EXPECT_TRUE(tx.send(1)); }), 1);
    }
    auto [tx, rx] = oneshot_channel<int>();
    act(0, [&] { EXPECT_TRUE(tx.send(2)); });
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, std::move(rx)), 2); });
}

// close_tx. A sender that goes without a word is an error for who waits.
TEST_P(tokio_oneshot, a_dropped_sender_is_an_error) {
    auto [tx, rx] = oneshot_channel<int>();
    EXPECT_EQ(received(rx, [&] { drop(tx); }).error(), recv_error::closed);
}

// close_rx, async_rx_closed. When the receiver is gone, a sender gets its value back; one that waits for that learns it.
TEST_P(tokio_oneshot, a_dropped_receiver_ends_the_wait_for_it) {
    for (const bool waits : {false, true}) {
        auto [tx, rx] = oneshot_channel<int>();
        if (waits) {
            expect_closed(tx, [&] { drop(rx); });
        } else {
            act(1, [&] { drop(rx); });
        }
        act(0, [&] {
            const auto refused = tx.send(1);
            EXPECT_EQ(refused.error().value, 1);
        });
    }
}

// explicit_close_poll, explicit_close_try_recv. What was sent before close is received after it.
TEST_P(tokio_oneshot, close_keeps_what_was_sent) {
    for (const bool tries : {false, true}) {
        auto [tx, rx] = oneshot_channel<int>();
        act(0, [&] { EXPECT_TRUE(tx.send(1)); });
        step(1, [&](kind me) -> task<void> {
            rx.close();
            if (tries) {
                EXPECT_EQ(rx.try_recv(), 1);
            } else {
                EXPECT_EQ(co_await by(me, rx.async_recv()), 1);
            }
        });
    }
}

// explicit_close_poll, explicit_close_try_recv. After close nothing can be sent, who waited for it learns it, and the
// receiver gets an error, whether a send was tried or not.
TEST_P(tokio_oneshot, close_refuses_what_was_not_sent) {
    for (const bool sends : {false, true}) {
        for (const bool tries : {false, true}) {
            auto [tx, rx] = oneshot_channel<int>();
            expect_closed(tx, [&] { rx.close(); });
            if (sends) act(0, [&] { EXPECT_EQ(tx.send(1).error().value, 1); });
            step(1, [&](kind me) -> task<void> {
                if (tries) {
                    EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
                } else {
                    const auto got = co_await by(me, rx.async_recv());
                    EXPECT_EQ(got.error(), recv_error::closed);
                }
            });
        }
    }
}

// close_try_recv_poll, close_after_recv, try_recv_after_completion, try_recv_after_completion_await. A receiver that is over
// says so again and again, and may be closed. (Tokio panics when it is polled then.)
TEST_P(tokio_oneshot, after_the_end_it_stays_closed) {
    for (const bool sends : {false, true}) {
        for (const bool tries : {false, true}) {
            auto [tx, rx] = oneshot_channel<int>();
            if (sends) {
                act(0, [&] { EXPECT_TRUE(tx.send(17)); });
            } else {
                act(1, [&] { rx.close(); });
            }
            step(1, [&](kind me) -> task<void> {
                std::expected<int, recv_error> got;
                if (tries) {
                    got = rx.try_recv();
                } else {
                    got = co_await by(me, rx.async_recv());
                }
                EXPECT_EQ(got.value_or(0), sends ? 17 : 0);
                EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
                const auto again = co_await by(me, rx.async_recv());
                EXPECT_EQ(again.error(), recv_error::closed);
                rx.close();
            });
        }
    }
}

// drops_tasks. Ends that go while they wait forget who waited: nobody is woken afterwards.
TEST_P(tokio_oneshot, dropped_ends_forget_who_waited) {
    for (const bool sender_first : {false, true}) {
        auto [tx, rx] = oneshot_channel<counted>();
        {
            auto closed = tx.async_closed();
            EXPECT_TRUE(is_pending(d, closed));
            auto value = rx.async_recv();
            EXPECT_TRUE(is_pending(e, value));
        }
        if (sender_first) act(0, [&] { drop(tx); });
        act(1, [&] { drop(rx); });
        if (!sender_first) act(0, [&] { EXPECT_FALSE(tx.send(counted(1))); });
        EXPECT_EQ(d.wakes(), 0);
        EXPECT_EQ(e.wakes(), 0);
    }
}

// receiver_changes_task. The last who polled the receiver is woken, and nobody else.
TEST_P(tokio_oneshot, the_receiver_may_change_hands) {
    auto [tx, rx] = oneshot_channel<int>();
    EXPECT_TRUE(is_pending(d, rx));
    EXPECT_TRUE(is_pending(e, rx));
    act(0, [&] { EXPECT_TRUE(tx.send(1)); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_EQ(e.finish(rx), 1);
}

// sender_changes_task. The same for who waits until nothing is wanted.
TEST_P(tokio_oneshot, the_sender_may_change_hands) {
    auto [tx, rx] = oneshot_channel<int>();
    auto closed = tx.async_closed();
    EXPECT_TRUE(is_pending(d, closed));
    EXPECT_TRUE(is_pending(e, closed));
    act(1, [&] { drop(rx); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    e.finish(closed);
}

// receiver_is_terminated_send, …_try_recv, …_drop, …_rx_close, receiver_is_empty_send, …_try_recv, …_drop, …_rx_close. It is
// terminated once the value, or that there is none, was received, not before; it is empty but for a value that was sent and
// not received.
TEST_P(tokio_oneshot, knows_whether_it_is_empty_and_over) {
    enum class fate { sent, dropped, closed };
    for (const fate how : {fate::sent, fate::dropped, fate::closed}) {
        for (const bool tries : {false, true}) {
            auto [tx, rx] = oneshot_channel<int>();
            EXPECT_FALSE(rx.is_terminated());
            EXPECT_TRUE(rx.is_empty());
            act(0, [&] {
                if (how == fate::sent) {
                    EXPECT_TRUE(tx.send(17));
                }
                if (how == fate::dropped) drop(tx);
            });
            act(1, [&] {
                if (how == fate::closed) rx.close();
            });
            EXPECT_FALSE(rx.is_terminated());
            EXPECT_EQ(rx.is_empty(), how != fate::sent);
            step(1, [&](kind me) -> task<void> {
                if (tries) {
                    EXPECT_EQ(rx.try_recv().has_value(), how == fate::sent);
                } else {
                    const auto got = co_await by(me, rx.async_recv());
                    EXPECT_EQ(got.has_value(), how == fate::sent);
                }
            });
            EXPECT_TRUE(rx.is_terminated());
            EXPECT_TRUE(rx.is_empty());
        }
    }
}

// sync_panic.rs: oneshot_blocking_recv_panic_caller. The plain verbs wait from every kind of flow. Where tokio panics, in a
// task, only that task waits.
TEST_P(tokio_oneshot, plain_verbs_wait_from_every_flow) {
    auto [tx, rx] = oneshot_channel<int>();
    auto [back, answer] = oneshot_channel<int>();
    const auto asks = [&](kind) -> task<void> {
        EXPECT_TRUE(tx.send(20));
        EXPECT_EQ(answer.recv(), 21);
        drop(answer);
        co_return;
    };
    together(asks, [&](kind) -> task<void> {
        EXPECT_TRUE(back.send(*rx.recv() + 1));
        back.closed();
        co_return;
    });
}

// sync_errors.rs: oneshot_error_bound. The trait AssertSend of sync_oneshot.rs, that both ends may move to another thread,
// is what every case here does.
static_assert(std::is_convertible_v<recv_error, error>);
static_assert(std::is_nothrow_move_constructible_v<oneshot_sender<int>> &&
              std::is_nothrow_move_constructible_v<oneshot_receiver<int>>);

} // namespace
} // namespace sennit
