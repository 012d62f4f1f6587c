// Random programs over channels of every kind, select, locks, times, stop and drop, played by fibers, tasks and threads.
// Whatever they do: a value that was sent was received once, or its sender has it back, or it is still buffered (or
// was, when its receiver left); nobody is inside a lock who should not be; and every flow ends.
//
// A seed fixes the program: who takes part, with what, and what each does in which order. On the event loop, where time
// is virtual, it also fixes what select chooses, and nearly every seed is one run; on the other runtimes the machine
// decides the interleaving. A failure prints the seed; SENNIT_TEST_SEED=<seed> runs that one alone.
#include "party.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace sennit::test {
namespace {

using namespace std::chrono_literals;

struct setting {
    const char* name;
    unsigned workers; // 0: the event loop
    bool migrate;
};
std::ostream& operator<<(std::ostream& out, const setting& s) { return out << s.name; }

void play(party& p) {
    while (auto step = p.next()) {
        if (*step != nullptr) wait(**step);
    }
}
task<void> play_as_task(std::unique_ptr<party> p) {
    for (;;) {
        auto step = p->next();
        if (!step) break;
        if (*step != nullptr) co_await **step;
    }
    p.reset(); // before the frame is looked after
}

class program {
public:
    program(const setting& s, unsigned seed)
        : setting_(s), seed_(seed), random_(seed), world_(random_, values_max) {}

    ledger::summary run() {
        if (setting_.workers == 0) detail::this_thread().random = seed_ | 1; // of the selects
        runtime_options options{.workers = setting_.workers, .force_migration = setting_.migrate};
        if (setting_.workers == 0)
            options = {.workers = 1, .current_thread = true, .virtual_time = true};
        {
            runtime rt(std::move(options));
            cast();
            rt.block_on([&] {
                start(rt);
                disturb();
                finish();
            });
            for (std::thread& t : threads_)
                t.join();
            rt.wait_all(); // those that were let go
            EXPECT_EQ(rt.stats().live, 0u);
        }
        check();
        return world_.book.sum();
    }

private:
    static constexpr unsigned parties_max = 10, sinks = 3;
    static constexpr std::size_t values_max = parties_max * 28 * 4; // 4 cases in each step

    // Who takes part, and with what in hand.
    void cast() {
        const unsigned count = sinks + 1 + below(random_, parties_max - sinks);
        for (unsigned i = 0; i < count; ++i) {
            parties_.push_back(
                std::make_unique<party>(world_, i, static_cast<unsigned>(random_())));
        }
        auto [many, many_in] = mpsc_channel<token>(1 + below(random_, 3));
        auto [all, all_in] = broadcast_channel<broadcast_value>(1 + below(random_, 4));
        auto [latest, latest_in] = watch_channel<std::uint64_t>(0);
        // The first ones receive, the others send.
        parties_[0]->in.many.emplace(std::move(many_in));
        parties_[1]->in.all.emplace(std::move(all_in));
        parties_[2]->in.latest.emplace(std::move(latest_in));
        for (unsigned i = sinks; i < count; ++i) {
            sources& out = parties_[i]->out;
            out.many.emplace(many);
            if (below(random_, 2) == 0) out.all.emplace(all);
            if (below(random_, 2) == 0) out.latest.emplace(latest);
        }
        // Never to the one that the others may be waiting for.
        for (unsigned i = sinks, to = 1; i < count && to < sinks; ++i, ++to) {
            auto [ask, answer] = oneshot_channel<token>();
            parties_[i]->ask.emplace(std::move(ask));
            parties_[to]->answer.emplace(std::move(answer));
        }
    }

    void start(runtime& rt) {
        for (auto& p : parties_) {
            switch (below(random_, setting_.workers == 0 ? 2 : 3)) {
                case 0:
                    flows_.push_back(rt.spawn([mine = std::move(p)] { play(*mine); }));
                    break;
                case 1:
                    flows_.push_back(rt.spawn(play_as_task(std::move(p))));
                    break;
                default:
                    threads_.emplace_back([mine = std::move(p)] { play(*mine); });
            }
        }
        parties_.clear();
    }

