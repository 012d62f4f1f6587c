#include <sennit/io/source.hpp>

#include "support.hpp"
#include <sennit/core/wait.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <thread>
#include <utility>
#include <vector>

namespace sennit::detail {
namespace {

using test::open_descriptors;
using test::own_reactor;
using test::polled_reactor;

// Reads from a pipe; counts how often it asks the kernel.
class read_op : private io_operation {
public:
    explicit read_op(source& s) : io_operation(&s, direction::read) {}
    read_op(read_op&&) noexcept = default;

    sennit::poll<result<std::size_t>> poll(context& cx) {
        os::io_result got;
        const answer outcome = drive(cx, [&](int fd) {
            ++asked;
            if (before_read) before_read();
            got = os::read(fd, buffer);
            if (after_read) after_read();
            return os::would_block(got.error) ? attempt::would_block : attempt::done;
        });
        if (outcome == answer::pending) return pending;
        if (outcome == answer::failed) return result<std::size_t>(failure("read"));
        return result<std::size_t>(static_cast<std::size_t>(got.value));
    }

    int asked = 0;
    std::function<void()> before_read;
    std::function<void()> after_read;
    std::array<std::byte, 64> buffer;
};
static_assert(future<read_op>);

class write_op : private io_operation {
public:
    explicit write_op(source& s) : io_operation(&s, direction::write) {}
    write_op(write_op&&) noexcept = default;

    sennit::poll<result<std::size_t>> poll(context& cx) {
        os::io_result put;
        const answer outcome = drive(cx, [&](int fd) {
            put = os::write(fd, bytes);
            return os::would_block(put.error) ? attempt::would_block : attempt::done;
        });
        if (outcome == answer::pending) return pending;
        if (outcome == answer::failed) return result<std::size_t>(failure("write"));
        return result<std::size_t>(static_cast<std::size_t>(put.value));
    }

    std::array<std::byte, 4096> bytes{};
};

struct pipe_source {
    explicit pipe_source(os::pipe_ends ends = *os::make_pipe())
        : on(new source(std::move(ends.reader))), writer(std::move(ends.writer)) {}
    source_ptr on;
    os::unique_fd writer;
};

template<class T>
result<std::size_t> value(sennit::poll<T> answer) {
    EXPECT_TRUE(answer.is_ready());
    return answer.is_ready() ? std::move(answer).take() : result<std::size_t>(99);
}

TEST(source, what_is_ready_needs_no_registration) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    test::put(p.writer.get(), "abc");
    read_op op(*p.on);
    EXPECT_EQ(value(driver.poll(op)), 3U);
    EXPECT_EQ(op.asked, 1);
    EXPECT_FALSE(own.reactor().has_interest());
}

TEST(source, an_event_wakes_the_waiter_and_the_kernel_is_asked_once_for_each) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    read_op op(*p.on);
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_FALSE(driver.poll(op).is_ready()); // nothing has happened since: not asked again
    EXPECT_EQ(op.asked, 2);                   // but once more, since it was not registered before
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_EQ(op.asked, 2);
    EXPECT_TRUE(driver.rearm());
    test::put(p.writer.get(), "abc");
    EXPECT_EQ(own.poll_all(), 1U);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_EQ(value(driver.poll(op)), 3U);
    EXPECT_EQ(op.asked, 3);
}

TEST(source, data_that_came_before_the_registration_is_reported) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    read_op op(*p.on);
    op.after_read = [&] { test::put(p.writer.get(), "x"); };
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_TRUE(driver.rearm());
    EXPECT_EQ(own.poll_all(), 1U);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_EQ(value(driver.poll(op)), 1U);
}

// The event is delivered between "not now" and the entry into the lane: the operation asks again.
TEST(source, an_event_between_the_attempt_and_the_wait_is_not_missed) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    {
        read_op registers(*p.on);
        EXPECT_FALSE(driver.poll(registers).is_ready());
    }
    read_op op(*p.on);
    op.after_read = [&, first = true]() mutable {
        if (!std::exchange(first, false)) return;
        test::put(p.writer.get(), "x");
        EXPECT_EQ(own.poll_all(), 1U);
    };
    EXPECT_EQ(value(driver.poll(op)), 1U);
    EXPECT_EQ(op.asked, 2);
}

