// What an executor inherits. One of a user's own at work: tests/exec/visitor_test.cpp.
#include <sennit/core/executor.hpp>

#include "core/support.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace sennit {
namespace {

struct counting final : runnable {
    counting() : runnable(operations) {}
    static void step(runnable& r) noexcept { ++static_cast<counting&>(r).runs; }
    static constexpr runnable_operations operations{&step};
    int runs = 0;
};

TEST(executor, what_is_new_is_executed_like_the_rest_by_default) {
    test_support::queue_executor e;
    counting r;
    e.execute_new(r);
    EXPECT_EQ(e.queued(), 1);
    e.run_all();
    EXPECT_EQ(r.runs, 1);
}

TEST(executor, has_neither_timers_nor_readiness_of_its_own_by_default) {
    test_support::queue_executor e;
    EXPECT_EQ(e.timers(), nullptr);
    EXPECT_EQ(e.io(), nullptr);
    EXPECT_FALSE(e.stopping);
    EXPECT_FALSE(e.draining);
}

TEST(counter, shared_adds_are_not_lost) {
    detail::counter c;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int n = 0; n < 1'000; ++n)
                c.add_shared();
        });
    }
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(c.get(), 4'000U);
}

TEST(counter, one_writer_may_add_plainly) {
    detail::counter c;
    c.add();
    c.add(41);
    c.add_release();
    EXPECT_EQ(c.get(), 43U);
}

} // namespace
} // namespace sennit
