// The rules of tokio's sync_mpsc.rs. Above each case stand the upstream tests.
//
// Not here: drop_all_elements_during_panic, since a destructor that throws ends a C++ program; recv_timeout_panic, since
// time needs no runtime to be entered. An owned permit is the only one there is.
#include "sync_support.hpp"

#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::await_count;
using test::by;
using test::counted;
using test::counting;
using test::drop;
using test::for_both;
using test::is_pending;
using test::kind;
using test::put;

class tokio_mpsc : public test::stepped {};
SENNIT_PAIRINGS(tokio_mpsc);

// send_recv_with_buffer. What is sent through a permit and by a try is received in order, then the end.
TEST_P(tokio_mpsc, a_permit_and_a_try_fill_the_buffer_in_order) {
    auto [tx, rx] = mpsc_channel<int>(16);
    step(0, [&](kind me) -> task<void> {
        auto permit = co_await by(me, tx.async_reserve());
        EXPECT_TRUE(permit->send(1));
        EXPECT_TRUE(tx.try_send(2));
        tx = {};
    });
    step(1, [&](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, rx.async_recv()), 1);
        EXPECT_EQ(co_await by(me, rx.async_recv()), 2);
        EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
    });
}

// async_send_recv_with_buffer, async_send_recv_unbounded, send_recv_unbounded. Sent while the other receives: the order is
// kept, and the end comes with the last sender.
TEST_P(tokio_mpsc, values_come_in_order_and_then_the_end) {
    for_both<int>(16, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto sends = [&](kind me) -> task<void> {
            EXPECT_TRUE(co_await put(me, tx, 1));
            EXPECT_TRUE(co_await put(me, tx, 2));
            tx = {};
        };
        together(sends, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, rx.async_recv()), 1);
            EXPECT_EQ(co_await by(me, rx.async_recv()), 2);
            EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
        });
    });
}

// send_recv_stream_with_buffer, send_recv_stream_unbounded. A receiver is also a stream, in a task, and a range elsewhere.
TEST_P(tokio_mpsc, a_receiver_is_a_stream) {
    for_both<int>(1, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto sends = [&](kind me) -> task<void> {
            EXPECT_TRUE(co_await put(me, tx, 1));
            EXPECT_TRUE(co_await put(me, tx, 2));
            tx = {};
        };
        std::vector<int> got;
        together(sends, [&](kind me) -> task<void> {
            if (me == kind::task) {
                auto values = streams::from(std::move(rx));
                while (auto v = co_await values.next())
                    got.push_back(*v);
            } else {
                for (const int v : rx)
                    got.push_back(v);
            }
        });
        EXPECT_EQ(got, (std::vector<int>{1, 2}));
    });
}

// async_send_recv_many_with_buffer, send_recv_many_unbounded. A receive of many takes what is there, up to its limit, and
// appends it; of none it returns at once; after the end it says none.
TEST_P(tokio_mpsc, many_are_received_at_once) {
    for_both<int>(2, [&](auto ends) {
        auto& [tx, rx] = ends;
        step(1, [&](kind me) -> task<void> {
            std::vector<int> none;
            EXPECT_EQ(co_await by(me, rx.async_recv_many(none, 0)), 0u);
            EXPECT_TRUE(none.empty());
        });
        const auto sends = [&](kind me) -> task<void> {
            for (int i = 0; i < 40; ++i)
                EXPECT_TRUE(co_await put(me, tx, i));
            tx = {};
        };
        for (const std::size_t limit : {3u, 1u, 100u}) {
            auto sender = tx;
            std::vector<int> got;
            std::vector<int> expected(40);
            std::iota(expected.begin(), expected.end(), 0);
            const auto receives = [&, limit](kind me) -> task<void> {
                while (got.size() < 40) {
                    const std::size_t before = got.size();
                    const std::size_t n = co_await by(me, rx.async_recv_many(got, limit));
                    EXPECT_TRUE(n >= 1 && n <= limit);
                    EXPECT_EQ(got.size(), before + n);
                }
            };
            together(sends, receives);
            EXPECT_EQ(got, expected);
            tx = sender;
        }
        tx = {};
        step(1, [&](kind me) -> task<void> {
            std::vector<int> got;
            EXPECT_EQ(co_await by(me, rx.async_recv_many(got, 4)), 0u);
            EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
        });
    });
}

