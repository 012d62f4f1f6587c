// Which chunks without objects keep their memory: while somebody watches, after pool_decay(), after pool_trim(). All of it shows in
// pool_stats(). Objects are taken and given on threads of their own: what a thread holds for itself goes back when it ends.
#include <sennit/base/config.hpp>
#include <sennit/core/cell_pool.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow_state.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <iterator>
#include <thread>
#include <utility>
#include <vector>

namespace sennit::detail {
namespace {

constexpr std::size_t chunk_size = 64 * 1024;
constexpr std::size_t object_size = 1024, per_chunk = chunk_size / object_size;
constexpr std::size_t stays = 16;       // warm chunks of a class, in any case
constexpr std::size_t depot_chunks = 4; // what the class's depot holds back from its chunks

std::size_t kept_chunks() { return pool_stats().kept_bytes / chunk_size; }
std::size_t backed_chunks() { return pool_stats().chunk_bytes / chunk_size; }
std::size_t eighth(std::size_t count) { return (count + 7) / 8; }

template<class F>
void elsewhere(F f) {
    std::thread(std::move(f)).join();
}
std::vector<void*> take(std::size_t chunks, std::size_t size = object_size) {
    std::vector<void*> all(chunks * (chunk_size / size));
    elsewhere([&] {
        for (void*& p : all)
            p = cell_allocate(size);
    });
    return all;
}
void give(const std::vector<void*>& all, std::size_t size = object_size) {
    elsewhere([&] {
        for (void* p : all)
            cell_free(p, size);
    });
}
void burst(std::size_t chunks, std::size_t size = object_size) { give(take(chunks, size), size); }

class cell_pool_decay : public testing::Test {
protected:
    // The class has exactly `stays` warm chunks.
    cell_pool_decay() {
        burst(stays + 2 * depot_chunks);
        pool_trim();
        kept_before_ = kept_chunks();
        backed_before_ = backed_chunks();
        pool_watch(true);
    }
    ~cell_pool_decay() override {
        pool_watch(false);
        pool_trim();
    }

