// The rules of tokio's sync_notify.rs, sync_notify_owned.rs, sync_barrier.rs, sync_once_cell.rs and sync_set_once.rs. Above
// each case stand the upstream tests.
//
// Notify has two halves here. What wakes all who wait, and keeps no permit for one, is `event`: it stays set until it is
// reset. What wakes one of them is a condition variable, whose permit is what its mutex guards. Not here: notify_last and
// enable (notify_multi_notified_last, notified_multi_notify_last_drop, test_notify_one_after_enable,
// test_poll_after_enable, test_enable_after_poll, test_enable_consumes_permit); cells that are made with a value or taken
// apart (drop_cell_new_with, drop_into_inner, drop_into_inner_new_with, from, into_inner_int_empty_setonce). The wait of
// SetOnce is an event beside the cell.
#include "sync_support.hpp"

#include <atomic>
#include <mutex>
#include <optional>
#include <stdexcept>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counted;
using test::counting;
using test::is_pending;
using test::kind;

// A notification as tokio has it: one permit at most is kept for who comes later.
struct notifier {
    mutex lock;
    condition_variable told;
    bool permit = false; // guarded by lock

    void notify_one() {
        const std::lock_guard guard(lock);
        permit = true;
        told.notify_one();
    }
    // `waiting` counts who is in the queue.
    task<void> notified(std::atomic<int>& waiting) {
        auto guard = co_await lock.async_lock();
        while (!permit)
            co_await counting(waiting, told.async_wait(guard));
        permit = false;
    }
};

class tokio_notify : public test::stepped {
protected:
    std::atomic<int> waiting_{0}, told_{0};

    test::conformance::party waits_for(notifier& n) {
        return [&](kind me) -> task<void> {
            co_await by(me, n.notified(waiting_));
            ++told_;
        };
    }
};
SENNIT_PAIRINGS(tokio_notify);

// notify_notified_one, test_notify_one_not_enabled. What was told before the wait is not lost.
TEST_P(tokio_notify, is_remembered_for_who_comes_later) {
    event set;
    act(0, [&] { set.set(); });
    step(1, [&](kind me) -> task<void> { co_await by(me, set.async_wait()); });
    notifier one;
    act(0, [&] { one.notify_one(); });
    step(1, waits_for(one));
    EXPECT_EQ(told_, 1);
}

// notified_one_notify. Who waits is woken.
TEST_P(tokio_notify, wakes_who_waits) {
    event set;
    first([&](kind me) -> task<void> { co_await by(me, counting(waiting_, set.async_wait())); });
    await_count(waiting_, 1);
    second([&](kind) -> task<void> {
        set.set();
        co_return;
    });
    join();
    notifier one;
    first(waits_for(one));
    await_count(waiting_, 2);
    second([&](kind) -> task<void> {
        one.notify_one();
        co_return;
    });
    join();
    EXPECT_EQ(told_, 1);
}

