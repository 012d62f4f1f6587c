#include <sennit/exec/blocking.hpp>

#include <sennit/core/wake_callback.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/runtime.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using detail::blocking_job;
using detail::blocking_pool;

static_assert(future<blocking_future<int>>);
static_assert(std::is_same_v<future_output_t<decltype(async_blocking([] { return 1; }))>, int>);
static_assert(std::is_void_v<decltype(blocking([] {}))>);
static_assert(std::is_same_v<decltype(blocking(std::declval<int& (&)()>())), int&>);
static_assert(!std::is_copy_constructible_v<blocking_future<int>>);

// Holds threads until it is opened.
class gate {
public:
    void pass() {
        std::unique_lock guard(lock_);
        ++arrived_;
        changed_.notify_all();
        changed_.wait(guard, [this] { return open_; });
    }
    void wait_for(int arrivals) {
        std::unique_lock guard(lock_);
        changed_.wait(guard, [&] { return arrived_ >= arrivals; });
    }
    void open() {
        std::lock_guard guard(lock_);
        open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex lock_;
    std::condition_variable changed_;
    int arrived_ = 0;
    bool open_ = false;
};

// ---- blocking

TEST(blocking, runs_elsewhere_and_returns_the_value) {
    const auto here = std::this_thread::get_id();
    EXPECT_NE(blocking([] { return std::this_thread::get_id(); }), here);
    EXPECT_EQ(*blocking([] { return std::make_unique<int>(3); }), 3);
    int local = 1;
    blocking([&] { ++local; });
    EXPECT_EQ(local, 2);
    EXPECT_EQ(&blocking([&]() -> int& { return local; }), &local);
}

TEST(blocking, passes_exceptions_through) {
    EXPECT_THROW(blocking([] { throw std::runtime_error("boom"); }), std::runtime_error);
    EXPECT_THROW((void)blocking([]() -> int { throw 7; }), int);
}

TEST(blocking, calls_what_it_was_given_as_it_was_given) {
    struct once {
        std::unique_ptr<int> value;
        int operator()() && { return *value; }
    };
    EXPECT_EQ(blocking(once{std::make_unique<int>(5)}), 5);
}

TEST(blocking, works_in_fibers_while_their_worker_runs_others) {
    runtime rt{{.workers = 2}};
    // More blocking calls than workers, none of which returns before all have begun.
    gate all;
    std::vector<join_handle<int>> handles;
    for (int i = 0; i < 20; ++i) {
        handles.push_back(rt.spawn([&all, i] {
            return blocking([&] {
                all.pass();
                return i;
            });
        }));
    }
    all.wait_for(20);
    all.open();
    int sum = 0;
    for (auto& h : handles)
        sum += h.join();
    EXPECT_EQ(sum, 190);
}

TEST(blocking, is_shielded_from_stop) {
    runtime rt{{.workers = 2}};
    // `f` refers to the frame, so the fiber must not leave it when it is asked to stop.
    gate inside;
    std::atomic<int> seen{0};
    auto handle = rt.spawn([&] {
        int local = 1;
        blocking([&] {
            inside.pass();
            local = 2;
        });
        seen = local;
    });
    inside.wait_for(1);
    handle.request_stop();
    inside.open();
    (void)handle.try_join();
    EXPECT_EQ(seen.load(), 2);
}

task<int> add_in_pool(int a, int b) {
    const int sum = co_await async_blocking([=] { return a + b; });
    co_return sum + blocking([] { return 1; }); // and as a plain verb
}

task<void> throw_in_pool() {
    co_await async_blocking([] { throw std::runtime_error("boom"); });
}

TEST(async_blocking, works_in_tasks) {
    runtime rt{{.workers = 2}};
    EXPECT_EQ(rt.spawn(add_in_pool(1, 2)).join(), 4);
    EXPECT_THROW(rt.spawn(throw_in_pool()).join(), std::runtime_error);
}

TEST(async_blocking, destroys_the_function_before_the_result_is_seen) {
    auto token = std::make_shared<int>(4);
    std::weak_ptr<int> watch = token;
    auto answer = async_blocking([token = std::move(token)] { return *token; });
    EXPECT_EQ(wait(answer), 4);
    EXPECT_TRUE(watch.expired());
}

TEST(async_blocking, does_nothing_until_it_is_polled) {
    auto token = std::make_shared<bool>(false);
    {
        auto first = async_blocking([token] { *token = true; });
        auto moved = std::move(first);
    }
    EXPECT_FALSE(*token);
    EXPECT_EQ(token.use_count(), 1);
}

TEST(async_blocking, dropped_while_it_runs_goes_on_and_its_result_is_destroyed) {
    gate inside;
    struct value {
        std::shared_ptr<std::atomic<bool>> gone;
        ~value() {
            if (gone) gone->store(true);
        }
        value(value&&) = default;
        explicit value(std::shared_ptr<std::atomic<bool>> g) : gone(std::move(g)) {}
    };
    auto gone = std::make_shared<std::atomic<bool>>(false);
    wake_callback nobody([] {});
    {
        auto answer = async_blocking([&inside, gone] {
            inside.pass();
            return value(gone);
        });
        EXPECT_FALSE(answer.poll(nobody.context()).is_ready());
        inside.wait_for(1);
    }
    EXPECT_FALSE(gone->load());
    inside.open();
    while (!gone->load())
        std::this_thread::yield();
}

TEST(async_blocking, wakes_the_flow_of_the_latest_poll) {
    gate inside;
    std::atomic<int> first_wakes{0}, latest_wakes{0};
    wake_callback first([&] { ++first_wakes; }), latest([&] { ++latest_wakes; });
    auto answer = async_blocking([&] {
        inside.pass();
        return 1;
    });
    EXPECT_TRUE(first.rearm());
    EXPECT_FALSE(answer.poll(first.context()).is_ready());
    EXPECT_TRUE(latest.rearm());
    EXPECT_FALSE(answer.poll(latest.context()).is_ready());
    inside.open();
    while (latest_wakes.load() == 0)
        std::this_thread::yield();
    EXPECT_EQ(answer.poll(latest.context()).take(), 1);
    EXPECT_EQ(first_wakes.load(), 0);
}

TEST(async_blocking, dropped_around_its_end) {
    // Nothing leaks, and nobody touches a job late: for the sanitizers.
    wake_callback nobody([] {});
    for (int i = 0; i < 500; ++i) {
        auto answer = async_blocking([p = std::make_unique<int>(i)] { return std::to_string(*p); });
        (void)answer.poll(nobody.context()).is_ready();
        if (i % 2 == 0) std::this_thread::yield();
        if (i % 5 == 0) (void)answer.poll(nobody.context()).is_ready();
    }
}

TEST(blocking, a_process_may_end_while_threads_are_idle_or_blocked) {
    GTEST_FLAG_SET(death_test_style, "threadsafe"); // a process of its own: this one has threads
    EXPECT_EXIT(
        {
            blocking([] {});
            static gate& never = *new gate; // a thread stays inside for ever
            wake_callback nobody([] {});
            auto stuck = async_blocking([] { never.pass(); });
            (void)stuck.poll(nobody.context()).is_ready();
            never.wait_for(1);
            std::exit(0); // runs static destructors, as returning from main does
        },
        testing::ExitedWithCode(0), "");
}

// ---- the pool, with limits of the tests' own

// A job that calls a function and counts.
class test_job : public blocking_job {
public:
    explicit test_job(std::function<void()> f)
        : blocking_job(&run, &destroy), function_(std::move(f)) {}
    std::atomic<int> runs{0};
    std::atomic<int> destroyed{0};

private:
    static void run(blocking_job& job) noexcept {
        auto& self = static_cast<test_job&>(job);
        self.runs.fetch_add(1);
        self.function_();
    }
    static void destroy(blocking_job& job) noexcept {
        static_cast<test_job&>(job).destroyed.fetch_add(1);
    }
    std::function<void()> function_;
};

void wait_until_done(blocking_job& job, blocking_pool& pool) {
    struct job_future {
        blocking_job& job;
        blocking_pool& pool;
        sennit::poll<void> poll(context& cx) {
            return job.poll(pool, cx) ? sennit::poll<void>::ready() : pending;
        }
    };
    wait(job_future{job, pool});
}

TEST(blocking_pool, starts_a_thread_only_when_none_is_idle) {
    blocking_pool pool(8, 1h);
    EXPECT_EQ(pool.count().threads, 0u);
    for (int i = 0; i < 5; ++i) {
        test_job job([] {});
        wait_until_done(job, pool);
        job.drop(pool);
        while (pool.count().idle_threads != 1)
            std::this_thread::yield();
    }
    EXPECT_EQ(pool.count().threads, 1u);
}

TEST(blocking_pool, queues_beyond_its_limit_and_runs_in_order) {
    std::vector<int> order;
    gate inside;
    wake_callback nobody([] {});
    test_job first([&] { inside.pass(); }), second([&] { order.push_back(2); }),
        third([&] { order.push_back(3); });
    {
        blocking_pool pool(1, 1h);
        for (test_job* job : {&first, &second, &third}) {
            EXPECT_FALSE(job->poll(pool, nobody.context()));
        }
        inside.wait_for(1);
        EXPECT_EQ(pool.count().threads, 1u);
        EXPECT_EQ(pool.count().queued, 2u);
        inside.open();
    } // waits for all
    EXPECT_EQ(order, (std::vector<int>{2, 3}));
}

TEST(blocking_pool, withdraws_what_has_not_started) {
    gate inside;
    wake_callback nobody([] {});
    test_job busy([&] { inside.pass(); }), queued([] {});
    {
        blocking_pool pool(1, 1h);
        EXPECT_FALSE(busy.poll(pool, nobody.context()));
        EXPECT_FALSE(queued.poll(pool, nobody.context()));
        inside.wait_for(1);
        queued.drop(pool);
        EXPECT_EQ(queued.destroyed.load(), 1);
        EXPECT_EQ(pool.count().queued, 0u);
        busy.drop(pool);
        EXPECT_EQ(busy.destroyed.load(), 0); // it runs
        inside.open();
    }
    EXPECT_EQ(queued.runs.load(), 0);
    EXPECT_EQ(busy.runs.load(), 1);
    EXPECT_EQ(busy.destroyed.load(), 1);
}

TEST(blocking_pool, threads_end_after_the_keep_alive) {
    blocking_pool pool(8, 0ns);
    for (int i = 0; i < 20; ++i) {
        test_job job([] {});
        wait_until_done(job, pool);
        job.drop(pool);
        EXPECT_EQ(job.runs.load(), 1);
    }
    while (pool.count().threads != 0)
        std::this_thread::yield();
    EXPECT_EQ(pool.count().idle_threads, 0u);
}

TEST(blocking_pool, no_job_is_lost_between_keep_alive_and_submission) {
    // A keep-alive about as long as the pause between jobs; four submitters.
    blocking_pool pool(3, 30us);
    std::atomic<int> runs{0};
    std::vector<std::thread> submitters;
    for (int s = 0; s < 4; ++s) {
        submitters.emplace_back([&] {
            for (int i = 0; i < 300; ++i) {
                test_job job([&] { runs.fetch_add(1); });
                wait_until_done(job, pool);
                job.drop(pool);
                for (int k = 0; k < i % 7; ++k)
                    std::this_thread::yield();
            }
        });
    }
    for (std::thread& t : submitters)
        t.join();
    EXPECT_EQ(runs.load(), 1'200);
    EXPECT_LE(pool.count().threads, 3u);
}

} // namespace
} // namespace sennit
