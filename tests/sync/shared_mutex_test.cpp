// The rules of sync.RWMutex and tokio's RwLock.
#include <shared_mutex>

#include "support.hpp"

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::driver;

class shared_mutex_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, shared_mutex_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

struct page {
    shared_mutex lock;
    long text = 0, copy = 0; // plain: a writer changes both
    std::atomic<int> torn{0};
    void read() { torn += text == copy ? 0 : 1; }
};
void use(page& p, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        if (i % 4 == 0) {
            std::lock_guard writing(p.lock);
            ++p.text;
            if (i % 3 == 0) this_flow::yield();
            ++p.copy;
        } else {
            std::shared_lock reading(p.lock);
            p.read();
            if (i % 3 == 0) this_flow::yield();
            p.read();
        }
    }
}
task<void> use_task(page& p, int rounds) {
    for (int i = 0; i < rounds; ++i) {
        if (i % 4 == 0) {
            auto writing = co_await p.lock.async_lock();
            ++p.text;
            co_await async_yield();
            ++p.copy;
        } else {
            auto reading = co_await p.lock.async_lock_shared();
            p.read();
            co_await async_yield();
            p.read();
        }
    }
}

// go: TestRWMutex (HammerRWMutex); tokio: sync_rwlock multithreaded
TEST_P(shared_mutex_pairs, writers_exclude_everybody) {
    page p;
    static constexpr int rounds = test::rounds_scaled(600);
    for (int i = 0; i < 6; ++i) {
        start(kind_of(i), [&] { use(p, rounds); }, [&] { return use_task(p, rounds); });
    }
    join();
    EXPECT_EQ(p.torn, 0);
    EXPECT_EQ(p.text, 6 * ((rounds + 3) / 4));
    EXPECT_EQ(p.copy, p.text);
}

// go: TestParallelReaders. All are inside before the first one leaves.
TEST_P(shared_mutex_pairs, readers_are_inside_together) {
    shared_mutex m;
    latch inside(4);
    const auto read = [&] {
        std::shared_lock reading(m);
        inside.arrive_and_wait();
    };
    struct by_task {
        static task<void> read(shared_mutex& m, latch& inside) {
            auto reading = co_await m.async_lock_shared();
            inside.count_down();
            co_await inside.async_wait();
        }
    };
    for (int i = 0; i < 4; ++i) {
        start(kind_of(i), read, [&] { return by_task::read(m, inside); });
    }
    join();
    EXPECT_TRUE(m.try_lock());
    m.unlock();
}

// G-SY-2: a waiting writer stops later readers; readers that wait in a row come in together.
TEST(shared_mutex, serves_in_order) {
    shared_mutex m;
    driver w;
    m.lock_shared();
    auto writer = m.async_lock();
    auto late = m.async_lock_shared(), later = m.async_lock_shared();
    EXPECT_FALSE(w.poll(writer).is_ready());
    EXPECT_FALSE(w.poll(late).is_ready());
    EXPECT_FALSE(w.poll(later).is_ready());
    EXPECT_FALSE(m.try_lock_shared());
    m.unlock_shared();
    EXPECT_FALSE(w.poll(late).is_ready());
    {
        auto writing = w.poll(writer);
        ASSERT_TRUE(writing.is_ready());
        EXPECT_FALSE(m.try_lock_shared());
    }
    auto first = w.poll(late), second = w.poll(later);
    EXPECT_TRUE(first.is_ready());
    EXPECT_TRUE(second.is_ready());
    EXPECT_FALSE(m.try_lock());
}

TEST(shared_mutex,
     a_dropped_writer_lets_the_readers_in) { // tokio: exhaust_reading, drop of a writer
    shared_mutex m;
    driver w;
    m.lock_shared();
    std::optional writer(m.async_lock());
    auto reader = m.async_lock_shared();
    EXPECT_FALSE(w.poll(*writer).is_ready());
    EXPECT_FALSE(w.poll(reader).is_ready());
    EXPECT_TRUE(w.rearm());
    writer.reset();
    EXPECT_EQ(w.wakes(), 1);
    EXPECT_TRUE(w.poll(reader).is_ready());
    m.unlock_shared();
}

TEST(shared_mutex, a_writer_becomes_a_reader) { // tokio: downgrade
    shared_mutex m;
    driver w;
    m.lock();
    auto writer = m.async_lock();
    auto reader = m.async_lock_shared();
    EXPECT_FALSE(w.poll(writer).is_ready());
    m.downgrade();
    EXPECT_FALSE(w.poll(writer).is_ready());
    EXPECT_FALSE(w.poll(reader).is_ready());
    m.unlock_shared();
    EXPECT_TRUE(w.poll(writer).is_ready());
    EXPECT_TRUE(w.poll(reader).is_ready());
}

TEST(shared_mutex, bounds_end_the_wait) {
    shared_mutex m;
    std::stop_source source;
    source.request_stop();
    m.lock();
    EXPECT_FALSE(m.try_lock_for(0ns));
    EXPECT_FALSE(m.try_lock_shared_for(0ns));
    EXPECT_FALSE(m.lock(source.get_token()));
    EXPECT_FALSE(m.lock_shared(source.get_token()));
    m.unlock();
    EXPECT_TRUE(m.lock_shared(source.get_token()));
    EXPECT_TRUE(m.try_lock_for(1ms));
    m.unlock();
}

TEST(shared_mutex_death, misuse_is_reported_with_advice) { // go: TestRWMutexMisuse
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(shared_mutex().unlock(), "not locked for writing");
    EXPECT_DEATH(shared_mutex().unlock_shared(), "not locked for reading");
}

} // namespace
} // namespace sennit
