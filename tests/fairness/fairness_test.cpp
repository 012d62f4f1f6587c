// Two flows that hand a value to and fro without a pause keep one worker busy for ever: each wakes the other, and nothing
// of it waits. Others have to get on all the same. The pair counts its rounds and gives up after a great many, so a
// starved flow is a count, not a time. All of it runs on that worker: when the machine is busy, nobody's count goes on.
#include "net/support.hpp"
#include <sennit/all.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

namespace sennit {
namespace {

using namespace std::chrono_literals;

constexpr int rounds_max = 3'000'000;

// Fibers, tasks, or one of each; on one worker.
enum class made_of { fibers, tasks, both };

class pair_of_flows {
public:
    pair_of_flows(runtime& rt, made_of kinds, int rounds = rounds_max)
        : there_(make_chan<int>()), back_(make_chan<int>()), left_(rounds) {
        serve_ = kinds == made_of::tasks ? rt.spawn(serve_task()) : rt.spawn([this] { serve(); });
        answer_ =
            kinds == made_of::fibers ? rt.spawn([this] { answer(); }) : rt.spawn(answer_task());
    }
    // How many rounds they made.
    int finish() {
        over_ = true;
        return join();
    }
    int join() {
        serve_.join();
        answer_.join();
        return rounds_;
    }
    int rounds() const { return rounds_; }

private:
    bool goes_on() { return !over_ && left_-- > 0; }
    void serve() {
        while (goes_on()) {
            there_.send(1);
            (void)back_.recv();
            ++rounds_;
        }
        there_.close();
    }
    void answer() {
        while (auto v = there_.recv())
            back_.send(*v);
    }
    task<void> serve_task() {
        while (goes_on()) {
            co_await there_.async_send(1);
            (void)co_await back_.async_recv();
            ++rounds_;
        }
        there_.close();
    }
    task<void> answer_task() {
        for (;;) {
            const std::optional<int> v = co_await there_.async_recv();
            if (!v) co_return;
            co_await back_.async_send(*v);
        }
    }

    chan<int> there_, back_;
    int left_;
    std::atomic<bool> over_{false};
    std::atomic<int> rounds_{0};
    join_handle<void> serve_, answer_;
};

struct made {
    made_of kinds;
    const char* name;
};
std::ostream& operator<<(std::ostream& out, const made& m) { return out << m.name; }

class fairness : public testing::TestWithParam<made> {
protected:
    runtime rt_{{.workers = 1, .force_migration = false}};
};
INSTANTIATE_TEST_SUITE_P(all, fairness,
                         testing::Values(made{made_of::fibers, "fibers"},
                                         made{made_of::tasks, "tasks"},
                                         made{made_of::both, "fiber_and_task"}),
                         testing::PrintToStringParamName());

// tokio: rt_common, ping_pong_saturation; rt_threaded, lifo_slot_budget.
TEST_P(fairness, a_ping_pong_does_not_starve_who_yields) {
    rt_.block_on([&] {
        pair_of_flows busy(rt_, GetParam().kinds);
        auto fiber = rt_.spawn([] {
            for (int i = 0; i < 100; ++i)
                this_flow::yield();
        });
        auto other = rt_.spawn([]() -> task<void> {
            for (int i = 0; i < 100; ++i)
                co_await async_yield();
        }());
        fiber.join();
        other.join();
        EXPECT_LT(busy.finish(), rounds_max) << "the others ran only when the pair was over";
    });
}

// go: runtime, TestTimerFairness.
TEST_P(fairness, a_ping_pong_does_not_starve_timers) {
    rt_.block_on([&] {
        pair_of_flows busy(rt_, GetParam().kinds);
        rt_.spawn([] {
               for (int i = 0; i < 5; ++i)
                   sleep_for(100us);
           })
            .join();
        EXPECT_LT(busy.finish(), rounds_max) << "timers fired only when the pair was over";
    });
}

// tokio: rt_common, io_driver_called_when_under_load.
TEST_P(fairness, a_ping_pong_does_not_starve_readiness) {
    rt_.block_on([&] {
        pair_of_flows busy(rt_, GetParam().kinds);
        rt_.block_on([] {
            auto [client, server] = test::connected();
            auto echo = spawn([&server] {
                for (int i = 0; i < 10; ++i) {
                    const auto text = test::read_size(server, 4);
                    ASSERT_TRUE(text.has_value());
                    ASSERT_TRUE(server.write_all(std::as_bytes(std::span(*text))));
                }
            });
            for (int i = 0; i < 10; ++i) {
                EXPECT_TRUE(client.write_all(std::as_bytes(std::span("ping", 4))));
                EXPECT_EQ(test::read_size(client, 4).value_or(""), "ping");
            }
            echo.join();
        });
        EXPECT_LT(busy.finish(), rounds_max) << "readiness was seen only when the pair was over";
    });
}

// go: runtime, TestPingPongHog: of two pairs none gets more than twenty times the other's turns.
TEST_P(fairness, two_ping_pongs_share_the_worker) {
    rt_.block_on([&] {
        constexpr int rounds = 20'000;
        pair_of_flows first(rt_, GetParam().kinds, rounds_max);
        pair_of_flows second(rt_, GetParam().kinds, rounds);
        const int at_least = second.join();
        const int meanwhile = first.finish();
        EXPECT_EQ(at_least, rounds);
        EXPECT_LT(meanwhile, 20 * rounds) << "the second pair had hardly a turn";
        EXPECT_GT(meanwhile, rounds / 20) << "the first pair had hardly a turn";
    });
}

} // namespace
} // namespace sennit
