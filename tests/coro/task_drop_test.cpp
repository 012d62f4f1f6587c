// A scripted program of nested tasks is dropped at each of its suspension points in turn.
#include "coro/support.hpp"
#include <sennit/coro/task.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

namespace sennit {
namespace {

using test_support::driver;
using test_support::event_log;
using test_support::queue_executor;
using test_support::signal;
using test_support::spawn_on;
using test_support::traced;

class task_drop : public test_support::no_leaks {};

// Pending once; says when it is withdrawn and when it is done.
class stop_here {
public:
    stop_here(event_log& log, std::string name) : log_(log), name_(std::move(name)) {}
    stop_here(stop_here&&) = delete;
    ~stop_here() {
        if (polled_) log_.push_back((done_ ? "done " : "withdrawn ") + name_);
    }
    sennit::poll<void> poll(context&) {
        if (!std::exchange(polled_, true)) return pending;
        done_ = true;
        return sennit::poll<void>::ready();
    }

private:
    event_log& log_;
    std::string name_;
    bool polled_ = false, done_ = false;
};

task<int> leaf(event_log& log, traced) {
    const traced local(log, "leaf local");
    co_await stop_here(log, "in the leaf");
    co_return 1;
}

task<int> middle(event_log& log, traced) {
    const traced local(log, "middle local");
    co_await stop_here(log, "before the leaf");
    const int n = co_await leaf(log, traced(log, "leaf argument"));
    const traced later(log, "middle later");
    co_await stop_here(log, "after the leaf");
    co_return n;
}

task<int> outer(event_log& log, traced) {
    const traced local(log, "outer local");
    int sum = co_await middle(log, traced(log, "middle argument"));
    {
        const traced block(log, "outer block");
        co_await stop_here(log, "in the block");
        try {
            co_await stop_here(log, "in the try");
            throw std::runtime_error("go on");
        } catch (const std::runtime_error&) {
            sum += 1;
        }
    }
    co_await stop_here(log, "at the end");
    co_return sum;
}

// What is alive at each stop, innermost first; the arguments go with their frames.
const event_log dropped[] = {
    {"~outer argument"},
    {"withdrawn before the leaf", "~middle local", "~middle argument", "~outer local",
     "~outer argument"},
    {"withdrawn in the leaf", "~leaf local", "~leaf argument", "~middle local", "~middle argument",
     "~outer local", "~outer argument"},
    {"withdrawn after the leaf", "~middle later", "~middle local", "~middle argument",
     "~outer local", "~outer argument"},
    {"withdrawn in the block", "~outer block", "~outer local", "~outer argument"},
    {"withdrawn in the try", "~outer block", "~outer local", "~outer argument"},
    {"withdrawn at the end", "~outer local", "~outer argument"},
};

TEST_F(task_drop, destroys_what_is_alive_innermost_first_at_every_suspension_point) {
    for (std::size_t polls = 0; polls < std::size(dropped); ++polls) {
        event_log log;
        driver d;
        {
            std::optional<task<int>> t(outer(log, traced(log, "outer argument")));
            for (std::size_t i = 0; i < polls; ++i)
                ASSERT_FALSE(d.poll(*t).is_ready());
            log.clear();
            t.reset();
        }
        EXPECT_EQ(log, dropped[polls]) << "after " << polls << " polls";
    }
}

TEST_F(task_drop, the_same_program_runs_to_its_end_when_it_is_left_alone) {
    event_log log;
    driver d;
    auto t = outer(log, traced(log, "outer argument"));
    EXPECT_EQ(d.finish(t), 2);
    EXPECT_EQ(std::count(log.begin(), log.end(), "~outer argument"), 1);
    EXPECT_EQ(log.size(), 14U);
    for (const std::string& line : log)
        EXPECT_NE(line.find("withdrawn"), 0U) << line;
}

TEST_F(task_drop, of_a_task_that_is_done_destroys_nothing_twice) {
    event_log log;
    driver d;
    auto t = std::make_unique<task<int>>(outer(log, traced(log, "outer argument")));
    EXPECT_EQ(d.finish(*t), 2);
    const event_log before = log;
    t.reset();
    EXPECT_EQ(log, before);
}

TEST_F(task_drop, a_child_that_was_made_and_never_awaited_goes_with_its_parent) {
    event_log log;
    driver d;
    const auto parent = [](event_log& l) -> task<> {
        const task<int> child = leaf(l, traced(l, "unused argument"));
        co_await stop_here(l, "in the parent");
    };
    {
        auto t = parent(log);
        ASSERT_FALSE(d.poll(t).is_ready());
    }
    EXPECT_EQ(log, (event_log{"withdrawn in the parent", "~unused argument"}));
}

// A frame's destructor may drop further tasks, suspended or not.
TEST_F(task_drop, may_drop_other_tasks_from_a_destructor) {
    event_log log;
    driver d;
    const auto inner = [](event_log& l) -> task<> {
        const traced local(l, "inner local");
        co_await stop_here(l, "inner");
    };
    const auto outside = [&](event_log& l) -> task<> {
        driver own;
        task<> polled_by_hand = inner(l);
        (void)own.poll(polled_by_hand).is_ready();
        co_await stop_here(l, "outside");
    };
    {
        auto t = outside(log);
        ASSERT_FALSE(d.poll(t).is_ready());
    }
    EXPECT_EQ(log, (event_log{"withdrawn outside", "withdrawn inner", "~inner local"}));
}

// Its destructor waits, as that of a join_handle does.
class waits_at_its_end {
public:
    explicit waits_at_its_end(signal& s) : signal_(&s) {}
    waits_at_its_end(waits_at_its_end&& other) noexcept
        : signal_(std::exchange(other.signal_, nullptr)) {}
    ~waits_at_its_end() {
        if (signal_ != nullptr) (void)detail::wait_shielded(signal_->async_wait());
    }

private:
    signal* signal_;
};

task<> never_started(waits_at_its_end) { co_return; }
struct counted {
    explicit counted(int& n) : ended(&n) {}
    counted(counted&& other) noexcept : ended(std::exchange(other.ended, nullptr)) {}
    ~counted() {
        if (ended != nullptr) ++*ended;
    }
    int* ended;
};
task<> holds_one(std::optional<task<>>, counted) { co_return; }

// Nested deeper than destruction recurses.
void drop_a_tower(int height, int& ended) {
    std::optional<task<>> tower;
    for (int i = 0; i < height; ++i) {
        task<> next = holds_one(std::move(tower), counted(ended));
        tower.emplace(std::move(next));
    }
}

// While a fiber waits in the destructor of a frame, another one on the same thread drops its own frames: all of
// them are gone when it goes on.
TEST_F(task_drop, may_wait_in_the_middle_while_others_drop_theirs) {
    queue_executor home;
    signal s;
    int ended = 0, ended_then = 0;
    auto first = spawn_on(home, [&] { const task<> t = never_started(waits_at_its_end(s)); });
    auto second = spawn_on(home, [&] {
        drop_a_tower(200, ended);
        ended_then = ended;
    });
    home.run_all();
    EXPECT_EQ(s.waiters(), 1U);
    EXPECT_EQ(ended_then, 200);
    s.set(1);
    home.run_all();
    first.join();
    second.join();
}

// The fiber leaves its thread in the middle of a destruction, comes back on another when the first is gone, and
// drops on.
TEST_F(task_drop, may_end_on_another_thread) {
    queue_executor home;
    signal s;
    int ended = 0;
    const auto hold = [](task<>, waits_at_its_end, counted) -> task<> { co_return; };
    auto h = spawn_on(home, [&] {
        {
            const task<> t =
                hold(never_started(waits_at_its_end(s)), waits_at_its_end(s), counted(ended));
        }
        drop_a_tower(200, ended);
    });
    std::thread([&] { home.run_all(); }).join();
    EXPECT_EQ(s.waiters(), 1U);
    s.set(1);
    std::thread([&] {
        home.run_all();
        int others = 0;
        drop_a_tower(200, others);
        EXPECT_EQ(others, 200);
    }).join();
    h.join();
    EXPECT_EQ(ended, 201);
}

} // namespace
} // namespace sennit
