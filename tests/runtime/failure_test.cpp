// How programs end that do something wrong: exit status and message of a sub-process each.
#include "support.hpp"
#include <sennit/stack/stack.hpp>

#include <csignal>
#include <stdexcept>
#include <string>

namespace sennit {
namespace {

using namespace std::chrono_literals;

class failure_death_test : public testing::Test {
protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
};

#if !SENNIT_ASAN && !SENNIT_TSAN // the sanitizers have reports of their own
[[gnu::noinline]] int overflow(int n) {
    volatile char page[4096];
    page[0] = static_cast<char>(n);
    if (n < 0) return 0;
    return overflow(n + 1) + page[0];
}
volatile int sink;

TEST_F(failure_death_test, stack_overflow_names_the_fiber_and_its_stack) {
    EXPECT_EXIT(run([] { spawn({.name = "digger"}, [] { sink = overflow(0); }).join(); }),
                testing::KilledBySignal(SIGSEGV),
                "stack overflow in the flow \"digger\".*failure_test.cpp:.*256 KiB.*on_big_stack");
}
#endif

TEST_F(failure_death_test, exception_leaving_a_go_ends_the_program) {
    EXPECT_EXIT(
        run([] {
            go({.name = "careless"}, [] { throw std::runtime_error("nobody catches this"); });
            event().wait();
        }),
        testing::KilledBySignal(SIGABRT), "careless.*failure_test.cpp.*nobody catches this");
}

TEST_F(failure_death_test, exception_in_a_detached_flow_ends_the_program) {
    EXPECT_EXIT(run([] {
                    spawn([] { throw std::runtime_error("let go"); }).detach();
                    event().wait();
                }),
                testing::KilledBySignal(SIGABRT), "let go");
}

TEST_F(failure_death_test, exception_nobody_joined_is_reported_by_the_handle) {
    EXPECT_EXIT(run([] {
                    auto h = spawn([] { throw std::runtime_error("unjoined"); });
                    while (!h.is_finished())
                        this_flow::yield();
                }),
                testing::KilledBySignal(SIGABRT), "unjoined");
}

TEST_F(failure_death_test, swallowing_stopped_is_detected) {
    EXPECT_EXIT(run([] {
                    auto h = spawn({.name = "glutton"}, [] {
                        event never;
                        try {
                            never.wait();
                        } catch (...) {}
                    });
                    this_flow::yield();
                    h.request_stop();
                    h.join();
                }),
                testing::KilledBySignal(SIGABRT), "stopped was swallowed by the flow \"glutton\"");
}

TEST_F(failure_death_test, answering_stopped_with_another_exception_is_a_failure_of_its_own) {
    const std::string what = run([] {
        auto h = spawn([] {
            event never;
            try {
                never.wait();
            } catch (const stopped&) {
                throw std::runtime_error("could not clean up");
            }
        });
        this_flow::yield();
        h.request_stop();
        try {
            h.join();
        } catch (const std::runtime_error& e) {
            return std::string(e.what());
        }
        return std::string();
    });
    EXPECT_EQ(what, "could not clean up");
}

TEST_F(failure_death_test, more_fibers_than_stacks_is_a_clear_error) {
    // Caught by hand: GCC 12's call of terminate() from an inlined noexcept function does not name the exception.
    const auto start_too_many = [] {
        try {
            run([] {
                stack_pool::set_count_max(200);
                static event never;
                for (;;) {
                    go([&] { never.wait(); });
                    this_flow::yield();
                }
            });
        } catch (const std::exception& e) {
            std::fprintf(stderr, "%s\n", e.what());
            std::abort();
        }
    };
    EXPECT_EXIT(start_too_many(), testing::KilledBySignal(SIGABRT),
                "no fiber can be started.*limit of stacks.*coroutine tasks");
}

TEST_F(failure_death_test, runtime_destroyed_around_a_flow_that_does_not_stop_names_it) {
    const auto destroy_too_early = [] {
        event never, started;
        runtime rt{{.workers = 1, .grace = 20ms}};
        rt.go({.name = "immovable"}, [&] {
            started.set();
            shielded([&] { never.wait(); });
        });
        started.wait();
    };
    EXPECT_EXIT(destroy_too_early(), testing::KilledBySignal(SIGABRT),
                "flows do not stop.*immovable");
}

TEST_F(failure_death_test, empty_handle_is_a_contract_error) {
    EXPECT_EXIT(join_handle<int>().join(), testing::KilledBySignal(SIGABRT),
                "joined, detached or moved from");
}

TEST_F(failure_death_test, bad_worker_count_in_the_environment) {
    EXPECT_EXIT(
        {
            setenv("SENNIT_WORKERS", "many", 1);
            runtime rt;
        },
        testing::KilledBySignal(SIGABRT), "SENNIT_WORKERS must be a number");
}

// With stacks exhausted, started fibers go on and waiting ones start when stacks come free: back-pressure, not failure.
TEST(exhaustion, unstarted_fibers_wait_for_stacks) {
    const std::size_t before = stack_pool::count_max();
    std::atomic<int> ended{0};
    {
        runtime rt{{.workers = 1, .force_migration = false}};
        rt.block_on([&] {
            event open;
            for (int i = 0; i < 500; ++i) {
                go([&] {
                    open.wait();
                    ++ended;
                });
            }
            stack_pool::set_count_max(100);
            for (int i = 0; i < 50; ++i)
                this_flow::yield();
            open.set();
            while (ended < 500)
                this_flow::yield();
        });
        rt.wait_all();
    }
    stack_pool::set_count_max(before);
    EXPECT_EQ(ended, 500);
}

} // namespace
} // namespace sennit
