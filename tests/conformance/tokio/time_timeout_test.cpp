// The rules of tokio's time_timeout.rs and time_rt.rs, for `timeout` around a future and `with_timeout` around code. Above
// each case stands the upstream test.
//
// Left out: tickspace. A timer belongs to no runtime: its moments are those of whoever sets it.
#include "conformance/timed.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <chrono>
#include <expected>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::by;
using test::by_hand;
using test::kind;

task<int> number(int n) { co_return n; }

// Never ready; says when it goes.
struct never_ready {
    bool* dropped;

    explicit never_ready(bool& d) : dropped(&d) {}
    never_ready(never_ready&& other) noexcept : dropped(std::exchange(other.dropped, nullptr)) {}
    never_ready& operator=(never_ready&&) = delete;
    ~never_ready() {
        if (dropped != nullptr) *dropped = true;
    }
    sennit::poll<int> poll(context&) { return pending; }
};

class tokio_timeout : public test::timed {};
SENNIT_TIMED_PAIRINGS(tokio_timeout);

// simultaneous_deadline_future_completion, completed_future_past_deadline: what is ready beats the clock, also one that has
// run out long ago.
TEST_P(tokio_timeout, what_is_ready_beats_the_clock) {
    run_both([](kind me) -> task<void> {
        const auto now = runtime_clock::now();
        for (const auto late : {0ms, 1000ms}) {
            auto bounded = timeout_at(now - late, number(1));
            const auto answer = co_await by(me, std::move(bounded));
            EXPECT_EQ(answer.value(), 1);
            auto by_length = timeout(-late, number(2));
            const auto other = co_await by(me, std::move(by_length));
            EXPECT_EQ(other.value(), 2);
            EXPECT_EQ(with_deadline(now - late, [] { return wait(number(3)); }).value(), 3);
        }
        EXPECT_EQ(runtime_clock::now(), now);
    });
}

// future_and_deadline_in_future, future_and_timeout_in_future: a value that comes in time wakes it and is delivered.
TEST_P(tokio_timeout, a_value_in_time_is_delivered) {
    run_each([](kind me) -> task<void> {
        const auto check = [me](auto bounded, oneshot_sender<int>& tx) -> task<void> {
            return [](kind who, auto f, oneshot_sender<int>& to) -> task<void> {
                by_hand hand(f);
                EXPECT_TRUE(hand.is_pending());
                co_await by(who, virtual_time::async_advance(90ms));
                EXPECT_FALSE(hand.is_woken());
                EXPECT_TRUE(hand.is_pending());
                EXPECT_TRUE(to.send(1));
                EXPECT_TRUE(hand.is_woken());
                EXPECT_FALSE(hand.is_pending());
                EXPECT_EQ(hand.take().value().value(), 1);
            }(me, std::move(bounded), tx);
        };
        auto [tx1, rx1] = oneshot_channel<int>();
        co_await check(timeout_at(runtime_clock::now() + 100ms, std::move(rx1)), tx1);
        auto [tx2, rx2] = oneshot_channel<int>();
        co_await check(timeout(100ms, std::move(rx2)), tx2);
    });
}

// very_large_timeout: a bound that is too long for the clock is none.
TEST_P(tokio_timeout, too_long_a_bound_is_none) {
    run_each([](kind me) -> task<void> {
        auto [tx, rx] = oneshot_channel<int>();
        auto bounded = timeout(std::chrono::seconds::max(), std::move(rx));
        by_hand hand(bounded);
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(std::chrono::hours(24 * 365 * 10)));
        EXPECT_FALSE(hand.is_woken());
        EXPECT_TRUE(hand.is_pending());
        EXPECT_TRUE(tx.send(1));
        EXPECT_FALSE(hand.is_pending());
        EXPECT_EQ(hand.take().value().value(), 1);
    });
}

// deadline_now_elapses: without time, what is not ready at once is too late. (Upstream time has to go on by a tick.)
TEST_P(tokio_timeout, without_time_only_what_is_ready) {
    run_both([](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        bool dropped = false;
        auto bounded = timeout_at(begun, never_ready(dropped));
        const auto answer = co_await by(me, std::move(bounded));
        EXPECT_TRUE(dropped);
        EXPECT_FALSE(answer.has_value());
        EXPECT_TRUE(is(answer.error(), errc::timed_out));
        event never;
        const auto code = with_deadline(begun, [&] { never.wait(); });
        EXPECT_TRUE(is(code.error(), errc::timed_out));
        EXPECT_EQ(runtime_clock::now(), begun);
    });
}