// Events that come as fast as the operation asks: it gives up after a few rounds and lets others
// run.
TEST(source, rounds_are_bounded) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    {
        read_op registers(*p.on);
        EXPECT_FALSE(driver.poll(registers).is_ready());
    }
    read_op op(*p.on);
    op.after_read = [&] {
        test::put(p.writer.get(), "x");
        EXPECT_EQ(own.poll_all(), 1U);
        EXPECT_EQ(test::take(p.on->fd()), "x");
    };
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_EQ(op.asked, static_cast<int>(io_operation::rounds_max));
    const bool turn_asked = std::exchange(this_thread().yield_requested, false);
    EXPECT_TRUE(turn_asked || !driver.rearm());
}

TEST(source, a_dropped_operation_takes_nothing) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    {
        read_op dropped(*p.on);
        EXPECT_FALSE(driver.poll(dropped).is_ready());
    }
    test::put(p.writer.get(), "abc");
    EXPECT_EQ(own.poll_all(), 1U);
    EXPECT_TRUE(driver.rearm());
    EXPECT_EQ(driver.wakes(), 0);
    read_op op(*p.on);
    EXPECT_EQ(value(driver.poll(op)), 3U);
}

TEST(source, close_fails_all_waiters_of_both_directions_and_closes_at_once) {
    own_reactor own;
    const auto before = open_descriptors();
    {
        os::pipe_ends ends = *os::make_pipe();
        source_ptr on(new source(std::move(ends.writer)));
        test_support::driver driver, other;
        write_op filler(*on);
        while (driver.poll(filler).is_ready()) {}
        read_op reading(
            *on); // a pipe's writing end is never readable: EBADF would show, so it only waits
        reading.before_read = [&] { ends.reader.reset(); };
        write_op second(*on);
        EXPECT_FALSE(other.poll(second).is_ready());
        EXPECT_TRUE(driver.rearm());
        EXPECT_TRUE(other.rearm());
        EXPECT_TRUE(on->close());
        EXPECT_FALSE(on->close());
        EXPECT_EQ(driver.wakes(), 1);
        EXPECT_EQ(other.wakes(), 1);
        EXPECT_EQ(open_descriptors(),
                  before + 1); // the reader; waiting operations hold no descriptor
        EXPECT_TRUE(is(value(driver.poll(filler)).error(), errc::closed));
        EXPECT_TRUE(is(value(other.poll(second)).error(), errc::closed));
        EXPECT_TRUE(is(value(driver.poll(reading)).error(), errc::closed));
        EXPECT_EQ(reading.asked, 0);
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(source, close_during_a_call_closes_the_descriptor_after_it) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    const auto open = open_descriptors();
    read_op op(*p.on);
    op.before_read = [&] {
        p.on->close();
        EXPECT_EQ(open_descriptors(), open);
    };
    EXPECT_TRUE(is(value(driver.poll(op)).error(), errc::closed));
    EXPECT_EQ(open_descriptors(), open - 1);
}

TEST(source, its_end_fails_what_waits) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    read_op op(*p.on);
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_TRUE(driver.rearm());
    p.on.reset();
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(is(value(driver.poll(op)).error(), errc::closed));
}

TEST(source, expiry_fails_what_waits_and_what_comes_until_it_is_taken_back) {
    own_reactor own;
    test_support::driver driver;
    pipe_source p;
    read_op op(*p.on);
    EXPECT_FALSE(driver.poll(op).is_ready());
    EXPECT_TRUE(driver.rearm());
    p.on->expire(direction::write);
    p.on->wake_waiting(direction::write);
    EXPECT_EQ(driver.wakes(), 0);
    p.on->expire(direction::read);
    p.on->wake_waiting(direction::read);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(is(value(driver.poll(op)).error(), errc::timed_out));
    test::put(p.writer.get(), "x");
    EXPECT_TRUE(is(value(driver.poll(op)).error(), errc::timed_out)); // also where data is ready
    p.on->unexpire(direction::read);
    EXPECT_EQ(value(driver.poll(op)), 1U);
}

