// What the workers of one executor share. The public faces are exec/work_stealing.hpp and exec/event_loop.hpp.
#pragma once

#include <sennit/core/executor.hpp>
#include <sennit/exec/idle_set.hpp>
#include <sennit/exec/injector.hpp>
#include <sennit/exec/worker.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace sennit::detail {

struct scheduler_parts {
    // Makes one worker's timers. Must not be empty.
    std::function<std::unique_ptr<timer_driver>()> make_timers;
    // Readiness; may be null: then nobody waits for descriptors.
    io_driver* io = nullptr;
    // Called for an exception that left a flow nobody joins; empty: the program ends.
    std::function<void(const flow&, std::exception_ptr)> on_uncaught;
    // Called by the monitor when a worker has been in one runnable for too long; the flow is a hint.
    std::function<void(unsigned worker, const flow*)> on_stuck;
    // Debugging aid: whatever is woken comes back on another worker, so that a cached `thread_local` shows.
    bool force_migration = false;
    const char* thread_name = "sennit";
};

class scheduler : public executor {
public:
    // Threads that stand in for stuck workers, beyond the configured number.
    static constexpr unsigned spares_max = 64;

    scheduler(scheduler_parts parts, unsigned workers);
    ~scheduler() override;

    void execute(runnable& r) noexcept override;
    void execute_new(runnable& r) noexcept override;
    timer_driver* timers() noexcept override { return workers_[0]->timers(); }
    io_driver* io() noexcept override { return parts_.io; }
    void uncaught_exception(flow& f, std::exception_ptr e) noexcept override;
    void flow_finished() noexcept override;

    // Hands `r` to whoever looks first, and wakes somebody.
    void inject(runnable& r) noexcept;
    void inject(runnable_chain& chain, std::size_t count) noexcept;
    // Wakes one idle worker, if there is one and nobody searches.
    void wake_one() noexcept;
    void wake_all() noexcept;

    // Flows started and not ended. Exact when it is 0: see the definition.
    std::uint64_t live() const noexcept;
    // Waits until `live` is 0 or the deadline passed; any thread that is no worker of this executor.
    bool wait_drained(std::uint64_t deadline_ns) noexcept;

    unsigned worker_count() const noexcept { return regular_; }
    unsigned slots_in_use() const noexcept { return slots_.load(std::memory_order_acquire); }
    worker& worker_at(unsigned i) noexcept { return *workers_[i]; }
    const worker& worker_at(unsigned i) const noexcept { return *workers_[i]; }
    const scheduler_parts& parts() const noexcept { return parts_; }

    idle_set idle;
    injector queue;
    std::atomic<std::uint32_t> searching{0};
    std::atomic<bool> poller_taken{false};
    std::atomic<unsigned> stuck_count{0};
    std::atomic<unsigned> spare_count{0};
    std::atomic<bool> monitor_asleep{false};
    counter injected, stuck_events;

    // Runs the flows on the calling thread until `until` is true or the deadline passed; for executors without threads.
    void run_here(bool (*until)(void*), void* argument,
                  std::uint64_t deadline_ns = timer_driver::never) {
        workers_[0]->run_until(until, argument, deadline_ns);
    }

    // Worker threads, for work_stealing. The first `regular_` workers get one each, spares on demand.
    void start_threads();
    void stop_threads();
    // The monitor's, see exec/monitor.cpp.
    void start_spare();
    void join_left_spares();

private:
    void thread_main(unsigned index);
    void monitor_main();
    void look_at(worker& w, std::uint64_t now);
    void wake_monitor() noexcept;
    bool all_asleep() const noexcept;
    bool is_unattended() const noexcept;
    friend class worker;

    const scheduler_parts parts_;
    const unsigned regular_;
    std::vector<std::unique_ptr<worker>>
        workers_; // regular_, then spares; slots_ says how many exist
    std::atomic<unsigned> slots_{0};

    std::mutex threads_lock_;
    std::vector<std::thread> threads_;
    std::thread monitor_;
    std::atomic<std::uint32_t> monitor_word_{0};
    std::atomic<bool> stop_monitor_{false};
    std::atomic<std::uint32_t> drained_word_{0};
    std::atomic<std::uint32_t> guests_{0}; // foreign threads inside inject()
};

} // namespace sennit::detail
