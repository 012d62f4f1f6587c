// The rules of tokio's sync_mutex.rs, sync_mutex_owned.rs, sync_rwlock.rs, sync_semaphore.rs and sync_semaphore_owned.rs.
// Above each case stand the upstream tests; what is said of a mutex or permit also holds for an owned one, since there is
// only one kind.
//
// Not here: what is about the value inside of a lock (into_inner, debug_format, mutex_debug), since a lock guards and does
// not hold; a chosen maximum of readers (exhaust_reading, zero_max_readers…); the semaphore's close and forget_permits
// (add_permits_closed, forget_open, forget_closed, blocking_acquire_closed).
#include "sync_support.hpp"

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <stop_token>
#include <utility>
#include <vector>

namespace sennit {
namespace {

using test::await_count;
using test::by;
using test::counting;
using test::is_pending;
using test::kind;

class tokio_lock : public test::stepped {
protected:
    // A flow waits for the lock; the other side then does this, and the flow has it.
    template<class Make, class Fn>
    void expect_let_in(Make lock, Fn other) {
        std::atomic<int> waiting{0};
        std::atomic<bool> inside{false};
        first([&](kind me) -> task<void> {
            const auto guard = co_await by(me, counting(waiting, lock()));
            inside = true;
        });
        await_count(waiting, 1);
        EXPECT_FALSE(inside);
        second([&](kind) -> task<void> {
            other();
            co_return;
        });
        join();
        EXPECT_TRUE(inside);
    }
};
SENNIT_PAIRINGS(tokio_lock);

// straight_execution. What was written under the lock is seen by the next who has it.
TEST_P(tokio_lock, a_mutex_shows_what_was_written) {
    mutex m;
    int value = 100; // guarded by m
    for (int i = 0; i < 6; ++i) {
        step(i, [&](kind me) -> task<void> {
            const auto guard = co_await by(me, m.async_lock());
            EXPECT_EQ(value, 100 - i);
            --value;
        });
    }
}

// readiness. Who waits is woken by the unlock, and has the mutex.
TEST_P(tokio_lock, an_unlock_lets_the_next_in) {
    mutex m;
    m.lock();
    auto future = m.async_lock();
    EXPECT_TRUE(is_pending(d, future));
    act(0, [&] { m.unlock(); });
    EXPECT_EQ(d.wakes(), 1);
    auto guard = d.finish(future);
    EXPECT_TRUE(guard.owns_lock());
    expect_let_in([&] { return m.async_lock(); }, [&] { guard.unlock(); });
}

// aborted_future_1. A flow that is given up while it holds the mutex unlocks it.
TEST_P(tokio_lock, a_holder_that_is_given_up_unlocks) {
    mutex m;
    event never;
    const auto holds = [&]() -> task<void> {
        const auto guard = co_await m.async_lock();
        co_await never.async_wait();
    };
    std::optional<task<void>> holder(holds());
    EXPECT_TRUE(is_pending(d, *holder));
    act(0, [&] { EXPECT_FALSE(m.try_lock()); });
    expect_let_in([&] { return m.async_lock(); }, [&] { holder.reset(); });

    std::stop_source over;
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        const auto guard = co_await by(me, m.async_lock());
        auto waits = never.async_wait(over.get_token());
        EXPECT_FALSE(co_await by(me, counting(waiting, std::move(waits))));
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        over.request_stop();
        const auto guard = co_await by(me, m.async_lock());
    });
    join();
}