    // Of the class; those of the others do not change.
    std::size_t warm() const { return stays + kept_chunks() - kept_before_; }
    std::size_t backed_before() const { return backed_before_; }

private:
    std::size_t kept_before_;
    std::size_t backed_before_;
};

TEST_F(cell_pool_decay, while_watched_the_next_burst_finds_its_chunks) {
    burst(200);
    const std::size_t backed = backed_chunks();
    EXPECT_GE(backed, backed_before() + 200 - 2 * stays);
    EXPECT_GE(warm(), 200 - 2 * depot_chunks);
    for (int i = 0; i < 3; ++i) {
        const std::vector<void*> all = take(200);
        EXPECT_EQ(backed_chunks(), backed) << "nothing new, nothing lost";
        give(all);
        EXPECT_EQ(backed_chunks(), backed);
    }
}

TEST_F(cell_pool_decay, gives_an_eighth_of_the_unneeded_back_at_a_time) {
    burst(200);
    std::size_t left = warm();
    pool_decay();
    ASSERT_EQ(warm(), left) << "all were needed until now";
    const std::size_t in_use = backed_chunks() - left;
    while (left > stays) {
        left = std::max(left - eighth(left), stays);
        pool_decay();
        ASSERT_EQ(warm(), left);
        ASSERT_EQ(backed_chunks(), in_use + left);
    }
    pool_decay();
    EXPECT_EQ(warm(), stays);
}

TEST_F(cell_pool_decay, what_was_needed_meanwhile_stays) {
    burst(200);
    pool_decay();
    const std::vector<void*> needed = take(150);
    const std::size_t low = warm();
    EXPECT_LT(low, 60U);
    give(needed);
    const std::size_t before = warm();
    pool_decay();
    EXPECT_EQ(warm(), before - eighth(low));
    pool_decay();
    EXPECT_EQ(warm(), before - eighth(low) - eighth(before - eighth(low)))
        << "nobody needed any since";
}

TEST_F(cell_pool_decay, what_is_always_needed_never_goes) {
    burst(200);
    pool_decay();
    const std::size_t backed = backed_chunks();
    for (int i = 0; i < 20; ++i) {
        burst(200);
        pool_decay();
    }
    EXPECT_EQ(backed_chunks(), backed);
}

TEST_F(cell_pool_decay, trim_gives_all_back_but_a_few) {
    burst(200);
    pool_trim();
    EXPECT_EQ(warm(), stays);
    EXPECT_EQ(backed_chunks(), backed_before());
}

TEST_F(cell_pool_decay, a_few_stay_when_nobody_watches) {
    pool_watch(false);
    burst(200);
    EXPECT_EQ(warm(), stays);
    EXPECT_LE(backed_chunks(), backed_before() + 2 * depot_chunks);
    pool_watch(true);
}

TEST_F(cell_pool_decay, the_last_who_watched_leaves_a_few) {
    burst(200);
    const std::size_t kept = warm();
    pool_watch(true);
    pool_watch(false);
    EXPECT_EQ(warm(), kept) << "one is left";
    pool_watch(false);
    EXPECT_EQ(warm(), stays);
    pool_watch(true);
}

TEST_F(cell_pool_decay, warm_chunks_of_all_classes_have_a_common_limit) {
    constexpr std::size_t other_size = 2 * object_size;
    burst(stays + 2 * depot_chunks, other_size);
    const std::size_t limit = kept_chunks() + 50;
    const std::size_t previous = set_pool_warm_max(limit * chunk_size);
    burst(200);
    EXPECT_EQ(kept_chunks(), limit);
    burst(200, other_size);
    EXPECT_EQ(kept_chunks(), limit) << "it is used up";
    EXPECT_EQ(set_pool_warm_max(0), limit * chunk_size);
    pool_trim();
    const std::size_t few = kept_chunks();
    burst(200);
    EXPECT_EQ(kept_chunks(), few) << "they stay, whatever the limit";
    set_pool_warm_max(previous);
    EXPECT_GT(previous, 0U);
}

TEST_F(cell_pool_decay, chunks_that_are_partly_in_use_are_used_first) {
    constexpr std::size_t chunks = 40;
    std::vector<void*> kept = take(chunks), given;
    std::partition_copy(kept.begin(), kept.end(), std::back_inserter(given), kept.begin(),
                        [n = 0](void*) mutable { return n++ % 2 == 0; });
    kept.resize(kept.size() - given.size());
    burst(60);
    give(given);
    pool_trim(); // nothing is in the depot
    burst(60);
    pool_trim();
    const std::size_t warm_before = warm(), backed = backed_chunks();
    ASSERT_EQ(warm_before, stays);
    const std::vector<void*> again = take(chunks / 2);
    EXPECT_EQ(warm(), warm_before);
    EXPECT_EQ(backed_chunks(), backed);
    give(again);
    give(kept);
}

TEST_F(cell_pool_decay, warm_chunks_are_used_before_cold_ones) {
    burst(200);
    pool_trim(); // many are cold
    const std::size_t backed = backed_chunks();
    const std::vector<void*> all = take(stays);
    EXPECT_LE(warm(), 1U) << "one, if a chunk in use had room";
    EXPECT_EQ(backed_chunks(), backed);
    const std::vector<void*> more = take(10);
    EXPECT_EQ(warm(), 0U);
    EXPECT_GE(backed_chunks(), backed + 9);
    give(all);
    give(more);
}

TEST_F(cell_pool_decay, cold_chunks_are_used_before_new_ones) {
    constexpr std::size_t slab_chunks = 1024;
    burst(slab_chunks);
    const std::size_t reserved = pool_stats().reserved_bytes;
    for (int i = 0; i < 2; ++i) {
        pool_trim();
        burst(slab_chunks);
    }
    EXPECT_EQ(pool_stats().reserved_bytes, reserved);
}

// What a waker that is out of date reads, wherever the cell's memory went meanwhile.
TEST_F(cell_pool_decay, free_cells_read_as_no_flow) {
    struct cell {
        free_object link;
        void* link_of_batches;
        flow_state state;
        char rest[object_size - 64];
    };
    static_assert(pool_class_of(sizeof(cell)) == pool_class_of(object_size));
    std::vector<void*> places;
    const auto live_and_die = [&] {
        const std::vector<void*> all = take(200);
        for (void* p : all) {
            auto* c = static_cast<cell*>(p);
            ASSERT_FALSE(c->state.is_alive()) << "before it is a flow";
            c->state.start();
        }
        for (void* p : all)
            static_cast<cell*>(p)->state.finish();
        give(all);
        places.insert(places.end(), all.begin(), all.end());
    };
    const auto none_lives = [&] {
        return std::none_of(places.begin(), places.end(),
                            [](void* p) { return static_cast<cell*>(p)->state.is_alive(); });
    };
    live_and_die();
    live_and_die();
    EXPECT_TRUE(none_lives()) << "warm";
    pool_decay();
    pool_decay();
    EXPECT_TRUE(none_lives()) << "some cold";
    live_and_die();
    pool_trim();
    EXPECT_TRUE(none_lives()) << "almost all cold";
    live_and_die();
    EXPECT_TRUE(none_lives());
}

// Bursts of several threads while chunks are discarded, trimmed and visited. No object is in two hands, no chunk is lost.
TEST_F(cell_pool_decay, goes_on_beside_those_who_take_and_give) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 10 : 60;
    constexpr std::size_t chunks = 30;
    std::atomic<int> busy{2};
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t) {
        threads.emplace_back([&busy, t] {
            std::vector<int*> mine;
            for (int round = 0; round < rounds; ++round) {
                for (std::size_t i = 0; i < chunks * per_chunk; ++i) {
                    mine.push_back(static_cast<int*>(cell_allocate(object_size)));
                    *mine.back() = t;
                }
                for (int* p : mine) {
                    EXPECT_EQ(*p, t);
                    cell_free(p, object_size);
                }
                mine.clear();
            }
            busy.fetch_sub(1, std::memory_order_relaxed);
        });
    }
    for (int n = 0; busy.load(std::memory_order_relaxed) != 0; ++n) {
        n % 8 == 0 ? pool_trim() : pool_decay();
        for_each_cell([](void*, void*) { return true; }, nullptr);
    }
    for (std::thread& t : threads)
        t.join();
    pool_trim();
    EXPECT_EQ(warm(), stays);
    EXPECT_EQ(backed_chunks(), backed_before());
}

} // namespace
} // namespace sennit::detail
