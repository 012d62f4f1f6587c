// What the tests of the runtime share: runtimes of several sizes, and a check that nothing is left.
#pragma once

#include <sennit/all.hpp>

#include <gtest/gtest.h>

namespace sennit::test {

// Runs each test with 1, 2 and 4 workers, with and without forced migration.
struct setting {
    unsigned workers;
    bool migrate;
};
inline std::string name_of(const testing::TestParamInfo<setting>& info) {
    return std::to_string(info.param.workers) + (info.param.migrate ? "_migrating" : "");
}
inline const setting settings[] = {{1, false}, {2, false}, {4, false}, {2, true}};

class with_runtime : public testing::TestWithParam<setting> {
protected:
    with_runtime() {
        cells_ = pool_stats().cells;
        frames_ = pool_stats().frames;
        rt_ = std::make_unique<runtime>(
            runtime_options{.workers = GetParam().workers, .force_migration = GetParam().migrate});
    }
    // Every flow, frame and cell is gone when the runtime is.
    void TearDown() override {
        rt_->wait_all();
        EXPECT_EQ(rt_->stats().live, 0u);
        rt_.reset();
        EXPECT_EQ(pool_stats().cells, cells_);
        EXPECT_EQ(pool_stats().frames, frames_);
    }
    template<class Fn>
    auto run(Fn&& f) {
        return rt_->block_on(std::forward<Fn>(f));
    }

    std::unique_ptr<runtime> rt_;

private:
    std::int64_t cells_, frames_;
};

// Counts how many objects of a kind are alive.
struct counted {
    static inline std::atomic<int> alive{0};
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    counted& operator=(const counted&) = default;
    ~counted() { --alive; }
};

} // namespace sennit::test
