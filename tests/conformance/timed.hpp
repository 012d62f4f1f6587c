// What the conformance packs share for tests about time: parties as in pairing.hpp, on a virtual clock. Nothing sleeps and
// all times are exact. A virtual clock belongs to one worker, so the pairs are of fibers and tasks.
#pragma once

#include "conformance/pairing.hpp"

#include <chrono>
#include <cstddef>
#include <exception>
#include <functional>
#include <vector>

namespace sennit::test {

/// The fixture: `class my_rules : public test::timed {};` and SENNIT_TIMED_PAIRINGS(my_rules).
class timed : public testing::TestWithParam<pairing> {
protected:
    using party = std::function<task<void>(kind)>;

    void TearDown() override {
        rt_.wait_all();
        EXPECT_EQ(rt_.stats().live, 0u);
    }
    kind kind_of(int i) const { return i % 2 == 0 ? GetParam().first : GetParam().second; }
    /// Runs all parties, of both kinds in turn, from one moment on; returns how long that took.
    std::chrono::nanoseconds run(const std::vector<party>& parties) {
        return rt_.block_on([&] {
            const auto begun = runtime_clock::now();
            std::vector<join_handle<void>> flows;
            for (std::size_t i = 0; i < parties.size(); ++i) {
                const kind me = kind_of(int(i));
                if (me == kind::task) {
                    flows.push_back(spawn(parties[i](me)));
                } else {
                    flows.push_back(spawn([&, i, me] { wait(parties[i](me)); }));
                }
            }
            for (join_handle<void>& each : flows)
                expect_end(each);
            return runtime_clock::now() - begun;
        });
    }
    /// The same party as each of the two, side by side.
    std::chrono::nanoseconds run_both(const party& p) { return run({p, p}); }
    /// The same party as each of the two, one after the other: for parties that move the clock.
    void run_each(const party& p) {
        for (const kind me : {GetParam().first, GetParam().second})
            run_one(me, p);
    }

private:
    void run_one(kind me, const party& p) {
        rt_.block_on([&] {
            join_handle<void> flow =
                me == kind::task ? spawn(p(me)) : spawn([&p, me] { wait(p(me)); });
            expect_end(flow);
        });
    }
    static void expect_end(join_handle<void>& flow) {
        const auto end = flow.try_join();
        if (end) return;
        try {
            end.error().rethrow();
        } catch (const std::exception& e) {
            ADD_FAILURE() << "a party has thrown: " << e.what();
        } catch (...) {
            ADD_FAILURE() << "a party has thrown, or was stopped";
        }
    }

    runtime rt_{{.current_thread = true, .virtual_time = true}};
};

inline std::vector<pairing> timed_pairings() {
    return {{kind::fiber, kind::fiber, 1},
            {kind::fiber, kind::task, 1},
            {kind::task, kind::fiber, 1},
            {kind::task, kind::task, 1}};
}

} // namespace sennit::test

#define SENNIT_TIMED_PAIRINGS(suite)                                                          \
    INSTANTIATE_TEST_SUITE_P(all, suite, testing::ValuesIn(::sennit::test::timed_pairings()), \
                             ::sennit::test::name_of_pairing)
