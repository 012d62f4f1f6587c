#include <sennit/io/reactor.hpp>

#include "support.hpp"
#include <sennit/io/async_fd.hpp>

#include <thread>

namespace sennit {
namespace {

using test::open_descriptors;
using test::own_reactor;

TEST(reactor, interrupt_before_the_poll_ends_it) {
    own_reactor own;
    own.reactor().interrupt();
    EXPECT_EQ(own.reactor().poll(timer_driver::never), 0U);
    EXPECT_EQ(own.reactor().poll(0), 0U);
}

TEST(reactor, interrupts_end_polls_again_and_again) {
    own_reactor own;
    for (int i = 0; i < 100; ++i) {
        std::thread other([&] { own.reactor().interrupt(); });
        EXPECT_EQ(own.reactor().poll(timer_driver::never), 0U);
        other.join();
    }
}

TEST(reactor, has_interest_while_something_is_registered) {
    own_reactor own;
    test_support::driver driver;
    EXPECT_FALSE(own.reactor().has_interest());
    os::pipe_ends ends = *os::make_pipe();
    {
        async_fd fd(ends.reader.get());
        EXPECT_FALSE(own.reactor().has_interest());
        readiness_future ready = fd.async_readable();
        EXPECT_FALSE(driver.poll(ready).is_ready());
        EXPECT_TRUE(own.reactor().has_interest());
        fd.close();
        EXPECT_FALSE(own.reactor().has_interest());
    }
}

TEST(reactor, more_events_than_one_poll_takes_are_delivered_by_the_next) {
    own_reactor own;
    constexpr std::size_t count = 300;
    test_support::driver driver;
    std::vector<os::pipe_ends> pipes;
    std::vector<std::unique_ptr<async_fd>> fds;
    std::vector<std::unique_ptr<readiness_future>> waits;
    for (std::size_t i = 0; i < count; ++i) {
        pipes.push_back(*os::make_pipe());
        fds.push_back(std::make_unique<async_fd>(pipes.back().reader.get()));
        waits.push_back(std::make_unique<readiness_future>(fds.back()->async_readable()));
        EXPECT_FALSE(driver.poll(*waits.back()).is_ready());
    }
    for (auto& each : pipes)
        EXPECT_EQ(test::put(each.writer.get(), "x"), 1U);
    std::size_t delivered = own.reactor().poll(0);
    EXPECT_LT(delivered, count) << "one poll takes them all: this test needs more";
    while (delivered < count) {
        const std::size_t more = own.reactor().poll(0);
        ASSERT_GT(more, 0U);
        delivered += more;
    }
    EXPECT_EQ(delivered, count);
    for (auto& each : waits)
        EXPECT_TRUE(driver.poll(*each).is_ready());
}

TEST(reactor, leaves_no_descriptor_behind) {
    const auto before = open_descriptors();
    { own_reactor own; }
    EXPECT_EQ(open_descriptors(), before);
}

// A flow of another executor waits for what is watched here: it takes its own reactor from then on.
TEST(reactor, its_end_sends_waiters_to_another_one) {
    os::pipe_ends ends = *os::make_pipe();
    async_fd fd(ends.reader.get());
    test_support::driver driver;
    readiness_future ready = fd.async_readable();
    {
        own_reactor first;
        EXPECT_FALSE(driver.poll(ready).is_ready());
        EXPECT_TRUE(driver.rearm());
    }
    EXPECT_EQ(driver.wakes(), 1);
    own_reactor second;
    EXPECT_FALSE(driver.poll(ready).is_ready());
    EXPECT_TRUE(second.reactor().has_interest());
    EXPECT_TRUE(driver.rearm());
    test::put(ends.writer.get(), "x");
    EXPECT_EQ(second.poll_all(), 1U);
    EXPECT_EQ(driver.wakes(), 2);
    EXPECT_TRUE(driver.poll(ready).is_ready());
}

} // namespace
} // namespace sennit
