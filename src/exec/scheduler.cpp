// What the workers share: submission from outside, wake-ups, the count of flows, the threads.
#include <sennit/exec/scheduler.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/os/clock.hpp>
#include <sennit/os/futex.hpp>
#include <sennit/os/membarrier.hpp>
#include <sennit/os/thread.hpp>

#include <algorithm>

namespace sennit::detail {
namespace {

constexpr std::uint64_t look_at_drain_ns = 1'000'000; // without membarrier

} // namespace

scheduler::scheduler(scheduler_parts parts, unsigned workers)
    : parts_(std::move(parts)), regular_(workers) {
    SENNIT_ASSERT(workers > 0, "an executor needs at least one worker");
    workers_.reserve(workers + spares_max);
    for (unsigned i = 0; i < workers; ++i) {
        workers_.push_back(std::make_unique<worker>(*this, i, false, parts_.make_timers()));
        if (!workers_.back()->prepare()) fatal(stack_pool::exhausted_reason());
    }
    slots_.store(workers, std::memory_order_release);
}

scheduler::~scheduler() {
    stop_threads();
    while (guests_.load(std::memory_order_acquire) != 0)
        os::yield(); // pairs with inject()
}

void scheduler::execute(runnable& r) noexcept {
    thread_state& t = this_thread();
    if (t.home != this) return inject(r);
    static_cast<worker*>(t.parker)->push_woken(r);
}

void scheduler::execute_new(runnable& r) noexcept {
    thread_state& t = this_thread();
    if (t.home != this) return inject(r);
    static_cast<worker*>(t.parker)->push_new(r);
}

void scheduler::uncaught_exception(flow& f, std::exception_ptr e) noexcept {
    if (parts_.on_uncaught) {
        parts_.on_uncaught(f, e);
    } else {
        executor::uncaught_exception(f, e);
    }
}

void scheduler::inject(runnable& r) noexcept {
    // As soon as it is pushed, the flow may end, and with the last flow the executor: the destructor waits for guests.
    guests_.fetch_add(1, std::memory_order_relaxed);
    injected.add_shared();
    queue.push(r);
    wake_one();
    guests_.fetch_sub(1, std::memory_order_release); // the last access; pairs with the destructor
}

void scheduler::inject(runnable_chain& chain, std::size_t count) noexcept {
    if (count == 0) return;
    queue.push(chain, count);
    wake_one();
}

void scheduler::wake_one() noexcept {
    // The order of these looks is the producer's side of the argument in exec/idle_set.hpp.
    if (idle.count() == 0 || searching.load(std::memory_order_seq_cst) != 0) return;
    if (worker* w = idle.take()) w->wake();
}

void scheduler::wake_all() noexcept {
    while (worker* w = idle.take())
        w->wake();
}

std::uint64_t scheduler::live() const noexcept {
    // Ends are read before starts. Both only grow and starts never fall behind ends, so if the two sums are equal, they were
    // equal at the moment between the two readings: nothing was alive then.
    std::uint64_t ended = foreign_counters.finished.get();
    const unsigned n = slots_.load(std::memory_order_acquire);
    for (unsigned i = 0; i < n; ++i)
        ended += workers_[i]->counters.finished.get();
    std::uint64_t started = foreign_counters.spawned.get();
    for (unsigned i = 0; i < n; ++i)
        started += workers_[i]->counters.spawned.get();
    return started - ended;
}

void scheduler::flow_finished() noexcept {
    drained_word_.fetch_add(1, std::memory_order_seq_cst);
    if (live() == 0) (void)os::futex::wake_all(drained_word_);
}

bool scheduler::wait_drained(std::uint64_t deadline_ns) noexcept {
    draining.store(true, std::memory_order_seq_cst);
    // A flow that ends writes its count and then looks at `draining`, with no fence in between, because that path is hot. So both
    // fences are ours (tests/exec/drain_model_test.cpp). Where there is no membarrier we look from time to time instead.
    const bool fenced = os::membarrier::register_expedited();
    if (fenced) os::membarrier::expedited();
    for (;;) {
        const std::uint32_t seen = drained_word_.load(std::memory_order_seq_cst);
        if (live() == 0) break;
        if (fenced && deadline_ns == timer_driver::never) {
            os::futex::wait(drained_word_, seen);
            continue;
        }
        const auto look = fenced ? timer_driver::never
                                 : static_cast<std::uint64_t>(os::now_ns()) + look_at_drain_ns;
        const std::chrono::steady_clock::time_point until{
            std::chrono::nanoseconds(std::min(deadline_ns, look))};
        if (os::futex::wait_until(drained_word_, seen, until) && deadline_ns <= look) break;
    }
    draining.store(false, std::memory_order_relaxed);
    return live() == 0;
}

// ---- threads

void scheduler::thread_main(unsigned index) {
    const std::string name = std::string(parts_.thread_name) + "-" + std::to_string(index);
    os::set_name(name.c_str());
    workers_[index]->run();
}

void scheduler::start_threads() {
    std::lock_guard guard(threads_lock_);
    for (unsigned i = 0; i < regular_; ++i)
        threads_.emplace_back([this, i] { thread_main(i); });
    monitor_ = std::thread([this] { monitor_main(); });
    // It watches until its end. Said here, since what that reads of the system's files is closed again when we return.
    stack_pool::watch(true);
    pool_watch(true);
}

void scheduler::stop_threads() {
    stop_monitor_.store(true, std::memory_order_seq_cst);
    wake_monitor();
    if (monitor_.joinable()) monitor_.join();
    const unsigned n = slots_.load(std::memory_order_acquire);
    for (unsigned i = 0; i < n; ++i) {
        workers_[i]->leave_wanted.store(true, std::memory_order_seq_cst);
        workers_[i]->attention.store(true, std::memory_order_relaxed);
    }
    for (unsigned i = 0; i < n; ++i)
        workers_[i]->wake();
    for (std::thread& t : threads_) {
        if (t.joinable()) t.join();
    }
    threads_.clear();
}

void scheduler::start_spare() {
    std::lock_guard guard(threads_lock_);
    // A spare that left earlier has a slot to reuse; its thread is at its end.
    const unsigned n = slots_.load(std::memory_order_relaxed);
    for (unsigned i = regular_; i < n; ++i) {
        if (!workers_[i]->left.load(std::memory_order_acquire)) continue;
        if (!workers_[i]->prepare()) return;
        workers_[i]->left.store(false, std::memory_order_relaxed);
        if (threads_[i].joinable()) threads_[i].join();
        spare_count.fetch_add(1, std::memory_order_relaxed);
        threads_[i] = std::thread([this, i] { thread_main(i); });
        return;
    }
    if (n == regular_ + spares_max) return;
    auto made = std::make_unique<worker>(*this, n, true, parts_.make_timers());
    if (!made->prepare()) return; // no stack to spare: the monitor will ask again
    workers_.push_back(std::move(made));
    slots_.store(n + 1, std::memory_order_release);
    spare_count.fetch_add(1, std::memory_order_relaxed);
    threads_.emplace_back([this, n] { thread_main(n); });
}

void scheduler::join_left_spares() {
    std::lock_guard guard(threads_lock_);
    for (unsigned i = regular_; i < slots_in_use(); ++i) {
        if (workers_[i]->left.load(std::memory_order_acquire) && threads_[i].joinable())
            threads_[i].join();
    }
}

void scheduler::wake_monitor() noexcept {
    monitor_word_.fetch_add(1, std::memory_order_seq_cst);
    (void)os::futex::wake_all(monitor_word_);
}

} // namespace sennit::detail
