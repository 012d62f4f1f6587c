#include <sennit/core/cell_pool.hpp>

#include <sennit/base/config.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow_state.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

constexpr std::size_t kib = 1024, mib = 1024 * kib;

std::int64_t cells() { return pool_stats().cells; }

constexpr bool classes_are_in_order() {
    for (std::size_t size = 1; size <= pooled_size_max; ++size) {
        const std::size_t index = pool_class_of(size);
        if (index >= pool_class_count || pool_class_size(index) < size) return false;
        if (index > 0 && pool_class_size(index - 1) >= size) return false;
        if (pool_class_size(index) % 16 != 0) return false;
    }
    return pool_class_of(0) == 0;
}
static_assert(classes_are_in_order(), "each size has the smallest class that holds it");
static_assert(pool_class_size(pool_class_count - 1) == pooled_size_max);

TEST(cell_pool, objects_of_every_class_are_apart_aligned_and_writable) {
    std::vector<std::pair<char*, std::size_t>> taken;
    for (std::size_t index = 0; index < pool_class_count; ++index) {
        for (int n = 0; n < 70; ++n) { // more than a batch
            const std::size_t size = pool_class_size(index);
            auto* p = static_cast<char*>(cell_allocate(size));
            EXPECT_EQ(reinterpret_cast<std::uintptr_t>(p) % 16, 0U);
            std::memset(p, static_cast<int>(index), size);
            taken.emplace_back(p, size);
        }
    }
    std::sort(taken.begin(), taken.end());
    for (std::size_t i = 1; i < taken.size(); ++i)
        ASSERT_LE(taken[i - 1].first + taken[i - 1].second, taken[i].first);
    for (const auto& [p, size] : taken) {
        std::memset(p, 0, size);
        cell_free(p, size);
    }
}

TEST(cell_pool, what_was_given_last_is_taken_first) {
    void* const a = cell_allocate(100);
    cell_free(a, 100);
    EXPECT_EQ(cell_allocate(97), a) << "the same class";
    cell_free(a, 97);
}

TEST(cell_pool, counts_what_is_alive) {
    const std::int64_t before = cells();
    const std::int64_t frames = pool_stats().frames;
    void* const cell = cell_allocate(64);
    void* const frame = frame_allocate(64);
    EXPECT_EQ(cells(), before + 1);
    EXPECT_EQ(pool_stats().frames, frames + 1);
    cell_free(cell, 64);
    frame_free(frame, 64);
    EXPECT_EQ(cells(), before);
    EXPECT_EQ(pool_stats().frames, frames);
}

TEST(cell_pool, large_frames_come_from_elsewhere) {
    void* const large = frame_allocate(pooled_size_max + 1);
    std::memset(large, 1, pooled_size_max + 1);
    frame_free(large, pooled_size_max + 1);
}

TEST(cell_pool, memory_of_a_burst_goes_back) {
    constexpr std::size_t size = 1024, count = 64 * mib / size;
    const std::size_t before = pool_stats().chunk_bytes;
    std::vector<void*> burst;
    for (std::size_t i = 0; i < count; ++i)
        burst.push_back(cell_allocate(size));
    EXPECT_GE(pool_stats().chunk_bytes, count * size);
    for (void* p : burst)
        cell_free(p, size);
    EXPECT_LE(pool_stats().chunk_bytes, before + 2 * mib) << "a few chunks are kept";
    EXPECT_GE(pool_stats().reserved_bytes, 64 * mib);
}

// Objects that wait in a depot would keep their chunks, wherever those are.
TEST(cell_pool, trim_gives_back_what_depots_kept) {
    constexpr std::size_t size = 2048, per_chunk = 32, chunks = 100;
    pool_trim();
    const std::size_t before = pool_stats().chunk_bytes;
    std::vector<void*> burst;
    for (std::size_t i = 0; i < chunks * per_chunk; ++i)
        burst.push_back(cell_allocate(size));
    // One of each chunk comes first: they fill the depot.
    for (std::size_t i = 0; i < burst.size(); i += per_chunk)
        cell_free(burst[i], size);
    for (std::size_t i = 0; i < burst.size(); ++i) {
        if (i % per_chunk != 0) cell_free(burst[i], size);
    }
    EXPECT_GE(pool_stats().chunk_bytes, before + 4 * mib) << "the depot has one of most chunks";
    pool_trim();
    EXPECT_LE(pool_stats().chunk_bytes, before + 2 * mib);
    std::vector<void*> again;
    for (std::size_t i = 0; i < burst.size(); ++i)
        again.push_back(cell_allocate(size));
    EXPECT_EQ(std::set<void*>(again.begin(), again.end()).size(), again.size());
    for (void* p : again)
        cell_free(p, size);
}

