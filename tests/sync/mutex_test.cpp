// The rules of sync.Mutex and tokio's Mutex; upstream tests are named where a rule has one.
#include <mutex>

#include "support.hpp"

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;
using test::kind;

class mutex_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, mutex_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

struct shared_counter {
    mutex lock;
    int inside = 0, most_inside = 0;
    long count = 0; // plain: TSan and the sum tell when the mutex does not hold
    void enter() {
        most_inside = std::max(most_inside, ++inside);
        ++count;
    }
};

void hammer(shared_counter& s, int rounds, int yields) {
    for (int i = 0; i < rounds; ++i) {
        std::lock_guard guard(s.lock);
        s.enter();
        if (yields != 0 && i % yields == 0) this_flow::yield();
        --s.inside;
    }
}
task<void> hammer_task(shared_counter& s, int rounds, int yields) {
    for (int i = 0; i < rounds; ++i) {
        auto guard = co_await s.lock.async_lock();
        s.enter();
        if (yields != 0 && i % yields == 0) co_await async_yield();
        --s.inside;
    }
}

// go: TestMutex; tokio: sync_mutex straight_execution, readiness
TEST_P(mutex_pairs, keeps_flows_apart_also_when_they_yield_inside) {
    constexpr int flows = 8;
    static constexpr int rounds = test::rounds_scaled(2000);
    for (const int yields : {0, 1, 7}) {
        shared_counter s;
        for (int i = 0; i < flows; ++i) {
            start(
                kind_of(i), [&s, yields] { hammer(s, rounds, yields); },
                [&] { return hammer_task(s, rounds, yields); });
        }
        join();
        EXPECT_EQ(s.count, long{flows} * rounds);
        EXPECT_EQ(s.most_inside, 1);
    }
}

void hog(mutex& m, std::atomic<bool>& done, std::atomic<long>& held) {
    while (!done) {
        std::lock_guard guard(m);
        ++held;
        this_flow::yield();
    }
}
task<void> hog_task(mutex& m, std::atomic<bool>& done, std::atomic<long>& held) {
    while (!done) {
        auto guard = co_await m.async_lock();
        ++held;
        co_await async_yield();
    }
}
void take_turns(mutex& m, std::atomic<bool>& done) {
    for (int i = 0; i < 10; ++i) {
        std::lock_guard guard(m);
    }
    done = true;
}
task<void> take_turns_task(mutex& m, std::atomic<bool>& done) {
    for (int i = 0; i < 10; ++i) {
        auto guard = co_await m.async_lock();
    }
    done = true;
}

// go: TestMutexFairness. The hog ends only when the other has had ten turns.
TEST_P(mutex_pairs, one_that_holds_it_nearly_always_does_not_starve_another) {
    mutex m;
    std::atomic<bool> done{false};
    std::atomic<long> held{0};
    start(kind_of(0), [&] { hog(m, done, held); }, [&] { return hog_task(m, done, held); });
    start(kind_of(1), [&] { take_turns(m, done); }, [&] { return take_turns_task(m, done); });
    join();
    EXPECT_TRUE(done);
}

TEST(mutex, is_small_and_usable_with_std_guards) {
    static_assert(sizeof(mutex) == 24);
    mutex a, b, c;
    {
        std::lock_guard guard(a);
        EXPECT_FALSE(a.try_lock());
    }
    {
        std::scoped_lock guard(a, b, c);
        EXPECT_FALSE(b.try_lock());
    }
    {
        std::unique_lock guard(a, std::try_to_lock);
        EXPECT_TRUE(guard.owns_lock());
        std::unique_lock other(a, std::defer_lock);
        EXPECT_FALSE(other.try_lock_for(0ns));
    }
    std::unique_lock free(a, 1ms);
    EXPECT_TRUE(free.owns_lock());
}

