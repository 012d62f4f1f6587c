// Deadlines by a clock that the test moves, on one thread that polls everything itself.
#include "support.hpp"
#include "time/manual_timers.hpp"
#include <sennit/time/timeout.hpp>

#include <chrono>
#include <optional>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using time_point = std::chrono::steady_clock::time_point;

class deadline : public testing::Test {
protected:
    // Connections are made by hand: nothing runs in the background.
    deadline() : listener_(test::listen()) {
        auto connecting = tcp_stream::async_connect(listener_.local_address().value());
        test_support::driver driver;
        for (;;) {
            auto answer = driver.poll(connecting);
            if (answer.is_ready()) {
                client_.emplace(std::move(answer).take().value());
                break;
            }
            own_.reactor().poll(timer_driver::never);
        }
        server_.emplace(driver.finish(listener_.async_accept()).value());
    }

    time_point in(std::chrono::nanoseconds d) const {
        return time_point(std::chrono::nanoseconds(timers_.now_ns())) + d;
    }
    template<class T>
    static bool timed_out(sennit::poll<result<T>> answer) {
        if (!answer.is_ready()) return false;
        const result<T> got = std::move(answer).take();
        return !got && is(got.error(), errc::timed_out);
    }
    void fill() {
        test_support::driver driver;
        const std::string much(1 << 20, 'x');
        for (;;) {
            auto writing = client_->async_write(much);
            if (!driver.poll(writing).is_ready()) return;
        }
    }

    test::own_reactor own_;
    test::manual_timers timers_;
    tcp_listener listener_;
    std::optional<tcp_stream> client_, server_;
    std::array<std::byte, 64> buffer_;
};

TEST_F(deadline, that_has_passed_fails_the_next_read_at_once) {
    test_support::driver driver;
    server_->set_read_deadline(in(-1ns));
    auto reading = server_->async_read(buffer_);
    EXPECT_TRUE(timed_out(driver.poll(reading)));
    EXPECT_EQ(timers_.armed(), 0U);
}

TEST_F(deadline, that_passes_wakes_and_fails_a_pending_read_and_later_ones) {
    test_support::driver driver;
    server_->set_read_deadline(in(1s));
    auto reading = server_->async_read(buffer_);
    EXPECT_FALSE(driver.poll(reading).is_ready());
    EXPECT_TRUE(driver.rearm());
    timers_.pass(999ms);
    EXPECT_EQ(driver.wakes(), 0);
    timers_.pass(2ms);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(timed_out(driver.poll(reading)));
    auto later = server_->async_read(buffer_);
    EXPECT_TRUE(timed_out(driver.poll(later)));
}

TEST_F(deadline, set_during_a_read_applies_to_it) {
    test_support::driver driver;
    auto reading = server_->async_read(buffer_);
    EXPECT_FALSE(driver.poll(reading).is_ready());
    EXPECT_TRUE(driver.rearm());
    server_->set_read_deadline(in(-1ns));
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(timed_out(driver.poll(reading)));
}

TEST_F(deadline, moved_while_a_read_waits) {
    test_support::driver driver;
    auto reading = server_->async_read(buffer_);
    server_->set_read_deadline(in(1s));
    EXPECT_FALSE(driver.poll(reading).is_ready());
    EXPECT_TRUE(driver.rearm());
    server_->set_read_deadline(in(10s));
    timers_.pass(5s);
    EXPECT_EQ(driver.wakes(), 0);
    server_->set_read_deadline(in(1s));
    timers_.pass(2s);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(timed_out(driver.poll(reading)));
    EXPECT_EQ(timers_.armed(), 0U);
}

TEST_F(deadline, cleared_lets_reads_go_on) {
    test_support::driver driver;
    server_->set_read_deadline(in(1s));
    auto reading = server_->async_read(buffer_);
    EXPECT_FALSE(driver.poll(reading).is_ready());
    server_->set_read_deadline(std::nullopt);
    EXPECT_EQ(timers_.armed(), 0U);
    timers_.pass(5s);
    EXPECT_FALSE(driver.poll(reading).is_ready());
    // Also after it has passed.
    server_->set_read_deadline(in(-1ns));
    server_->set_read_deadline(std::nullopt);
    EXPECT_TRUE(client_->write_all("x"));
    own_.reactor().poll(timer_driver::never);
    EXPECT_EQ(std::move(driver.poll(reading)).take().value(), 1U);
}

TEST_F(deadline, of_one_direction_leaves_the_other_alone) {
    test_support::driver driver;
    client_->set_read_deadline(in(-1ns));
    auto writing = client_->async_write("x");
    EXPECT_EQ(std::move(driver.poll(writing)).take().value(), 1U);
    client_->set_deadline(in(-1ns));
    auto failing = client_->async_write_all("x");
    EXPECT_TRUE(timed_out(driver.poll(failing)));
    EXPECT_EQ(failing.sent(), 0U);
}

TEST_F(deadline, fails_a_write_that_waits_for_the_peer) {
    test_support::driver driver;
    fill();
    auto writing = client_->async_write_all("x");
    client_->set_write_deadline(in(1s));
    EXPECT_FALSE(driver.poll(writing).is_ready());
    EXPECT_TRUE(driver.rearm());
    timers_.pass(2s);
    EXPECT_EQ(driver.wakes(), 1);
    EXPECT_TRUE(timed_out(driver.poll(writing)));
}

TEST_F(deadline, applies_to_accept) {
    test_support::driver driver;
    listener_.set_deadline(in(1s));
    auto accepting = listener_.async_accept();
    EXPECT_FALSE(driver.poll(accepting).is_ready());
    timers_.pass(2s);
    EXPECT_TRUE(timed_out(driver.poll(accepting)));
}

TEST_F(deadline, is_disarmed_by_close_and_by_the_end) {
    client_->set_deadline(in(1s));
    server_->set_deadline(in(1s));
    EXPECT_EQ(timers_.armed(), 4U);
    client_->close();
    EXPECT_EQ(timers_.armed(), 2U);
    client_->set_deadline(in(1s)); // nothing to bound any more
    EXPECT_EQ(timers_.armed(), 2U);
    server_.reset();
    EXPECT_EQ(timers_.armed(), 0U);
}

TEST_F(deadline, beyond_the_clock_is_never) {
    client_->set_deadline(time_point::max());
    EXPECT_EQ(timers_.armed(), 0U);
}

// A timeout around a read drops it: nothing is lost.
TEST_F(deadline, a_dropped_read_has_lost_no_bytes) {
    test_support::driver driver;
    {
        auto bounded = timeout(1s, server_->async_read(buffer_));
        EXPECT_FALSE(driver.poll(bounded).is_ready());
        timers_.pass(2s);
        EXPECT_TRUE(timed_out(driver.poll(bounded)));
    }
    EXPECT_TRUE(client_->write_all("abc"));
    own_.reactor().poll(timer_driver::never);
    auto reading = server_->async_read(buffer_);
    EXPECT_EQ(std::move(driver.poll(reading)).take().value(), 3U);
}

} // namespace
} // namespace sennit
