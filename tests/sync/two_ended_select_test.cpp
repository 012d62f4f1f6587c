// select over mpsc, unbounded, oneshot, broadcast and watch: a case that loses has taken nothing, again and
// again. The rule of tokio's documented cancel safety of its channels (R-SEL-6), and of macros_select.rs.
#include "counted.hpp"
#include "support.hpp"
#include <sennit/sync/broadcast_channel.hpp>
#include <sennit/sync/oneshot_channel.hpp>
#include <sennit/sync/select.hpp>
#include <sennit/sync/unbounded_channel.hpp>
#include <sennit/sync/watch_channel.hpp>

namespace sennit {
namespace {

using test::counted;
using test::driver;

class two_ended_select : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, two_ended_select, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

constexpr int each = test::rounds_scaled(300);

struct receivers {
    mpsc_receiver<counted> bounded;
    unbounded_receiver<counted> unbounded;
    broadcast_receiver<counted> all;
    watch_receiver<int> latest;
    oneshot_receiver<counted> once;
};
struct seen {
    int bounded = 0, unbounded = 0, all = 0, once = 0, last = 0;
    unsigned open = 31;
};

auto cases(receivers& r, seen& s, auto select_them) {
    const auto count = [&s](int& next, unsigned bit) {
        return [&s, &next, bit](const auto& v) {
            if (v.has_value()) {
                EXPECT_EQ(v->value(), next++) << "lost or out of order in channel " << bit;
            } else {
                s.open &= ~bit;
            }
        };
    };
    return select_them(on_recv(r.bounded, count(s.bounded, 1)),
                       on_recv(r.unbounded, count(s.unbounded, 2)), on_recv(r.all, count(s.all, 4)),
                       on(r.once, count(s.once, 8)),
                       on(r.latest.async_changed(), [&](const auto& changed) {
                           if (changed.has_value()) {
                               s.last = *r.latest.borrow_and_update();
                           } else {
                               s.open &= ~16u;
                           }
                       }));
}
void expect_all(const seen& s) {
    EXPECT_EQ(s.bounded, each);
    EXPECT_EQ(s.unbounded, each);
    EXPECT_EQ(s.all, each);
    EXPECT_EQ(s.once, 1);
    EXPECT_EQ(s.last, each);
}
task<void> receive_all(std::shared_ptr<receivers> r) {
    seen s;
    while (s.open != 0) {
        auto waiting =
            cases(*r, s, [](auto&&... c) { return async_select(std::forward<decltype(c)>(c)...); });
        co_await waiting;
    }
    expect_all(s);
}

struct senders {
    mpsc_sender<counted> bounded;
    unbounded_sender<counted> unbounded;
    broadcast_sender<counted> all;
    watch_sender<int> latest;
    oneshot_sender<counted> once;

    void send_all() {
        for (int i = 0; i < each; ++i) {
            EXPECT_TRUE(bounded.send(counted(i)));
            EXPECT_TRUE(unbounded.send(counted(i)));
            EXPECT_TRUE(all.send(counted(i)));
            EXPECT_TRUE(latest.send(i + 1));
            if (i == each / 2) {
                EXPECT_TRUE(once.send(counted(0)));
            }
        }
    }
};
task<void> in_task(std::shared_ptr<senders> s) {
    co_await async_yield();
    s->send_all();
    s.reset();
}

TEST_P(two_ended_select, cases_that_lose_lose_no_value) {
    {
        auto [tx1, rx1] = mpsc_channel<counted>(3);
        auto [tx2, rx2] = unbounded_channel<counted>();
        auto [tx3, rx3] = broadcast_channel<counted>(1024);
        auto [tx4, rx4] = watch_channel<int>(0);
        auto [tx5, rx5] = oneshot_channel<counted>();
        auto in = std::make_shared<senders>(senders{std::move(tx1), std::move(tx2), std::move(tx3),
                                                    std::move(tx4), std::move(tx5)});
        auto out = std::make_shared<receivers>(receivers{
            std::move(rx1), std::move(rx2), std::move(rx3), std::move(rx4), std::move(rx5)});
        start(
            kind_of(0),
            [in]() mutable {
                in->send_all();
                in.reset();
            },
            [&] { return in_task(std::move(in)); });
        start(
            kind_of(1),
            [out] {
                seen s;
                while (s.open != 0) {
                    (void)cases(*out, s, [](auto&&... c) {
                        return select(std::forward<decltype(c)>(c)...);
                    });
                }
                expect_all(s);
            },
            [&] { return receive_all(std::move(out)); });
    }
    join();
    EXPECT_EQ(counted::alive(), 0);
}

// A reservation that loses gives its slot back; the value stays with the caller.
TEST(two_ended_select_once, a_reservation_that_loses_keeps_the_value) {
    const auto frames = pool_stats().frames;
    {
        auto [tx, rx] = mpsc_channel<counted>(1);
        EXPECT_TRUE(tx.send(counted(1)));
        counted mine(2);
        event stop;
        driver d;
        {
            auto waiting = async_select(on(tx.async_reserve()), on(stop.async_wait()));
            EXPECT_FALSE(d.poll(waiting).is_ready());
            EXPECT_TRUE(d.rearm());
            stop.set();
            EXPECT_EQ(d.wakes(), 1);
            EXPECT_EQ(d.finish(waiting), 1u);
        }
        EXPECT_EQ(mine.value(), 2);
        EXPECT_EQ(rx.recv()->value(), 1);
        EXPECT_EQ(tx.capacity(), 1u);
        EXPECT_TRUE(tx.reserve()->send(std::move(mine)));
        EXPECT_EQ(rx.recv()->value(), 2);
    }
    EXPECT_EQ(counted::alive(), 0);
    EXPECT_EQ(pool_stats().frames, frames);
}

} // namespace
} // namespace sennit
