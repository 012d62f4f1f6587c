// The rules of tokio's task_abort.rs, where aborting is asking to stop. Above each case stands the upstream test.
//
// A destructor that throws while its flow is stopped (test_abort_task_that_panics_on_drop_…) ends the program: the language
// says so. A join_error carries the exception itself in place of a text (test_join_error_display, …_debug).
#include "conformance/timed.hpp"

#include <atomic>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::await_count;
using test::by;
using test::counting;
using test::kind;

// Says when, and on which thread, it was destroyed. Moved from, it says nothing.
struct drop_check {
    std::atomic<int>* drops;
    std::thread::id* where;

    explicit drop_check(std::atomic<int>& n, std::thread::id* t = nullptr) : drops(&n), where(t) {}
    drop_check(drop_check&& other) noexcept
        : drops(std::exchange(other.drops, nullptr)), where(other.where) {}
    drop_check& operator=(drop_check&&) = delete;
    ~drop_check() {
        if (drops == nullptr) return;
        if (where != nullptr) *where = std::this_thread::get_id();
        ++*drops;
    }
};

// A flow that waits for the event, counts that it does, and owns `check`.
template<class Spawn>
join_handle<int> spawn_waiting(Spawn start, kind k, event& e, std::atomic<int>& waiting,
                               drop_check check) {
    if (k == kind::task) {
        return start([](event& open, std::atomic<int>& n, drop_check owned) -> task<int> {
            const drop_check kept = std::move(owned);
            co_await counting(n, open.async_wait());
            co_return 1;
        }(e, waiting, std::move(check)));
    }
    return start([&e, &waiting, kept = std::move(check)] {
        wait(counting(waiting, e.async_wait()));
        return 1;
    });
}

class tokio_abort : public test::conformance {
protected:
    // A flow can be stopped; a plain thread cannot.
    kind victim() const { return GetParam().first == kind::task ? kind::task : kind::fiber; }
    auto starter() {
        return [this](auto&& what) { return rt_->spawn(std::forward<decltype(what)>(what)); };
    }
};
SENNIT_PAIRINGS(tokio_abort);
class tokio_abort_timed : public test::timed {};
SENNIT_TIMED_PAIRINGS(tokio_abort_timed);

// test_abort_without_panic_3157: a flow that sleeps wakes up for it.
TEST_P(tokio_abort_timed, a_sleeping_flow_can_be_stopped) {
    const party stops = [this](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        const auto naps = []() -> task<void> { co_await async_sleep_for(100s); };
        auto handle = kind_of(1) == kind::task ? spawn(naps()) : spawn([] { sleep_for(100s); });
        co_await by(me, async_sleep_for(10ms));
        handle.request_stop();
        const auto end = co_await by(me, handle.async_try_join());
        EXPECT_FALSE(end.has_value());
        EXPECT_TRUE(end.error().is_cancelled());
        EXPECT_EQ(runtime_clock::now() - begun, 10ms);
    };
    run_both(stops);
}

// test_abort_wakes_task_3964: also if the handle goes right afterwards, in either way.
TEST_P(tokio_abort_timed, the_handle_may_go_right_afterwards) {
    run_both([this](kind me) -> task<void> {
        std::atomic<int> drops{0};
        const auto naps = [](drop_check owned) -> task<void> {
            const drop_check kept = std::move(owned);
            co_await async_sleep_for(100s);
        };
        const auto start = [&] {
            return kind_of(1) == kind::task
                       ? spawn(naps(drop_check(drops)))
                       : spawn([kept = drop_check(drops)] { sleep_for(100s); });
        };
        auto let_go = start();
        auto destroyed = start();
        co_await by(me, async_sleep_for(10ms));
        let_go.request_stop();
        let_go.detach();
        co_await by(me, async_sleep_for(10ms));
        EXPECT_EQ(drops, 1);
        destroyed.request_stop();
        destroyed = join_handle<void>();
        EXPECT_EQ(drops, 2) << "the destructor has waited";
    });
}

// test_abort_without_panic_3662: from another flow or thread; what the flow owned is gone when it is joined.
TEST_P(tokio_abort, from_anywhere) {
    event never;
    std::atomic<int> waiting{0}, drops{0};
    auto handle = spawn_waiting(starter(), victim(), never, waiting, drop_check(drops));
    await_count(waiting, 1);
    EXPECT_EQ(drops, 0);
    second([&](kind me) -> task<void> {
        handle.request_stop();
        handle.request_stop();
        const auto end = co_await by(me, handle.async_try_join());
        EXPECT_EQ(drops, 1);
        EXPECT_FALSE(end.has_value());
        EXPECT_TRUE(end.error().is_cancelled());
    });
    join();
    // The runtime goes on as before.
    EXPECT_EQ(rt_->spawn([] { return 2; }).join(), 2);
}

