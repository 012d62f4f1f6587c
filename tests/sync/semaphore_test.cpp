// The rules of tokio's Semaphore and golang/sync's semaphore.Weighted.
#include "support.hpp"

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;

class semaphore_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, semaphore_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

struct room {
    semaphore slots{3};
    std::atomic<int> inside{0}, most{0};
    void enter(int n) {
        const int now = inside += n;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {}
    }
};
void visit(room& r, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const int n = 1 + i % 3;
        r.slots.acquire(static_cast<std::uint64_t>(n));
        r.enter(n);
        if (i % 5 == 0) this_flow::yield();
        r.inside -= n;
        r.slots.release(static_cast<std::uint64_t>(n));
    }
}
task<void> visit_task(room& r, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        const int n = 1 + i % 3;
        auto permit = co_await r.slots.async_acquire(static_cast<std::uint64_t>(n));
        r.enter(n);
        if (i % 5 == 0) co_await async_yield();
        r.inside -= n;
    }
}

// go: TestWeighted; tokio: stresstest. Requests of several sizes, never more inside than permits.
TEST_P(semaphore_pairs, never_lets_in_more_than_there_are_permits) {
    room r;
    static constexpr int rounds = test::rounds_scaled(1000);
    for (int i = 0; i < 6; ++i) {
        start(kind_of(i), [&] { visit(r, rounds); }, [&] { return visit_task(r, rounds); });
    }
    join();
    EXPECT_LE(r.most, 3);
    EXPECT_EQ(r.slots.available(), 3u);
}

TEST(semaphore, counts) { // tokio: try_acquire, forget, add_permits, merge
    semaphore s(3);
    EXPECT_TRUE(s.try_acquire(2));
    EXPECT_FALSE(s.try_acquire(2));
    EXPECT_TRUE(s.try_acquire(0));
    s.release(2);
    {
        semaphore_permit a = wait(s.async_acquire(3));
        EXPECT_EQ(s.available(), 0u);
        semaphore_permit b = a.split(1);
        EXPECT_EQ(a.count(), 2u);
        b.give_back();
        EXPECT_EQ(s.available(), 1u);
        a.merge(wait(s.async_acquire()));
        EXPECT_EQ(a.count(), 3u);
        semaphore_permit lost = a.split(1);
        lost.forget();
    }
    EXPECT_EQ(s.available(), 2u);
    EXPECT_FALSE(s.try_acquire_for(0ns, 3));
    EXPECT_TRUE(s.try_acquire_for(0ns, 2));
    s.release(2);
}

// go: TestLargeAcquireDoesntStarve
TEST(semaphore, a_large_request_is_not_passed_by_small_ones) {
    semaphore s(2);
    driver w;
    s.acquire(1);
    acquire_future large = s.async_acquire(2), small = s.async_acquire(1);
    EXPECT_FALSE(w.poll(large).is_ready());
    EXPECT_FALSE(w.poll(small).is_ready());
    EXPECT_FALSE(s.try_acquire()); // one is free, and somebody waits
    s.release();
    EXPECT_FALSE(w.poll(small).is_ready());
    {
        auto answer = w.poll(large);
        ASSERT_TRUE(answer.is_ready());
        EXPECT_EQ(std::move(answer).take().count(), 2u);
    }
    EXPECT_TRUE(w.poll(small).is_ready());
    EXPECT_EQ(s.available(), 2u);
}

// go: TestAllocCancelDoesntStarve. One that leaves lets those behind it in.
TEST(semaphore, a_dropped_large_request_lets_the_small_ones_in) {
    semaphore s(2);
    driver w;
    s.acquire(1);
    std::optional<acquire_future> large(s.async_acquire(2));
    acquire_future small = s.async_acquire(1);
    EXPECT_FALSE(w.poll(*large).is_ready());
    EXPECT_FALSE(w.poll(small).is_ready());
    EXPECT_TRUE(w.rearm());
    large.reset();
    EXPECT_EQ(w.wakes(), 1);
    EXPECT_TRUE(w.poll(small).is_ready());
    s.release();
    EXPECT_EQ(s.available(), 2u);
}

// tokio: drop of a granted but unpolled acquire gives the permits on.
TEST(semaphore, a_granted_request_that_is_dropped_gives_back) {
    semaphore s(1);
    driver a, b;
    s.acquire();
    std::optional<acquire_future> first(s.async_acquire());
    acquire_future second = s.async_acquire();
    EXPECT_FALSE(a.poll(*first).is_ready());
    EXPECT_FALSE(b.poll(second).is_ready());
    EXPECT_TRUE(b.rearm());
    s.release();
    EXPECT_FALSE(b.poll(second).is_ready());
    first.reset();
    EXPECT_TRUE(b.poll(second).is_ready());
    EXPECT_EQ(s.available(), 1u);
}

TEST(semaphore, wakes_a_crowd_in_batches) {
    constexpr int crowd = 100;
    semaphore s(0);
    runtime rt{{.workers = 2}};
    std::vector<join_handle<void>> all;
    for (int i = 0; i < crowd; ++i)
        all.push_back(rt.spawn([&] { s.acquire(); }));
    s.release(crowd);
    for (auto& each : all)
        each.join();
    EXPECT_EQ(s.available(), 0u);
}

TEST(semaphore, a_stop_token_ends_the_wait) {
    semaphore s(0);
    std::stop_source source;
    source.request_stop();
    auto answer = s.acquire(source.get_token());
    ASSERT_FALSE(answer);
    EXPECT_TRUE(is(answer.error(), errc::stopped));
}

TEST(semaphore_death, misuse_is_reported_with_advice) { // go: TestWeightedPanic
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(semaphore(1, 1).release(), "more permits are released");
    EXPECT_DEATH((void)semaphore(1, 1).async_acquire(2), "maximum");
}

} // namespace
} // namespace sennit
