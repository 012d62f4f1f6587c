// The rules of golang/sync: errgroup_test.go, where the counterpart is a scope, and singleflight_test.go. Above each case
// stands the upstream test.
#include "conformance/pairing.hpp"

#include <atomic>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

namespace sennit {
namespace {

using test::by;
using test::kind;

// The first kind owns a scope, the second is its children. Threads cannot be children, and a scope that a thread owns starts
// them on the default runtime: fibers stand in for them.
class go_errgroup : public test::conformance {
protected:
    using child_body = std::function<task<result<void>>(kind)>;

    void owner(party p) {
        start_as(flow_kind(0), std::move(p));
        join();
    }
    // `body` is kept by the caller.
    void add(scope& s, const child_body& body) const {
        if (flow_kind(1) == kind::task) {
            s.go(body(kind::task));
        } else {
            s.go([&body] { return wait(body(kind::fiber)); });
        }
    }
    kind flow_kind(int i) const { return kind_of(i) == kind::thread ? kind::fiber : kind_of(i); }
};
SENNIT_PAIRINGS(go_errgroup);

// TestZeroGroup. Of several failures the first is told; without one there is none.
TEST_P(go_errgroup, the_first_failure_is_told) {
    constexpr errc errors[] = {errc::closed, errc::limit_exceeded, errc::shut_down};
    for (int failing = 0; failing <= 3; ++failing) {
        scope* group = nullptr;
        std::vector<child_body> bodies;
        for (int i = 0; i < 3; ++i) {
            bodies.push_back([&, i](kind) -> task<result<void>> {
                if (i >= failing) co_return result<void>();
                // The later ones fail when the first has: in a step that a request to stop does not end.
                while (i > 0 && !group->is_stop_requested())
                    this_flow::yield();
                co_return std::unexpected(error(errors[i], "child"));
            });
        }
        owner([&](kind me) -> task<void> {
            scope s;
            group = &s;
            for (const child_body& each : bodies)
                add(s, each);
            const result<void> end = co_await by(me, s.async_try_join());
            EXPECT_EQ(end.has_value(), failing == 0);
            EXPECT_TRUE(end || is(end.error(), errc::closed));
        });
    }
}

// TestWithContext. The first failure asks the others to stop; they see it, and the failure is what is told.
TEST_P(go_errgroup, a_failure_stops_the_others) {
    std::atomic<int> stopped_ones{0};
    event never;
    wait_group begun(2);
    struct leaving {
        std::atomic<int>& count;
        ~leaving() { ++count; }
    };
    const child_body waits = [&](kind me) -> task<result<void>> {
        const leaving guard{stopped_ones};
        begun.done();
        co_await by(me, never.async_wait());
        co_return result<void>();
    };
    const child_body fails = [&](kind me) -> task<result<void>> {
        co_await by(me, begun.async_wait());
        co_return std::unexpected(error(errc::closed, "child"));
    };
    owner([&](kind me) -> task<void> {
        scope s;
        add(s, waits);
        add(s, waits);
        add(s, fails);
        const result<void> end = co_await by(me, s.async_try_join());
        EXPECT_FALSE(end);
        EXPECT_TRUE(!end && is(end.error(), errc::closed));
        EXPECT_EQ(stopped_ones, 2);
        EXPECT_TRUE(s.is_stop_requested());
    });
}

// TestGoLimit. No more children at a time than the limit says.
TEST_P(go_errgroup, the_limit_holds) {
    constexpr int limit = 3;
    std::atomic<int> active{0}, most{0}, done{0};
    const child_body works = [&](kind me) -> task<result<void>> {
        const int now = ++active;
        if (now > most) most = now;
        EXPECT_LE(now, limit);
        for (int i = 0; i < 3; ++i)
            co_await by(me, async_yield());
        --active;
        ++done;
        co_return result<void>();
    };
    // In a step that blocks: going on beyond the limit waits.
    owner([&](kind) -> task<void> {
        scope s({.limit = limit});
        for (int i = 0; i < 30; ++i)
            add(s, works);
        s.join();
        co_return;
    });
    EXPECT_EQ(done, 30);
    EXPECT_GE(most, 1);
}

// TestTryGo. A try starts a child while there is a place, and says when there is none; a place that is given back is one.
TEST_P(go_errgroup, a_try_to_start_says_when_there_is_no_place) {
    event open;
    owner([&](kind me) -> task<void> {
        scope s({.limit = 2});
        const auto waits = [&] { open.wait(); };
        EXPECT_TRUE(s.try_go(waits));
        EXPECT_TRUE(s.try_go(waits));
        EXPECT_FALSE(s.try_go(waits));
        open.set();
        const result<void> end = co_await by(me, s.async_try_join());
        EXPECT_TRUE(end);
        EXPECT_TRUE(s.try_go(waits));
        co_await by(me, s.async_join());
    });
}

// TestPanic (before it was taken back upstream; here it is the rule): what leaves a child as an exception leaves the scope.
TEST_P(go_errgroup, an_exception_leaves_the_scope) {
    const child_body throws = [](kind) -> task<result<void>> {
        throw std::runtime_error("child");
        co_return result<void>();
    };
    owner([&](kind me) -> task<void> {
        std::string what;
        scope s;
        add(s, throws);
        try {
            co_await by(me, s.async_join());
        } catch (const std::runtime_error& e) {
            what = e.what();
        }
        EXPECT_EQ(what, "child");
    });
}

class go_singleflight : public test::conformance {
protected:
    using group = singleflight<std::string, int>;
    using work = std::function<int()>;