// aborted_future_2. One that is given up while it waits leaves the queue, and the mutex is free after its holder.
TEST_P(tokio_lock, a_waiter_that_is_given_up_is_passed_over) {
    mutex m;
    m.lock();
    std::stop_source over;
    std::atomic<int> waiting{0}, gone{0};
    std::atomic<bool> inside{false};
    first([&](kind me) -> task<void> {
        auto waits = m.async_lock(over.get_token());
        const auto guard = co_await by(me, counting(waiting, std::move(waits)));
        EXPECT_TRUE(is(guard.error(), errc::stopped));
        ++gone;
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        const auto guard = co_await by(me, counting(waiting, m.async_lock()));
        inside = true;
    });
    await_count(waiting, 2);
    over.request_stop();
    await_count(gone, 1); // after an unlock it would rather have the mutex
    EXPECT_FALSE(inside);
    m.unlock();
    join();
    EXPECT_TRUE(inside);
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// try_lock, try_lock_owned.
TEST_P(tokio_lock, a_try_fails_while_it_is_locked) {
    mutex m;
    act(0, [&] { EXPECT_TRUE(m.try_lock()); });
    act(1, [&] { EXPECT_FALSE(m.try_lock()); });
    act(0, [&] { m.unlock(); });
    act(1, [&] {
        EXPECT_TRUE(m.try_lock());
        m.unlock();
    });
}

// sync_panic.rs: mutex_blocking_lock_panic_caller, rwlock_blocking_read_…, rwlock_blocking_write_…; blocking_acquire,
// blocking_acquire_many, blocking_acquire_owned, blocking_acquire_many_owned and those of …_in_async_context. The plain
// verbs wait from every kind of flow. Where tokio panics, in a task, only that task waits.
TEST_P(tokio_lock, plain_verbs_wait_from_every_flow) {
    mutex m;
    shared_mutex rw;
    semaphore s(5);
    m.lock();
    rw.lock();
    s.acquire(3);
    latch arrived(2);
    for (const int i : {0, 1}) {
        start_party(i, [&](kind) -> task<void> {
            arrived.count_down();
            { const std::lock_guard guard(m); }
            { const std::shared_lock guard(rw); }
            { const std::lock_guard guard(rw); }
            s.acquire(3);
            s.release(3);
            co_return;
        });
    }
    arrived.wait();
    m.unlock();
    rw.unlock();
    EXPECT_EQ(s.available(), 2u); // they cannot have more than that
    s.release(3);
    join();
    EXPECT_EQ(s.available(), 5u);
}

// read_shared, read_uncontested, write_uncontested. Readers are inside together, a writer alone.
TEST_P(tokio_lock, readers_share) {
    shared_mutex m;
    latch inside(2);
    int value = 100; // guarded by m
    const auto reads = [&](kind me) -> task<void> {
        const auto guard = co_await by(me, m.async_lock_shared());
        EXPECT_EQ(value, 100);
        inside.count_down();
        co_await by(me, inside.async_wait());
    };
    together(reads, reads);
    step(0, [&](kind me) -> task<void> {
        const auto guard = co_await by(me, m.async_lock());
        value += 50;
    });
    step(1, [&](kind me) -> task<void> {
        const auto guard = co_await by(me, m.async_lock_shared());
        EXPECT_EQ(value, 150);
    });
}

// write_shared_pending, write_shared_drop. A writer waits for a reader.
TEST_P(tokio_lock, a_writer_waits_for_a_reader) {
    shared_mutex m;
    m.lock_shared();
    expect_let_in([&] { return m.async_lock(); }, [&] { m.unlock_shared(); });
}

// read_exclusive_pending, write_exclusive_pending. Readers and writers wait for a writer.
TEST_P(tokio_lock, everybody_waits_for_a_writer) {
    shared_mutex m;
    m.lock();
    expect_let_in([&] { return m.async_lock_shared(); }, [&] { m.unlock(); });
    m.lock();
    expect_let_in([&] { return m.async_lock(); }, [&] { m.unlock(); });
}

// write_read_shared_pending. A writer that waits keeps later readers out, though a reader is inside.
TEST_P(tokio_lock, a_waiting_writer_stops_later_readers) {
    shared_mutex m;
    m.lock_shared();
    m.lock_shared();
    std::vector<int> order; // guarded by m
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        const auto guard = co_await by(me, counting(waiting, m.async_lock()));
        order.push_back(1);
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        const auto guard = co_await by(me, counting(waiting, m.async_lock_shared()));
        order.push_back(2);
    });
    await_count(waiting, 2);
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock_shared();
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock_shared();
    join();
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

// write_read_shared_drop_pending. A writer that is given up lets those behind it in.
TEST_P(tokio_lock, a_writer_that_is_given_up_lets_readers_in) {
    shared_mutex m;
    m.lock_shared();
    std::optional<rw_lock_future<shared_mutex::write_guard>> writer(m.async_lock());
    EXPECT_TRUE(is_pending(d, *writer));
    expect_let_in([&] { return m.async_lock_shared(); }, [&] { writer.reset(); });
    m.unlock_shared();
    EXPECT_EQ(d.wakes(), 0);
}

// write_order. Who waits first is first, whoever made its future first.
TEST_P(tokio_lock, the_order_is_that_of_the_first_polls) {
    shared_mutex m;
    m.lock_shared();
    std::vector<int> order; // guarded by m
    auto made_first = m.async_lock();
    std::atomic<int> waiting{0};
    first([&](kind me) -> task<void> {
        const auto guard = co_await by(me, counting(waiting, m.async_lock()));
        order.push_back(1);
    });
    await_count(waiting, 1);
    second([&](kind me) -> task<void> {
        const auto guard = co_await by(me, counting(waiting, std::move(made_first)));
        order.push_back(2);
    });
    await_count(waiting, 2);
    m.unlock_shared();
    join();
    EXPECT_EQ(order, (std::vector<int>{1, 2}));
}

