// A worker: one thread's scheduler loop, and how flows give that thread up.
//
// A stack is only needed when something blocks. The loop stands on a pooled stack and *calls* the next runnable. If the call
// returns, nothing was switched and no stack was spent. If the flow parks, the stack it stands on, loop frames and all, becomes
// the flow's, and the worker goes on: straight on the stack of the next runnable if that one waits on a stack, else on a loop
// suspended earlier, taken from the cache. When a flow ends it returns into the loop at the base of its stack, perhaps on another
// worker's thread, and that loop carries on there. A loop that switches to a parked flow leaves itself suspended in the cache.
//
// Always true:
//   1. The thread runs exactly one context: a loop, or a flow above a loop.
//   2. Before a loop calls something that may park there is a suspended loop in the cache, so parking never fails.
//   3. What the leaving context wants done (park this flow, queue it again, cache this loop) is done by the context that
//      arrives, since only then is the left stack at rest (`after_switch`).
//   4. A flow that goes on says on which stack the thread stands now: nobody else knows where a parked flow lies.
//   5. After any call that may switch, `this_thread()` is asked again: the thread may be another one.
#pragma once

#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/exec/idle_set.hpp>
#include <sennit/exec/injector.hpp>
#include <sennit/exec/look_interval.hpp>
#include <sennit/exec/run_queue.hpp>
#include <sennit/exec/sharing_rule.hpp>
#include <sennit/stack/stack.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

namespace sennit::detail {

class scheduler;
struct exception_globals;

class worker final : public parker {
public:
    static constexpr std::uint32_t cached_stacks_max = 64;

    worker(scheduler& owner, unsigned index, bool spare, std::unique_ptr<timer_driver> timers);
    ~worker() override;
    worker(const worker&) = delete;
    worker& operator=(const worker&) = delete;

    // Before the thread starts: reserves its first loop stack. False when there is none.
    bool prepare() noexcept;
    // The thread enters and runs flows until the scheduler tells the worker to leave.
    void run();
    // The same, until `until` is true (asked between runnables) or the deadline passed; for executors without threads.
    void run_until(bool (*until)(void*), void* argument, std::uint64_t deadline_ns);

    // Called on the worker's own thread.
    void park(flow& self) noexcept override;
    void yield(flow& self) noexcept override;
    void requeue(flow& self) noexcept override;
    bool claim(flow& child) noexcept override;
    void push_new(runnable& r) noexcept override;
    void push_woken(runnable& r) noexcept override;

    // From any thread.
    void wake() noexcept;
    run_queue& queue() noexcept { return queue_; }
    timer_driver* timers() noexcept { return timers_.get(); }
    unsigned index() const noexcept { return index_; }
    flow_counters counters;

    // The monitor's view. `turn` grows with every runnable; `attention` asks for maintenance at the next turn.
    std::uint64_t turn() const noexcept { return counters.polls.get(); }
    std::atomic<bool> attention{false};
    // Whether siblings may take from the queue. By the worker at its looks at the clock, and by the monitor, when it takes none.
    sharing_rule sharing;
    // Whether there is something for others to take; a hint.
    bool has_surplus() const noexcept {
        return sharing.has_surplus(queue_.size_hint(), queue_.free_hint());
    }
    std::atomic<bool> asleep{false};
    std::atomic<bool> stuck{false}; // the monitor gave the worker up for now
    std::atomic<bool> leave_wanted{false};
    std::atomic<bool> left{false}; // a spare whose thread is at its end
    injector inbox;                // runnables meant for this worker
    // What the worker's thread runs; for the monitor, which only compares and names.
    flow* current_hint() const noexcept { return thread_ ? thread_->current : nullptr; }
    bool is_spare() const noexcept { return spare_; }
    std::uint64_t seen_turn = 0;      // monitor only
    std::uint64_t seen_since_ns = 0;  // monitor only
    std::uint64_t seen_cpu_ns = 0;    // monitor only; 0: not asked in this turn
    std::atomic<std::int32_t> tid{0}; // of the thread that runs the worker

private:
    enum class after : std::uint8_t { nothing, park, requeue, cache_loop };

    static void loop_entry(void* message);
    static void loop(worker* w);
    worker* switch_from_loop(sennit::stack& target, void* sp);
    worker* switch_from_loop(flow& target);
    static sennit::stack* acquire_loop(std::uint8_t size_class) noexcept;
    static void prime(sennit::stack& s) noexcept;
    void after_switch() noexcept;
    void leave_flow(flow& self, runnable* next, after what) noexcept;
    // When so many turns have passed since the last look.
    bool is_look_due(std::uint32_t turns) const noexcept {
        return turns >= interval_.turns() || attention.load(std::memory_order_relaxed);
    }
    void push_slowly(runnable& r) noexcept;
    void push_next_slowly(runnable& r) noexcept;
    void push_elsewhere(runnable& r) noexcept; // see migrates_
    void requeue_slowly(flow& self) noexcept;

    // Loop's sources of work, in order.
    runnable* next_at_once() noexcept;
    runnable* next_or_idle();
    runnable* next_now() noexcept;
    bool refill_from_injector() noexcept;
    bool steal() noexcept;
    void judge_theft(std::uint64_t now) noexcept;
    void maintain() noexcept;
    bool is_over() noexcept;
    void idle();
    void fire_timers(std::uint64_t now) noexcept;
    void poll_readiness(std::uint64_t now) noexcept;
    void share_backlog(std::uint64_t now) noexcept;

    sennit::stack* take_loop() noexcept;
    bool ensure_loop() noexcept;
    void shrink_cache(std::uint32_t keep) noexcept;
    void cache_loop(sennit::stack& s) noexcept;

    // constant
    scheduler& scheduler_;
    const unsigned index_;
    const bool spare_;    // stands in for a stuck worker and leaves when that one is back
    const bool migrates_; // a debugging aid: whatever is woken here comes back on another worker
    std::unique_ptr<timer_driver> timers_;

    // the worker's thread only
    thread_state* thread_ = nullptr;
    exception_globals* exceptions_ = nullptr; // the thread's
    after after_ = after::nothing;
    flow* after_flow_ = nullptr;
    sennit::stack* after_stack_ = nullptr;
    runnable* first_ = nullptr; // what the loop that is switched to runs first
    sennit::stack* loops_ = nullptr;
    std::uint32_t loop_count_ = 0;
    std::uint32_t refill_ = 1; // loops taken from the pool at a time
    std::uint32_t tick_ = 0;
    look_interval interval_;
    std::uint64_t last_maintenance_ns_ = 0; // 0: it has slept since
    std::uint64_t last_poll_ns_ = 0;
    std::uint64_t poll_turn_ = 0; // readiness is not asked for again before this turn
    std::uint64_t backlog_since_ns_ = 0;
    bool drained_ = true;    // the queue was empty at some turn since backlog_since_ns_
    bool in_driver_ = false; // wakes come in batches: they queue up
    bool leaving_ = false;
    bool (*until_)(void*) = nullptr;
    void* until_argument_ = nullptr;
    std::uint64_t until_ns_ = timer_driver::never;
    std::uint32_t random_;
    runnable_chain starved_;                           // waits for a stack to spare
    std::array<runnable*, run_queue::steal_max> loot_; // for steal()
    worker* victim_ = nullptr; // where it stole last, if it has not been idle since
    std::uint64_t judged_ns_ = 0,
                  judged_turn_ = 0; // so far the victim's rule knows what came of it
    std::unique_ptr<sennit::stack> native_;
    void* native_sp_ = nullptr;

    run_queue queue_;
    sleeper sleeper_;
};

} // namespace sennit::detail
