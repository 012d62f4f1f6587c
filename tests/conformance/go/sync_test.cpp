// The rules of golang/go's sync tests (mutex, rwmutex, cond, once, oncefunc, waitgroup) and of golang/sync's semaphore.
// Above each case stands the upstream test. sync.Map and sync.Pool have no counterpart here.
#include "conformance/pairing.hpp"

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::kind;

class go_sync : public test::conformance {};
SENNIT_PAIRINGS(go_sync);

// mutex_test.go: TestMutex, HammerMutex. A try fails while somebody has it and succeeds when nobody has; lock and try from
// many flows never let two in.
TEST_P(go_sync, mutex_lets_one_in) {
    constexpr int flows = 6, rounds = test::rounds_scaled(150);
    mutex m;
    m.lock();
    EXPECT_FALSE(m.try_lock());
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    int inside = 0, entered = 0; // guarded by m
    for (int i = 0; i < flows; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            for (int k = 0; k < rounds; ++k) {
                if (k % 3 == 0 && m.try_lock()) m.unlock();
                const auto guard = co_await by(me, m.async_lock());
                EXPECT_EQ(++inside, 1);
                if (k % 10 == 0) co_await by(me, async_yield());
                ++entered;
                --inside;
            }
        });
    }
    join();
    EXPECT_EQ(entered, flows * rounds);
}

// mutex_test.go and G-SY-1. One flow may lock and another unlock.
TEST_P(go_sync, mutex_may_be_unlocked_by_another_flow) {
    mutex m;
    auto locked = make_chan<int>();
    const auto locks = [&](kind me) -> task<void> {
        for (int i = 0; i < 10; ++i) {
            auto guard = co_await by(me, m.async_lock());
            guard.release();
            co_await by(me, locked.async_send(i));
        }
    };
    together(locks, [&](kind me) -> task<void> {
        for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(co_await by(me, locked.async_recv()), i);
            m.unlock(); // the first flow waits for this
        }
    });
}

// mutex_test.go: TestMutexFairness. One that holds the mutex nearly always does not keep out one that wants it seldom.
TEST_P(go_sync, mutex_is_fair) {
    mutex m;
    std::atomic<bool> done{false};
    const auto greedy = [&](kind me) -> task<void> {
        while (!done) {
            const auto guard = co_await by(me, m.async_lock());
            for (int i = 0; i < 3; ++i)
                co_await by(me, async_yield());
        }
    };
    together(greedy, [&](kind me) -> task<void> {
        for (int i = 0; i < 10; ++i) {
            co_await by(me, async_yield());
            const auto guard = co_await by(me, m.async_lock());
        }
        done = true;
    });
}

// rwmutex_test.go: TestParallelReaders. Readers are inside together: each waits there for all.
TEST_P(go_sync, readers_are_inside_together) {
    constexpr int readers = 6;
    shared_mutex m;
    latch all_inside(readers);
    for (int i = 0; i < readers; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            const auto guard = co_await by(me, m.async_lock_shared());
            all_inside.count_down();
            co_await by(me, all_inside.async_wait());
        });
    }
    join();
}

// rwmutex_test.go: TestRWMutex, HammerRWMutex. What a try says in each state; under load a writer is alone, and readers
// see no writer.
TEST_P(go_sync, writers_are_alone) {
    constexpr int rounds = test::rounds_scaled(80);
    shared_mutex m;
    m.lock();
    EXPECT_FALSE(m.try_lock());
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock();
    m.lock_shared();
    EXPECT_FALSE(m.try_lock());
    EXPECT_TRUE(m.try_lock_shared());
    m.unlock_shared();
    m.unlock_shared();
    EXPECT_TRUE(m.try_lock());
    m.unlock();

    constexpr int writer = 10'000;
    std::atomic<int> activity{0};
    for (int i = 0; i < 8; ++i) {
        const bool writes = i % 4 < 2; // of both kinds
        start_party(i, [&, writes](kind me) -> task<void> {
            for (int k = 0; k < rounds; ++k) {
                if (writes) {
                    const auto guard = co_await by(me, m.async_lock());
                    EXPECT_EQ(activity += writer, writer);
                    co_await by(me, async_yield());
                    activity -= writer;
                } else {
                    const auto guard = co_await by(me, m.async_lock_shared());
                    const int n = ++activity;
                    EXPECT_TRUE(n >= 1 && n < writer);
                    co_await by(me, async_yield());
                    --activity;
                }
            }
        });
    }
    join();
    EXPECT_EQ(activity, 0);
}

