// What the cases on tasks share: an executor that runs one step when it is told to, and a future that does as it was told and
// counts what happens to it.
//
// async-task gives a Runnable and a Task, and counts polls, calls of `schedule`, and the ends of the future, of `schedule` and of
// the output. Here the two are the executor's runnable and the join_handle; the cell of the flow goes where `schedule` went.
// Three differences run through all the cases:
//   - An executor has to run what it is given; it cannot drop it. Whoever wants a flow dropped unrun stops the executor, or the
//     flow, and runs it: a task is dropped then, a fiber finds out at its first wait.
//   - A handle that is dropped asks the flow to stop, and waits for its end. `request_stop` asks without waiting.
//   - Completion beats stopping: a poll that is ready while the flow is asked to stop has its value delivered.
#pragma once

#include "conformance/pairing.hpp"

#include <atomic>
#include <exception>
#include <expected>
#include <functional>
#include <mutex>
#include <ostream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace sennit::test::smol {

class step_executor final : public executor {
public:
    void execute(runnable& r) noexcept override {
        const std::lock_guard guard(lock_);
        push(r);
        ++schedules_;
    }
    /// The runnable that a spawn makes; not counted, as async-task hands it out without scheduling it.
    void execute_new(runnable& r) noexcept override {
        const std::lock_guard guard(lock_);
        push(r);
    }
    void uncaught_exception(flow&, std::exception_ptr) noexcept override { ++uncaught_; }

    /// Runs one step, if somebody is to be run.
    bool run_one() {
        runnable* r = take();
        if (r != nullptr) r->run();
        return r != nullptr;
    }
    /// Hands on what comes first, unrun.
    runnable* take() {
        const std::lock_guard guard(lock_);
        runnable* r = queue_.pop_front();
        if (r != nullptr) --queued_;
        return r;
    }
    /// Returns when what comes first was asked to stop.
    void await_stop_of_first() {
        flow* first;
        {
            const std::lock_guard guard(lock_);
            first = static_cast<flow*>(queue_.front());
        }
        while (!first->state().is_stop_requested())
            std::this_thread::yield();
    }

    int schedules() const { return schedules_; }
    const std::atomic<int>& schedule_count() const { return schedules_; }
    int queued() const { return queued_; }
    /// Exceptions that nobody joined.
    int uncaught() const { return uncaught_; }

private:
    void push(runnable& r) noexcept {
        queue_.push_back(r);
        ++queued_;
    }

    std::mutex lock_;
    runnable_chain queue_;
    std::atomic<int> queued_{0}, schedules_{0}, uncaught_{0};
};

struct counts {
    std::atomic<int> polls{0}, dropped{0}, outputs_dropped{0};
    std::atomic<flow*> waker{nullptr}; // of the latest poll
    void wake() const { sennit::waker(*waker.load()).wake(); }
};

class output {
public:
    explicit output(counts& c) : counts_(&c) {}
    output(output&& other) noexcept : counts_(std::exchange(other.counts_, nullptr)) {}
    output& operator=(output&&) = delete;
    ~output() {
        if (counts_ != nullptr) ++counts_->outputs_dropped;
    }

private:
    counts* counts_;
};

enum class answer { ready, throws, pending };
inline constexpr answer all_answers[] = {answer::ready, answer::throws, answer::pending};

struct failure : std::runtime_error {
    failure() : std::runtime_error("told to fail") {}
};

/// What a future is to do: so many polls are pending, and then the answer. During one poll, counted from 1, it calls `gate`.
struct script {
    int pending = 0;
    answer then = answer::ready;
    int gate_at = 0;
    std::function<void(flow&)> gate = nullptr;
};

class scripted {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    scripted(counts& c, const script& s) : counts_(&c), script_(s) {}
    scripted(scripted&& other) noexcept
        : counts_(std::exchange(other.counts_, nullptr)), script_(other.script_) {}
    scripted& operator=(scripted&&) = delete;
    ~scripted() {
        if (counts_ != nullptr) ++counts_->dropped;
    }

    sennit::poll<output> poll(context& cx) {
        flow* self = cx.waker().target();
        counts_->waker = self;
        const int n = ++counts_->polls;
        if (n == script_.gate_at) script_.gate(*self);
        if (n <= script_.pending || script_.then == answer::pending) return pending;
        if (script_.then == answer::throws) throw failure();
        return output(*counts_);
    }

private:
    counts* counts_;
    const script& script_;
};