// send_recv_many_bounded_capacity, send_recv_many_unbounded_capacity. A receive of many does not let the vector grow when
// the values fit; a sender that is still there makes it wait, and the end makes it say none.
TEST_P(tokio_mpsc, many_are_received_into_the_room_there_is) {
    for_both<std::string>(100, [&](auto ends) {
        auto& [tx, rx] = ends;
        std::vector<std::string> got, expected;
        got.reserve(9);
        const std::size_t limit = got.capacity();
        step(0, [&](kind me) -> task<void> {
            for (std::size_t i = 0; i <= limit; ++i) {
                expected.push_back(std::to_string(i));
                EXPECT_TRUE(co_await put(me, tx, expected.back()));
            }
        });
        step(1, [&](kind me) -> task<void> {
            EXPECT_EQ(co_await by(me, rx.async_recv_many(got, limit)), limit);
            EXPECT_EQ(got.capacity(), limit);
            EXPECT_EQ(co_await by(me, rx.async_recv_many(got, limit)), 1u);
            EXPECT_EQ(got, expected);
        });
        std::atomic<int> waiting{0};
        second([&](kind me) -> task<void> {
            got.clear();
            EXPECT_EQ(co_await by(me, counting(waiting, rx.async_recv_many(got, limit))), 1u);
            EXPECT_EQ(got, std::vector<std::string>(1, "final"));
            EXPECT_EQ(co_await by(me, rx.async_recv_many(got, limit)), 0u);
        });
        await_count(waiting, 1);
        first([&](kind me) -> task<void> {
            EXPECT_TRUE(co_await put(me, tx, std::string("final")));
            tx = {};
        });
        join();
    });
}

// recv_many_with_non_empty_buffer_bounded_rx_closed_and_idle, …_unbounded_rx_closed_and_idle. Of a closed channel none come,
// and what was in the vector stays.
TEST_P(tokio_mpsc, many_of_a_closed_channel_are_none) {
    for_both<int>(1, [&](auto ends) {
        auto& [tx, rx] = ends;
        std::vector<int> got(1, 1);
        step(0, [&](kind me) -> task<void> {
            rx.close();
            EXPECT_EQ(co_await by(me, rx.async_recv_many(got, 1)), 0u);
        });
        EXPECT_EQ(got, std::vector<int>(1, 1));
    });
}

// no_t_bounds_buffer, no_t_bounds_unbounded. A value needs nothing but to be movable; the sender is copied all the same.
TEST_P(tokio_mpsc, values_need_only_be_movable) {
    for_both<std::unique_ptr<int>>(100, [&](auto ends) {
        auto& [tx, rx] = ends;
        auto copy = tx;
        step(0, [&](kind me) -> task<void> {
            EXPECT_TRUE(co_await put(me, copy, std::make_unique<int>(7)));
        });
        step(1, [&](kind me) -> task<void> {
            const auto v = co_await by(me, rx.async_recv());
            EXPECT_EQ(**v, 7);
        });
    });
}

// recv_close_gets_none_idle. After close there is nothing to receive, and a sender gets its value back.
TEST_P(tokio_mpsc, close_of_an_idle_channel_ends_it) {
    for_both<int>(10, [&](auto ends) {
        auto& [tx, rx] = ends;
        step(0, [&](kind me) -> task<void> {
            rx.close();
            EXPECT_FALSE(co_await by(me, rx.async_recv()));
        });
        step(1, [&](kind me) -> task<void> { EXPECT_FALSE(co_await put(me, tx, 1)); });
    });
}

// tx_close_gets_none. The last sender ends the channel for a receiver that waits.
TEST_P(tokio_mpsc, the_last_sender_ends_it) {
    for_both<int>(10, [&](auto ends) {
        auto& [tx, rx] = ends;
        expect_end(rx, [&] { tx = {}; });
    });
}