// A waker that is out of date reads the state word of free memory: it must say "no flow", also after the memory
// went back to the system and came again.
TEST(cell_pool, free_cells_read_as_no_flow) {
    struct cell {
        free_object link;
        void* link_of_batches;
        flow_state state;
        char rest[1000];
    };
    std::vector<cell*> burst;
    for (int i = 0; i < 20'000; ++i) {
        auto* c = ::new (cell_allocate(sizeof(cell))) cell{};
        c->state.start();
        burst.push_back(c);
    }
    for (cell* c : burst) {
        c->state.finish();
        cell_free(c, sizeof(cell));
    }
    for (const cell* c : burst)
        ASSERT_FALSE(c->state.is_alive());
}

TEST(cell_pool, visits_every_cell_that_was_handed_out) {
    std::set<void*> wanted;
    for (int i = 0; i < 200; ++i)
        wanted.insert(cell_allocate(336));
    std::set<void*> missing = wanted;
    for_each_cell(
        [](void* cell, void* argument) {
            static_cast<std::set<void*>*>(argument)->erase(cell);
            return true;
        },
        &missing);
    EXPECT_TRUE(missing.empty());
    int visits = 0;
    for_each_cell([](void*, void* argument) { return ++*static_cast<int*>(argument) < 3; },
                  &visits);
    EXPECT_EQ(visits, 3) << "until the visitor has had enough";
    for (void* p : wanted)
        cell_free(p, 336);
}

TEST(cell_pool, thread_that_ends_gives_everything_back) {
    const std::int64_t before = cells();
    const std::size_t bytes = pool_stats().chunk_bytes;
    for (int i = 0; i < 200; ++i) {
        std::thread([] {
            for (const std::size_t size : {16u, 100u, 500u, 2'000u, 8'000u})
                cell_free(cell_allocate(size), size);
        }).join();
    }
    EXPECT_EQ(cells(), before);
    EXPECT_LE(pool_stats().chunk_bytes, bytes + 5 * mib);
}

// Cells are taken by one thread and given by another, as when flows end elsewhere. The count stays exact and
// the memory goes round.
TEST(cell_pool, cells_may_be_given_back_by_another_thread) {
    constexpr int count = SENNIT_TSAN || SENNIT_ASAN ? 20'000 : 200'000;
    constexpr std::size_t in_flight_max = 2'000, size = 240;
    const std::int64_t before = cells();
    const std::size_t bytes = pool_stats().chunk_bytes;
    std::mutex lock;
    std::condition_variable changed;
    std::deque<int*> passed;
    std::thread giver([&] {
        for (int i = 0; i < count; ++i) {
            int* cell = nullptr;
            {
                std::unique_lock guard(lock);
                changed.wait(guard, [&] { return !passed.empty(); });
                cell = passed.front();
                passed.pop_front();
            }
            changed.notify_one();
            ASSERT_EQ(*cell, i);
            cell_free(cell, size);
        }
    });
    for (int i = 0; i < count; ++i) {
        auto* cell = static_cast<int*>(cell_allocate(size));
        *cell = i;
        {
            std::unique_lock guard(lock);
            changed.wait(guard, [&] { return passed.size() < in_flight_max; });
            passed.push_back(cell);
        }
        changed.notify_one();
    }
    giver.join();
    EXPECT_EQ(cells(), before);
    EXPECT_LE(pool_stats().chunk_bytes, bytes + 4 * mib);
}

// Several threads take and give through one class at once, in bursts larger than their magazines.
TEST(cell_pool, threads_share_a_class) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 20 : 200;
    const std::int64_t before = cells();
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([t] {
            std::vector<int*> mine;
            for (int round = 0; round < rounds; ++round) {
                for (int i = 0; i < 300; ++i) {
                    mine.push_back(static_cast<int*>(cell_allocate(48)));
                    *mine.back() = t;
                }
                for (int* p : mine) {
                    ASSERT_EQ(*p, t);
                    cell_free(p, 48);
                }
                mine.clear();
            }
        });
    }
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(cells(), before);
}

} // namespace
} // namespace sennit::detail