// notify_multi_notified_one, notified_multi_notify, notify_notified_multi. One notification is for one of them, the first,
// and not for the next.
TEST_P(tokio_notify, one_is_for_the_first_only) {
    mutex m;
    condition_variable told;
    auto lock1 = wait(m.async_lock());
    auto one = told.async_wait(lock1);
    EXPECT_TRUE(is_pending(d, one));
    auto lock2 = wait(m.async_lock());
    auto two = told.async_wait(lock2);
    EXPECT_TRUE(is_pending(e, two));
    act(0, [&] { told.notify_one(); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    d.finish(one);
    EXPECT_TRUE(lock1.owns_lock());
    EXPECT_TRUE(is_pending(e, two));
    lock1.unlock();
    act(1, [&] { told.notify_one(); });
    EXPECT_EQ(e.wakes(), 1);
    e.finish(two);
    EXPECT_TRUE(lock2.owns_lock());
}

// The same between flows: each notification lets one of them go.
TEST_P(tokio_notify, each_lets_one_go) {
    notifier n;
    for (int i = 0; i < 6; ++i)
        start_party(i, waits_for(n));
    await_count(waiting_, 6);
    for (int i = 1; i <= 6; ++i) {
        n.notify_one();
        await_count(told_, i);
        EXPECT_EQ(told_, i);
    }
    join();
}

// notified_drop_notified_notify. One that has gone is not told in place of another.
TEST_P(tokio_notify, who_has_gone_is_passed_over) {
    event set;
    {
        auto gone = set.async_wait();
        EXPECT_TRUE(is_pending(d, gone));
    }
    mutex m;
    condition_variable told;
    {
        auto lock = wait(m.async_lock());
        auto gone = told.async_wait(lock);
        EXPECT_TRUE(is_pending(d, gone));
    }
    auto waits = set.async_wait();
    EXPECT_TRUE(is_pending(e, waits));
    act(0, [&] { set.set(); });
    EXPECT_EQ(e.wakes(), 1);
    e.finish(waits);
    auto lock = wait(m.async_lock());
    auto wait_for_it = told.async_wait(lock);
    EXPECT_TRUE(is_pending(e, wait_for_it));
    act(1, [&] { told.notify_one(); });
    EXPECT_EQ(e.wakes(), 2);
    e.finish(wait_for_it);
    EXPECT_EQ(d.wakes(), 0);
}

// notified_multi_notify_drop_one, notified_multi_notify_one_drop. One that was told and goes without having looked hands the
// notification to the next, and only to that.
TEST_P(tokio_notify, who_goes_passes_it_on) {
    mutex m;
    condition_variable told;
    auto lock1 = wait(m.async_lock());
    std::optional<condition_future> one(told.async_wait(lock1));
    EXPECT_TRUE(is_pending(d, *one));
    auto lock2 = wait(m.async_lock());
    auto two = told.async_wait(lock2);
    EXPECT_TRUE(is_pending(e, two));
    test::driver f;
    auto lock3 = wait(m.async_lock());
    auto three = told.async_wait(lock3);
    EXPECT_TRUE(is_pending(f, three));
    act(0, [&] { told.notify_one(); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    act(1, [&] { one.reset(); });
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_EQ(f.wakes(), 0);
    e.finish(two);
    EXPECT_TRUE(is_pending(f, three));
}

// notify_in_drop_after_wake. A waker may notify the same event: it runs outside of the lock. (Wakers here own nothing that
// they could drop.)
TEST_P(tokio_notify, a_waker_may_notify) {
    event set;
    auto waits = set.async_wait();
    {
        wake_callback sets_too([&] {
            set.set();
            set.reset();
        });
        EXPECT_FALSE(waits.poll(sets_too.context()).is_ready());
        EXPECT_TRUE(sets_too.rearm());
        act(0, [&] { set.set(); });
    }
    EXPECT_FALSE(set.is_set());
    d.finish(waits);
}

// notify_one_after_dropped_all, unpolled_future_completed_by_notify_waiters_preserves_notify_one_permit. Who waits while an
// event is set and reset is let go, also if it looks only later; who has not begun to wait is not. (A future here does
// nothing before its first poll, so that is when it begins.) What is set afterwards is for those who come.
TEST_P(tokio_notify, who_waits_now_is_let_go_and_nobody_else) {
    event set;
    auto early = set.async_wait(), late = set.async_wait();
    EXPECT_TRUE(is_pending(d, early));
    act(0, [&] {
        set.set();
        set.reset();
    });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_TRUE(is_pending(e, late));
    d.finish(early);
    act(1, [&] { set.set(); });
    EXPECT_EQ(e.wakes(), 1);
    e.finish(late);
    step(0, [&](kind me) -> task<void> { co_await by(me, set.async_wait()); });
}

// test_waker_update. Who polled last is woken.
TEST_P(tokio_notify, a_wait_may_change_hands) {
    event set;
    auto waits = set.async_wait();
    EXPECT_TRUE(is_pending(d, waits));
    EXPECT_TRUE(is_pending(e, waits));
    act(0, [&] { set.set(); });
    EXPECT_EQ(d.wakes(), 0);
    EXPECT_EQ(e.wakes(), 1);
    e.finish(waits);
}

class tokio_barrier : public test::stepped {};
SENNIT_PAIRINGS(tokio_barrier);

// single. One alone passes at once, and leads each time.
TEST_P(tokio_barrier, one_alone_leads) {
    barrier b(1);
    for (int i = 0; i < 3; ++i) {
        step(i, [&](kind me) -> task<void> {
            EXPECT_TRUE(co_await by(me, b.async_arrive_and_wait()));
        });
    }
}

// tango. The first waits for the second, and one of them leads.
TEST_P(tokio_barrier, two_pass_together) {
    barrier b(2);
    std::atomic<int> waiting{0}, leaders{0}, passed{0};
    const auto arrives = [&](kind me) -> task<void> {
        leaders += co_await by(me, counting(waiting, b.async_arrive_and_wait()));
        ++passed;
    };
    first(arrives);
    await_count(waiting, 1);
    EXPECT_EQ(passed, 0);
    second(arrives);
    join();
    EXPECT_EQ(passed, 2);
    EXPECT_EQ(leaders, 1);
}

// lots. Nobody passes before all have come, each round has one leader, and the barrier is used again and again.
TEST_P(tokio_barrier, many_pass_together) {
    constexpr int flows = 10, rounds = test::rounds_scaled(20);
    barrier b(flows);
    std::atomic<int> leaders{0}, arrived{0};
    for (int i = 0; i < flows; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            for (int k = 1; k <= rounds; ++k) {
                ++arrived;
                leaders += co_await by(me, b.async_arrive_and_wait());
                EXPECT_GE(arrived, k * flows);
            }
        });
    }
    join();
    EXPECT_EQ(leaders, rounds);
    EXPECT_EQ(arrived, rounds * flows);
}

// R-SY-4. Unlike tokio's, an arrival that is dropped while it waits is taken back: nobody passes for one who has gone.
TEST_P(tokio_barrier, a_dropped_arrival_does_not_count) {
    barrier b(2);
    {
        auto gone = b.async_arrive_and_wait();
        EXPECT_TRUE(is_pending(d, gone));
    }
    std::atomic<int> waiting{0}, leaders{0};
    const auto arrives = [&](kind me) -> task<void> {
        leaders += co_await by(me, counting(waiting, b.async_arrive_and_wait()));
    };
    first(arrives);
    await_count(waiting, 1); // it has to wait
    second(arrives);
    join();
    EXPECT_EQ(leaders, 1);
}

// zero_does_not_block. A barrier for nobody is misuse here; tokio takes it for one.
TEST(tokio_barrier_death, a_barrier_for_nobody_is_misuse) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(barrier(0), "at least one flow");
}

class tokio_once_cell : public test::stepped {};
SENNIT_PAIRINGS(tokio_once_cell);

// drop_cell of both files. The value goes with the cell.
TEST_P(tokio_once_cell, the_value_goes_with_the_cell) {
    {
        once_cell<counted> cell;
        act(0, [&] { EXPECT_TRUE(cell.set(counted(1))); });
        act(1, [&] { EXPECT_FALSE(cell.set(counted(2))); });
        EXPECT_EQ(counted::alive(), 1);
    }
    EXPECT_EQ(counted::alive(), 0);
}

// get_or_init, get_or_init_panic. The first makes the value; who comes meanwhile waits for it, and does not run.
TEST_P(tokio_once_cell, the_first_makes_the_value) {
    once_cell<int> cell;
    event may_go;
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        const auto slowly = [&]() -> task<int> {
            co_await counting(waiting, may_go.async_wait());
            co_return 5;
        };
        EXPECT_EQ(co_await by(me, cell.async_get_or_init(slowly)), 5);
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        const auto never = []() -> int { throw std::runtime_error("second"); };
        EXPECT_EQ(co_await by(me, counting(waiting, cell.async_get_or_init(never))), 5);
    });
    await_count(waiting, 2);
    EXPECT_EQ(cell.get(), nullptr);
    may_go.set();
    join();
    EXPECT_EQ(*cell.get(), 5);
}

