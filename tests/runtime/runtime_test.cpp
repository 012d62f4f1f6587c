#include "support.hpp"
#include <sennit/os/clock.hpp>

#include <thread>

namespace sennit {
namespace {

using namespace std::chrono_literals;

TEST(run, returns_the_value_of_the_first_flow) {
    EXPECT_EQ(run([] { return 42; }), 42);
}

TEST(run, joins_all_children) {
    std::atomic<int> ended{0};
    run([&] {
        for (int i = 0; i < 100; ++i) {
            go([&] {
                this_flow::yield();
                go([&] { ++ended; });
                ++ended;
            });
        }
    });
    EXPECT_EQ(ended, 200);
}

TEST(run, rethrows_what_leaves_the_first_flow_after_the_others_stopped) {
    std::atomic<bool> stopped_other{false};
    EXPECT_THROW(run([&] {
                     go([&] {
                         event never;
                         try {
                             never.wait();
                         } catch (const stopped&) {
                             stopped_other = true;
                             throw;
                         }
                     });
                     throw std::runtime_error("first");
                 }),
                 std::runtime_error);
    EXPECT_TRUE(stopped_other);
}

task<int> seven() { co_return 7; }
TEST(run, takes_a_task) { EXPECT_EQ(run(seven()), 7); }

TEST(runtime, current_thread_runs_flows_on_the_caller) {
    runtime rt{{.current_thread = true}};
    const auto me = std::this_thread::get_id();
    rt.block_on([&] {
        EXPECT_EQ(std::this_thread::get_id(), me);
        auto child = spawn([&] {
            sleep_for(1ms);
            return std::this_thread::get_id();
        });
        EXPECT_EQ(child.join(), me);
    });
}

// Arms a sleep and is ready at once.
struct arms_only {
    sleep_future& nap;
    sennit::poll<bool> poll(context& cx) { return nap.poll(cx).is_ready(); }
};

// What was armed for a while counts from a look at the clock, and the last look is when the caller leaves.
TEST(runtime, current_thread_leaves_no_sleep_uncounted) {
    runtime rt{{.current_thread = true}};
    sleep_future nap = async_sleep_for(1h);
    timer_driver* timers = nullptr;
    rt.block_on([&] {
        timers = &detail::current_timers(detail::this_thread());
        EXPECT_FALSE(wait(arms_only{nap}));
        EXPECT_EQ(timers->next_deadline_ns(), 0U);
    });
    EXPECT_GT(timers->next_deadline_ns(), 0U);
}

TEST(runtime, current_thread_ends_block_on_while_others_yield_for_ever) {
    runtime rt{{.current_thread = true}};
    std::atomic<bool> stop{false};
    rt.block_on([&] {
        for (int i = 0; i < 2; ++i) {
            go([&] {
                while (!stop)
                    this_flow::yield();
            });
        }
    });
    stop = true;
    rt.wait_all();
    EXPECT_EQ(rt.stats().live, 0u);
}

TEST(runtime, several_live_side_by_side) {
    runtime a{{.workers = 1}}, b{{.workers = 1}};
    event from_a, from_b;
    auto in_a = a.spawn([&] {
        from_b.wait();
        from_a.set();
        return 1;
    });
    auto in_b = b.spawn([&] {
        from_b.set();
        from_a.wait();
        return 2;
    });
    EXPECT_EQ(in_a.join() + in_b.join(), 3);
}

TEST(runtime, default_one_serves_plain_threads) {
    event done;
    go([&] { done.set(); });
    done.wait();
    EXPECT_EQ(spawn([] { return 5; }).join(), 5);
    EXPECT_EQ(spawn(seven()).join(), 7);
}

TEST(runtime, block_on_drives_a_future) {
    runtime rt{{.workers = 1}};
    event e;
    e.set();
    rt.block_on(e.async_wait());
    EXPECT_EQ(rt.block_on(seven()), 7);
}

TEST(runtime, shutdown_stops_fibers_and_tasks) {
    runtime rt{{.workers = 2}};
    event never;
    for (int i = 0; i < 50; ++i)
        rt.go([&] { never.wait(); });
    for (int i = 0; i < 50; ++i)
        rt.spawn([](event& e) -> task<void> { co_await e.async_wait(); }(never)).detach();
    EXPECT_TRUE(rt.shutdown(60s).empty());
    EXPECT_EQ(rt.stats().live, 0u);
}

TEST(runtime, shutdown_names_who_does_not_stop) {
    runtime rt{{.workers = 2}};
    event finish;
    event started;
    rt.go({.name = "stubborn"}, [&] {
        started.set();
        shielded([&] { finish.wait(); });
    });
    started.wait();
    const std::vector<std::string> left = rt.shutdown(20ms);
    ASSERT_EQ(left.size(), 1u);
    EXPECT_NE(left[0].find("stubborn"), std::string::npos);
    EXPECT_NE(left[0].find("runtime_test.cpp"), std::string::npos);
    finish.set();
    rt.wait_all();
}

TEST(runtime, stop_tokens_hear_of_a_shutdown) {
    runtime rt{{.workers = 1}};
    event started;
    std::atomic<bool> heard{false};
    rt.go([&] {
        std::stop_token token = this_flow::stop_token();
        std::stop_callback callback(token, [&] { heard = true; });
        started.set();
        while (!token.stop_requested())
            this_flow::yield();
    });
    started.wait();
    EXPECT_TRUE(rt.shutdown(60s).empty());
    EXPECT_TRUE(heard);
}

TEST(runtime, stats_count_flows_by_state) {
    runtime rt{{.workers = 2}};
    event open;
    for (int i = 0; i < 10; ++i)
        rt.go([&] { open.wait(); });
    for (int i = 0; i < 5; ++i)
        rt.spawn([](event& e) -> task<void> { co_await e.async_wait(); }(open)).detach();
    while (rt.stats().parked < 15)
        std::this_thread::yield();
    const runtime_statistics s = rt.stats();
    EXPECT_EQ(s.live, 15u);
    EXPECT_EQ(s.fibers, 10u);
    EXPECT_EQ(s.tasks, 5u);
    EXPECT_EQ(s.parked_on_stack, 10u);
    open.set();
    rt.wait_all();
    EXPECT_EQ(rt.stats().spawned, rt.stats().finished);
}

TEST(runtime, a_computing_flow_does_not_stop_the_others) {
    // One worker is stuck until the other flows have run: a spare thread has to come.
    runtime rt{{.workers = 1}};
    std::atomic<int> others{0};
    rt.block_on([&] {
        for (int i = 0; i < 10; ++i)
            go([&] { ++others; });
        while (others < 10) {}
    });
    EXPECT_GE(rt.stats().stuck_events, 1u);
}

TEST(runtime, timers_of_a_stuck_worker_fire) {
    runtime rt{{.workers = 1}};
    std::atomic<bool> slept{false};
    rt.block_on([&] {
        auto sleeper = spawn([&] {
            sleep_for(1ms);
            slept = true;
        });
        this_flow::yield();
        while (!slept) {}
        sleeper.join();
    });
}

TEST(runtime, an_exception_of_a_go_can_be_handled_by_the_options) {
    std::atomic<int> seen{0};
    runtime rt{{.workers = 1, .on_uncaught = [&](const flow&, std::exception_ptr) { ++seen; }}};
    rt.block_on([] { go([] { throw std::runtime_error("handled"); }); });
    rt.wait_all();
    EXPECT_EQ(seen, 1);
}

} // namespace
} // namespace sennit