    // Asks flows to stop, drops them, lets go of them.
    void disturb() {
        for (unsigned acts = below(random_, 6); acts != 0 && !flows_.empty(); --acts) {
            if (below(random_, 2) == 0) {
                this_flow::yield();
            } else {
                sleep_for(some_time(random_));
            }
            join_handle<void>& flow = flows_[below(random_, static_cast<unsigned>(flows_.size()))];
            if (!flow.joinable()) continue;
            switch (below(random_, 3)) {
                case 0:
                    flow.request_stop();
                    break;
                case 1:
                    flow = {};
                    break;
                default:
                    flow.detach();
            }
        }
    }

    // Once the channels are closed and the token is stopped nobody waits any more.
    void finish() {
        (void)world_.playing.wait_for(setting_.workers == 0 ? 10s : 2ms);
        world_.over.request_stop();
        for (auto& s : world_.stations)
            s->close();
        if (!world_.playing.wait_for(60s)) {
            std::fprintf(stderr, "a flow of program %u does not end on %s\n", seed_, setting_.name);
            std::abort();
        }
        for (join_handle<void>& flow : flows_) {
            if (!flow.joinable()) continue;
            const auto end = flow.try_join();
            EXPECT_TRUE(end || end.error().is_cancelled());
        }
    }

    void check() {
        for (auto& s : world_.stations)
            s->drain(world_.book);
        world_.stations.clear();
        world_.book.check(world_.mpsc_receiver_left);
        EXPECT_EQ(world_.locked.inside(), 0u);
        EXPECT_TRUE(world_.lock.try_lock());
        world_.lock.unlock();
        EXPECT_EQ(world_.admitted.inside(), 0u);
        EXPECT_EQ(world_.slots.available(), world::permits);
    }

    const setting& setting_;
    const unsigned seed_;
    random_numbers random_;
    world world_;
    std::vector<std::unique_ptr<party>> parties_;
    std::vector<join_handle<void>> flows_;
    std::vector<std::thread> threads_;
};

unsigned number_from(const char* variable, unsigned otherwise) {
    const char* text = std::getenv(variable);
    return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

// The one that was asked for, or a fixed set and one that nobody has seen.
std::vector<unsigned> seeds(unsigned count) {
    if (const unsigned one = number_from("SENNIT_TEST_SEED", 0); one != 0) return {one};
    std::vector<unsigned> all;
    for (unsigned i = 1; i < number_from("SENNIT_TEST_PROGRAMS", count); ++i)
        all.push_back(i);
    all.push_back(std::random_device()() >> 1 | 1);
    return all;
}

class random_programs : public testing::TestWithParam<setting> {};
INSTANTIATE_TEST_SUITE_P(all, random_programs,
                         testing::Values(setting{"event_loop", 0, false},
                                         setting{"one_worker", 1, false},
                                         setting{"two_workers", 2, false},
                                         setting{"four_workers", 4, false},
                                         setting{"two_workers_migrating", 2, true}),
                         testing::PrintToStringParamName());

TEST_P(random_programs, lose_no_value_and_end) {
    const std::int64_t frames = pool_stats().frames;
    std::size_t values = 0, arrived = 0;
    for (const unsigned seed : seeds(GetParam().workers == 0 ? 400 : 80)) {
        const ledger::summary all = program(GetParam(), seed).run();
        values += all.values;
        arrived += all.arrived;
        ASSERT_FALSE(HasFailure()) << "replay it with SENNIT_TEST_SEED=" << seed;
    }
    EXPECT_EQ(pool_stats().frames, frames) << "a coroutine frame is lost";
    // They are worth something: a good part of the values gets through.
    if (std::getenv("SENNIT_TEST_SEED") == nullptr) {
        EXPECT_GT(arrived, values / 8);
    }
}

} // namespace
} // namespace sennit::test