// A condition and those who wait for it, each of which says when it is awake.
struct sleepers {
    mutex lock;
    condition_variable wake;
    int asleep = 0;      // guarded by lock
    bool may_go = false; // guarded by lock
    chan<int> awake = make_chan<int>(100);

    // Until so many wait: each counts itself under the lock that only its wait gives up.
    void await_asleep(int n) {
        for (;;) {
            {
                std::lock_guard guard(lock);
                if (asleep == n) return;
            }
            std::this_thread::yield();
        }
    }
    task<void> sleep(kind me, int number) {
        auto guard = co_await by(me, lock.async_lock());
        ++asleep;
        auto waiting = wake.async_wait(guard);
        co_await by(me, std::move(waiting));
        guard.unlock();
        co_await by(me, awake.async_send(number));
    }
};

// cond_test.go: TestCondSignal. Each notification wakes one of those who wait.
TEST_P(go_sync, a_notification_wakes_one) {
    constexpr int n = 6;
    sleepers s;
    for (int i = 0; i < n; ++i)
        start_party(i, [&, i](kind me) { return s.sleep(me, i); });
    s.await_asleep(n);
    EXPECT_EQ(s.awake.len(), 0u);
    for (int i = 0; i < n; ++i) {
        {
            std::lock_guard guard(s.lock);
            s.wake.notify_one();
        }
        EXPECT_TRUE(s.awake.recv());
        EXPECT_EQ(s.awake.len(), 0u); // one and no more
    }
    s.wake.notify_one(); // nobody waits
    join();
}

// cond_test.go: TestCondSignalGenerations. In the order in which they began to wait, whatever their kinds.
TEST_P(go_sync, notifications_come_in_the_order_of_waiting) {
    constexpr int n = 8;
    sleepers s;
    for (int i = 0; i < n; ++i) {
        start_party(i, [&, i](kind me) { return s.sleep(me, i); });
        s.await_asleep(i + 1);
    }
    for (int i = 0; i < n; ++i) {
        s.wake.notify_one();
        EXPECT_EQ(s.awake.recv(), i);
    }
    join();
}

// cond_test.go: TestCondBroadcast, TestCondSignalStealing. All that wait are woken by notify_all, round after round; and
// what wakes one is not taken by one that comes later.
TEST_P(go_sync, a_broadcast_wakes_all_and_nobody_steals) {
    constexpr int n = 6;
    for (int round = 0; round < 3; ++round) {
        sleepers s;
        for (int i = 0; i < n; ++i)
            start_party(i, [&, i](kind me) { return s.sleep(me, i); });
        s.await_asleep(n);
        s.wake.notify_all();
        for (int i = 0; i < n; ++i)
            EXPECT_TRUE(s.awake.recv());
        join();
    }
    sleepers s;
    start_party(0, [&](kind me) { return s.sleep(me, 1); });
    s.await_asleep(1);
    s.wake.notify_one();
    start_party(1, [&](kind me) { return s.sleep(me, 2); });
    EXPECT_EQ(s.awake.recv(), 1);
    s.await_asleep(2);
    EXPECT_EQ(s.awake.len(), 0u);
    s.wake.notify_one();
    EXPECT_EQ(s.awake.recv(), 2);
    join();
}

