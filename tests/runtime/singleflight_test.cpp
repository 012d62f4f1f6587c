// The rules are those of golang.org/x/sync/singleflight (singleflight_test.go: Do, DoErr, DoDupSuppress, Forget,
// PanicDo, GoexitDo); nothing is timed.
#include "runtime/support.hpp"

#include <atomic>
#include <stdexcept>
#include <string>
#include <vector>

namespace sennit {
namespace {

class singleflight_test : public test::with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, singleflight_test, testing::ValuesIn(test::settings),
                         test::name_of);

// TestDo, TestDoErr.
TEST_P(singleflight_test, runs_the_work_and_passes_on_its_exception) {
    run([] {
        singleflight<std::string, int> group;
        const auto [value, shared] = group.run("key", [] { return 7; });
        EXPECT_EQ(value, 7);
        EXPECT_FALSE(shared);
        EXPECT_THROW((void)group.run("key", []() -> int { throw std::runtime_error("work"); }),
                     std::runtime_error);
        EXPECT_EQ(group.run("key", [] { return 8; }).value, 8)
            << "a call that is over is forgotten";
    });
}

// TestDoDupSuppress: the leader is held until all others wait.
TEST_P(singleflight_test, who_comes_meanwhile_shares_the_result) {
    run([] {
        singleflight<int, int> group;
        event open, begun;
        std::atomic<int> calls{0}, came{0};
        scope s;
        auto leader = s.spawn([&] {
            return group.run(1, [&] {
                ++calls;
                begun.set();
                open.wait();
                return 5;
            });
        });
        begun.wait();
        std::vector<join_handle<int>> followers;
        for (int i = 0; i < 5; ++i) {
            followers.push_back(s.spawn([&] {
                ++came;
                return group.run(1, [&] { return ++calls; }).value;
            }));
        }
        const auto body = [](singleflight<int, int>& g, std::atomic<int>& c,
                             std::atomic<int>& n) -> task<int> {
            const auto work = [](std::atomic<int>& k) -> task<int> { co_return ++k; };
            ++c;
            auto answer = co_await g.async_run(1, work(n));
            co_return answer.value;
        };
        followers.push_back(s.spawn(body(group, came, calls)));
        while (came < 6)
            this_flow::yield();
        // Whether the last ones wait already does not matter to what is asserted: nobody sees an old result.
        open.set();
        EXPECT_EQ(leader.join().value, 5);
        for (auto& f : followers) {
            const int got = f.join();
            EXPECT_TRUE(got == 5 || got >= 2);
        }
        s.join();
    });
}

// TestForget.
TEST_P(singleflight_test, forgetting_starts_anew) {
    run([] {
        singleflight<int, int> group;
        event open, begun;
        auto first = spawn([&] {
            return group.run(1, [&] {
                begun.set();
                open.wait();
                return 1;
            });
        });
        begun.wait();
        group.forget(1);
        EXPECT_EQ(group.run(1, [] { return 2; }).value, 2);
        open.set();
        EXPECT_EQ(first.join().value, 1);
    });
}

// TestGoexitDo: the end of the leader ends the wait of the others.
TEST_P(singleflight_test, a_cancelled_leader_cancels_those_who_wait) {
    run([] {
        singleflight<int, int> group;
        event never, begun;
        auto leader = spawn([&] {
            return group.run(1, [&] {
                begun.set();
                never.wait();
                return 1;
            });
        });
        begun.wait();
        // Polled by hand, so that it surely waits before the leader goes.
        const auto work = []() -> task<int> { co_return 9; };
        task<singleflight<int, int>::answer> follower = group.async_run(1, work());
        wake_callback driver([] {});
        ASSERT_FALSE(follower.poll(driver.context()).is_ready());
        leader.request_stop();
        (void)leader.try_join();
        EXPECT_THROW((void)follower.poll(driver.context()), join_error);
        EXPECT_EQ(group.run(1, [] { return 3; }).value, 3);
    });
}

} // namespace
} // namespace sennit
