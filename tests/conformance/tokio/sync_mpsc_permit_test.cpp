// The rules of tokio's sync_mpsc.rs about permits and slots; the others stand in sync_mpsc_test.cpp. Above each case stand
// the upstream tests. An owned permit is the only one there is.
#include "sync_support.hpp"

#include <atomic>
#include <optional>
#include <string>
#include <utility>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::drop;
using test::is_pending;
using test::kind;

class tokio_mpsc_permits : public test::stepped {};
SENNIT_PAIRINGS(tokio_mpsc_permits);

// reserve_disarm. Two slots are for two permits. One that is used is free when its value is received, one that is dropped at
// once; each serves the next in the queue, and only that one.
TEST_P(tokio_mpsc_permits, a_slot_that_comes_free_serves_the_next) {
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

// start_send_past_cap. A request that is dropped leaves the queue: the slot goes to the one behind it, and it is not woken.
TEST_P(tokio_mpsc_permits, a_dropped_request_is_not_served) {
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

// send_recv_buffer_limited. Who waits for a slot is woken when a value is received, and nobody passes it.
TEST_P(tokio_mpsc_permits, nobody_passes_who_waits_for_a_slot) {
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

// recv_close_gets_none_reserved. Close refuses those who wait for a slot, and waits for the permits that are held: what
// comes by them is received.
TEST_P(tokio_mpsc_permits, close_waits_for_permits_and_refuses_requests) {
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

// failed_reserve_many_wakes_closed_receiver, cancelled_reserve_many_wakes_closed_receiver. A closed receiver waits for the
// one permit that is held. Unlike tokio's, a request for two holds nothing until it has both, so it keeps nobody waiting.
TEST_P(tokio_mpsc_permits, a_request_for_many_does_not_hold_up_the_end) {
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
TEST_P(tokio_mpsc_permits, a_slot_that_was_granted_before_close_counts) {
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

// try_reserve_many_zero, reserve_many_zero. Nothing can be reserved in a full channel, but not in a closed one.
TEST_P(tokio_mpsc_permits, reserving_nothing_fails_only_when_closed) {
    auto [tx, rx] = mpsc_channel<int>(1);
    for (const bool full : {false, true}) {
        step(0, [&](kind me) -> task<void> {
            if (full) {
                EXPECT_TRUE(tx.try_send(1));
            }
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

// try_reserve_many_edge_cases, reserve_many_above_cap. A try for more than the channel can ever hold finds it full. (To
// wait for that is misuse here: see the death test.)
TEST_P(tokio_mpsc_permits, a_try_for_too_many_finds_it_full) {
    auto [tx, rx] = mpsc_channel<int>(1);
    act(0, [&] {
        EXPECT_TRUE(tx.try_reserve_many(2).error().is_full());
        EXPECT_TRUE(tx.try_reserve_many(std::size_t(-1)).error().is_full());
    });
    act(1, [&] { drop(rx); });
    act(0, [&] { EXPECT_TRUE(tx.try_reserve_many(2).error().is_closed()); });
}

// try_reserve_fails. A permit takes the slot; it is free again when the value is received, or the permit is dropped.
TEST_P(tokio_mpsc_permits, a_try_to_reserve_fails_while_the_slot_is_taken) {
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
TEST_P(tokio_mpsc_permits, each_of_many_permits_sends_one) {
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
TEST_P(tokio_mpsc_permits, nothing_is_reserved_after_the_receiver) {
    auto [tx, rx] = mpsc_channel<int>(100);
    act(1, [&] { drop(rx); });
    step(0, [&](kind me) -> task<void> {
        EXPECT_FALSE(co_await by(me, tx.async_reserve_many(10)));
        EXPECT_TRUE(tx.try_reserve_many(10).error().is_closed());
    });
}

// try_reserve_many_full. Of n slots that are reserved k are used: those that are not come back with the permits, the others
// when their values are received.
TEST_P(tokio_mpsc_permits, slots_are_accounted_for) {
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
TEST_P(tokio_mpsc_permits, dropped_permits_serve_who_waits) {
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
TEST_P(tokio_mpsc_permits, the_last_permit_ends_a_closed_channel) {
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

// try_recv_after_receiver_close, try_recv_after_receiver_close_with_permit. After close a try says closed, but empty while
// something may still come by a permit.
TEST_P(tokio_mpsc_permits, a_try_after_close_waits_for_permits) {
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

// test_tx_capacity. Free slots go down with permits and values, the maximum stays.
TEST_P(tokio_mpsc_permits, capacity_counts_free_slots) {
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

// test_rx_is_not_closed_when_there_are_permits_but_not_senders.
TEST_P(tokio_mpsc_permits, is_not_closed_while_there_is_a_permit) {
    auto [tx, rx] = mpsc_channel<int>(10);
    auto permit = tx.try_reserve();
    act(0, [&] { tx = {}; });
    EXPECT_FALSE(rx.is_closed());
    act(1, [&] { permit->give_back(); });
    EXPECT_TRUE(rx.is_closed());
}

} // namespace
} // namespace sennit
