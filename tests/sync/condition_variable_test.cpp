// The rules of sync.Cond; and tokio's Notify where it has the same.
#include "support.hpp"

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;

class condition_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, condition_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

struct queue {
    mutex lock;
    condition_variable changed;
    int items = 0;
    long taken = 0;
};
void produce(queue& q, int n) {
    for (int i = 0; i < n; ++i) {
        std::lock_guard guard(q.lock);
        ++q.items;
        i % 2 == 0 ? q.changed.notify_one() : q.changed.notify_all();
    }
}
task<void> produce_task(queue& q, int n) {
    for (int i = 0; i < n; ++i) {
        {
            auto guard = co_await q.lock.async_lock();
            ++q.items;
        }
        q.changed.notify_one();
    }
}
void consume(queue& q, int n) {
    for (int i = 0; i < n; ++i) {
        std::unique_lock guard(q.lock);
        q.changed.wait(guard, [&] { return q.items > 0; });
        --q.items;
        ++q.taken;
    }
}
task<void> consume_task(queue& q, int n) {
    for (int i = 0; i < n; ++i) {
        auto guard = co_await q.lock.async_lock();
        while (q.items == 0)
            co_await q.changed.async_wait(guard);
        --q.items;
        ++q.taken;
    }
}

// go: TestRace and BenchmarkCond's shape: every item is taken once, and nobody sleeps for ever.
TEST_P(condition_pairs, no_notification_is_lost) {
    queue q;
    static constexpr int each = test::rounds_scaled(1000);
    for (int i = 0; i < 3; ++i) {
        start(GetParam().first, [&] { consume(q, each); }, [&] { return consume_task(q, each); });
        start(GetParam().second, [&] { produce(q, each); }, [&] { return produce_task(q, each); });
    }
    join();
    EXPECT_EQ(q.items, 0);
    EXPECT_EQ(q.taken, 3L * each);
}

// A waiter by hand: the future refers to the lock.
struct hand_waiter {
    explicit hand_waiter(condition_variable& c, mutex& m) : lock(m), wait(c.async_wait(lock)) {}
    std::unique_lock<mutex> lock;
    condition_future wait;
};

// go: TestCondSignal, TestCondSignalGenerations: one for each, in the order of arrival
TEST(condition_variable, wakes_in_order) {
    mutex m;
    condition_variable c;
    driver d[3];
    std::optional<hand_waiter> w[3];
    for (int i = 0; i < 3; ++i) {
        w[i].emplace(c, m);
        EXPECT_FALSE(d[i].poll(w[i]->wait).is_ready());
        EXPECT_FALSE(w[i]->lock.owns_lock());
        EXPECT_TRUE(d[i].rearm());
    }
    for (int i = 0; i < 3; ++i) {
        c.notify_one();
        for (int j = 0; j < 3; ++j)
            EXPECT_EQ(d[j].wakes(), j <= i ? 1 : 0);
        EXPECT_TRUE(d[i].poll(w[i]->wait).is_ready());
        EXPECT_TRUE(w[i]->lock.owns_lock());
        w[i]->lock.unlock();
    }
    c.notify_one(); // nobody waits: it is not kept
}

// go: TestCondBroadcast, TestCondSignalStealing: who comes later gets nothing
TEST(condition_variable, all_that_wait_now_are_woken_and_no_other) {
    mutex m;
    condition_variable c;
    driver d[3];
    hand_waiter a(c, m);
    EXPECT_FALSE(d[0].poll(a.wait).is_ready());
    hand_waiter b(c, m);
    EXPECT_FALSE(d[1].poll(b.wait).is_ready());
    c.notify_all();
    hand_waiter late(c, m);
    EXPECT_FALSE(d[2].poll(late.wait).is_ready());
    EXPECT_TRUE(d[0].poll(a.wait).is_ready());
    a.lock.unlock();
    EXPECT_TRUE(d[1].poll(b.wait).is_ready());
    b.lock.unlock();
    EXPECT_FALSE(d[2].poll(late.wait).is_ready());
}

// tokio: sync_notify, notified_one_notify / drop of a notified waiter passes it on
TEST(condition_variable, a_dropped_waiter_passes_its_notification_on) {
    for (const bool while_locking : {false, true}) {
        mutex m;
        condition_variable c;
        driver d[2];
        std::optional<hand_waiter> first(std::in_place, c, m);
        EXPECT_FALSE(d[0].poll(first->wait).is_ready());
        hand_waiter second(c, m);
        EXPECT_FALSE(d[1].poll(second.wait).is_ready());
        c.notify_one();
        if (while_locking) {
            std::lock_guard guard(m);
            EXPECT_FALSE(d[0].poll(first->wait).is_ready());
            first.reset();
        } else {
            first.reset();
        }
        EXPECT_TRUE(d[1].poll(second.wait).is_ready());
    }
}

TEST(condition_variable, bounds_end_the_wait_with_the_mutex_locked) {
    mutex m;
    condition_variable c;
    std::unique_lock lock(m);
    EXPECT_EQ(c.wait_for(lock, 1ms), std::cv_status::timeout);
    EXPECT_TRUE(lock.owns_lock());
    EXPECT_FALSE(c.wait_for(lock, 1ms, [] { return false; }));
    EXPECT_TRUE(c.wait_for(lock, 1ms, [] { return true; }));
    EXPECT_TRUE(lock.owns_lock());
    std::stop_source source;
    source.request_stop();
    EXPECT_FALSE(c.wait(lock, source.get_token(), [] { return false; }));
    EXPECT_FALSE(c.wait_until(lock, std::stop_token(), std::chrono::steady_clock::now(),
                              [] { return false; }));
    EXPECT_TRUE(lock.owns_lock());
}

TEST(condition_variable, a_stopped_flow_has_the_mutex_while_it_unwinds) {
    runtime rt{{.workers = 2}};
    mutex m;
    condition_variable c;
    event begun;
    bool owned = false;
    auto waiting = rt.spawn([&] {
        std::unique_lock lock(m);
        begun.set();
        try {
            c.wait(lock);
        } catch (const stopped&) {
            owned = lock.owns_lock();
            throw;
        }
    });
    begun.wait();
    waiting.request_stop();
    EXPECT_FALSE(waiting.try_join());
    EXPECT_TRUE(owned);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

} // namespace
} // namespace sennit
