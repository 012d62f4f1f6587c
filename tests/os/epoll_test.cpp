#include <sennit/os/epoll.hpp>

#include "os/support.hpp"
#include <sennit/os/eventfd.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <fcntl.h>
#include <limits>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <set>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <thread>
#include <type_traits>
#include <vector>

namespace sennit::os {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test_support::bytes_of;
using test_support::interruptions;

static_assert(!std::is_copy_constructible_v<epoll>);
static_assert(std::is_nothrow_move_constructible_v<epoll>);

/// All that is ready now.
std::vector<epoll::event> ready(epoll& poller) {
    std::array<epoll::event, 16> events;
    const std::size_t count = poller.wait(events, 0ns).value();
    return {events.begin(), events.begin() + static_cast<std::ptrdiff_t>(count)};
}

void put(const pipe_ends& ends) { ASSERT_TRUE(write(ends.writer.get(), bytes_of("x")).ok()); }

TEST(epoll, reports_mask_and_data) {
    epoll poller = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    constexpr std::uint64_t data = 0xFEDC'BA98'7654'3210;
    ASSERT_TRUE(poller.add(ends.reader.get(), epoll::readable, data).has_value());
    EXPECT_TRUE(ready(poller).empty());
    put(ends);
    const auto events = ready(poller);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].events, epoll::readable);
    EXPECT_EQ(events[0].data, data);
}

