// The rules of tokio's sync_mpsc.rs. Above each case stand the upstream tests.
//
// Not here: drop_all_elements_during_panic, since a destructor that throws ends a C++ program; recv_timeout_panic, since time
// needs no runtime to be entered. An owned permit is the only one there is.
#include "sync_support.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
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

class tokio_mpsc : public test::stepped {
protected:
    // `close` is done while a flow of the other kind waits to receive, with nothing in the channel: it learns of the end.
    template<class T, class Fn>
    void expect_end(mpsc_receiver<T>& rx, Fn close) {
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            EXPECT_FALSE(co_await by(me, counting(waiting, rx.async_recv())));
        });
        await_count(waiting, 1);
        second([&](kind) -> task<void> {
            close();
            co_return;
        });
        join();
    }
};
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

// reserve_disarm. Two slots are for two permits. One that is used is free when its value is received, one that is dropped at
// once; each serves the next in the queue, and only that one.
TEST_P(tokio_mpsc, a_slot_that_comes_free_serves_the_next) {
    auto [tx, rx] = mpsc_channel<int>(2);
    std::optional<mpsc_permit<int>> permit1, permit2;
    step(0, [&](kind me) -> task<void> {
        permit1 = std::move(*co_await by(me, tx.async_reserve()));
        permit2 = std::move(*co_await by(me, tx.async_reserve()));
    });
    auto third = tx.async_reserve();
    auto fourth = tx.async_reserve();
    EXPECT_TRUE(is_pending(d, third));
    EXPECT_TRUE(is_pending(e, fourth));
    act(0, [&] { EXPECT_TRUE(permit1->send(1)); });
    EXPECT_EQ(d.wakes(), 0);
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, rx.async_recv()), 1); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    act(0, [&] { permit2.reset(); });
    EXPECT_EQ(e.wakes(), 1);
    auto fifth = tx.async_reserve();
    test::driver f;
    EXPECT_TRUE(is_pending(f, fifth));
    EXPECT_TRUE(d.finish(third));
    EXPECT_TRUE(e.finish(fourth));
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

// send_recv_many_bounded_capacity, send_recv_many_unbounded_capacity. A receive of many does not let the vector grow when the
// values fit; a sender that is still there makes it wait, and the end makes it say none.
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

// start_send_past_cap. A request that is dropped leaves the queue: the slot goes to the one behind it, and it is not woken.
TEST_P(tokio_mpsc, a_dropped_request_is_not_served) {
    auto [tx, rx] = mpsc_channel<int>(1);
    act(0, [&] { EXPECT_TRUE(tx.try_send(1)); });
    std::optional<mpsc_reserve_future<int, mpsc_permit<int>>> dropped(tx.async_reserve());
    auto next = tx.async_reserve();
    EXPECT_TRUE(is_pending(d, *dropped));
    EXPECT_TRUE(is_pending(e, next));
    act(0, [&] { dropped.reset(); });
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, rx.async_recv()), 1); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    { auto unused = e.finish(next); }
    act(0, [&] { tx = {}; });
    step(1, [&](kind me) -> task<void> { EXPECT_FALSE(co_await by(me, rx.async_recv())); });
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

// send_recv_buffer_limited. Who waits for a slot is woken when a value is received, and nobody passes it.
TEST_P(tokio_mpsc, nobody_passes_who_waits_for_a_slot) {
    auto [tx, rx] = mpsc_channel<int>(1);
    step(0, [&](kind me) -> task<void> {
        auto permit = co_await by(me, tx.async_reserve());
        EXPECT_TRUE(permit->send(1));
    });
    auto next = tx.async_reserve();
    EXPECT_TRUE(is_pending(d, next));
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, rx.async_recv()), 1); });
    EXPECT_EQ(d.wakes(), 1);
    act(0, [&] {
        const auto refused = tx.try_send(1337);
        EXPECT_TRUE(refused.error().is_full());
        EXPECT_EQ(refused.error().value, 1337);
    });
    auto permit = d.finish(next);
    act(0, [&] { EXPECT_TRUE(permit->send(2)); });
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, rx.async_recv()), 2); });
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

// recv_close_gets_none_reserved. Close refuses those who wait for a slot, and waits for the permits that are held: what comes
// by them is received.
TEST_P(tokio_mpsc, close_waits_for_permits_and_refuses_requests) {
    auto [tx, rx] = mpsc_channel<int>(1);
    auto permit = tx.try_reserve();
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        EXPECT_FALSE(co_await by(me, counting(waiting, tx.async_reserve())));
    });
    await_count(waiting, 1);
    rx.close();
    join();
    second([&](kind me) -> task<void> {
        EXPECT_EQ(co_await by(me, counting(waiting, rx.async_recv())), 123);
        EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
    });
    await_count(waiting, 2);
    first([&](kind) -> task<void> {
        EXPECT_TRUE(permit->send(123));
        co_return;
    });
    join();
}