// multithreaded. No write is lost.
TEST_P(tokio_lock, writers_lose_nothing) {
    constexpr int rounds = test::rounds_scaled(500);
    shared_mutex m;
    int sum = 0; // guarded by m
    barrier done(4);
    for (int i = 0; i < 4; ++i) {
        start_party(i, [&, add = std::array{2, 3, 5, 7}[std::size_t(i)]](kind me) -> task<void> {
            for (int k = 0; k < rounds; ++k) {
                const auto guard = co_await by(me, m.async_lock());
                sum += add;
            }
            co_await by(me, done.async_arrive_and_wait());
            const auto guard = co_await by(me, m.async_lock_shared());
            EXPECT_EQ(sum, 17 * rounds);
        });
    }
    join();
}

// try_write, try_read_try_write. What a try says in each state.
TEST_P(tokio_lock, tries_of_readers_and_writers) {
    shared_mutex m;
    act(0, [&] { EXPECT_TRUE(m.try_lock_shared()); });
    act(1, [&] {
        EXPECT_FALSE(m.try_lock());
        EXPECT_TRUE(m.try_lock_shared());
        m.unlock_shared();
    });
    act(0, [&] { m.unlock_shared(); });
    act(1, [&] { EXPECT_TRUE(m.try_lock()); });
    act(0, [&] {
        EXPECT_FALSE(m.try_lock_shared());
        EXPECT_FALSE(m.try_lock());
    });
    act(1, [&] { m.unlock(); });
    act(0, [&] {
        EXPECT_TRUE(m.try_lock_shared());
        m.unlock_shared();
    });
}

// downgrade_map, try_downgrade_map. A writer that becomes a reader lets readers in, and no writer before them.
TEST_P(tokio_lock, a_writer_may_become_a_reader) {
    shared_mutex m;
    m.lock();
    auto reader = m.async_lock_shared();
    auto writer = m.async_lock();
    EXPECT_TRUE(is_pending(d, reader));
    EXPECT_TRUE(is_pending(e, writer));
    act(0, [&] { m.downgrade(); });
    EXPECT_EQ(d.wakes(), 1);
    EXPECT_EQ(e.wakes(), 0);
    auto guard = d.finish(reader);
    act(1, [&] { m.unlock_shared(); });
    EXPECT_EQ(e.wakes(), 0);
    act(0, [&] { guard.unlock(); });
    EXPECT_EQ(e.wakes(), 1);
    EXPECT_TRUE(e.finish(writer).owns_lock());
}

// no_permits, add_permits, blocking_acquire_waits_for_permit. A semaphore may begin with nothing; what is added later
// serves who waits.
TEST_P(tokio_lock, permits_may_be_added) {
    semaphore s(0);
    expect_let_in([&] { return s.async_acquire(); }, [&] { s.release(); });
    EXPECT_EQ(s.available(), 1u);
}

// try_acquire, try_acquire_many. A try takes what it asks for or nothing.
TEST_P(tokio_lock, a_try_takes_all_or_nothing) {
    semaphore s(42);
    act(0, [&] { EXPECT_TRUE(s.try_acquire(42)); });
    act(1, [&] { EXPECT_FALSE(s.try_acquire()); });
    act(0, [&] { s.release(42); });
    act(1, [&] {
        EXPECT_TRUE(s.try_acquire(32));
        EXPECT_FALSE(s.try_acquire(11));
        EXPECT_TRUE(s.try_acquire(10));
        EXPECT_FALSE(s.try_acquire());
    });
}

// acquire, acquire_many. Permits that are dropped serve who waits for as many.
TEST_P(tokio_lock, dropped_permits_serve_who_waits) {
    semaphore s(42);
    std::optional<semaphore_permit> held;
    step(1, [&](kind me) -> task<void> { held = co_await by(me, s.async_acquire(32)); });
    auto [begun, begins] = oneshot_channel<int>();
    first([&](kind me) -> task<void> {
        const auto ten = co_await by(me, s.async_acquire(10));
        EXPECT_TRUE(begun.send(1));
        const auto rest = co_await by(me, s.async_acquire(32));
        EXPECT_EQ(rest.count(), 32u);
    });
    second([&](kind me) -> task<void> {
        EXPECT_TRUE(co_await by(me, begins.async_recv()));
        held.reset();
    });
    join();
    EXPECT_EQ(s.available(), 42u);
}

