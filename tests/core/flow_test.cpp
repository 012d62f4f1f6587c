// The untyped life of a flow, driven through a queue executor on this thread.
#include <sennit/core/flow.hpp>

#include "core/support.hpp"
#include <sennit/base/config.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/core/wait.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <thread>

namespace sennit {
namespace {

using test_support::driver;
using test_support::go_on;
using test_support::make_fiber;
using test_support::queue_executor;
using test_support::signal;
using test_support::spawn_on;

std::int64_t cells() { return pool_stats().cells; }

// Fails when a test leaves a cell behind.
class flow_life : public testing::Test {
protected:
    void SetUp() override {
        (void)detail::current_flow(detail::this_thread()); // this thread's own cell
        cells_ = cells();
    }
    void TearDown() override { EXPECT_EQ(cells(), cells_) << "a cell is lost"; }

    queue_executor home;

private:
    std::int64_t cells_ = 0;
};

TEST_F(flow_life, is_made_active_with_an_id_and_a_site) {
    auto& cell = make_fiber(home, [] {});
    EXPECT_EQ(cell.kind(), detail::flow_kind::fiber);
    EXPECT_TRUE(cell.state().is_active());
    EXPECT_NE(cell.id(), 0U);
    EXPECT_THAT(cell.site().file_name(), testing::EndsWith("flow_test.cpp"));
    EXPECT_EQ(&cell.home(), &home);
    EXPECT_EQ(cell.name(), "");
    cell.set_detached();
    cell.launch();
    EXPECT_EQ(home.run_all(), 1);
}

TEST_F(flow_life, describes_itself_for_people) {
    auto& cell = make_fiber(home, [] {});
    EXPECT_THAT(describe(cell),
                testing::MatchesRegex("\\(id [0-9]+, started at .*flow_test.cpp:[0-9]+\\)"));
    detail::name_flow(cell, {.name = "reader"});
    EXPECT_THAT(describe(cell), testing::StartsWith("\"reader\" (id "));
    cell.set_detached();
    cell.launch();
    home.run_all();
}

TEST_F(flow_life, counts_starts_and_ends_from_outside) {
    for (int i = 0; i < 3; ++i)
        go_on(home, [] {});
    EXPECT_EQ(home.foreign_counters.spawned.get(), 3U);
    EXPECT_EQ(home.foreign_counters.finished.get(), 0U);
    home.run_all();
    EXPECT_EQ(home.foreign_counters.finished.get(), 3U);
}

TEST_F(flow_life, ended_flow_waits_for_its_handle) {
    auto handle = spawn_on(home, [] { return 7; });
    EXPECT_FALSE(handle.is_finished());
    home.run_all();
    EXPECT_TRUE(handle.is_finished());
    EXPECT_EQ(handle.join(), 7);
    EXPECT_FALSE(handle.joinable());
}

TEST_F(flow_life, detached_before_its_end_it_frees_itself) {
    auto handle = spawn_on(home, [] { return 7; });
    handle.detach();
    home.run_all();
}

TEST_F(flow_life, detached_after_its_end_the_handle_frees_it) {
    auto handle = spawn_on(home, [] { return 7; });
    home.run_all();
    handle.detach();
}

TEST_F(flow_life, its_end_wakes_the_joiner_of_the_latest_poll) {
    driver first, second;
    auto handle = spawn_on(home, [] { return 7; });
    auto joined = handle.async_join();
    ASSERT_FALSE(first.poll(joined).is_ready());
    ASSERT_FALSE(second.poll(joined).is_ready());
    ASSERT_TRUE(first.rearm() && second.rearm());
    home.run_all();
    EXPECT_EQ(first.wakes(), 0);
    EXPECT_EQ(second.wakes(), 1);
    EXPECT_EQ(second.poll(joined).take(), 7);
}

TEST_F(flow_life, its_end_wakes_nobody_who_stopped_waiting) {
    driver d;
    auto handle = spawn_on(home, [] {});
    {
        auto joined = handle.async_join();
        ASSERT_FALSE(d.poll(joined).is_ready());
    }
    ASSERT_TRUE(d.rearm());
    home.run_all();
    EXPECT_EQ(d.wakes(), 0);
    handle.join();
}

TEST_F(flow_life, destroys_what_was_moved_into_it_at_its_end) {
    const auto shared = std::make_shared<int>(1);
    auto handle = spawn_on(home, [shared] { return *shared; });
    EXPECT_EQ(shared.use_count(), 2);
    home.run_all();
    EXPECT_EQ(shared.use_count(), 1) << "before the handle goes";
    EXPECT_EQ(handle.join(), 1);
}

TEST_F(flow_life, result_lives_until_it_is_taken_or_the_handle_goes) {
    auto shared = std::make_shared<int>(1);
    const std::weak_ptr<int> seen = shared;
    {
        auto handle = spawn_on(home, [p = std::move(shared)]() mutable { return std::move(p); });
        home.run_all();
        EXPECT_FALSE(seen.expired());
    }
    EXPECT_TRUE(seen.expired());
}

TEST_F(flow_life, is_asked_to_stop_while_it_waits) {
    signal never;
    bool stopped_seen = false;
    auto handle = spawn_on(home, [&] {
        try {
            wait(never.async_wait());
        } catch (const stopped&) {
            stopped_seen = true;
            throw;
        }
    });
    home.run_all();
    EXPECT_EQ(home.queued(), 0);
    handle.request_stop();
    EXPECT_EQ(home.queued(), 1);
    home.run_all();
    EXPECT_TRUE(stopped_seen);
    const auto ended = handle.try_join();
    ASSERT_FALSE(ended.has_value());
    EXPECT_TRUE(ended.error().is_cancelled());
}

TEST_F(flow_life, started_by_a_stopped_flow_it_is_born_stopped) {
    bool child_stopped = false;
    auto parent = spawn_on(home, [&] {
        detail::this_thread().current->request_stop();
        go_on(home, [&] { child_stopped = this_flow::stop_requested(); });
    });
    home.run_all();
    EXPECT_TRUE(child_stopped);
    parent.join();
}

TEST_F(flow_life, stop_of_its_executor_stops_it) {
    home.stopping.store(true);
    home.shutdown_source.request_stop();
    bool asked = false, token = false;
    auto handle = spawn_on(home, [&] {
        asked = this_flow::stop_requested();
        token = this_flow::stop_token().stop_requested();
        signal never;
        wait(never.async_wait());
    });
    home.run_all();
    EXPECT_TRUE(asked && token);
    EXPECT_TRUE(handle.try_join().error().is_cancelled());
}

TEST_F(flow_life, exit_unwinds_and_reports_cancelled) {
    bool unwound = false;
    auto handle = spawn_on(home, [&] {
        struct guard {
            bool& unwound;
            ~guard() { unwound = true; }
        } const g{unwound};
        this_flow::exit();
    });
    home.run_all();
    EXPECT_TRUE(unwound);
    EXPECT_TRUE(handle.try_join().error().is_cancelled());
}

TEST_F(flow_life, exception_is_rethrown_by_join) {
    auto handle = spawn_on(home, []() -> int { throw std::runtime_error("boom"); });
    home.run_all();
    EXPECT_THROW(handle.join(), std::runtime_error);
    EXPECT_FALSE(handle.joinable());
}

TEST_F(flow_life, exception_that_nobody_joins_goes_to_the_executor) {
    go_on(home, [] { throw std::runtime_error("boom"); });
    auto handle = spawn_on(home, [] { throw 1; });
    home.run_all();
    EXPECT_EQ(home.uncaught.size(), 1U);
    handle.detach();
    ASSERT_EQ(home.uncaught.size(), 2U);
    EXPECT_THROW(std::rethrow_exception(home.uncaught[0]), std::runtime_error);
    EXPECT_THROW(std::rethrow_exception(home.uncaught[1]), int);
}

TEST_F(flow_life, executor_is_told_of_ends_while_it_drains) {
    struct told : queue_executor {
        int ends = 0;
        void flow_finished() noexcept override { ++ends; }
    } executor;
    go_on(executor, [] {});
    executor.run_all();
    EXPECT_EQ(executor.ends, 0);
    executor.draining = true;
    go_on(executor, [] {});
    executor.run_all();
    EXPECT_EQ(executor.ends, 1);
}

// The program is started anew for these: after a fork ThreadSanitizer no longer follows switches of stacks.
class flow_death : public flow_life {
protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        flow_life::SetUp();
    }
    void TearDown() override {
        flow_life::TearDown();
        GTEST_FLAG_SET(death_test_style, "fast");
    }
};

struct plain_queue : executor {
    runnable_chain queue;
    void execute(runnable& r) noexcept override { queue.push_back(r); }
    void drain() {
        while (runnable* r = queue.pop_front())
            r->run();
    }
};

TEST_F(flow_death, exception_that_nobody_joins_ends_the_program_by_default) {
    const auto die = [] {
        plain_queue plain;
        auto& cell = make_fiber(plain, [] { throw std::runtime_error("boom"); });
        detail::name_flow(cell, {.name = "reader"});
        cell.set_detached();
        cell.launch();
        plain.drain();
    };
    EXPECT_DEATH(die(),
                 "fatal: an exception left the flow \"reader\" .*flow_test.cpp.*, which nobody "
                 "joins: .*runtime_error: boom");
}

TEST_F(flow_death, swallowed_stop_ends_the_program) {
    const auto die = [this] {
        go_on(home, [] {
            detail::this_thread().current->request_stop();
            signal never;
            try {
                wait(never.async_wait());
            } catch (...) {}
        });
        home.run_all();
    };
    EXPECT_DEATH(die(), "stopped was swallowed by the flow");
}

// One thread runs the flows to their ends while this one joins, detaches, stops waiting, or drops the handle.
// Every cell must come back, and every joiner must be woken.
TEST_F(flow_life, end_and_handle_may_meet_at_any_moment) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 2'000 : 20'000;
    std::atomic<bool> over{false};
    std::thread runs([&] {
        while (!over.load())
            if (!home.run_one()) std::this_thread::yield();
    });
    for (int i = 0; i < rounds; ++i) {
        auto handle = spawn_on(home, [i] { return std::make_unique<int>(i); });
        switch (i % 4) {
            case 0:
                EXPECT_EQ(*handle.join(), i);
                break;
            case 1:
                handle.detach();
                break;
            case 2: {
                driver d;
                auto joined = handle.async_join();
                (void)d.poll(joined).is_ready();
                break;
            }
            default:
                break;
        }
    }
    over.store(true);
    runs.join();
    home.run_all();
}

} // namespace
} // namespace sennit
