// Executors: who runs the flows.
//
// `execute(runnable&)` is the whole concept. A user's own executor implements that and gets fibers, tasks, timers
// and sockets: what a flow needs beyond it (timers, readiness) comes from the default runtime.
#pragma once

#include <sennit/core/driver.hpp>
#include <sennit/core/runnable.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <stop_token>

namespace sennit {

class flow;

namespace detail {

// Counts kept by one writer, read by anybody.
class counter {
public:
    void add(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    // For counters that several threads write.
    void add_shared(std::uint64_t n = 1) noexcept {
        value_.fetch_add(n, std::memory_order_acq_rel);
    }
    std::uint64_t get() const noexcept { return value_.load(std::memory_order_acquire); }
    // The one writer publishes everything it did before.
    void add_release(std::uint64_t n = 1) noexcept {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }

private:
    std::atomic<std::uint64_t> value_{0};
};

// What happened to flows on one worker.
struct flow_counters {
    counter spawned, finished, parked, resumed, switches, polls, steals, stolen;
};

} // namespace detail

/// Runs runnables. Derive from it to bring an executor of your own; objects must outlive their flows.
///
/// ```cpp
/// struct queue_executor : sennit::executor {
///     sennit::runnable_chain queue;
///     void execute(sennit::runnable& r) noexcept override { queue.push_back(r); }
///     void drain() {
///         while (auto* r = queue.pop_front()) r->run();
///     }
/// };
/// ```
class executor {
public:
    executor() = default;
    executor(const executor&) = delete;
    executor& operator=(const executor&) = delete;
    virtual ~executor() = default;

    /// Queues `r`, which is ready to run, and returns. May be called from any thread, also from `r` itself.
    virtual void execute(runnable& r) noexcept = 0;
    /// Queues a runnable that has never run and that nobody waits for yet.
    virtual void execute_new(runnable& r) noexcept { execute(r); }

    /// Timers for flows of this executor that run on none of its threads; null: the default runtime's.
    virtual timer_driver* timers() noexcept { return nullptr; }
    /// Readiness for this executor's flows; null: the default runtime's.
    virtual io_driver* io() noexcept { return nullptr; }

    /// An exception left a flow that nobody joins. By default the program ends with a report, as in Go.
    virtual void uncaught_exception(flow& f, std::exception_ptr exception) noexcept;

    /// Called when a flow ended while the executor is being drained.
    virtual void flow_finished() noexcept {}

    /// Set to be told of every ending flow.
    std::atomic<bool> draining{false};
    /// Set when every flow of the executor is asked to stop; `shutdown_source` is stopped with it.
    std::atomic<bool> stopping{false};
    std::stop_source shutdown_source;
    /// Flows that were started from, or ended on, threads that are not the executor's own.
    detail::flow_counters foreign_counters;
};

/// The executor of everything that is started outside any runtime. Started on first use.
/// Declared here and defined by the runtime layer, so that leaf operations reach it without looking up.
executor& default_executor();

} // namespace sennit
