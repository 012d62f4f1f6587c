// event, latch, wait_group and barrier: the rules of sync.WaitGroup and tokio's Barrier.
#include "support.hpp"

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;

class signal_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, signal_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

TEST(event, releases_who_waits_also_when_it_is_reset_at_once) {
    event e;
    driver a, b;
    event_future first = e.async_wait(), late = e.async_wait();
    EXPECT_FALSE(a.poll(first).is_ready());
    EXPECT_TRUE(a.rearm());
    e.set();
    e.reset();
    EXPECT_EQ(a.wakes(), 1);
    EXPECT_FALSE(b.poll(late).is_ready());
    EXPECT_TRUE(a.poll(first).is_ready());
    EXPECT_FALSE(e.is_set());
}

TEST(event, wakes_a_crowd_once_each) {
    constexpr int crowd = 100; // several batches
    event e;
    std::vector<std::unique_ptr<driver>> d;
    std::vector<std::unique_ptr<event_future>> f;
    for (int i = 0; i < crowd; ++i) {
        d.push_back(std::make_unique<driver>());
        f.push_back(std::make_unique<event_future>(e.async_wait()));
        EXPECT_FALSE(d.back()->poll(*f.back()).is_ready());
        EXPECT_TRUE(d.back()->rearm());
    }
    f[3].reset(); // gone before
    e.set();
    for (int i = 0; i < crowd; ++i)
        EXPECT_EQ(d[static_cast<unsigned>(i)]->wakes(), i == 3 ? 0 : 1);
}

TEST(event, bounds_end_the_wait) {
    event e;
    std::stop_source source;
    EXPECT_FALSE(e.wait_for(1ms));
    source.request_stop();
    EXPECT_FALSE(e.wait(source.get_token()));
    e.set();
    EXPECT_TRUE(e.wait(source.get_token()));
    EXPECT_TRUE(e.wait_until(std::chrono::steady_clock::now()));
}

task<void> wait_for(wait_group& g) { co_await g.async_wait(); }
task<void> work(wait_group& g, std::atomic<int>& n) {
    co_await async_yield();
    ++n;
    g.done();
}

// go: TestWaitGroup: nobody passes before all are done; and again, the group is reusable
TEST_P(signal_pairs, a_wait_group_waits_for_all) {
    wait_group g;
    for (int round = 0; round < test::rounds_scaled(100); ++round) {
        std::atomic<int> n{0};
        g.add(4);
        start(
            kind_of(0),
            [&] {
                g.wait();
                EXPECT_EQ(n, 4);
            },
            [&] { return wait_for(g); });
        for (int i = 0; i < 4; ++i) {
            start(
                kind_of(i),
                [&] {
                    ++n;
                    g.done();
                },
                [&] { return work(g, n); });
        }
        g.wait();
        EXPECT_EQ(n, 4);
        join();
    }
}

// The one that waited frees the group at once, while the last done() may not have returned.
TEST_P(signal_pairs, a_wait_group_may_be_destroyed_by_who_waited) {
    for (int round = 0; round < test::rounds_scaled(500); ++round) {
        auto g = std::make_unique<wait_group>(2);
        std::atomic<int> n{0};
        for (int i = 0; i < 2; ++i) {
            start(kind_of(i), [g = g.get()] { g->done(); }, [&] { return work(*g, n); });
        }
        g->wait();
        g.reset();
        join();
    }
}

TEST(wait_group_death, below_zero_is_reported) { // go: TestWaitGroupMisuse
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(wait_group().done(), "more often than add");
}

TEST(latch, opens_at_zero_and_stays_open) {
    latch l(2);
    driver d;
    auto f = l.async_wait();
    EXPECT_FALSE(l.try_wait());
    EXPECT_FALSE(d.poll(f).is_ready());
    EXPECT_FALSE(l.wait_for(0ns));
    l.count_down();
    EXPECT_FALSE(d.poll(f).is_ready());
    l.count_down();
    EXPECT_TRUE(d.poll(f).is_ready());
    l.wait();
    EXPECT_TRUE(l.try_wait());
}

TEST(latch_death, too_many_arrivals_are_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(latch(0).count_down(), "more often than it was told");
}

task<void> meet(barrier& b, int rounds, std::atomic<int>& arrived, std::atomic<int>& leaders,
                int crew, std::atomic<int>& early) {
    for (int i = 0; i < rounds; ++i) {
        ++arrived;
        const bool leader = co_await b.async_arrive_and_wait();
        leaders += leader ? 1 : 0;
        early += arrived < crew * (i + 1) ? 1 : 0;
    }
}

// tokio: sync_barrier zero_does_not_block … ; one leader for each phase, nobody early
TEST_P(signal_pairs, a_barrier_lets_all_go_together_and_tells_one) {
    constexpr int crew = 5;
    static constexpr int rounds = test::rounds_scaled(200);
    barrier b(crew);
    std::atomic<int> arrived{0}, leaders{0}, early{0};
    for (int f = 0; f < crew; ++f) {
        start(
            kind_of(f),
            [&] {
                for (int i = 0; i < rounds; ++i) {
                    ++arrived;
                    leaders += b.arrive_and_wait() ? 1 : 0;
                    early += arrived < crew * (i + 1) ? 1 : 0;
                }
            },
            [&] { return meet(b, rounds, arrived, leaders, crew, early); });
    }
    join();
    EXPECT_EQ(leaders, rounds);
    EXPECT_EQ(early, 0);
}

TEST(barrier, a_dropped_arrival_is_taken_back) {
    barrier b(2);
    driver d;
    {
        barrier_future gone = b.async_arrive_and_wait();
        EXPECT_FALSE(d.poll(gone).is_ready());
    }
    barrier_future f = b.async_arrive_and_wait();
    EXPECT_FALSE(d.poll(f).is_ready());
    EXPECT_TRUE(d.rearm());
    EXPECT_TRUE(b.arrive_and_wait()); // the leader
    EXPECT_EQ(d.wakes(), 1);
    auto answer = d.poll(f);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_FALSE(std::move(answer).take());
}

TEST(barrier, who_drops_out_is_not_waited_for) {
    barrier b(2);
    driver d;
    barrier_future f = b.async_arrive_and_wait();
    EXPECT_FALSE(d.poll(f).is_ready());
    b.arrive_and_drop();
    EXPECT_TRUE(d.poll(f).is_ready());
    EXPECT_TRUE(b.arrive_and_wait()); // alone now
}

} // namespace
} // namespace sennit