// deadline_future_elapses: at its moment, not before, it wakes whoever waits; what was bounded is gone then.
TEST_P(tokio_timeout, wakes_at_its_moment) {
    run_each([](kind me) -> task<void> {
        bool dropped = false;
        auto bounded = timeout_at(runtime_clock::now() + 300ms, never_ready(dropped));
        by_hand hand(bounded);
        EXPECT_TRUE(hand.is_pending());
        co_await by(me, virtual_time::async_advance(299ms));
        EXPECT_FALSE(hand.is_woken());
        co_await by(me, virtual_time::async_advance(1ms));
        EXPECT_TRUE(hand.is_woken());
        EXPECT_FALSE(dropped);
        EXPECT_FALSE(hand.is_pending());
        EXPECT_TRUE(dropped);
        const auto answer = hand.take();
        EXPECT_TRUE(is(answer.error(), errc::timed_out));
    });
}

// The same, waited for in a flow, together with the value that comes at the very moment: it wins.
TEST_P(tokio_timeout, the_value_wins_a_tie) {
    const party waits = [](kind me) -> task<void> {
        const auto begun = runtime_clock::now();
        bool dropped = false;
        auto late = timeout(300ms, never_ready(dropped));
        EXPECT_FALSE(co_await by(me, std::move(late)));
        EXPECT_EQ(runtime_clock::now() - begun, 300ms);
        auto tie = timeout(300ms, async_sleep_for(300ms));
        EXPECT_TRUE(co_await by(me, std::move(tie)));
        auto almost = timeout(300ms, async_sleep_for(301ms));
        EXPECT_FALSE(co_await by(me, std::move(almost)));
        EXPECT_EQ(runtime_clock::now() - begun, 900ms);
    };
    EXPECT_EQ(run_both(waits), 900ms);
}

class tokio_timeout_rt : public test::conformance {};
SENNIT_PAIRINGS(tokio_timeout_rt);

// timeout_is_not_exhausted_by_future: a future that never has to wait, and so uses up each turn, does not keep the bound from
// being seen.
TEST_P(tokio_timeout_rt, is_seen_beside_a_future_that_never_waits) {
    const party bounded = [](kind me) -> task<void> {
        const auto goes_on = []() -> task<void> {
            event ready;
            ready.set();
            for (;;)
                co_await ready.async_wait();
        };
        auto limited = timeout(1ms, goes_on());
        EXPECT_FALSE(co_await by(me, std::move(limited)));
    };
    together(bounded, bounded);
}

// timer_with_threaded_runtime, timer_with_current_thread_scheduler, timeout_value: on each kind of runtime, by the real clock:
// never early.
TEST_P(tokio_timeout_rt, nothing_is_early) {
    const party waits = [](kind me) -> task<void> {
        const auto when = std::chrono::steady_clock::now() + 1ms;
        co_await by(me, async_sleep_until(when));
        EXPECT_GE(std::chrono::steady_clock::now(), when);
        auto [tx, rx] = oneshot_channel<int>();
        const auto begun = std::chrono::steady_clock::now();
        auto bounded = timeout(1ms, std::move(rx));
        const auto answer = co_await by(me, std::move(bounded));
        EXPECT_FALSE(answer.has_value());
        EXPECT_GE(std::chrono::steady_clock::now(), begun + 1ms);
        EXPECT_TRUE(tx.is_closed());
    };
    together(waits, waits);
    runtime here({.current_thread = true});
    here.block_on([&] { wait(waits(kind::fiber)); });
    here.block_on([&] { spawn(waits(kind::task)).join(); });
}

// Polls the sleep again and again.
class impatient {
public:
    explicit impatient(std::chrono::steady_clock::time_point t) : sleep_(async_sleep_until(t)) {}
    sennit::poll<int> poll(context& cx) {
        if (sleep_.poll(cx).is_ready()) return polls_;
        ++polls_;
        cx.waker().wake();
        return pending;
    }

private:
    sleep_future sleep_;
    int polls_ = 0;
};

// starving: flows that wake themselves all the time keep no timer from firing.
TEST_P(tokio_timeout_rt, timers_fire_while_flows_keep_busy) {
    const party polls = [](kind me) -> task<void> {
        const auto when = std::chrono::steady_clock::now() + 1ms;
        impatient starving(when);
        (void)co_await by(me, std::move(starving));
        EXPECT_GE(std::chrono::steady_clock::now(), when);
    };
    together(polls, polls);
    runtime here({.current_thread = true});
    here.block_on([&] { spawn(polls(kind::task)).join(); });
}

} // namespace
} // namespace sennit
