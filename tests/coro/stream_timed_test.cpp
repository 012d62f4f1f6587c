// The clock is virtual: it moves when all wait, so what is timed is exact.
#include <sennit/coro/stream_timed.hpp>

#include "coro/support.hpp"
#include <sennit/coro/stream_adaptors.hpp>
#include <sennit/coro/stream_consumers.hpp>
#include <sennit/coro/stream_sources.hpp>
#include <sennit/runtime/runtime.hpp>
#include <sennit/time/runtime_clock.hpp>
#include <sennit/time/sleep.hpp>

#include <gtest/gtest.h>

namespace sennit {
namespace {

namespace st = streams;
using std::chrono::milliseconds;
using ints = std::vector<int>;

// Yields each number after it has slept for so many milliseconds.
stream<int> after_pauses(ints pauses) {
    for (const int ms : pauses) {
        co_await async_sleep_for(milliseconds(ms));
        co_yield ms;
    }
}

template<class Fn>
void in_virtual_time(Fn f) {
    runtime rt({.current_thread = true, .virtual_time = true});
    rt.block_on(std::move(f));
}
std::int64_t ms_since(runtime_clock::time_point start) {
    return std::chrono::duration_cast<milliseconds>(runtime_clock::now() - start).count();
}

// tokio-stream stream_timeout: basic_usage, timeout_not_completed_in_time.
TEST(stream_timed, timeout_yields_an_error_and_then_the_value) {
    in_virtual_time([] {
        std::string seen;
        for (result<int> r : after_pauses({5, 30, 5, 100}) | st::timeout(milliseconds(20)))
            seen += r ? std::to_string(*r) + " " : is(r.error(), errc::timed_out) ? "late " : "? ";
        EXPECT_EQ(seen, "5 late 30 5 late 100 ");
    });
}

// tokio-stream time_throttle: usage.
TEST(stream_timed, throttle_keeps_values_apart) {
    in_virtual_time([] {
        const auto start = runtime_clock::now();
        std::vector<std::int64_t> at;
        for (const int n : st::from_range(ints{1, 2, 3}) | st::throttle(milliseconds(10)))
            at.push_back(ms_since(start) + 0 * n);
        ASSERT_EQ(at.size(), 3u);
        EXPECT_EQ(at[0], 0);
        EXPECT_GE(at[1], 10);
        EXPECT_GE(at[2], 20);
        EXPECT_LT(at[2], 25);
    });
}

TEST(stream_timed, throttle_counts_from_the_value) {
    in_virtual_time([] {
        const auto start = runtime_clock::now();
        int count = 0;
        for (const int n : after_pauses({15, 0, 0}) | st::throttle(milliseconds(10))) {
            sleep_for(milliseconds(10)); // the pause passes here
            count += n >= 0 ? 1 : 0;
        }
        EXPECT_EQ(count, 3);
        EXPECT_LT(ms_since(start), 50);
        EXPECT_GE(ms_since(start), 45);
    });
}

// tokio-stream chunks_timeout: usage, full_chunk_with_timeout, real_time.
TEST(stream_timed, chunks_timeout_hands_out_what_is_there) {
    in_virtual_time([] {
        std::vector<ints> chunks;
        auto all = after_pauses({1, 2, 3, 50, 60, 1}) | st::chunks_timeout(2, milliseconds(20));
        for (ints chunk : all)
            chunks.push_back(std::move(chunk));
        EXPECT_EQ(chunks, (std::vector<ints>{{1, 2}, {3}, {50}, {60, 1}}));
    });
}

TEST(stream_timed, chunks_timeout_starts_with_the_first_value) {
    in_virtual_time([] {
        const auto start = runtime_clock::now();
        std::vector<std::int64_t> at;
        for (ints chunk : after_pauses({100, 500}) | st::chunks_timeout(10, milliseconds(20)))
            at.push_back(ms_since(start) + 0 * chunk.front());
        ASSERT_EQ(at.size(), 2u);
        EXPECT_GE(at[0], 120);
        EXPECT_LT(at[0], 130);
        EXPECT_GE(at[1], 600);
        EXPECT_LT(at[1], 610) << "the end hands out the rest at once";
    });
}

} // namespace
} // namespace sennit
