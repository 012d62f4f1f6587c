#include <sennit/os/signal.hpp>

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <pthread.h>
#include <thread>
#include <type_traits>
#include <unistd.h>

namespace sennit::os {
namespace {

static_assert(!std::is_copy_constructible_v<signal_fd>);
static_assert(std::is_nothrow_move_constructible_v<signal_fd>);
static_assert(!std::is_move_constructible_v<all_signals_blocked>);

bool is_blocked(int signal) {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    return ::sigismember(&mask, signal) == 1;
}

// A thread's mask is its own, so each test changes that of a thread which then ends.
template<class Body>
void in_a_thread(Body body) {
    std::thread(body).join();
}

TEST(block_signals, blocks_these_for_this_thread_and_its_children) {
    in_a_thread([] {
        constexpr std::array signals{SIGUSR1, SIGUSR2};
        ASSERT_TRUE(block_signals(signals).has_value());
        EXPECT_TRUE(is_blocked(SIGUSR1) && is_blocked(SIGUSR2));
        EXPECT_FALSE(is_blocked(SIGTERM));
        in_a_thread([] { EXPECT_TRUE(is_blocked(SIGUSR1)); });
    });
    EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST(block_signals, reports_a_signal_that_is_none) {
    constexpr std::array signals{SIGUSR1, 1000};
    const auto blocked = block_signals(signals);
    ASSERT_FALSE(blocked.has_value());
    EXPECT_EQ(blocked.error().code(), std::errc::invalid_argument);
    EXPECT_FALSE(is_blocked(SIGUSR1));
}

TEST(all_signals_blocked, blocks_what_others_send_and_restores) {
    in_a_thread([] {
        constexpr std::array signals{SIGUSR1};
        ASSERT_TRUE(block_signals(signals).has_value());
        {
            const all_signals_blocked blocked;
            for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2}) {
                EXPECT_TRUE(is_blocked(signal)) << signal;
            }
            for (const int signal :
                 {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT, SIGPROF}) {
                EXPECT_FALSE(is_blocked(signal)) << signal;
            }
            in_a_thread([] { EXPECT_TRUE(is_blocked(SIGTERM)); });
        }
        EXPECT_TRUE(is_blocked(SIGUSR1));
        EXPECT_FALSE(is_blocked(SIGTERM));
    });
}

TEST(signal_fd, reads_each_pending_signal_once) {
    in_a_thread([] {
        constexpr std::array signals{SIGUSR1, SIGUSR2};
        signal_fd pending = signal_fd::create(signals).value();
        EXPECT_EQ(pending.read_one(), std::nullopt);
        ::pthread_kill(::pthread_self(), SIGUSR2);
        ::pthread_kill(::pthread_self(), SIGUSR1);
        EXPECT_EQ(pending.read_one(), SIGUSR1);
        EXPECT_EQ(pending.read_one(), SIGUSR2);
        EXPECT_EQ(pending.read_one(), std::nullopt);
    });
}

TEST(signal_fd, is_nonblocking_and_close_on_exec) {
    in_a_thread([] {
        constexpr std::array signals{SIGUSR1};
        const signal_fd pending = signal_fd::create(signals).value();
        EXPECT_NE(::fcntl(pending.fd(), F_GETFL) & O_NONBLOCK, 0);
        EXPECT_NE(::fcntl(pending.fd(), F_GETFD) & FD_CLOEXEC, 0);
    });
}

TEST(signal_fd, reports_a_signal_that_is_none) {
    constexpr std::array signals{0};
    const auto pending = signal_fd::create(signals);
    ASSERT_FALSE(pending.has_value());
    EXPECT_EQ(pending.error().code(), std::errc::invalid_argument);
}

// In a process of its own, as a program would: SIGTERM comes from outside, for any thread, and
// another thread reads it.
TEST(signal_fd, reads_what_is_sent_to_the_process) {
    const auto run = [] {
        constexpr std::array signals{SIGTERM};
        signal_fd pending = signal_fd::create(signals).value();
        ::kill(::getpid(), SIGTERM);
        int got = 0;
        in_a_thread([&] { got = pending.read_one().value_or(0); });
        std::_Exit(got == SIGTERM ? 0 : 1);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace sennit::os