inline task<output> drive(scripted f) { co_return co_await f; }
inline task<output> task_of(counts& c, const script& s) { return drive(scripted(c, s)); }

/// The flow that the case is about.
inline join_handle<output> start_child(kind child, executor& home, counts& c, const script& s) {
    if (child == kind::task) return spawn_on(home, task_of(c, s));
    return spawn_on(home, [f = scripted(c, s)]() mutable { return wait(f); });
}

/// How a flow ended, for whoever joined it.
enum class ended { none, value, failure, cancelled };
inline ended how(const std::expected<output, join_error>& joined) {
    if (joined.has_value()) return ended::value;
    return joined.error().is_cancelled() ? ended::cancelled : ended::failure;
}
/// The same for the answer of its future, when that decides.
inline ended how(answer a) { return a == answer::ready ? ended::value : ended::failure; }

/// Returns when the flow was asked to stop: a gate.
inline void until_stopped(flow& self) {
    while (!self.state().is_stop_requested())
        std::this_thread::yield();
}

/// A row of the table: what has happened so far.
struct row {
    int polls, schedules, dropped, freed;
    friend bool operator==(const row&, const row&) = default;
    friend std::ostream& operator<<(std::ostream& out, const row& r) {
        return out << "polls " << r.polls << ", schedules " << r.schedules << ", futures dropped "
                   << r.dropped << ", cells freed " << r.freed;
    }
};

/// The fixture of cases that need one thread only. The parameter is the kind of the flow they are about.
class stepwise : public testing::TestWithParam<kind> {
protected:
    stepwise() {
        (void)detail::current_flow(detail::this_thread()); // this thread's own cell
        cells_ = pool_stats().cells;
        frames_ = pool_stats().frames;
    }
    void TearDown() override {
        EXPECT_EQ(home.queued(), 0);
        EXPECT_EQ(pool_stats().cells, cells_) << "a cell is lost";
        EXPECT_EQ(pool_stats().frames, frames_) << "a coroutine frame is lost";
    }
    bool is_task() const { return GetParam() == kind::task; }
    join_handle<output> start(const script& s) { return start_child(GetParam(), home, c, s); }
    row now() const {
        const auto alive = static_cast<int>(pool_stats().cells - cells_);
        return {c.polls, home.schedules(), c.dropped, 1 - alive};
    }
    /// Looks once whether the flow has ended, and takes its output if it has.
    bool try_join(join_handle<output>& h) {
        auto joining = h.async_join();
        return joiner.poll(joining).is_ready();
    }

    test::driver joiner; // before the cells are counted
    step_executor home;
    counts c;

private:
    std::int64_t cells_, frames_;
};
inline std::string name_of_kind(const testing::TestParamInfo<kind>& info) {
    return info.param == kind::task ? "task" : "fiber";
}

/// The fixture of cases with two parties: this thread runs the steps of a flow of the first kind, a party of the second kind has
/// its handle.
class with_holder : public conformance {
protected:
    bool is_task() const { return kind_of(0) == kind::task; }
    join_handle<output> start_scripted(executor& home, counts& c, const script& s) {
        return start_child(kind_of(0), home, c, s);
    }
    void holder(party p) { second(std::move(p)); }
    /// Runs steps until somebody has done something.
    static void run_until(step_executor& home, const std::atomic<bool>& done) {
        while (!done) {
            if (!home.run_one()) std::this_thread::yield();
        }
    }
};
inline std::vector<pairing> children_and_holders() {
    std::vector<pairing> all;
    for (const unsigned workers : {1u, 2u, 4u}) {
        for (const kind child : {kind::fiber, kind::task}) {
            for (const kind who : {kind::fiber, kind::task, kind::thread})
                all.push_back({child, who, workers});
        }
    }
    return all;
}

} // namespace sennit::test::smol

#define SENNIT_STEPWISE(suite)                                                                     \
    INSTANTIATE_TEST_SUITE_P(all, suite,                                                           \
                             testing::Values(sennit::test::kind::fiber, sennit::test::kind::task), \
                             sennit::test::smol::name_of_kind)
#define SENNIT_WITH_HOLDER(suite)                                                           \
    INSTANTIATE_TEST_SUITE_P(all, suite,                                                    \
                             testing::ValuesIn(sennit::test::smol::children_and_holders()), \
                             sennit::test::name_of_pairing)