// failed_reserve_many_wakes_closed_receiver, cancelled_reserve_many_wakes_closed_receiver. A closed receiver waits for the one
// permit that is held. Unlike tokio's, a request for two holds nothing until it has both, so it keeps nobody waiting.
TEST_P(tokio_mpsc, a_request_for_many_does_not_hold_up_the_end) {
    for (const bool cancelled : {false, true}) {
        auto [tx, rx] = mpsc_channel<int>(2);
        auto permit = tx.try_reserve();
        std::optional<mpsc_reserve_future<int, mpsc_permits<int>>> two(tx.async_reserve_many(2));
        EXPECT_TRUE(is_pending(d, *two));
        act(0, [&] { rx.close(); });
        if (cancelled) {
            act(1, [&] { two.reset(); });
        } else {
            EXPECT_FALSE(d.finish(*two));
        }
        expect_end(rx, [&] { permit->give_back(); });
    }
}

// failed_reserve_wakes_closed_receiver, cancelled_reserve_wakes_closed_receiver, permit_available_not_acquired_close. A slot
// that was granted before the close counts as a permit until its request is dropped. Unlike tokio's, the request still
// succeeds after the close, and its value is received.
TEST_P(tokio_mpsc, a_slot_that_was_granted_before_close_counts) {
    for (const bool cancelled : {false, true}) {
        auto [tx, rx] = mpsc_channel<int>(1);
        auto permit = tx.try_reserve();
        std::optional<mpsc_reserve_future<int, mpsc_permit<int>>> granted(tx.async_reserve());
        EXPECT_TRUE(is_pending(d, *granted));
        act(0, [&] { permit->give_back(); });
        act(1, [&] { rx.close(); });
        EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
        if (cancelled) {
            expect_end(rx, [&] { granted.reset(); });
        } else {
            auto late = d.finish(*granted);
            act(0, [&] { EXPECT_TRUE(late->send(1)); });
            EXPECT_EQ(rx.try_recv(), 1);
        }
        EXPECT_EQ(rx.try_recv().error(), recv_error::closed);
    }
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

// try_reserve_many_zero, reserve_many_zero. Nothing can be reserved in a full channel, but not in a closed one.
TEST_P(tokio_mpsc, reserving_nothing_fails_only_when_closed) {
    auto [tx, rx] = mpsc_channel<int>(1);
    for (const bool full : {false, true}) {
        step(0, [&](kind me) -> task<void> {
            if (full) EXPECT_TRUE(tx.try_send(1));
            EXPECT_EQ(tx.try_reserve_many(0)->count(), 0u);
            const auto none = co_await by(me, tx.async_reserve_many(0));
            EXPECT_EQ(none->count(), 0u);
        });
    }
    act(1, [&] { drop(rx); });
    step(0, [&](kind me) -> task<void> {
        EXPECT_TRUE(tx.try_reserve_many(0).error().is_closed());
        EXPECT_FALSE(co_await by(me, tx.async_reserve_many(0)));
    });
}

// try_reserve_many_edge_cases, reserve_many_above_cap. A try for more than the channel can ever hold finds it full. (To wait for
// that is misuse here: see the death test.)
TEST_P(tokio_mpsc, a_try_for_too_many_finds_it_full) {
    auto [tx, rx] = mpsc_channel<int>(1);
    act(0, [&] {
        EXPECT_TRUE(tx.try_reserve_many(2).error().is_full());
        EXPECT_TRUE(tx.try_reserve_many(std::size_t(-1)).error().is_full());
    });
    act(1, [&] { drop(rx); });
    act(0, [&] { EXPECT_TRUE(tx.try_reserve_many(2).error().is_closed()); });
}

// try_reserve_fails. A permit takes the slot; it is free again when the value is received, or the permit is dropped.
TEST_P(tokio_mpsc, a_try_to_reserve_fails_while_the_slot_is_taken) {
    auto [tx, rx] = mpsc_channel<std::string>(1);
    auto permit = tx.try_reserve();
    act(0, [&] { EXPECT_TRUE(tx.try_reserve().error().is_full()); });
    act(0, [&] { EXPECT_TRUE(permit->send("foo")); });
    step(1, [&](kind me) -> task<void> { EXPECT_EQ(co_await by(me, rx.async_recv()), "foo"); });
    act(0, [&] {
        { auto unused = tx.try_reserve(); }
        EXPECT_TRUE(tx.try_reserve());
    });
}

// reserve_many_and_send, try_reserve_many_and_send. Of permits for many each sends one value.
TEST_P(tokio_mpsc, each_of_many_permits_sends_one) {
    constexpr std::size_t n = 30;
    for (const bool tries : {false, true}) {
        auto [tx, rx] = mpsc_channel<std::size_t>(n);
        const auto sends = [&](kind me) -> task<void> {
            for (std::size_t i = 0; i <= n; ++i) {
                std::optional<mpsc_permits<std::size_t>> permits;
                if (tries) {
                    while (!permits) {
                        if (auto now = tx.try_reserve_many(i)) permits = std::move(*now);
                        co_await by(me, async_yield());
                    }
                } else {
                    permits = std::move(*co_await by(me, tx.async_reserve_many(i)));
                }
                EXPECT_EQ(permits->count(), i);
                while (permits->count() != 0)
                    EXPECT_TRUE(permits->send(i));
            }
        };
        together(sends, [&](kind me) -> task<void> {
            for (std::size_t i = 0; i <= n; ++i) {
                for (std::size_t k = 0; k < i; ++k)
                    EXPECT_EQ(co_await by(me, rx.async_recv()), i);
            }
            EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
        });
    }
}

// reserve_many_on_closed_channel, try_reserve_many_on_closed_channel.
TEST_P(tokio_mpsc, nothing_is_reserved_after_the_receiver) {
    auto [tx, rx] = mpsc_channel<int>(100);
    act(1, [&] { drop(rx); });
    step(0, [&](kind me) -> task<void> {
        EXPECT_FALSE(co_await by(me, tx.async_reserve_many(10)));
        EXPECT_TRUE(tx.try_reserve_many(10).error().is_closed());
    });
}

// try_reserve_many_full. Of n slots that are reserved k are used: those that are not come back with the permits, the others when
// their values are received.
TEST_P(tokio_mpsc, slots_are_accounted_for) {
    for (std::size_t n = 1; n < 12; ++n) {
        for (std::size_t k = 0; k < n; ++k) {
            auto [tx, rx] = mpsc_channel<int>(n);
            act(0, [&] {
                auto permits = tx.try_reserve_many(n);
                EXPECT_EQ(permits->count(), n);
                EXPECT_EQ(tx.capacity(), 0u);
                EXPECT_TRUE(tx.try_reserve_many(1).error().is_full());
                for (std::size_t i = 0; i < k; ++i)
                    EXPECT_TRUE(permits->send(0));
            });
            act(0, [&] {
                EXPECT_EQ(tx.capacity(), n - k);
                EXPECT_TRUE(tx.try_reserve_many(1));
                EXPECT_TRUE(tx.try_reserve_many(n - k + 1).error().is_full());
            });
            step(1, [&](kind me) -> task<void> {
                for (std::size_t i = 0; i < k; ++i)
                    EXPECT_EQ(co_await by(me, rx.async_recv()), 0);
            });
            EXPECT_EQ(tx.capacity(), n);
        }
    }
}

// drop_permit_releases_permit, drop_permit_iterator_releases_permits. Permits that are dropped serve who waits for as many.
TEST_P(tokio_mpsc, dropped_permits_serve_who_waits) {
    for (std::size_t n = 1; n < 20; ++n) {
        auto [tx, rx] = mpsc_channel<int>(n);
        auto permits = tx.try_reserve_many(n);
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            if (n == 1) {
                EXPECT_TRUE(co_await by(me, counting(waiting, tx.async_reserve())));
            } else {
                const auto got = co_await by(me, counting(waiting, tx.async_reserve_many(n)));
                EXPECT_EQ(got->count(), n);
            }
        });
        await_count(waiting, 1);
        second([&](kind) -> task<void> {
            permits->give_back();
            co_return;
        });
        join();
        EXPECT_EQ(tx.capacity(), n);
    }
}