    // Runs `w`, or shares, and hands the answer on. `w` may wait: in a task it is a step that blocks.
    void call(kind k, group& g, work w, std::function<void(group::answer)> then) {
        start(
            k, [&g, w, then] { then(g.run("key", w)); },
            [&g, w, then] { return call_in_task(g, w, then); });
    }
    static task<void> call_in_task(group& g, work w, std::function<void(group::answer)> then) {
        const auto as_task = [](work fn) -> task<int> { co_return fn(); };
        auto future = g.async_run("key", as_task(std::move(w)));
        const group::answer a = co_await std::move(future);
        then(a);
    }
};
SENNIT_PAIRINGS(go_singleflight);

// TestDo, TestDoErr. One who asks alone gets the result, or the exception, and shares it with nobody.
TEST_P(go_singleflight, one_alone) {
    group g;
    for (const int i : {0, 1}) {
        std::atomic<int> got{0};
        call(
            kind_of(i), g, [] { return 7; },
            [&](group::answer a) {
                got = a.value;
                EXPECT_FALSE(a.shared);
            });
        join();
        EXPECT_EQ(got, 7);
        start_party(i, [&](kind me) -> task<void> {
            bool thrown = false;
            const auto fails = []() -> int { throw std::runtime_error("work"); };
            const auto fails_in_task = []() -> task<int> {
                throw std::runtime_error("work");
                co_return 0;
            };
            try {
                if (me == kind::task) {
                    auto future = g.async_run("key", fails_in_task());
                    (void)co_await std::move(future);
                } else {
                    (void)g.run("key", fails);
                }
            } catch (const std::runtime_error&) {
                thrown = true;
            }
            EXPECT_TRUE(thrown);
        });
        join();
    }
}

// TestDoDupSuppress. Who comes while the work is done waits for it. Each result was somebody's work, and there is at most one
// piece of work for each that asked.
TEST_P(go_singleflight, work_is_shared_while_it_is_done) {
    constexpr int n = 8;
    group g;
    event begun, open;
    std::atomic<int> runs{0}, came{0}, answers{0};
    const auto check = [&](group::answer a) {
        EXPECT_TRUE(a.value >= 1 && a.value <= runs);
        ++answers;
    };
    call(
        kind_of(0), g,
        [&] {
            ++runs;
            begun.set();
            open.wait();
            return 1;
        },
        [&](group::answer a) {
            EXPECT_EQ(a.value, 1);
            ++answers;
        });
    begun.wait();
    for (int i = 1; i < n; ++i) {
        start_party(i, [&](kind) -> task<void> {
            ++came;
            co_return;
        });
        call(kind_of(i), g, [&] { return ++runs; }, check);
    }
    while (came < n - 1)
        std::this_thread::yield();
    open.set();
    join();
    EXPECT_EQ(answers, n);
    EXPECT_LE(runs, n);
}

// TestForget, TestForgetUnshared. After forget() the next one starts anew, and those before wait for the old one.
TEST_P(go_singleflight, forgetting_starts_anew) {
    group g;
    event begun, open;
    std::atomic<int> first_answer{0}, second_answer{0};
    call(
        kind_of(0), g,
        [&] {
            begun.set();
            open.wait();
            return 1;
        },
        [&](group::answer a) { first_answer = a.value; });
    begun.wait();
    g.forget("key");
    event second_done;
    call(
        kind_of(1), g, [] { return 2; },
        [&](group::answer a) {
            second_answer = a.value;
            second_done.set();
        });
    second_done.wait();
    EXPECT_EQ(second_answer, 2);
    EXPECT_EQ(first_answer, 0);
    open.set();
    join();
    EXPECT_EQ(first_answer, 1);
}

// TestPanicDo. What the work throws reaches all who share it.
TEST_P(go_singleflight, an_exception_reaches_all) {
    group g;
    event begun, open;
    std::atomic<int> caught{0};
    const auto fails = [&]() -> int {
        begun.set();
        open.wait();
        throw std::runtime_error("work");
    };
    const auto asks = [&](kind me) -> task<void> {
        const auto as_task = [](auto& fn) -> task<int> { co_return fn(); };
        try {
            if (me == kind::task) {
                auto future = g.async_run("key", as_task(fails));
                (void)co_await std::move(future);
            } else {
                (void)g.run("key", fails);
            }
        } catch (const std::runtime_error&) {
            ++caught;
        }
    };
    constexpr int n = 6;
    start_party(0, asks);
    begun.wait();
    for (int i = 1; i < n; ++i)
        start_party(i, asks);
    open.set();
    join();
    EXPECT_EQ(caught, n); // by the shared work or by work of its own
}

// TestGoexitDo. A leader that exits in the middle ends the wait of the others, and the next starts anew.
TEST_P(go_singleflight, an_exit_of_the_leader_ends_the_others_wait) {
    group g;
    event begun, open;
    join_handle<void> leader = rt_->spawn([&] {
        (void)g.run("key", [&]() -> int {
            begun.set();
            open.wait();
            this_flow::exit();
        });
    });
    begun.wait();
    // Polled by hand, so that it waits before the leader goes.
    const auto nine = []() -> task<int> { co_return 9; };
    auto follower = g.async_run("key", nine());
    test::driver d;
    ASSERT_FALSE(d.poll(follower).is_ready());
    open.set();
    EXPECT_TRUE(leader.try_join().error().is_cancelled());
    EXPECT_THROW((void)d.poll(follower), join_error);
    for (const int i : {0, 1}) {
        std::atomic<int> got{0};
        call(kind_of(i), g, [] { return 3; }, [&](group::answer a) { got = a.value; });
        join();
        EXPECT_EQ(got, 3);
    }
}

} // namespace
} // namespace sennit