// set_and_get, get_uninit, is_none_initializing. There is no value before it is set.
TEST_P(tokio_once_cell, what_is_set_is_there) {
    once_cell<int> cell;
    act(1, [&] { EXPECT_EQ(cell.get(), nullptr); });
    act(0, [&] { EXPECT_TRUE(cell.set(5)); });
    act(1, [&] { EXPECT_EQ(*cell.get(), 5); });
}

// set_twice of both files, set_and_wait_multiple_threads. Of all who set, also at the same time, one succeeds.
TEST_P(tokio_once_cell, it_is_set_once) {
    for (int round = 0; round < 20; ++round) {
        once_cell<int> cell;
        std::atomic<int> winner{0}, winners{0};
        for (int i = 1; i <= 4; ++i) {
            start_party(i, [&, i](kind) -> task<void> {
                if (cell.set(i)) {
                    ++winners;
                    winner = i;
                }
                co_return;
            });
        }
        join();
        EXPECT_EQ(winners, 1);
        EXPECT_EQ(*cell.get(), winner);
        EXPECT_FALSE(cell.set(6));
    }
}

// set_while_initializing. A set while somebody makes the value fails. (Tokio's says so at once; here it waits for the
// value, since the one who makes it may fail.)
TEST_P(tokio_once_cell, a_set_waits_for_who_makes_the_value) {
    for (const bool fails : {false, true}) {
        once_cell<int> cell;
        event may_go;
        std::atomic<int> waiting{0};
        first([&](kind me) -> task<void> {
            const auto slowly = [&]() -> task<int> {
                co_await counting(waiting, may_go.async_wait());
                if (fails) throw std::runtime_error("init");
                co_return 5;
            };
            try {
                EXPECT_EQ(co_await by(me, cell.async_get_or_init(slowly)), 5);
            } catch (const std::runtime_error&) {
                EXPECT_TRUE(fails);
            }
        });
        await_count(waiting, 1);
        std::atomic<bool> set_returned{false};
        second([&](kind) -> task<void> {
            ++waiting;
            EXPECT_EQ(cell.set(10), fails);
            set_returned = true;
            co_return;
        });
        await_count(waiting, 2);
        EXPECT_FALSE(set_returned);
        may_go.set();
        join();
        EXPECT_EQ(*cell.get(), fails ? 10 : 5);
    }
}