// dropping_last_permit_wakes_closed_receiver, dropping_last_owned_permit_…, dropping_last_permit_iterator_…,
// sending_last_permit_…, sending_last_owned_permit_…, releasing_last_owned_permit_…, ready_close_cancel_bounded. A closed
// receiver waits for the last permit, whatever becomes of it.
TEST_P(tokio_mpsc, the_last_permit_ends_a_closed_channel) {
    for (const int how : {0, 1, 2}) {
        auto [tx, rx] = mpsc_channel<int>(100);
        auto permit = std::move(*tx.try_reserve());
        auto permits = std::move(*tx.try_reserve_many(how == 1 ? 3 : 0));
        if (how == 1) permit.give_back();
        rx.close();
        if (how == 0) expect_end(rx, [&] { drop(permit); });
        if (how == 1) expect_end(rx, [&] { drop(permits); });
        if (how == 2) {
            std::atomic<int> waiting{0};
            first([&](kind me) -> task<void> {
                EXPECT_EQ(co_await by(me, counting(waiting, rx.async_recv())), 1);
                EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
            });
            await_count(waiting, 1);
            second([&](kind) -> task<void> {
                EXPECT_TRUE(permit.send(1));
                co_return;
            });
            join();
        }
    }
}

// dropping_rx_closes_channel, dropping_rx_closes_channel_for_try, unconsumed_messages_are_dropped. What was not received goes
// with the receiver; after it every form of sending fails.
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