// remote_abort_local_set_3929: asked from another thread, the flow is unwound on the thread of its runtime.
TEST(tokio_abort_alone, a_flow_is_unwound_at_home) {
    for (const kind k : {kind::fiber, kind::task}) {
        runtime rt({.current_thread = true});
        event never;
        std::atomic<int> waiting{0}, drops{0};
        std::thread::id where;
        rt.block_on([&] {
            auto handle = spawn_waiting([](auto&& what) { return spawn(std::move(what)); }, k,
                                        never, waiting, drop_check(drops, &where));
            std::thread other([&] {
                await_count(waiting, 1);
                handle.request_stop();
            });
            const auto end = handle.try_join();
            EXPECT_FALSE(end.has_value());
            other.join();
        });
        EXPECT_EQ(drops, 1);
        EXPECT_EQ(where, std::this_thread::get_id());
    }
}

// R-TK-3, in runtime/tests/task_combinations.rs: a flow that has ended is not touched by it.
TEST_P(tokio_abort, what_has_ended_keeps_its_value) {
    event open;
    open.set();
    std::atomic<int> waiting{0}, drops{0};
    auto handle = spawn_waiting(starter(), victim(), open, waiting, drop_check(drops));
    while (!handle.is_finished())
        std::this_thread::yield();
    second([&](kind me) -> task<void> {
        handle.request_stop();
        EXPECT_EQ(co_await by(me, handle.async_join()), 1);
    });
    join();
}

// The same, racing: the value or the cancellation, never both or neither, and nothing is lost.
TEST_P(tokio_abort, races_with_the_end) {
    for (int round = 0; round < test::rounds_scaled(100); ++round) {
        event open;
        std::atomic<int> waiting{0}, drops{0};
        auto handle = spawn_waiting(starter(), victim(), open, waiting, drop_check(drops));
        await_count(waiting, 1);
        first([&](kind) -> task<void> {
            open.set();
            co_return;
        });
        second([&](kind me) -> task<void> {
            handle.request_stop();
            const auto end = co_await by(me, handle.async_try_join());
            EXPECT_EQ(drops, 1);
            if (end.has_value()) {
                EXPECT_EQ(*end, 1);
            } else {
                EXPECT_TRUE(end.error().is_cancelled());
            }
        });
        join();
    }
}

// R-TK-3: running code is not interrupted, and what is ready is still received.
TEST_P(tokio_abort, running_code_is_not_interrupted) {
    std::atomic<bool> running{false}, stopped{false}, went_on{false};
    event never;
    const auto works = [&] {
        running = true;
        while (!stopped)
            std::this_thread::yield();
        event ready;
        ready.set();
        ready.wait(); // no wait, as it is ready
        went_on = true;
    };
    const auto works_in_a_task = [](auto work, event& e) -> task<void> {
        work();
        co_await e.async_wait();
    };
    auto handle =
        victim() == kind::task ? rt_->spawn(works_in_a_task(works, never)) : rt_->spawn([&, works] {
            works();
            never.wait();
        });
    // By a thread: with one worker the flow has that.
    start_as(kind::thread, [&](kind) -> task<void> {
        while (!running)
            std::this_thread::yield();
        handle.request_stop();
        stopped = true;
        co_return;
    });
    second([&](kind me) -> task<void> {
        const auto end = co_await by(me, handle.async_try_join());
        EXPECT_FALSE(end.has_value());
    });
    join();
    EXPECT_TRUE(went_on);
}

// test_join_error_display, test_join_error_debug: what left the flow arrives as it is, whatever its type.
TEST_P(tokio_abort, what_left_the_flow_is_in_the_error) {
    const auto of = [](auto thrown) {
        return [](auto t) -> task<void> {
            co_await async_yield();
            throw t;
        }(thrown);
    };
    const auto spawn_throwing = [&](auto thrown) {
        return victim() == kind::task ? rt_->spawn(of(thrown)) : rt_->spawn([thrown] {
            this_flow::yield();
            throw thrown;
        });
    };
    auto text = spawn_throwing(std::runtime_error("payload: " + std::to_string(1234)));
    auto number = spawn_throwing(1234);
    auto rethrown = spawn_throwing(std::string("by join"));
    second([&](kind me) -> task<void> {
        const auto first_end = co_await by(me, text.async_try_join());
        EXPECT_FALSE(first_end.has_value());
        EXPECT_TRUE(first_end.error().is_panic());
        EXPECT_FALSE(first_end.error().is_cancelled());
        try {
            first_end.error().rethrow();
        } catch (const std::runtime_error& e) {
            EXPECT_STREQ(e.what(), "payload: 1234");
        }
        const auto second_end = co_await by(me, number.async_try_join());
        EXPECT_TRUE(second_end.error().is_panic());
        EXPECT_NE(second_end.error().exception(), nullptr);
        try {
            second_end.error().rethrow();
        } catch (const int& n) {
            EXPECT_EQ(n, 1234);
        }
        bool caught = false;
        try {
            co_await by(me, rethrown.async_join());
        } catch (const std::string& s) {
            caught = s == "by join";
        }
        EXPECT_TRUE(caught);
    });
    join();
}

} // namespace
} // namespace sennit