// try_send_fail, try_send_fail_with_try_recv. A try on a full channel gives the value back and says that it is full.
TEST_P(tokio_mpsc, a_try_fails_while_it_is_full) {
    auto [tx, rx] = mpsc_channel<std::string>(1);
    for (const bool tries : {false, true}) {
        act(0, [&] {
            EXPECT_TRUE(tx.try_send("hello"));
            const auto refused = tx.try_send("fail");
            EXPECT_TRUE(refused.error().is_full());
            EXPECT_EQ(refused.error().value, "fail");
        });
        step(1, [&](kind me) -> task<void> {
            if (tries) {
                EXPECT_EQ(rx.try_recv(), "hello");
            } else {
                EXPECT_EQ(co_await by(me, rx.async_recv()), "hello");
            }
        });
    }
    act(0, [&] {
        EXPECT_TRUE(tx.try_send("goodbye"));
        tx = {};
    });
    step(1, [&](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, rx.async_recv()), "goodbye");
        EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
        EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
    });
}

// dropping_rx_closes_channel, dropping_rx_closes_channel_for_try, unconsumed_messages_are_dropped. What was not received
// goes with the receiver; after it every form of sending fails.
TEST_P(tokio_mpsc, a_dropped_receiver_takes_the_rest_along) {
    for_both<counted>(100, [&](auto ends) {
        auto& [tx, rx] = ends;
        step(0, [&](kind me) -> task<void> { EXPECT_TRUE(co_await put(me, tx, counted(1))); });
        EXPECT_EQ(counted::alive(), 1);
        act(1, [&] { drop(rx); });
        EXPECT_EQ(counted::alive(), 0);
        step(0, [&](kind me) -> task<void> {
            EXPECT_FALSE(co_await put(me, tx, counted(2)));
            if constexpr (requires { tx.async_reserve(); }) {
                EXPECT_FALSE(co_await by(me, tx.async_reserve()));
                EXPECT_TRUE(tx.try_reserve().error().is_closed());
                const auto refused = tx.try_send(counted(3));
                EXPECT_TRUE(refused.error().is_closed());
                EXPECT_EQ(refused.error().value.value(), 3);
            }
        });
    });
}

// blocking_recv, blocking_recv_async, blocking_send, blocking_send_async, and those of sync_panic.rs about blocking_*. The
// plain verbs wait from every kind of flow. Where tokio panics, in a task, only that task waits.
TEST_P(tokio_mpsc, plain_verbs_wait_from_every_flow) {
    auto [tx, rx] = mpsc_channel<int>(1);
    std::vector<int> got;
    std::atomic<int> waiting{0};
    first([&](kind) -> task<void> {
        ++waiting;
        EXPECT_EQ(rx.recv(), 10);
        while (rx.recv_many(got, 2) != 0) {}
        co_return;
    });
    await_count(waiting, 1);
    second([&](kind) -> task<void> {
        EXPECT_TRUE(tx.send(10));
        for (int i = 0; i < 5; ++i)
            EXPECT_TRUE(tx.send(i));
        EXPECT_TRUE(tx.reserve()->send(5));
        tx = {};
        co_return;
    });
    join();
    EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4, 5}));
}

// try_recv_bounded. What tries say while the ring fills, empties and wraps around.
TEST_P(tokio_mpsc, tries_fill_and_empty_a_bounded_channel) {
    auto [tx, rx] = mpsc_channel<int>(5);
    int sent = 0, received = 0;
    const auto send = [&](int n) {
        act(0, [&] {
            for (int i = 0; i < n; ++i)
                EXPECT_TRUE(tx.try_send(sent++));
        });
    };
    const auto receive = [&](int n) {
        act(1, [&] {
            for (int i = 0; i < n; ++i)
                EXPECT_EQ(rx.try_recv(), received++);
        });
    };
    send(5);
    EXPECT_TRUE(tx.try_send(-1).error().is_full());
    receive(5);
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    send(4);
    receive(1);
    send(2);
    EXPECT_TRUE(tx.try_send(-1).error().is_full());
    receive(5);
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    send(3);
    act(0, [&] { tx = {}; });
    receive(3);
    EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
}