// once_test.go: TestOnce, TestOncePanic. Of many calls one runs, and each sees it done; one that throws counts.
TEST_P(go_sync, once_runs_once) {
    constexpr int n = 8;
    once only, failing;
    int runs = 0; // written once: by whom the once lets in
    std::atomic<int> failures{0}, fruitless{0};
    for (int i = 0; i < n; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            auto call = only.async_call([&] { ++runs; });
            co_await by(me, std::move(call));
            EXPECT_EQ(runs, 1);
            try {
                auto failed = failing.async_call([&] {
                    ++fruitless;
                    throw std::runtime_error("the first one");
                });
                co_await by(me, std::move(failed));
            } catch (const std::runtime_error&) {
                ++failures;
            }
        });
    }
    join();
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(fruitless, 1);
    EXPECT_EQ(failures, 1);
    EXPECT_TRUE(failing.is_done());
}

// oncefunc_test.go: TestOnceValue, TestOnceFunc. The value is made once, also by a function that waits, and all get it.
TEST_P(go_sync, once_cell_makes_one_value) {
    constexpr int n = 6;
    once_cell<std::string> cell;
    auto open = make_chan<int>();
    std::atomic<int> made{0};
    wait_group got(n);
    for (int i = 0; i < n; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            auto future = cell.async_get_or_init([&]() -> task<std::string> {
                return [](std::atomic<int>& count, chan<int> gate) -> task<std::string> {
                    ++count;
                    co_await gate.async_recv();
                    co_return "a value that is made once";
                }(made, open);
            });
            const std::string& value = co_await by(me, std::move(future));
            EXPECT_EQ(&value, cell.get());
            got.done();
        });
    }
    open.send(1);
    got.wait();
    join();
    EXPECT_EQ(made, 1);
    EXPECT_EQ(*cell.get(), "a value that is made once");
}

// waitgroup_test.go: TestWaitGroup. Those who wait for the second group go when it is done, and not before.
TEST_P(go_sync, a_wait_group_holds_until_all_are_done) {
    constexpr int n = 8;
    wait_group first_group(n), second_group(n);
    auto exited = make_chan<int>(n);
    for (int i = 0; i < n; ++i) {
        start_party(i, [&, i](kind me) -> task<void> {
            first_group.done();
            co_await by(me, second_group.async_wait());
            co_await by(me, exited.async_send(i));
        });
    }
    first_group.wait();
    for (int i = 0; i < n; ++i) {
        EXPECT_EQ(exited.len(), 0u) << "left too early";
        second_group.done();
    }
    for (int i = 0; i < n; ++i)
        EXPECT_TRUE(exited.recv());
    join();
}

// waitgroup_test.go: TestWaitGroupRace, TestWaitGroupGo. What the others did before done() is seen after wait(), also
// when the last of them is done before anybody waits; and the group may be used again and be destroyed at once.
TEST_P(go_sync, a_wait_group_publishes_what_was_done) {
    auto group = std::make_unique<wait_group>();
    for (int round = 0; round < test::rounds_scaled(50); ++round) {
        std::atomic<int> n{0};
        int plain[2] = {0, 0};
        for (const int i : {0, 1}) {
            group->add(1);
            start_party(i, [&, i, g = group.get()](kind) -> task<void> {
                n.fetch_add(1, std::memory_order_relaxed);
                plain[i] = round;
                g->done();
                co_return;
            });
        }
        group->wait();
        EXPECT_EQ(n.load(std::memory_order_relaxed), 2);
        EXPECT_EQ(plain[0] + plain[1], 2 * round);
        if (round % 10 == 0) group = std::make_unique<wait_group>();
        join();
    }
}