// add_permits_open. What is added is there.
TEST_P(tokio_lock, added_permits_are_counted) {
    for (std::uint64_t size = 0; size < 4; ++size) {
        for (std::uint64_t add = 0; add < 4; ++add) {
            semaphore s(size);
            act(0, [&] { s.release(add); });
            act(1, [&] { EXPECT_EQ(s.available(), size + add); });
        }
    }
}

// forget. Permits that are forgotten do not come back.
TEST_P(tokio_lock, forgotten_permits_do_not_come_back) {
    semaphore s(1);
    step(0, [&](kind me) -> task<void> {
        auto permit = co_await by(me, s.async_acquire());
        EXPECT_EQ(s.available(), 0u);
        permit.forget();
        EXPECT_EQ(s.available(), 0u);
    });
    act(1, [&] {
        EXPECT_EQ(s.available(), 0u);
        EXPECT_FALSE(s.try_acquire());
    });
}

// merge. Two permits become one that gives back both.
TEST_P(tokio_lock, permits_may_be_merged) {
    semaphore s(3);
    step(0, [&](kind me) -> task<void> {
        auto one = co_await by(me, s.async_acquire());
        EXPECT_EQ(s.available(), 2u);
        auto two = co_await by(me, s.async_acquire(2));
        one.merge(std::move(two));
        EXPECT_EQ(one.count(), 3u);
        EXPECT_EQ(s.available(), 0u);
    });
    EXPECT_EQ(s.available(), 3u);
}

// split. Parts of a permit are given back each on its own; a part may be nothing.
TEST_P(tokio_lock, permits_may_be_split) {
    semaphore s(5);
    std::optional<semaphore_permit> one, two, none, last;
    step(0, [&](kind me) -> task<void> {
        one = co_await by(me, s.async_acquire(3));
        two = one->split(1);
        none = one->split(0);
    });
    EXPECT_EQ(s.available(), 2u);
    EXPECT_EQ(one->count(), 2u);
    EXPECT_EQ(two->count(), 1u);
    EXPECT_EQ(none->count(), 0u);
    act(1, [&] { one.reset(); });
    EXPECT_EQ(s.available(), 4u);
    act(0, [&] { last = two->split(1); });
    EXPECT_EQ(two->count(), 0u);
    act(1, [&] {
        two.reset();
        none.reset();
    });
    EXPECT_EQ(s.available(), 4u);
    act(0, [&] { last.reset(); });
    EXPECT_EQ(s.available(), 5u);
}

// stress_test. After many flows all permits are there, and no more.
TEST_P(tokio_lock, no_permit_is_lost_or_made) {
    semaphore s(5);
    const int flows = GetParam().second == kind::thread ? 20 : test::rounds_scaled(400);
    for (int i = 0; i < flows; ++i) {
        start_party(i, [&](kind me) -> task<void> {
            const auto permit = co_await by(me, s.async_acquire());
        });
    }
    join();
    EXPECT_TRUE(s.try_acquire(5));
    EXPECT_FALSE(s.try_acquire());
}

// add_max_amount_permits, no_panic_at_maxpermits. Up to the maximum permits may be added.
TEST_P(tokio_lock, there_may_be_very_many_permits) {
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    semaphore all(most), but_one(most - 1), none(0);
    act(0, [&] {
        but_one.release(1);
        none.release(most);
    });
    act(1, [&] {
        EXPECT_EQ(all.available(), most);
        EXPECT_TRUE(but_one.try_acquire(most));
        EXPECT_EQ(none.available(), most);
    });
}

// add_more_than_max_amount_permits1, …2, panic_when_exceeds_maxpermits, merge_unrelated_permits, and of sync_panic.rs
// semaphore_merge_unrelated_permits, …_owned_permits. Misuse ends the program, with advice.
TEST(tokio_lock_death, misuse_is_fatal) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    constexpr std::uint64_t most = std::uint64_t{1} << 62;
    semaphore one(1), nearly(most - 1);
    EXPECT_DEATH(one.release(most), "maximum");
    EXPECT_DEATH(one.release(std::uint64_t(-1)), "maximum");
    EXPECT_DEATH((nearly.release(), nearly.release()), "maximum");
    EXPECT_DEATH(semaphore(most + 1), "at most 2\\^62");
    const auto merges = [] {
        semaphore a(3), b(3);
        auto mine = wait(a.async_acquire());
        auto other = wait(b.async_acquire());
        mine.merge(std::move(other));
    };
    EXPECT_DEATH(merges(), "one semaphore");
    const auto splits = [] {
        semaphore a(3);
        auto mine = wait(a.async_acquire());
        (void)mine.split(2);
    };
    EXPECT_DEATH(splits(), "at most count");
}

} // namespace
} // namespace sennit