// blocking_recv, blocking_recv_async, blocking_send, blocking_send_async, and those of sync_panic.rs about blocking_*. The plain
// verbs wait from every kind of flow. Where tokio panics, in a task, only that task waits.
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

// try_recv_unbounded, try_recv_close_while_empty_bounded, try_recv_close_while_empty_unbounded. Empty while there is a sender,
// closed after the last.
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

// try_recv_after_receiver_close, try_recv_after_receiver_close_with_permit. After close a try says closed, but empty while
// something may still come by a permit.
TEST_P(tokio_mpsc, a_try_after_close_waits_for_permits) {
    auto [tx, rx] = mpsc_channel<int>(5);
    auto permit = tx.try_reserve();
    EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    act(1, [&] {
        rx.close();
        EXPECT_EQ(rx.try_recv().error(), recv_error::empty);
    });
    act(0, [&] { permit->give_back(); });
    act(1, [&] { EXPECT_EQ(rx.try_recv().error(), recv_error::closed); });
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

// test_tx_capacity. Free slots go down with permits and values, the maximum stays.
TEST_P(tokio_mpsc, capacity_counts_free_slots) {
    auto [tx, rx] = mpsc_channel<int>(10);
    EXPECT_EQ(tx.capacity(), 10u);
    auto permit = tx.try_reserve();
    act(1, [&] { EXPECT_EQ(rx.capacity(), 9u); });
    step(0, [&](kind me) -> task<void> {
        EXPECT_TRUE(co_await by(me, tx.async_send(1)));
        EXPECT_EQ(tx.capacity(), 8u);
    });
    act(1, [&] {
        EXPECT_EQ(rx.capacity(), 8u);
        EXPECT_EQ(rx.max_capacity(), 10u);
    });
    EXPECT_EQ(tx.max_capacity(), 10u);
}

// test_rx_is_closed_when_calling_close_with_sender, …_dropping_all_senders, …_there_are_no_senders_and_there_are_messages,
// …_there_are_messages_and_close_is_called, test_rx_is_not_closed_when_there_are_senders, …_and_buffer_filled, and the same of
// test_rx_unbounded_…. Closed means closed by the receiver, or that no sender is left; values do not count.
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

// test_rx_is_not_closed_when_there_are_permits_but_not_senders.
TEST_P(tokio_mpsc, is_not_closed_while_there_is_a_permit) {
    auto [tx, rx] = mpsc_channel<int>(10);
    auto permit = tx.try_reserve();
    act(0, [&] { tx = {}; });
    EXPECT_FALSE(rx.is_closed());
    act(1, [&] { permit->give_back(); });
    EXPECT_TRUE(rx.is_closed());
}

// test_rx_is_empty_when_no_messages_were_sent, …_when_all_messages_are_consumed, …_all_senders_are_dropped_and_messages_consumed,
// test_rx_is_not_empty_when_there_are_messages_in_the_buffer, …_the_buffer_is_full, …_all_but_one_messages_are_consumed,
// test_rx_len_on_empty_channel, …_empty_channel_without_senders, …_filled_channel, …_filled_channel_without_senders,
// …_when_consuming_all_messages, and the same of test_rx_unbounded_…. The length is what was sent and not received; senders that
// go do not change it.
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

// buffer_gteq_one, reserve_many_above_cap; sync_panic.rs: mpsc_bounded_channel_panic_caller. Misuse ends the program, with advice.
TEST(tokio_mpsc_death, misuse_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH((void)mpsc_channel<int>(0), "room for at least one");
    auto [tx, rx] = mpsc_channel<int>(1);
    EXPECT_DEATH((void)tx.async_reserve_many(2), "max_capacity");
}

} // namespace
} // namespace sennit
