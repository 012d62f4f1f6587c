// What the tests of sync share: crews of flows of two kinds, on runtimes of several sizes, and a
// check that nothing is left behind.
#pragma once

#include "core/support.hpp"
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sennit::test {

using test_support::driver;

enum class kind { fiber, task, thread };

struct pairing {
    kind first, second;
    unsigned workers;
};

inline std::vector<pairing> all_pairings() {
    std::vector<pairing> all;
    for (const unsigned workers : {1u, 2u, 4u}) {
        for (const kind first : {kind::fiber, kind::task, kind::thread}) {
            for (const kind second : {kind::fiber, kind::task, kind::thread}) {
                if (first <= second) all.push_back({first, second, workers});
            }
        }
    }
    return all;
}
inline std::string name_of_pairing(const testing::TestParamInfo<pairing>& info) {
    const char* names[] = {"fiber", "task", "thread"};
    return std::string(names[static_cast<int>(info.param.first)]) + "_" +
           names[static_cast<int>(info.param.second)] + "_" + std::to_string(info.param.workers);
}

template<class T>
void drop(T& t) {
    T dropped = std::move(t);
}

// Flows of either kind, joined by join() or at the end.
class paired : public testing::TestWithParam<pairing> {
protected:
    paired() {
        cells_ = pool_stats().cells;
        frames_ = pool_stats().frames;
        rt_ = std::make_unique<runtime>(
            runtime_options{.workers = GetParam().workers, .force_migration = false});
    }
    void TearDown() override {
        join();
        rt_->wait_all();
        EXPECT_EQ(rt_->stats().live, 0u);
        rt_.reset();
        EXPECT_EQ(pool_stats().frames, frames_) << "a coroutine frame is lost";
        EXPECT_LE(pool_stats().cells, cells_ + 1)
            << "a cell is lost"; // the main thread's own stays
    }
    // Even ones are of the first kind, odd ones of the second.
    kind kind_of(int i) const { return i % 2 == 0 ? GetParam().first : GetParam().second; }
    template<class Plain, class Make>
    void start(kind k, Plain plain, Make make_task) {
        switch (k) {
            case kind::fiber:
                handles_.push_back(rt_->spawn(std::move(plain)));
                break;
            case kind::task:
                handles_.push_back(rt_->spawn(make_task()));
                break;
            case kind::thread:
                threads_.emplace_back(std::move(plain));
                break;
        }
    }
    void join() {
        for (std::thread& t : threads_)
            t.join();
        threads_.clear();
        for (join_handle<void>& h : handles_)
            h.join();
        handles_.clear();
    }

    std::unique_ptr<runtime> rt_;

private:
    std::vector<join_handle<void>> handles_;
    std::vector<std::thread> threads_;
    std::int64_t cells_, frames_;
};

inline constexpr int rounds_scaled(int n) { return SENNIT_ASAN || SENNIT_TSAN ? n / 5 : n; }

} // namespace sennit::test
