#include <sennit/time/timeout.hpp>

#include "counting_waker.hpp"
#include "manual_timers.hpp"
#include <sennit/core/this_flow.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/runtime.hpp>
#include <sennit/sync/event.hpp>

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::counting_waker;
using test::manual_timers;

template<class R>
bool timed_out(const R& answer) {
    return !answer.has_value() && is(answer.error(), errc::timed_out);
}

// A future that becomes ready when the test says so, and tells when it is destroyed.
template<class T>
struct cell {
    std::optional<T> value;
    int polls = 0;
    int alive = 0;
};
template<class T>
class cell_future {
public:
    explicit cell_future(cell<T>& c) : cell_(&c) { ++cell_->alive; }
    cell_future(cell_future&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    ~cell_future() {
        if (cell_ != nullptr) --cell_->alive;
    }
    sennit::poll<T> poll(context&) {
        ++cell_->polls;
        if (!cell_->value) return pending;
        return std::move(*cell_->value);
    }

private:
    cell<T>* cell_;
};

// A future of a reference, for the types.
struct reference_future {
    int* target;
    sennit::poll<int&> poll(context&) { return *target; }
};

template<class F>
using timeout_output = future_output_t<timeout_future<F>>;
static_assert(std::is_same_v<timeout_output<cell_future<int>>, result<int>>);
static_assert(std::is_same_v<timeout_output<cell_future<result<int>>>, result<int>>);
static_assert(std::is_same_v<timeout_output<yield_future>, result<void>>);
static_assert(
    std::is_same_v<timeout_output<reference_future>, result<std::reference_wrapper<int>>>);
static_assert(std::is_same_v<timeout_output<cell_future<int>&>, result<int>>);

// ---- timeout

TEST(timeout, delivers_a_value_that_is_there_without_a_timer) {
    manual_timers timers;
    counting_waker w;
    cell<int> c{.value = 42};
    auto bounded = timeout(1s, cell_future(c));
    auto answer = w.poll(bounded);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_EQ(*std::move(answer).take(), 42);
    EXPECT_EQ(timers.inserted, 0u);
}

TEST(timeout, delivers_a_value_that_comes_in_time) {
    manual_timers timers;
    counting_waker w;
    cell<std::unique_ptr<int>> c;
    {
        auto bounded = timeout(1s, cell_future(c));
        EXPECT_FALSE(w.is_ready(bounded));
        timers.pass(999ms);
        c.value = std::make_unique<int>(7);
        auto answer = w.poll(bounded);
        ASSERT_TRUE(answer.is_ready());
        EXPECT_EQ(**std::move(answer).take(), 7);
    }
    EXPECT_EQ(timers.armed(), 0u);
    EXPECT_EQ(c.alive, 0);
}

TEST(timeout, destroys_the_future_before_the_error_is_seen) {
    manual_timers timers;
    counting_waker w;
    cell<int> c;
    auto bounded = timeout(1s, cell_future(c));
    EXPECT_FALSE(w.is_ready(bounded));
    EXPECT_EQ(c.alive, 1);
    timers.pass(2s);
    EXPECT_EQ(w.wakes(), 1);
    auto answer = w.poll(bounded);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_EQ(c.alive, 0);
    const result<int> seen = std::move(answer).take();
    EXPECT_TRUE(timed_out(seen));
    EXPECT_EQ(seen.error().message(), "timeout: timed out");
}

TEST(timeout, completion_beats_the_clock) {
    manual_timers timers;
    counting_waker w;
    cell<int> c;
    auto bounded = timeout(1s, cell_future(c));
    EXPECT_FALSE(w.is_ready(bounded));
    timers.pass(2s);
    c.value = 1;
    auto answer = w.poll(bounded);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_TRUE(std::move(answer).take().has_value());
}

TEST(timeout, polls_once_when_there_is_no_time) {
    manual_timers timers;
    counting_waker w;
    for (auto d : {0ms, -5ms}) {
        cell<int> ready{.value = 1}, late;
        auto first = timeout(d, cell_future(ready));
        EXPECT_TRUE(w.poll(first).take().has_value());
        auto second = timeout(d, cell_future(late));
        EXPECT_TRUE(timed_out(w.poll(second).take()));
        EXPECT_EQ(late.polls, 1);
    }
    EXPECT_EQ(timers.inserted, 0u);
}

TEST(timeout, passes_a_result_on_as_it_is) {
    manual_timers timers;
    counting_waker w;
    cell<result<int>> c;
    c.value = error(errc::closed, "recv");
    auto bounded = timeout(1s, cell_future(c));
    const result<int> answer = w.poll(bounded).take();
    EXPECT_TRUE(is(answer.error(), errc::closed));
}

TEST(timeout, passes_references_and_nothing) {
    manual_timers timers;
    counting_waker w;
    int target = 0;
    auto bounded = timeout(1s, reference_future{&target});
    EXPECT_EQ(&w.poll(bounded).take()->get(), &target);
    auto turn = timeout(1s, async_yield());
    EXPECT_FALSE(w.is_ready(turn));
    EXPECT_TRUE(w.poll(turn).take().has_value());
    detail::this_thread().yield_requested = false; // nobody waits here
}

TEST(timeout, passes_an_exception) {
    struct throwing {
        sennit::poll<int> poll(context&) { throw std::runtime_error("boom"); }
    };
    manual_timers timers;
    counting_waker w;
    auto bounded = timeout(1s, throwing());
    EXPECT_THROW((void)w.poll(bounded), std::runtime_error);
}

TEST(timeout, leaves_an_lvalue_to_its_owner) {
    manual_timers timers;
    counting_waker w;
    cell<int> c;
    cell_future<int> mine(c);
    {
        auto bounded = timeout(1s, mine);
        EXPECT_FALSE(w.is_ready(bounded));
        timers.pass(2s);
        EXPECT_TRUE(timed_out(w.poll(bounded).take()));
    }
    EXPECT_EQ(c.alive, 1);
    c.value = 3;
    EXPECT_EQ(w.poll(mine).take(), 3);
}

TEST(timeout_at, bounds_by_points_of_both_clocks) {
    manual_timers timers;
    counting_waker w;
    cell<int> c;
    const steady_clock::time_point until{std::chrono::nanoseconds(timers.now_ns() + 1'000'000)};
    auto steady = timeout_at(until, cell_future(c));
    auto system = timeout_at(std::chrono::system_clock::now() + 1h, cell_future(c));
    EXPECT_FALSE(w.is_ready(steady));
    EXPECT_FALSE(w.is_ready(system));
    timers.pass(2ms);
    EXPECT_TRUE(timed_out(w.poll(steady).take()));
    EXPECT_FALSE(w.is_ready(system));
    timers.pass(2h);
    EXPECT_TRUE(timed_out(w.poll(system).take()));
}

task<int> never_ends(event& e) {
    co_await e.async_wait();
    co_return 1;
}

task<result<int>> five() { co_return 5; }

task<result<int>> bounded_in_a_task(event& e) {
    const result<int> first = co_await timeout(1ms, never_ends(e)); // drops a suspended task
    EXPECT_TRUE(timed_out(first));
    co_return co_await timeout(1h, five());
}

TEST(timeout, bounds_tasks_inside_tasks) {
    runtime rt{{.workers = 2}};
    event never;
    EXPECT_EQ(rt.spawn(bounded_in_a_task(never)).join().value(), 5);
}

TEST(timeout, works_in_every_kind_of_flow) {
    runtime rt{{.workers = 2}};
    event never;
    const auto body = [&] { return timed_out(wait(timeout(1ms, never.async_wait()))); };
    EXPECT_TRUE(body());
    EXPECT_TRUE(rt.spawn(body).join());
}

} // namespace
} // namespace sennit