TEST(epoll, is_close_on_exec) {
    const epoll poller = epoll::create().value();
    EXPECT_NE(::fcntl(poller.fd(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(epoll, reports_a_state_again_and_an_edge_once) {
    epoll poller = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    put(ends);
    ASSERT_TRUE(poller.add(ends.reader.get(), epoll::readable, 1).has_value());
    EXPECT_EQ(ready(poller).size(), 1U);
    EXPECT_EQ(ready(poller).size(), 1U);
    ASSERT_TRUE(poller.modify(ends.reader.get(), epoll::readable | epoll::edge, 2).has_value());
    const auto events = ready(poller);
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].data, 2U);
    EXPECT_TRUE(ready(poller).empty());
    put(ends);
    EXPECT_EQ(ready(poller).size(), 1U);
}

TEST(epoll, one_shot_is_disarmed_until_modified) {
    epoll poller = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    ASSERT_TRUE(poller.add(ends.reader.get(), epoll::readable | epoll::one_shot, 1).has_value());
    put(ends);
    EXPECT_EQ(ready(poller).size(), 1U);
    put(ends);
    EXPECT_TRUE(ready(poller).empty());
    ASSERT_TRUE(poller.modify(ends.reader.get(), epoll::readable | epoll::one_shot, 1).has_value());
    EXPECT_EQ(ready(poller).size(), 1U);
}

TEST(epoll, is_silent_about_what_was_removed) {
    epoll poller = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    put(ends);
    ASSERT_TRUE(poller.add(ends.reader.get(), epoll::readable, 1).has_value());
    ASSERT_TRUE(poller.remove(ends.reader.get()).has_value());
    EXPECT_TRUE(ready(poller).empty());
}

TEST(epoll, reports_hangup_and_error_unasked) {
    epoll poller = epoll::create().value();
    pipe_ends ends = make_pipe().value();
    ASSERT_TRUE(poller.add(ends.reader.get(), 0, 1).has_value());
    ends.writer.reset();
    ASSERT_EQ(ready(poller).size(), 1U);
    EXPECT_EQ(ready(poller)[0].events, epoll::hangup);

    pipe_ends broken = make_pipe().value();
    ASSERT_TRUE(poller.remove(ends.reader.get()).has_value());
    ASSERT_TRUE(poller.add(broken.writer.get(), 0, 2).has_value());
    broken.reader.reset();
    ASSERT_EQ(ready(poller).size(), 1U);
    EXPECT_EQ(ready(poller)[0].events, epoll::error);
}

TEST(epoll, reports_that_the_peer_stopped_writing) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    const unique_fd ours{ends[0]};
    const unique_fd theirs{ends[1]};
    epoll poller = epoll::create().value();
    ASSERT_TRUE(poller.add(ours.get(), epoll::read_hangup | epoll::writable, 1).has_value());
    EXPECT_EQ(ready(poller)[0].events, epoll::writable);
    ASSERT_EQ(::shutdown(theirs.get(), SHUT_WR), 0);
    EXPECT_EQ(ready(poller)[0].events, epoll::writable | epoll::read_hangup);
}

TEST(epoll, reports_misuse) {
    epoll poller = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    const int fd = ends.reader.get();
    EXPECT_EQ(poller.modify(fd, 0, 0).error().code(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(poller.remove(fd).error().code(), std::errc::no_such_file_or_directory);
    ASSERT_TRUE(poller.add(fd, 0, 0).has_value());
    EXPECT_EQ(poller.add(fd, 0, 0).error().code(), std::errc::file_exists);
    EXPECT_STREQ(poller.add(fd, 0, 0).error().operation(), "epoll_add");
    const unique_fd file{::open("/proc/self/exe", O_RDONLY)};
    EXPECT_EQ(poller.add(file.get(), epoll::readable, 0).error().code(),
              std::errc::operation_not_permitted);
    epoll moved = std::move(poller);
    std::array<epoll::event, 1> events;
    EXPECT_FALSE(poller.wait(events, 0ns).has_value()); // NOLINT(bugprone-use-after-move)
    EXPECT_TRUE(moved.wait(events, 0ns).has_value());
}

TEST(epoll, asserts_room_for_an_event) {
    epoll poller = epoll::create().value();
    EXPECT_DEATH((void)poller.wait({}, 0ns), "room for at least one event");
}

// More are ready than fit: what does not fit comes with the next wait, and each comes with its own
// data. The kernel's events are smaller than ours on x86-64, so this also shows that spreading them
// out in place mixes nothing up.
TEST(epoll, hands_many_events_out_in_parts) {
    constexpr std::uint64_t count = 100;
    constexpr std::uint64_t scale = 0x0101'0101'0101'0101;
    epoll poller = epoll::create().value();
    std::vector<eventfd> sources;
    for (std::uint64_t i = 0; i < count; ++i) {
        sources.push_back(eventfd::create().value());
        sources.back().signal();
        const auto mask = epoll::readable | epoll::edge;
        ASSERT_TRUE(poller.add(sources.back().fd(), mask, i * scale).has_value());
    }
    std::set<std::uint64_t> seen;
    std::array<epoll::event, 33> events;
    for (const std::size_t expected : {33, 33, 33, 1, 0}) {
        ASSERT_EQ(poller.wait(events, 0ns).value(), expected);
        for (std::size_t i = 0; i < expected; ++i) {
            EXPECT_EQ(events[i].events, epoll::readable);
            EXPECT_EQ(events[i].data % scale, 0U);
            EXPECT_TRUE(seen.insert(events[i].data).second);
        }
    }
    EXPECT_EQ(seen.size(), count);
    EXPECT_EQ(*seen.rbegin(), (count - 1) * scale);
}

void expect_waits_until_time_is_up(epoll& poller) {
    std::array<epoll::event, 1> events;
    for (const std::chrono::nanoseconds timeout : {-1ns, 0ns, 1ns, 300'000ns, 2'000'000ns}) {
        const auto begin = steady_clock::now();
        EXPECT_EQ(poller.wait(events, timeout).value(), 0U);
        EXPECT_GE(steady_clock::now() - begin, timeout);
    }
}

TEST(epoll, waits_until_time_is_up_and_never_shorter) {
    epoll poller = epoll::create().value();
    expect_waits_until_time_is_up(poller);
}

TEST(epoll, longest_timeouts_mean_for_ever) {
    epoll poller = epoll::create().value();
    eventfd wake = eventfd::create().value();
    wake.signal();
    ASSERT_TRUE(poller.add(wake.fd(), epoll::readable, 7).has_value());
    std::array<epoll::event, 1> events;
    EXPECT_EQ(poller.wait(events).value(), 1U);
    EXPECT_EQ(poller.wait(events, std::chrono::nanoseconds::max()).value(), 1U);
}

// The plain int is written before signal() and read after wait() and drain(): ThreadSanitizer
// checks the ordering.
TEST(epoll, another_thread_ends_a_wait) {
    epoll poller = epoll::create().value();
    eventfd wake = eventfd::create().value();
    ASSERT_TRUE(poller.add(wake.fd(), epoll::readable, 7).has_value());
    int message = 0;
    std::thread other([&] {
        message = 42;
        wake.signal();
    });
    std::array<epoll::event, 4> events;
    EXPECT_EQ(poller.wait(events).value(), 1U);
    EXPECT_EQ(events[0].data, 7U);
    EXPECT_EQ(wake.drain(), 1U);
    EXPECT_EQ(message, 42);
    other.join();
}

TEST(epoll, a_descriptor_added_during_the_wait_ends_it) {
    epoll poller = epoll::create().value();
    eventfd wake = eventfd::create().value();
    wake.signal();
    std::thread other([&] { EXPECT_TRUE(poller.add(wake.fd(), epoll::readable, 7).has_value()); });
    std::array<epoll::event, 1> events;
    EXPECT_EQ(poller.wait(events).value(), 1U);
    other.join();
}

TEST(epoll, a_signal_ends_a_wait_without_events) {
    const interruptions active;
    epoll poller = epoll::create().value();
    std::atomic<bool> interrupted = false;
    std::thread waiting([&] {
        std::array<epoll::event, 1> events;
        EXPECT_EQ(poller.wait(events).value(), 0U);
        interrupted = true;
    });
    interruptions::send_until(waiting.native_handle(), [&] { return interrupted.load(); });
    waiting.join();
}

TEST(epoll, an_epoll_can_watch_another) {
    epoll inner = epoll::create().value();
    epoll outer = epoll::create().value();
    const pipe_ends ends = make_pipe().value();
    ASSERT_TRUE(inner.add(ends.reader.get(), epoll::readable, 1).has_value());
    ASSERT_TRUE(outer.add(inner.fd(), epoll::readable, 2).has_value());
    EXPECT_TRUE(ready(outer).empty());
    put(ends);
    ASSERT_EQ(ready(outer).size(), 1U);
    EXPECT_EQ(ready(outer)[0].data, 2U);
}

/// Makes the kernel answer epoll_pwait2 with `number` for the rest of this process's life.
bool forbid_precise_waits(unsigned number) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_epoll_pwait2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | number),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{.len = std::size(filter), .filter = filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// A child process takes epoll_pwait2 from itself, as an old kernel (ENOSYS) or an old container
// (EPERM) would, and waits.
TEST(epoll, falls_back_to_milliseconds_where_the_precise_call_is_missing) {
    if (::prctl(PR_GET_SECCOMP) < 0) GTEST_SKIP() << "this kernel has no seccomp";
    const auto wait_without = [](unsigned number) {
        if (!forbid_precise_waits(number)) std::_Exit(2);
        epoll poller = epoll::create().value();
        expect_waits_until_time_is_up(poller);
        eventfd wake = eventfd::create().value();
        wake.signal();
        std::array<epoll::event, 4> events;
        const bool added = poller.add(wake.fd(), epoll::readable, 7).has_value();
        const bool woke = poller.wait(events).value() == 1 &&
                          poller.wait(events, std::chrono::nanoseconds::max()).value() == 1;
        std::_Exit(added && woke && !::testing::Test::HasFailure() ? 0 : 1);
    };
    EXPECT_EXIT(wait_without(ENOSYS), ::testing::ExitedWithCode(0), "");
    EXPECT_EXIT(wait_without(EPERM), ::testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace sennit::os