// try_recv_unbounded, try_recv_close_while_empty_bounded, try_recv_close_while_empty_unbounded. Empty while there is a
// sender, closed after the last.
TEST_P(tokio_mpsc, a_try_tells_empty_from_closed) {
    for (const int n : {0, 1, 7, 31, 32, 33, 100}) {
        for_both<int>(100, [&](auto ends) {
            auto& [tx, rx] = ends;
            step(0, [&](kind me) -> task<void> {
                for (int i = 0; i < n; ++i)
                    EXPECT_TRUE(co_await put(me, tx, i));
            });
            act(1, [&] {
                for (int i = 0; i < n; ++i)
                    EXPECT_EQ(rx.try_recv(), i);
                EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
            });
            act(0, [&] { tx = {}; });
            act(1, [&] { EXPECT_EQ(rx.try_recv().error(), recv_error::closed); });
        });
    }
}

// recv_timeout. A send that is bounded in time gives up when the channel stays full, and says so; of a closed one it says
// that. (What tokio hands back, the value, is kept here by waiting for a permit.)
TEST_P(tokio_mpsc, a_send_may_be_bounded_in_time) {
    runtime timed({.current_thread = true, .virtual_time = true});
    auto [tx, rx] = mpsc_channel<int>(5);
    const auto sends = [&](kind me) -> task<void> {
        for (int i = 0; i < 5; ++i)
            EXPECT_TRUE(co_await by(me, timeout(1s, tx.async_send(i))));
        const auto begun = runtime_clock::now();
        const auto late = co_await by(me, timeout(1s, tx.async_reserve()));
        EXPECT_FALSE(late);
        EXPECT_TRUE(is(late.error(), errc::timed_out));
        EXPECT_EQ(runtime_clock::now() - begun, 1s);
        drop(rx);
        const auto refused = co_await by(me, timeout(1s, tx.async_send(70)));
        EXPECT_TRUE(refused.has_value());
        EXPECT_EQ(refused->error().value, 70);
    };
    if (kind_of(0) == kind::task) {
        timed.block_on(sends(kind::task));
    } else {
        timed.block_on([&] { wait(sends(kind::fiber)); });
    }
}

// test_rx_is_closed_when_calling_close_with_sender, …_dropping_all_senders, …_there_are_no_senders_and_there_are_messages,
// …_there_are_messages_and_close_is_called, test_rx_is_not_closed_when_there_are_senders, …_and_buffer_filled, and the same
// of test_rx_unbounded_…. Closed means closed by the receiver, or that no sender is left; values do not count.
TEST_P(tokio_mpsc, is_closed_after_close_or_the_last_sender) {
    for (const int values : {0, 10}) {
        for (const bool closes : {false, true}) {
            for_both<int>(10, [&](auto ends) {
                auto& [tx, rx] = ends;
                auto another = tx;
                step(0, [&](kind me) -> task<void> {
                    for (int i = 0; i < values; ++i)
                        EXPECT_TRUE(co_await put(me, tx, i));
                    tx = {};
                });
                EXPECT_FALSE(rx.is_closed());
                EXPECT_FALSE(another.is_closed());
                act(1, [&] {
                    if (closes) {
                        rx.close();
                        EXPECT_TRUE(another.is_closed());
                    } else {
                        another = {};
                    }
                });
                EXPECT_TRUE(rx.is_closed());
            });
        }
    }
}

