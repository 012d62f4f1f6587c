// The rules of tokio's sync_mpsc_weak.rs. Above each case stand the upstream tests.
#include "sync_support.hpp"

#include <optional>
#include <utility>
#include <variant>

namespace sennit {
namespace {

using test::by;
using test::counted;
using test::drop;
using test::for_both;
using test::kind;
using test::put;

class tokio_mpsc_weak : public test::stepped {};
SENNIT_PAIRINGS(tokio_mpsc_weak);

// weak_sender, weak_unbounded_sender. While a sender is there a weak one makes another, whose values come in their turn;
// after the last it makes none, and does not keep the receiver from the end.
TEST_P(tokio_mpsc_weak, a_weak_sender_becomes_a_strong_one) {
    for_both<int>(11, [&](auto ends) {
        auto& [tx, rx] = ends;
        auto weak = tx.downgrade();
        const auto sends = [&](kind me) -> task<void> {
            for (int i = 0; i < 10; ++i)
                EXPECT_TRUE(co_await put(me, tx, i));
            auto second = weak.upgrade();
            EXPECT_TRUE(second.has_value());
            tx = {};
            EXPECT_TRUE(co_await put(me, *second, 20));
            weak = second->downgrade();
        };
        together(sends, [&](kind me) -> task<void> {
            for (int i = 0; i < 10; ++i)
                EXPECT_EQ(co_await by(me, rx.async_recv()), i);
            EXPECT_EQ(co_await by(me, rx.async_recv()), 20);
            EXPECT_EQ(co_await by(me, rx.async_recv()), std::nullopt);
        });
        EXPECT_FALSE(weak.upgrade());
    });
}

// actor_weak_sender, actor_weak_unbounded_sender. An actor that sends to itself through a weak sender ends with the last who
// holds a strong one.
TEST_P(tokio_mpsc_weak, an_actor_may_send_to_itself) {
    struct note_to_self {};
    using message = std::variant<note_to_self, oneshot_sender<int>>;
    for_both<message>(8, [&](auto ends) {
        auto& [tx, rx] = ends;
        int notes = 0;
        const auto self = tx.downgrade();
        first([&](kind me) -> task<void> {
            int id = 0;
            while (auto m = co_await by(me, rx.async_recv())) {
                if (auto* answer = std::get_if<oneshot_sender<int>>(&*m)) {
                    const auto strong = self.upgrade(); // who asks is still there
                    EXPECT_TRUE(answer->send(++id));
                    EXPECT_TRUE(co_await put(me, *strong, message(note_to_self())));
                } else {
                    ++notes;
                }
            }
        });
        second([&](kind me) -> task<void> {
            for (int i = 1; i <= 2; ++i) {
                auto [answers, answer] = oneshot_channel<int>();
                EXPECT_TRUE(co_await put(me, tx, message(std::move(answers))));
                EXPECT_EQ(co_await by(me, answer.async_recv()), i);
            }
            tx = {};
        });
        join();
        EXPECT_EQ(notes, 2);
    });
}

// test_msgs_dropped_on_rx_drop, test_msgs_dropped_on_unbounded_rx_drop. A weak sender that stays does not keep values alive
// that nobody will receive; what is sent after the receiver comes back.
TEST_P(tokio_mpsc_weak, no_value_outlives_the_receiver) {
    for_both<counted>(3, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto weak = tx.downgrade();
        step(0, [&](kind me) -> task<void> {
            for (int i = 0; i < 3; ++i)
                EXPECT_TRUE(co_await put(me, tx, counted(i)));
        });
        step(1, [&](kind me) -> task<void> {
            EXPECT_TRUE(co_await by(me, rx.async_recv()));
            EXPECT_EQ(counted::alive(), 2);
            drop(rx);
        });
        EXPECT_EQ(counted::alive(), 0);
        step(0, [&](kind me) -> task<void> {
            EXPECT_FALSE(co_await put(me, tx, counted(3)));
            tx = {};
        });
        EXPECT_EQ(counted::alive(), 0);
    });
}

// downgrade_upgrade_sender_success, …_failure, downgrade_drop_upgrade, test_tx_count_weak_sender and the same of
// …_unbounded. Any strong sender will do, not only the one that was downgraded; weak ones do not count.
TEST_P(tokio_mpsc_weak, upgrade_needs_a_strong_sender) {
    for_both<int>(1, [&](auto ends) {
        auto& [tx, rx] = ends;
        auto copy = tx;
        const auto weak = copy.downgrade(), other = tx.downgrade();
        act(0, [&] { copy = {}; });
        act(1, [&] { EXPECT_TRUE(weak.upgrade()); });
        act(0, [&] { tx = {}; });
        act(1, [&] {
            EXPECT_FALSE(weak.upgrade());
            EXPECT_FALSE(other.upgrade());
        });
    });
}

// downgrade_get_permit_upgrade_no_senders, downgrade_upgrade_get_permit_no_senders. A permit is as good as a sender.
TEST_P(tokio_mpsc_weak, upgrade_is_possible_while_there_is_a_permit) {
    auto [tx, rx] = mpsc_channel<int>(1);
    const auto early = tx.downgrade();
    std::optional<mpsc_permit<int>> permit;
    step(0,
         [&](kind me) -> task<void> { permit = std::move(*co_await by(me, tx.async_reserve())); });
    const auto late = tx.downgrade();
    act(0, [&] { tx = {}; });
    act(1, [&] {
        EXPECT_TRUE(early.upgrade());
        EXPECT_TRUE(late.upgrade());
        permit.reset();
        EXPECT_FALSE(early.upgrade());
        EXPECT_FALSE(late.upgrade());
    });
}

// test_rx_is_closed_when_dropping_all_senders_except_weak_senders, test_rx_unbounded_….
TEST_P(tokio_mpsc_weak, weak_senders_do_not_keep_it_open) {
    for_both<int>(10, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto weak = tx.downgrade();
        EXPECT_FALSE(rx.is_closed());
        act(0, [&] { tx = {}; });
        act(1, [&] { EXPECT_TRUE(rx.is_closed()); });
    });
}

// sender_strong_count_when_cloned, sender_weak_count_when_downgraded, sender_strong_count_when_dropped,
// sender_weak_count_when_dropped, sender_strong_and_weak_conut and the same of unbounded_…. Every handle tells both counts.
TEST_P(tokio_mpsc_weak, every_handle_knows_the_counts) {
    for_both<int>(1, [&](auto ends) {
        auto& [tx, rx] = ends;
        const auto expect = [&](const auto& weak, std::size_t strong_count,
                                std::size_t weak_count) {
            EXPECT_EQ(tx.strong_count(), strong_count);
            EXPECT_EQ(rx.sender_strong_count(), strong_count);
            EXPECT_EQ(weak.strong_count(), strong_count);
            EXPECT_EQ(tx.weak_count(), weak_count);
            EXPECT_EQ(rx.sender_weak_count(), weak_count);
            EXPECT_EQ(weak.weak_count(), weak_count);
        };
        const auto weak = tx.downgrade();
        expect(weak, 1, 1);
        auto tx2 = tx;
        expect(weak, 2, 1);
        auto weak2 = tx2.downgrade();
        act(0, [&] { expect(weak, 2, 2); });
        act(0, [&] { tx2 = {}; });
        act(1, [&] { expect(weak, 1, 2); });
        act(1, [&] { drop(weak2); });
        act(0, [&] { expect(weak, 1, 1); });
    });
}

} // namespace
} // namespace sennit
