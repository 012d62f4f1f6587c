// The pool and the untyped half of a job. The arguments stand in the header.
#include <sennit/exec/blocking_pool.hpp>

#include <sennit/core/flow.hpp>
#include <sennit/os/futex.hpp>
#include <sennit/os/thread.hpp>

#include <algorithm>
#include <new>
#include <thread>

namespace sennit::detail {

static_assert(alignof(flow) > 2, "the marks of blocking_job::word_ are no addresses of flows");

// ---- a job

bool blocking_job::poll(blocking_pool& pool, context& cx) {
    const auto mine = reinterpret_cast<std::uintptr_t>(cx.waker().target());
    std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with finish()
    if (seen == done) return true;
    if (seen == mine) return false;
    if (seen == idle) {
        word_.store(mine, std::memory_order_relaxed); // the pool's lock publishes it
        try {
            pool.submit(*this);
        } catch (...) {
            word_.store(idle, std::memory_order_relaxed); // nobody else knows it
            throw;
        }
        return false;
    }
    // release: what this flow wrote comes before its wake; acquire, when it fails: the result
    return !word_.compare_exchange_strong(seen, mine, std::memory_order_release,
                                          std::memory_order_acquire);
}

void blocking_job::drop(blocking_pool& pool) noexcept {
    const std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with finish()
    const bool submitted = seen != idle && seen != done;
    if (submitted && !pool.withdraw(*this)) {
        // acq_rel: pairs with the exchange in finish(); who comes second sees all of the job
        if (word_.exchange(dropped, std::memory_order_acq_rel) != done) return;
    }
    destroy_(*this);
}

void blocking_job::finish() noexcept {
    // acq_rel: pairs with drop() and poll()
    const std::uintptr_t seen = word_.exchange(done, std::memory_order_acq_rel);
    if (seen == dropped) {
        destroy_(*this);
    } else {
        waker(*reinterpret_cast<flow*>(seen)).wake(); // the job may be gone
    }
}

// ---- the pool

blocking_pool& blocking_pool::instance() noexcept {
    alignas(blocking_pool) static char memory[sizeof(blocking_pool)];
    static auto* pool = new (memory) blocking_pool;
    return *pool;
}

blocking_pool::~blocking_pool() {
    {
        std::lock_guard guard(lock_);
        closing_ = true;
        if (threads_ == 0) return;
        idle_count_ = 0;
        while (sleeper* idle = idle_.pop_front()) {
            idle->called.store(1, std::memory_order_relaxed);
            (void)os::futex::wake_one(idle->called);
        }
    }
    // acquire: pairs with thread_main()
    while (ended_.load(std::memory_order_acquire) == 0)
        os::futex::wait(ended_, 0);
}

void blocking_pool::submit(blocking_job& job) {
    sleeper* idle = nullptr;
    {
        std::lock_guard guard(lock_);
        queue_.push_back(job);
        ++queued_;
        idle = idle_.pop_front();
        if (idle != nullptr) {
            --idle_count_;
            idle->called.store(1, std::memory_order_relaxed); // the lock publishes the job
        } else if (threads_ < threads_max_) {
            ++threads_;
        } else {
            return;
        }
    }
    if (idle == nullptr) return start_thread(job);
    // The sleeper may be gone already, which is harmless: see os/futex.hpp.
    (void)os::futex::wake_one(idle->called);
}

void blocking_pool::start_thread(blocking_job& job) {
    try {
        std::thread([this] { thread_main(); }).detach();
    } catch (...) {
        std::lock_guard guard(lock_);
        --threads_;
        // A living thread comes to the job before it falls idle, as it does beyond our own limit.
        if (alive_ != 0 || !job.is_linked()) return;
        queue_.remove(job);
        --queued_;
        throw;
    }
}

bool blocking_pool::withdraw(blocking_job& job) noexcept {
    std::lock_guard guard(lock_);
    if (!job.is_linked()) return false;
    queue_.remove(job);
    --queued_;
    return true;
}

blocking_pool::counts blocking_pool::count() const noexcept {
    std::lock_guard guard(lock_);
    return {threads_, idle_count_, queued_};
}

// ---- a thread

void blocking_pool::thread_main() noexcept {
    os::set_name("sennit-blocking");
    std::unique_lock guard(lock_);
    ++alive_;
    do {
        run_queued(guard);
    } while (!closing_ && wait_for_call(guard));
    --alive_;
    const bool last = --threads_ == 0 && closing_;
    guard.unlock();
    if (!last) return;
    ended_.store(1, std::memory_order_release); // release: pairs with the destructor
    (void)os::futex::wake_all(ended_);          // the pool may be gone, see submit()
}

void blocking_pool::run_queued(std::unique_lock<std::mutex>& guard) noexcept {
    while (blocking_job* job = queue_.pop_front()) {
        --queued_;
        guard.unlock();
        job->run_(*job);
        job->finish();
        guard.lock();
    }
}

// Sleeps among the idle threads. False when the keep-alive is over and nobody called.
bool blocking_pool::wait_for_call(std::unique_lock<std::mutex>& guard) noexcept {
    sleeper self;
    idle_.push_front(self);
    ++idle_count_;
    guard.unlock();
    const auto now = std::chrono::steady_clock::now();
    const auto until =
        now + std::min(keep_alive_, std::chrono::steady_clock::time_point::max() - now);
    bool over = false;
    while (!over && self.called.load(std::memory_order_relaxed) == 0) { // the lock orders
        over = os::futex::wait_until(self.called, 0, until);
    }
    guard.lock();
    if (!self.is_linked()) return true;
    idle_.remove(self);
    --idle_count_;
    return false;
}

} // namespace sennit::detail