// test_rx_is_empty_when_no_messages_were_sent, …_when_all_messages_are_consumed,
// …_all_senders_are_dropped_and_messages_consumed, test_rx_is_not_empty_when_there_are_messages_in_the_buffer,
// …_the_buffer_is_full, …_all_but_one_messages_are_consumed, test_rx_len_on_empty_channel, …_empty_channel_without_senders,
// …_filled_channel, …_filled_channel_without_senders, …_when_consuming_all_messages, and the same of test_rx_unbounded_….
// The length is what was sent and not received; senders that go do not change it.
TEST_P(tokio_mpsc, len_counts_what_is_buffered) {
    constexpr std::size_t n = 100;
    for (const bool drops : {false, true}) {
        for_both<int>(n, [&](auto ends) {
            auto& [tx, rx] = ends;
            EXPECT_TRUE(rx.is_empty());
            step(0, [&](kind me) -> task<void> {
                for (std::size_t i = 0; i < n; ++i) {
                    EXPECT_TRUE(co_await put(me, tx, int(i)));
                    EXPECT_EQ(rx.len(), i + 1);
                }
                if (drops) tx = {};
            });
            step(1, [&](kind me) -> task<void> {
                EXPECT_EQ(rx.len(), n);
                for (std::size_t i = n; i-- > 0;) {
                    EXPECT_FALSE(rx.is_empty());
                    if (i % 2 == 0) {
                        EXPECT_TRUE(rx.try_recv());
                    } else {
                        EXPECT_TRUE(co_await by(me, rx.async_recv()));
                    }
                    EXPECT_EQ(rx.len(), i);
                }
                EXPECT_TRUE(rx.is_empty());
            });
        });
        for_both<int>(n, [&](auto ends) {
            auto& [tx, rx] = ends;
            if (drops) act(0, [&] { tx = {}; });
            EXPECT_EQ(rx.len(), 0u);
        });
    }
}

// test_rx_len_when_close_is_called, …_before_dropping_sender, …_after_dropping_sender, and the same of test_rx_unbounded_….
// Closing does not change the length.
TEST_P(tokio_mpsc, len_stays_when_it_is_closed) {
    for (const int order : {0, 1, 2}) {
        for_both<int>(100, [&](auto ends) {
            auto& [tx, rx] = ends;
            step(0, [&](kind me) -> task<void> { EXPECT_TRUE(co_await put(me, tx, 1)); });
            if (order == 2) act(0, [&] { tx = {}; });
            act(1, [&] { rx.close(); });
            if (order == 1) act(0, [&] { tx = {}; });
            EXPECT_EQ(rx.len(), 1u);
        });
    }
}

// test_is_empty_32_msgs. The length is right where a block of values ends.
TEST_P(tokio_mpsc, is_empty_wherever_a_block_ends) {
    for_both<int>(33, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto both = [&](kind me) -> task<void> {
            for (int i = 1; i < 257; ++i) {
                EXPECT_TRUE(co_await put(me, tx, i));
                EXPECT_EQ(rx.len(), 1u);
                EXPECT_EQ(co_await by(me, rx.async_recv()), i);
                EXPECT_TRUE(rx.is_empty());
            }
        };
        step(0, both);
        step(1, both);
    });
}

// release_waker_on_rx_drop. Who waited to receive and went with the receiver is not woken any more.
TEST_P(tokio_mpsc, a_dropped_receiver_forgets_who_waited) {
    for_both<int>(1, [&](auto ends) {
        auto& [tx, rx] = ends;
        std::optional<mpsc_recv_future<int>> waits(rx.async_recv());
        EXPECT_TRUE(is_pending(d, *waits));
        waits.reset();
        act(1, [&] { drop(rx); });
        step(0, [&](kind me) -> task<void> {
            EXPECT_FALSE(co_await put(me, tx, 1));
            tx = {};
        });
        EXPECT_EQ(d.wakes(), 0);
    });
}

// sync_errors.rs: mpsc_error_bound. What cannot be sent turns into the error of the library.
static_assert(std::is_convertible_v<send_error<int>, error>);
static_assert(std::is_convertible_v<try_send_error<int>, error>);
static_assert(std::is_convertible_v<recv_error, error>);

// buffer_gteq_one, reserve_many_above_cap; sync_panic.rs: mpsc_bounded_channel_panic_caller. Misuse ends the program, with
// advice.
TEST(tokio_mpsc_death, misuse_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)mpsc_channel<int>(0), "room for at least one");
    auto [tx, rx] = mpsc_channel<int>(1);
    EXPECT_DEATH((void)tx.async_reserve_many(2), "max_capacity");
}

} // namespace
} // namespace sennit