// golang/sync: semaphore_test.go: TestWeighted. Under load never more is taken than there is.
TEST_P(go_sync, a_semaphore_is_never_overdrawn) {
    constexpr std::uint64_t all = 4;
    semaphore s(all);
    std::atomic<std::uint64_t> taken{0};
    for (int i = 0; i < 8; ++i) {
        start_party(i, [&, weight = unsigned(i) % 4 + 1](kind me) -> task<void> {
            for (int k = 0; k < test::rounds_scaled(50); ++k) {
                const auto permit = co_await by(me, s.async_acquire(weight));
                EXPECT_LE(taken += weight, all);
                co_await by(me, async_yield());
                taken -= weight;
            }
        });
    }
    join();
    EXPECT_EQ(s.available(), all);
}

// golang/sync: TestWeightedTryAcquire, TestWeightedAcquire. What a try says, and that a bounded wait gives up.
TEST_P(go_sync, a_semaphore_counts) {
    semaphore s(2);
    EXPECT_TRUE(s.try_acquire());
    EXPECT_TRUE(s.try_acquire());
    EXPECT_FALSE(s.try_acquire());
    s.release(2);
    EXPECT_TRUE(s.try_acquire(2));
    std::stop_source over;
    over.request_stop();
    for (const int i : {0, 1}) {
        start_party(i, [&](kind me) -> task<void> {
            auto waiting = s.async_acquire(over.get_token());
            const auto permit = co_await by(me, std::move(waiting));
            EXPECT_FALSE(permit);
            EXPECT_TRUE(is(permit.error(), errc::stopped));
        });
    }
    join();
    s.release(2);
    EXPECT_EQ(s.available(), 2u);
}

// golang/sync: TestLargeAcquireDoesntStarve. One who wants everything gets it, though others come again and again.
TEST_P(go_sync, a_large_request_is_not_starved) {
    constexpr unsigned n = 4;
    semaphore s(n);
    std::atomic<bool> running{true};
    for (unsigned i = 0; i < n; ++i) {
        start_party(int(i), [&](kind me) -> task<void> {
            do {
                const auto permit = co_await by(me, s.async_acquire());
                for (int k = 0; k < 3; ++k)
                    co_await by(me, async_yield());
            } while (running);
        });
    }
    second([&](kind me) -> task<void> {
        const auto everything = co_await by(me, s.async_acquire(n));
        running = false;
    });
    join();
}

// golang/sync: TestAllocCancelDoesntStarve. A large request that is cancelled at the head of the queue lets those behind
// it in.
TEST_P(go_sync, a_cancelled_large_request_lets_others_in) {
    semaphore s(10);
    ASSERT_TRUE(s.try_acquire());
    std::stop_source large_is_over;
    auto large = s.async_acquire(large_is_over.get_token(), 10);
    test::driver d;
    ASSERT_FALSE(d.poll(large).is_ready()); // at the head
    EXPECT_FALSE(s.try_acquire());          // and nobody passes it
    event begun;
    first([&](kind me) -> task<void> {
        begun.set();
        const auto permit = co_await by(me, s.async_acquire());
    });
    second([&](kind me) -> task<void> {
        co_await by(me, begun.async_wait());
        large_is_over.request_stop();
    });
    // The one who cancels runs on: its poll withdraws it.
    while (true) {
        auto answer = d.poll(large);
        if (answer.is_ready()) {
            EXPECT_FALSE(std::move(answer).take());
            break;
        }
        std::this_thread::yield();
    }
    join();
    s.release();
    EXPECT_EQ(s.available(), 10u);
}

// mutex_test.go: TestMutexMisuse; waitgroup_test.go: TestWaitGroupMisuse; semaphore_test.go: TestWeightedPanic. Misuse ends
// the program, and says what it was.
TEST(go_sync_death, misuse_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(mutex().unlock(), "unlock");
    EXPECT_DEATH(shared_mutex().unlock(), "not locked for writing");
    EXPECT_DEATH(shared_mutex().unlock_shared(), "not locked for reading");
    EXPECT_DEATH(wait_group().add(-1), "more often than add");
    EXPECT_DEATH(semaphore(1, 1).release(), "maximum");
}

} // namespace
} // namespace sennit
