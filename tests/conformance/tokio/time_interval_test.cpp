// The rules of tokio's time_interval.rs, for a `ticker`. Above each case stands the upstream test.
//
// Other than upstream, and as in Go: the first tick comes one period after the start, not at once; the policy for missed
// ticks is `skip` unless another is asked for. A ticker is reset to a period from now and to nothing else: what
// reset_immediately, reset_after and reset_at do, a timer before it does.
#include "conformance/timed.hpp"
#include "conformance/tokio/by_hand.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;
using test::by;
using test::kind;

// The ticks that are there now, in milliseconds from the start, until there is none.
std::vector<long> ticks_now(ticker& t, runtime_clock::time_point start) {
    std::vector<long> found;
    for (;;) {
        auto tick = t.async_tick();
        test::by_hand hand(tick);
        if (hand.is_pending()) return found;
        found.push_back(std::chrono::duration_cast<milliseconds>(hand.take() - start).count());
    }
}

using none = std::vector<long>;
using these = std::vector<long>;

class tokio_interval : public test::timed {
protected:
    // Moves on by each step and compares the ticks that are there then.
    struct step {
        milliseconds by;
        std::vector<long> ticks;
    };
    static task<void> check(kind me, ticker& t, runtime_clock::time_point start,
                            const std::vector<step>& steps) {
        for (const step& s : steps) {
            co_await by(me, virtual_time::async_advance(s.by));
            EXPECT_EQ(ticks_now(t, start), s.ticks)
                << "at " << (runtime_clock::now() - start).count() / 1'000'000 << " ms";
        }
    }
};
SENNIT_TIMED_PAIRINGS(tokio_interval);

// burst; time_pause.rs: interval: every missed tick comes, at once, until it has caught up; the rate stays.
TEST_P(tokio_interval, burst_catches_up) {
    const std::vector<step> steps{{0ms, none()},
                                  {100ms, none()},
                                  {200ms, these{300}},
                                  {650ms, these{600, 900}},
                                  {200ms, none()},
                                  {100ms, these{1200}},
                                  {250ms, these{1500}},
                                  {300ms, these{1800}},
                                  {1000ms, these{2100, 2400, 2700}}};
    run_each([&](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        ticker t(300ms, missed_ticks::burst);
        co_await check(me, t, start, steps);
    });
}

// delay: one late tick, and a whole period from there on.
TEST_P(tokio_interval, delay_begins_anew) {
    const std::vector<step> steps{{0ms, none()},       {100ms, none()},      {200ms, these{300}},
                                  {650ms, these{600}}, {100ms, none()},      {199ms, none()},
                                  {1ms, these{1250}},  {300ms, these{1550}}, {300ms, these{1850}}};
    run_each([&](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        ticker t(300ms, missed_ticks::delay);
        co_await check(me, t, start, steps);
    });
}

// skip: one late tick, and then the next multiple of the period. Here it is what one gets without asking.
TEST_P(tokio_interval, skip_gets_back_into_step) {
    const std::vector<step> steps{{0ms, none()},        {100ms, none()},     {200ms, these{300}},
                                  {650ms, these{600}},  {249ms, none()},     {1ms, these{1200}},
                                  {300ms, these{1500}}, {300ms, these{1800}}};
    run_each([&](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        ticker t(300ms, missed_ticks::skip);
        co_await check(me, t, start, steps);
        const auto again = runtime_clock::now();
        ticker by_default(300ms);
        co_await check(me, by_default, again, steps);
    });
}

// The three of them as a flow sees them that works for too long once: when it gets its ticks.
TEST_P(tokio_interval, a_slow_flow_gets_its_ticks_by_the_policy) {
    struct expectation {
        missed_ticks policy;
        std::vector<long> seen;
    };
    const std::vector<expectation> all{{missed_ticks::burst, {300, 950, 950, 1200, 1500}},
                                       {missed_ticks::delay, {300, 950, 1250, 1550, 1850}},
                                       {missed_ticks::skip, {300, 950, 1200, 1500, 1800}}};
    run_both([&](kind me) -> task<void> {
        for (const expectation& each : all) {
            const auto start = runtime_clock::now();
            ticker t(300ms, each.policy);
            std::vector<long> seen;
            for (int i = 0; i < 5; ++i) {
                co_await by(me, t.async_tick());
                seen.push_back(
                    std::chrono::duration_cast<milliseconds>(runtime_clock::now() - start).count());
                if (i == 0) co_await by(me, async_sleep_for(650ms));
            }
            EXPECT_EQ(seen, each.seen);
        }
    });
}

// reset: the next tick comes one period after it; with another period, one of those.
TEST_P(tokio_interval, reset_begins_a_period) {
    run_each([](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        ticker t(300ms, missed_ticks::burst);
        const std::vector<step> before{{100ms, none()}, {200ms, these{300}}, {100ms, none()}};
        co_await check(me, t, start, before);
        t.reset(300ms);
        const std::vector<step> after{{250ms, none()}, {50ms, these{700}}, {300ms, these{1000}}};
        co_await check(me, t, start, after);
        t.reset(40ms);
        const std::vector<step> faster{
            {39ms, none()}, {1ms, these{1040}}, {80ms, these{1080, 1120}}};
        co_await check(me, t, start, faster);
    });
}