// tokio: sync_mutex lock. A mutex that is given back wakes the one that waits, once.
TEST(mutex, a_waiter_is_woken_by_unlock) {
    mutex m;
    driver w;
    m.lock();
    lock_future f = m.async_lock();
    EXPECT_FALSE(w.poll(f).is_ready());
    EXPECT_TRUE(w.rearm());
    m.unlock();
    EXPECT_EQ(w.wakes(), 1);
    EXPECT_TRUE(w.poll(f).is_ready()); // and the guard that it yields unlocks
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// G-SY-1: normal mode lets others pass; a waiter that lost once is given the mutex.
TEST(mutex, a_woken_waiter_is_passed_once_and_no_more) {
    mutex m;
    driver w;
    m.lock();
    lock_future f = m.async_lock();
    EXPECT_FALSE(w.poll(f).is_ready());
    m.unlock();
    EXPECT_TRUE(m.try_lock()); // barges
    EXPECT_FALSE(w.poll(f).is_ready());
    m.unlock();                 // hands it over
    EXPECT_FALSE(m.try_lock()); // nobody passes now
    auto answer = w.poll(f);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_TRUE(std::move(answer).take().owns_lock());
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// R-SY-1: first come, first served among those who wait.
TEST(mutex, waiters_are_served_in_order) {
    mutex m;
    driver w;
    m.lock();
    std::vector<std::unique_ptr<lock_future>> waiting;
    for (int i = 0; i < 5; ++i) {
        waiting.push_back(std::make_unique<lock_future>(m.async_lock()));
        EXPECT_FALSE(w.poll(*waiting.back()).is_ready());
    }
    m.unlock();
    for (int i = 0; i < 5; ++i) {
        for (int later = i + 1; later < 5; ++later)
            EXPECT_FALSE(w.poll(*waiting[static_cast<unsigned>(later)]).is_ready());
        EXPECT_TRUE(w.poll(*waiting[static_cast<unsigned>(i)]).is_ready());
    }
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// tokio: aborted_future_1, aborted_future_2; no futurelock: what was given to one that is dropped
// goes to the next.
TEST(mutex, dropped_waiters_pass_their_turn_on) {
    for (const bool hand_over : {false, true}) {
        mutex m;
        driver first, second;
        m.lock();
        std::optional<lock_future> a(m.async_lock());
        lock_future b = m.async_lock();
        EXPECT_FALSE(first.poll(*a).is_ready());
        EXPECT_FALSE(second.poll(b).is_ready());
        EXPECT_TRUE(second.rearm());
        m.unlock();
        if (hand_over) {
            EXPECT_TRUE(m.try_lock());
            EXPECT_FALSE(first.poll(*a).is_ready());
            m.unlock();
            EXPECT_FALSE(m.try_lock());
        }
        EXPECT_EQ(second.wakes(), 0);
        a.reset();
        EXPECT_EQ(second.wakes(), 1);
        EXPECT_TRUE(second.poll(b).is_ready());
        EXPECT_TRUE(m.try_lock());
        m.unlock();
    }
}

TEST(mutex, a_queued_waiter_may_leave) {
    mutex m;
    driver w;
    m.lock();
    {
        lock_future a = m.async_lock();
        EXPECT_FALSE(w.poll(a).is_ready());
    }
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
    EXPECT_EQ(w.wakes(), 0);
}

// G-SY-10 asks for it: locking with a token, and with a deadline.
TEST(mutex, a_stop_token_ends_the_wait) {
    mutex m;
    std::stop_source source;
    {
        auto guard = m.lock(source.get_token());
        ASSERT_TRUE(guard);
        driver w;
        auto waiting = m.async_lock(source.get_token());
        EXPECT_FALSE(w.poll(waiting).is_ready());
        EXPECT_TRUE(w.rearm());
        source.request_stop();
        EXPECT_EQ(w.wakes(), 1);
        auto answer = w.poll(waiting);
        ASSERT_TRUE(answer.is_ready());
        auto value = std::move(answer).take();
        ASSERT_FALSE(value);
        EXPECT_TRUE(is(value.error(), errc::stopped));
    }
    EXPECT_TRUE(m.lock(source.get_token())); // free beats stopped
}

TEST(mutex, a_deadline_ends_the_wait) {
    mutex m;
    std::lock_guard guard(m);
    EXPECT_FALSE(m.try_lock_for(1ms));
    EXPECT_FALSE(m.try_lock_until(std::chrono::steady_clock::now() - 1s));
}

TEST(mutex, a_stopped_flow_throws_and_does_not_take_it) {
    runtime rt{{.workers = 2}};
    mutex m;
    m.lock();
    event begun;
    auto waiting = rt.spawn([&] {
        begun.set();
        std::lock_guard guard(m);
    });
    begun.wait();
    waiting.request_stop();
    auto answer = waiting.try_join();
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().is_cancelled());
    m.unlock();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// go: TestMutexMisuse
TEST(mutex_death, misuse_is_reported_with_advice) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(
        {
            mutex m;
            m.unlock();
        },
        "not locked");
    EXPECT_DEATH(
        {
            mutex m;
            m.lock();
        },
        "destroyed while it is locked");
}

// The last one to unlock frees it, while others may still be inside of their own unlock: ASan and
// TSan watch. As a reference-counted object does.
TEST_P(mutex_pairs, the_last_owner_may_destroy_it) {
    struct object {
        mutex lock;
        int references = 3;
    };
    const auto drop = [](object* o) {
        o->lock.lock();
        const bool last = --o->references == 0;
        o->lock.unlock();
        if (last) delete o;
    };
    const auto drop_task = [](object* o) -> task<void> {
        bool last;
        {
            auto guard = co_await o->lock.async_lock();
            last = --o->references == 0;
        }
        if (last) delete o;
    };
    for (int i = 0; i < test::rounds_scaled(500); ++i) {
        auto* o = new object;
        for (int flow = 0; flow < 3; ++flow) {
            start(kind_of(flow), [=] { drop(o); }, [=] { return drop_task(o); });
        }
        join();
    }
}

// Seeded: locks, tries, stops, deadlines and drops at random. Exclusion holds, and in the end the
// mutex is free: nothing was lost.
TEST(mutex, random_programs_keep_the_exclusion) {
    const int seeds = test::rounds_scaled(200);
    for (int seed = 0; seed < seeds; ++seed) {
        runtime rt{{.workers = 1u + static_cast<unsigned>(seed) % 4u}};
        shared_counter s;
        std::vector<join_handle<void>> flows;
        for (int flow = 0; flow < 6; ++flow) {
            flows.push_back(rt.spawn([&s, seed, flow] {
                std::mt19937 random(static_cast<std::uint32_t>(seed * 100 + flow));
                for (int i = 0; i < 60; ++i) {
                    std::unique_lock<mutex> guard(s.lock, std::defer_lock);
                    switch (random() % 6) {
                        case 0:
                            if (!guard.try_lock()) continue;
                            break;
                        case 1:
                            if (!guard.try_lock_for(std::chrono::microseconds(random() % 50)))
                                continue;
                            break;
                        case 2: {
                            // Polled some times and dropped, perhaps when its turn has come.
                            auto dropped = timeout(0ns, s.lock.async_lock());
                            auto answer = wait(std::move(dropped));
                            if (!answer) continue;
                            guard = std::move(*answer);
                            break;
                        }
                        case 3: {
                            std::stop_source source;
                            if (random() % 2 == 0) source.request_stop();
                            auto answer = s.lock.lock(source.get_token());
                            if (!answer) continue;
                            guard = std::move(*answer);
                            break;
                        }
                        default:
                            guard.lock();
                    }
                    s.enter();
                    if (random() % 3 == 0) this_flow::yield();
                    --s.inside;
                }
            }));
        }
        if (seed % 3 == 0) flows[0].request_stop();
        for (auto& each : flows)
            (void)each.try_join();
        ASSERT_EQ(s.most_inside, 1) << "seed " << seed;
        ASSERT_TRUE(s.lock.try_lock()) << "seed " << seed;
        s.lock.unlock();
    }
}

} // namespace
} // namespace sennit