// One pipe is closed and another gets its number, while an event of the first is not delivered yet.
TEST(source, a_recycled_descriptor_gets_no_stale_event) {
    own_reactor own;
    const auto before = open_descriptors();
    for (int i = 0; i < 1000; ++i) {
        test_support::driver driver;
        pipe_source old;
        const int number = old.on->fd();
        {
            read_op op(*old.on);
            EXPECT_FALSE(driver.poll(op).is_ready());
        }
        test::put(old.writer.get(), "x");
        if (i % 2 == 0)
            old.on.reset();
        else
            old.on->close();
        pipe_source fresh;
        EXPECT_EQ(fresh.on->fd(), number);
        read_op op(*fresh.on);
        EXPECT_FALSE(driver.poll(op).is_ready());
        EXPECT_TRUE(driver.rearm());
        EXPECT_EQ(own.poll_all(), 0U);
        EXPECT_EQ(driver.wakes(), 0);
    }
    EXPECT_EQ(open_descriptors(), before);
}

// A poller has fetched events of sources that other threads close, free and make anew all the time.
TEST(source, may_end_while_its_events_are_delivered) {
    const auto before = open_descriptors();
    {
        polled_reactor shared;
        std::vector<std::thread> threads;
        for (int t = 0; t < 3; ++t) {
            threads.emplace_back([&] {
                this_thread().runs_for = &shared;
                for (int i = 0; i < (SENNIT_TSAN ? 500 : 3000); ++i) {
                    test_support::driver driver;
                    pipe_source p;
                    read_op op(*p.on);
                    EXPECT_FALSE(driver.poll(op).is_ready());
                    test::put(p.writer.get(), "x");
                    if (i % 3 == 0) p.on->close();
                    if (i % 3 == 1) p.on.reset();
                }
                this_thread().runs_for = nullptr;
            });
        }
        for (auto& t : threads)
            t.join();
        EXPECT_FALSE(shared.reactor().has_interest());
    }
    EXPECT_EQ(open_descriptors(), before);
}

// Many readers and one writer: each byte goes to one of them and none sleeps while bytes are there.
TEST(source, several_flows_share_one_direction) {
    polled_reactor shared;
    pipe_source p;
    constexpr int readers = 4, bytes = SENNIT_TSAN ? 2000 : 20000;
    std::atomic<int> received{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < readers; ++t) {
        threads.emplace_back([&] {
            this_thread().runs_for = &shared;
            for (;;) {
                read_op op(*p.on);
                const auto got = wait(op);
                if (!got || *got == 0) break;
                received += static_cast<int>(*got);
            }
            this_thread().runs_for = nullptr;
        });
    }
    for (int sent = 0; sent < bytes;) {
        if (test::put(p.writer.get(), "x") == 1) ++sent;
    }
    p.writer.reset();
    for (auto& t : threads)
        t.join();
    EXPECT_EQ(received, bytes);
}

// Close against readers that are anywhere between the attempt and the sleep.
TEST(source, close_races_with_waiting) {
    polled_reactor shared;
    for (int i = 0; i < (SENNIT_TSAN ? 200 : 1000); ++i) {
        pipe_source p;
        std::vector<std::thread> threads;
        std::atomic<int> closed{0};
        for (int t = 0; t < 2; ++t) {
            threads.emplace_back([&] {
                this_thread().runs_for = &shared;
                for (;;) {
                    read_op op(*p.on);
                    const auto got = wait(op);
                    if (got) continue;
                    if (is(got.error(), errc::closed)) ++closed;
                    break;
                }
                this_thread().runs_for = nullptr;
            });
        }
        test::put(p.writer.get(), "x");
        p.on->close();
        for (auto& t : threads)
            t.join();
        EXPECT_EQ(closed, 2);
    }
}

} // namespace
} // namespace sennit::detail
