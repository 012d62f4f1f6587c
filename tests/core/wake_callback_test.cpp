#include <sennit/core/wake_callback.hpp>

#include "core/support.hpp"
#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace sennit {
namespace {

using test_support::signal;

TEST(wake_callback, calls_once_for_the_wakes_after_a_rearm) {
    int calls = 0;
    wake_callback c([&] { ++calls; });
    const waker w = c.context().waker();
    w.wake();
    EXPECT_EQ(calls, 0) << "before the first rearm the driver is awake";
    EXPECT_FALSE(c.rearm()) << "a wake came: poll again";
    EXPECT_TRUE(c.rearm());
    w.wake();
    w.wake();
    EXPECT_EQ(calls, 1);
    EXPECT_FALSE(c.rearm());
}

// A driver may poll more often than it was woken, and announces each time that it will sleep. The destructor waits for one
// call all the same.
TEST(wake_callback, may_be_rearmed_while_it_is_armed) {
    int calls = 0;
    {
        wake_callback c([&] { ++calls; });
        EXPECT_TRUE(c.rearm());
        EXPECT_TRUE(c.rearm());
        c.context().waker().wake();
        EXPECT_EQ(calls, 1);
        EXPECT_TRUE(c.rearm());
        EXPECT_TRUE(c.rearm());
    }
    EXPECT_EQ(calls, 1);
}

TEST(wake_callback, is_not_called_after_its_destruction) {
    int calls = 0;
    waker w;
    {
        wake_callback c([&] { ++calls; });
        w = c.context().waker();
        ASSERT_TRUE(c.rearm());
    }
    w.wake();
    EXPECT_EQ(calls, 0);
}

TEST(wake_callback, may_be_rearmed_from_within_the_call) {
    int calls = 0;
    std::optional<wake_callback> c;
    c.emplace([&] {
        ++calls;
        EXPECT_TRUE(c->rearm());
    });
    ASSERT_TRUE(c->rearm());
    for (int i = 0; i < 5; ++i)
        c->context().waker().wake();
    EXPECT_EQ(calls, 5);
}

// A foreign loop: the callback posts, the loop's thread polls, rearms and, when the future is ready, destroys the
// callback, perhaps before the thread that called it has come back from it.
TEST(wake_callback, serves_a_foreign_loop_and_is_gone_after_the_destructor) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 300 : 2'000;
    struct loop {
        std::mutex lock;
        std::condition_variable posted;
        int posts = 0;
        std::atomic<int> inside{0};
    };
    for (int round = 0; round < rounds; ++round) {
        signal s;
        loop l;
        std::optional<wake_callback> c;
        c.emplace([&l] {
            ++l.inside;
            {
                const std::lock_guard guard(l.lock);
                ++l.posts;
            }
            l.posted.notify_one();
            --l.inside;
        });
        std::thread waking([&] {
            for (int i = 0; i < 3; ++i)
                s.wake_all();
            s.set(round);
        });
        {
            auto f = s.async_wait();
            for (;;) {
                auto answer = f.poll(c->context());
                if (answer.is_ready()) {
                    EXPECT_EQ(std::move(answer).take(), round);
                    break;
                }
                if (!c->rearm()) continue;
                std::unique_lock guard(l.lock);
                l.posted.wait(guard, [&] { return l.posts != 0; });
                l.posts = 0;
            }
        }
        c.reset();
        EXPECT_EQ(l.inside.load(), 0) << "the callback still runs";
        waking.join();
    }
}

} // namespace
} // namespace sennit
