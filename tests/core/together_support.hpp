// What the tests of combinators share: futures that count their polls, drops and the moment of both.
#pragma once

#include "core/support.hpp"
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/cell_pool.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <utility>

namespace sennit::test_support {

/// What became of futures: polls, and how many are alive.
struct tally {
    int polls = 0;
    int alive = 0;
};

/// Waits for a signal and keeps a tally. Neither copyable nor assignable, as leaf futures are.
class counted {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    counted(signal& s, tally& t) : waiting_(s.async_wait()), tally_(&t) { ++t.alive; }
    counted(counted&& other) noexcept
        : waiting_(std::move(other.waiting_)), tally_(std::exchange(other.tally_, nullptr)) {}
    counted& operator=(counted&&) = delete;
    ~counted() {
        if (tally_ != nullptr) --tally_->alive; // else it was moved from
    }

    sennit::poll<int> poll(context& cx) {
        ++tally_->polls;
        return waiting_.poll(cx);
    }

private:
    signal::waiting waiting_;
    tally* tally_;
};

/// Throws when its signal is set.
class failing {
public:
    failing(signal& s, tally& t) : inner_(s, t) {}
    sennit::poll<int> poll(context& cx) {
        if (!inner_.poll(cx).is_ready()) return pending;
        throw std::runtime_error("failing");
    }

private:
    counted inner_;
};

/// A result when its signal is set: a number below zero is an error.
class checked {
public:
    checked(signal& s, tally& t) : inner_(s, t) {}
    sennit::poll<result<int>> poll(context& cx) {
        auto answer = inner_.poll(cx);
        if (!answer.is_ready()) return pending;
        const int value = std::move(answer).take();
        if (value < 0) return result<int>(std::unexpect, std::errc::invalid_argument, "checked");
        return result<int>(value);
    }

private:
    counted inner_;
};

/// Ready without a value when its signal is set.
class quiet {
public:
    explicit quiet(signal& s) : waiting_(s.async_wait()) {}
    sennit::poll<void> poll(context& cx) {
        if (!waiting_.poll(cx).is_ready()) return pending;
        return sennit::poll<void>::ready();
    }

private:
    signal::waiting waiting_;
};

/// Ready at once.
template<class T>
struct at_once {
    T value;
    sennit::poll<T> poll(context&) { return std::forward<T>(value); }
};
template<class T>
at_once(T) -> at_once<T>;

/// Fails when a test leaves a cell behind.
class no_lost_cells : public testing::Test {
protected:
    void SetUp() override {
        wait(async_yield()); // this thread's own cell
        cells_ = pool_stats().cells;
    }
    void TearDown() override { EXPECT_EQ(pool_stats().cells, cells_) << "a cell is lost"; }

private:
    std::int64_t cells_ = 0;
};

} // namespace sennit::test_support
