// What the tests of coroutines share: futures that are ready at once, and a log of what is destroyed.
#pragma once

#include "core/support.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/cell_pool.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace sennit::test_support {

// Instrumented code is slower and its frames are larger.
inline constexpr int scaled_down = SENNIT_ASAN || SENNIT_TSAN ? 100 : 1;
inline constexpr int one_million = 1'000'000 / scaled_down;
inline constexpr int ten_million = 10'000'000 / scaled_down;

template<class T>
struct ready {
    T value;
    sennit::poll<T> poll(context&) { return std::move(value); }
};
template<class T>
ready(T) -> ready<T>;

using event_log = std::vector<std::string>;

/// Writes its name when it is destroyed, unless it was moved from.
class traced {
public:
    traced(event_log& log, std::string name) : log_(&log), name_(std::move(name)) {}
    traced(traced&& other) noexcept
        : log_(std::exchange(other.log_, nullptr)), name_(std::move(other.name_)) {}
    traced& operator=(traced&&) = delete;
    ~traced() {
        if (log_ != nullptr) log_->push_back("~" + name_);
    }

private:
    event_log* log_;
    std::string name_;
};

/// Fails when a test leaves a frame or a cell behind.
class no_leaks : public testing::Test {
protected:
    void SetUp() override {
        wait(async_yield()); // a fresh budget, and this thread's own cell
        before_ = pool_stats();
    }
    void TearDown() override {
        EXPECT_EQ(pool_stats().frames, before_.frames) << "a coroutine frame is lost";
        EXPECT_EQ(pool_stats().cells, before_.cells) << "a cell is lost";
    }

private:
    pool_statistics before_{};
};

} // namespace sennit::test_support