// reset: a tick that was missed is forgotten with it.
TEST_P(tokio_interval, reset_forgets_what_was_missed) {
    for (const auto policy : {missed_ticks::burst, missed_ticks::delay, missed_ticks::skip}) {
        run_each([policy](kind me) -> task<void> {
            const auto start = runtime_clock::now();
            ticker t(300ms, policy);
            co_await by(me, virtual_time::async_advance(1000ms));
            t.reset(300ms);
            const std::vector<step> steps{{0ms, none()}, {299ms, none()}, {1ms, these{1300}}};
            co_await check(me, t, start, steps);
        });
    }
}

// reset: whoever waits for the next tick follows.
TEST_P(tokio_interval, whoever_waits_follows_a_reset) {
    ticker t(300ms);
    const party waits = [&](kind me) -> task<void> {
        const auto start = runtime_clock::now();
        co_await by(me, t.async_tick());
        EXPECT_EQ(runtime_clock::now() - start, 400ms);
        co_await by(me, t.async_tick());
        EXPECT_EQ(runtime_clock::now() - start, 410ms);
    };
    const party resets = [&](kind me) -> task<void> {
        t.reset(300ms); // on this runtime's clock
        co_await by(me, async_sleep_for(100ms));
        t.reset(300ms);
        co_await by(me, async_sleep_for(305ms));
        t.reset(5ms);
    };
    EXPECT_EQ(run({waits, resets}), 410ms);
}

// reset_immediately, reset_after, reset_at, reset_at_bigger_than_interval: the next tick at once, after another time than
// the period, or at a point, be it later than a period from now; then a tick for each period.
TEST_P(tokio_interval, the_next_tick_may_be_moved) {
    run_each([](kind me) -> task<void> {
        for (const auto wait_first : {0ms, 20ms, 40ms, 1000ms}) {
            const auto start = runtime_clock::now();
            timer once;
            once.reset(start + wait_first);
            auto tick = once.async_wait();
            EXPECT_EQ(co_await by(me, std::move(tick)), start + wait_first);
            EXPECT_EQ(runtime_clock::now() - start, wait_first);
            ticker t(300ms);
            const long base = wait_first.count();
            const std::vector<step> steps{
                {100ms, none()}, {200ms, these{base + 300}}, {300ms, these{base + 600}}};
            co_await check(me, t, start, steps);
        }
    });
}

// Yields every fourth tick; after the others it is pending, and wakes itself or does not.
class every_fourth {
public:
    every_fourth(ticker& t, bool wakes_itself) : ticker_(t), wakes_itself_(wakes_itself) {}
    sennit::poll<int> poll(context& cx) {
        if (!tick_) tick_.emplace(ticker_.async_tick());
        if (!tick_->poll(cx).is_ready()) return pending;
        tick_.reset();
        if (++*count_ % 4 == 0) return *count_;
        if (wakes_itself_) cx.waker().wake();
        return pending;
    }
    every_fourth& counting_in(int& n) {
        count_ = &n;
        return *this;
    }

private:
    ticker& ticker_;
    int* count_ = nullptr;
    bool wakes_itself_;
    std::optional<moment_future> tick_;
};

// stream_with_interval_poll_tick_self_waking, stream_with_interval_poll_tick_no_waking: a tick that is ready leaves no waker
// behind: who wants the next one has to ask.
TEST_P(tokio_interval, a_tick_that_is_there_wakes_nobody_for_the_next) {
    for (const bool wakes_itself : {true, false}) {
        run_each([wakes_itself](kind me) -> task<void> {
            ticker t(10ms);
            const auto collect = [](ticker& from, bool wakes, std::vector<int>& to) -> task<void> {
                int count = 0;
                while (count < 12) {
                    every_fourth next(from, wakes);
                    next.counting_in(count);
                    to.push_back(co_await next);
                }
            };
            std::vector<int> items;
            auto bounded = timeout(150ms, collect(t, wakes_itself, items));
            const auto end = co_await by(me, std::move(bounded));
            EXPECT_EQ(end.has_value(), wakes_itself);
            EXPECT_EQ(items, wakes_itself ? (std::vector{4, 8, 12}) : std::vector<int>());
        });
    }
}

// interval_doesnt_panic_max_duration_when_polling: a period that is too long for the clock is no harm: no tick ever comes.
TEST_P(tokio_interval, a_period_without_end) {
    run_both([](kind me) -> task<void> {
        for (const auto policy : {missed_ticks::burst, missed_ticks::delay, missed_ticks::skip}) {
            ticker t(std::chrono::nanoseconds::max(), policy);
            auto given_up = timeout(24h, t.async_tick());
            EXPECT_FALSE(co_await by(me, std::move(given_up)));
            t.reset(std::chrono::hours::max());
            auto again = timeout(24h, t.async_tick());
            EXPECT_FALSE(co_await by(me, std::move(again)));
            t.reset(1ms);
            co_await by(me, t.async_tick());
        }
    });
}

// interval_zero_duration; time_panic.rs: interval_panic_caller, interval_at_panic_caller.
TEST(tokio_interval_death, a_period_of_nothing_is_reported) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(ticker(0ms), "more than zero");
}

} // namespace
} // namespace sennit