// get_or_try_init. One that fails leaves the cell empty, and who waits makes the value in its stead.
TEST_P(tokio_once_cell, a_failure_leaves_it_to_the_next) {
    once_cell<int> cell;
    event may_fail;
    std::atomic<int> waiting{0}, failed{0};
    first([&](kind me) -> task<void> {
        const auto fails = [&]() -> task<int> {
            co_await counting(waiting, may_fail.async_wait());
            throw std::runtime_error("init");
        };
        try {
            co_await by(me, cell.async_get_or_init(fails));
        } catch (const std::runtime_error&) {
            ++failed;
        }
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        const auto ten = [] { return 10; };
        EXPECT_EQ(co_await by(me, counting(waiting, cell.async_get_or_init(ten))), 10);
    });
    await_count(waiting, 2);
    may_fail.set();
    join();
    EXPECT_EQ(failed, 1);
    EXPECT_EQ(*cell.get(), 10);
}

// R-SY-4. The same when the one who makes the value is dropped on its way.
TEST_P(tokio_once_cell, a_dropped_maker_leaves_it_to_the_next) {
    once_cell<int> cell;
    event never;
    const auto slowly = [&]() -> task<int> {
        co_await never.async_wait();
        co_return 5;
    };
    std::optional maker(cell.async_get_or_init(slowly));
    EXPECT_TRUE(is_pending(d, *maker));
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        const auto ten = [] { return 10; };
        EXPECT_EQ(co_await by(me, counting(waiting, cell.async_get_or_init(ten))), 10);
    });
    await_count(waiting, 1);
    second([&](kind) -> task<void> {
        maker.reset();
        co_return;
    });
    join();
    EXPECT_EQ(*cell.get(), 10);
}

// set_and_wait, set_and_wait_threads, is_some_initializing of sync_set_once.rs. Who waits for a value sees what was set.
TEST_P(tokio_once_cell, who_waits_sees_what_was_set) {
    once_cell<int> cell;
    event is_set;
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        co_await by(me, counting(waiting, is_set.async_wait()));
        EXPECT_EQ(*cell.get(), 5);
    });
    await_count(waiting, 1);
    second([&](kind) -> task<void> {
        EXPECT_TRUE(cell.set(5));
        is_set.set();
        co_return;
    });
    join();
}

} // namespace
} // namespace sennit
