#include <sennit/os/eventfd.hpp>

#include <gtest/gtest.h>

#include <fcntl.h>
#include <limits>
#include <span>
#include <thread>
#include <type_traits>
#include <vector>

namespace sennit::os {
namespace {

static_assert(!std::is_copy_constructible_v<eventfd>);
static_assert(std::is_nothrow_move_constructible_v<eventfd>);

TEST(eventfd, starts_without_a_signal) {
    eventfd wake = eventfd::create().value();
    EXPECT_EQ(wake.drain(), 0U);
}

TEST(eventfd, is_nonblocking_and_close_on_exec) {
    const eventfd wake = eventfd::create().value();
    EXPECT_NE(::fcntl(wake.fd(), F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(wake.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(eventfd, adds_signals_up_until_drained) {
    eventfd wake = eventfd::create().value();
    for (int i = 0; i < 3; ++i)
        wake.signal();
    EXPECT_EQ(wake.drain(), 3U);
    EXPECT_EQ(wake.drain(), 0U);
}

TEST(eventfd, a_full_counter_is_a_signal_like_any_other) {
    eventfd wake = eventfd::create().value();
    const std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;
    ASSERT_TRUE(write(wake.fd(), std::as_bytes(std::span{&most, 1})).ok());
    wake.signal();
    EXPECT_EQ(wake.drain(), most);
}

TEST(eventfd, counts_the_signals_of_many_threads) {
    constexpr std::uint64_t threads = 4;
    constexpr std::uint64_t signals = 1000;
    eventfd wake = eventfd::create().value();
    std::vector<std::thread> signalling;
    for (std::uint64_t i = 0; i < threads; ++i) {
        signalling.emplace_back([&] {
            for (std::uint64_t j = 0; j < signals; ++j)
                wake.signal();
        });
    }
    std::uint64_t seen = 0;
    while (seen < threads * signals)
        seen += wake.drain();
    for (auto& thread : signalling)
        thread.join();
    EXPECT_EQ(seen, threads * signals);
}

TEST(eventfd, asserts_that_it_is_open) {
    eventfd wake = eventfd::create().value();
    const eventfd other = std::move(wake);
    EXPECT_DEATH(wake.signal(), "open and not moved from"); // NOLINT(bugprone-use-after-move)
    EXPECT_DEATH(wake.drain(), "open and not moved from");  // NOLINT(bugprone-use-after-move)
}

} // namespace
} // namespace sennit::os
