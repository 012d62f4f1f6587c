// A runtime: workers, timers and readiness, put together.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/core/executor.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/runtime/run.hpp>
#include <sennit/runtime/spawn.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

/// How a runtime is built.
struct runtime_options {
    /// Worker threads; 0: the environment variable SENNIT_WORKERS, else as many as affinity and cgroup limits allow.
    unsigned workers = 0;
    /// The flows run on the thread that calls `block_on`, and only during that call; `workers` is 1 then.
    bool current_thread = false;
    /// Time stands still while a flow can run, and jumps to the next deadline when all of them wait; for tests that need not
    /// sleep (`time/virtual_clock.hpp`). With `current_thread` only. Blocking calls hold the clock.
    bool virtual_time = false;
    /// Called for an exception that leaves a flow nobody joins. Empty: the program ends with a report, as in Go.
    std::function<void(const flow&, std::exception_ptr)> on_uncaught = {};
    /// Called when a worker has been in one flow for more than 10 ms; the flow may be gone. Empty: nothing is said.
    std::function<void(unsigned worker, const flow*)> on_stuck = {};
    /// Debugging aid: what is woken comes back on another worker. On in debug builds; SENNIT_MIGRATE=0 or 1 overrides.
    bool force_migration = SENNIT_DEBUG != 0;
    /// How long the destructor waits for flows that were asked to stop before it reports them and ends the program.
    std::chrono::nanoseconds grace = std::chrono::seconds(10);
};

/// One look at a runtime. The counts of flows are taken while flows run on: they may be off by what happened meanwhile.
struct runtime_statistics {
    struct worker {
        std::uint64_t polls;    ///< runnables run
        std::uint64_t switches; ///< stacks given away
        std::uint64_t steals;   ///< times it stole
        std::uint64_t stolen;   ///< runnables that brought
        std::uint32_t queued;
        bool asleep;
    };
    std::vector<worker> workers; ///< spares included
    unsigned spares;             ///< threads standing in for stuck workers
    std::uint64_t spawned;
    std::uint64_t finished;
    std::uint64_t live;
    std::uint64_t fibers, tasks;   ///< of the live ones
    std::uint64_t active, parked;  ///< queued or running; waiting
    std::uint64_t parked_on_stack; ///< of the parked ones: those that hold a stack
    std::uint64_t stuck_events;    ///< times a worker was given up for stuck
};

/// Owns workers, timers and a reactor. Any number may live in a process. Flows started inside stay inside.
///
/// ```cpp
/// sennit::runtime rt{{.workers = 2}};
/// int n = rt.block_on([] { return sennit::spawn([] { return 42; }).join(); });
/// (void)n;
/// ```
class runtime {
public:
    explicit runtime(runtime_options options = {});
    /// Waits for every flow as `shutdown(options.grace)` does. Flows that do not stop in time are named, and the program ends:
    /// their stacks cannot be taken away from under them.
    ~runtime();
    runtime(const runtime&) = delete;
    runtime& operator=(const runtime&) = delete;

    /// Runs `f` as a fiber of this runtime and waits for its result. From a plain thread the thread sleeps; from a flow of
    /// another runtime that flow waits. Not from this runtime's own flows when it is `current_thread`.
    template<class Fn>
        requires detail::fiber_function<Fn>
    auto block_on(Fn&& f) {
        return detail::block_on(*this, std::forward<Fn>(f));
    }
    /// Drives a future (or a task) on this runtime and waits for its value.
    template<future F>
    auto block_on(F&& f) {
        return block_on([&f] { return wait(std::forward<F>(f)); });
    }

    /// As the free functions, on this runtime.
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    void go(Fn&& f, Args&&... args) {
        detail::go_on(executor(), {}, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    void go(flow_options options, Fn&& f, Args&&... args) {
        detail::go_on(executor(), options, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    auto spawn(Fn&& f, Args&&... args) {
        return detail::spawn_on(executor(), {}, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    auto spawn(flow_options options, Fn&& f, Args&&... args) {
        return detail::spawn_on(executor(), options, std::forward<Fn>(f),
                                std::forward<Args>(args)...);
    }
    template<class T>
    join_handle<T> spawn(task<T> t, std::source_location site = std::source_location::current()) {
        return detail::spawn_task_on(executor(), {.site = site}, std::move(t));
    }

    /// Waits until every flow has ended.
    void wait_all();
    /// Asks every flow to stop and waits for them at most `grace`. Returns descriptions of those that did not stop
    /// (`"name" (id 7, started at main.cpp:12)`), which go on running; empty when all ended. New flows are born stopped.
    std::vector<std::string> shutdown(std::chrono::nanoseconds grace);

    /// A look at the runtime from any thread. Cost: one visit to every flow's header.
    runtime_statistics stats() const;
    unsigned workers() const noexcept;
    /// Where its flows run.
    sennit::executor& executor() noexcept;

private:
    friend void detail::drive(runtime& rt, bool (*until)(void*), void* argument);

    struct parts;
    std::unique_ptr<parts> parts_;
};

/// `run` on a runtime that is built so.
template<class Fn>
    requires detail::fiber_function<Fn>
auto run(Fn&& f, runtime_options options) {
    return detail::single_run(std::move(options)).block_on(std::forward<Fn>(f));
}
template<class T>
T run(task<T> t, runtime_options options) {
    return run([&t] { return wait(std::move(t)); }, std::move(options));
}

} // namespace sennit
