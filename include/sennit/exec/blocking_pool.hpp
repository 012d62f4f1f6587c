// Threads for code that blocks: the untyped half of `blocking`.
//
// Always true while lock_ is free:
//   1. A thread is idle (linked in idle_), or it looks at queue_ before it becomes idle. Hence no
//      thread falls idle while a job is queued.
//   2. While queue_ is not empty, there is such a thread for each job in it, or threads_ is at its
//      limit (ours, or the system's at the last attempt to start one).
//   3. A job is linked while it has not started. Whoever unlinks it, a thread or `withdraw`, has it
//      alone.
// Locks: lock_ is a leaf. Jobs run, threads start and sleepers are woken without it.
//
// The youngest idle thread is called first, so that under a light load the others reach their
// keep-alive. It is unlinked and its word is set under the lock; so one that is still linked when
// its keep-alive is over was not called, and ends. It sleeps on a futex: idle threads use no CPU.
//
// The end of the process. The pool of `instance()` is never destroyed and its threads are detached:
// returning from main neither waits for them (a job may never end) nor takes anything away from
// under them. What a job uses must therefore live for ever or until the job's end, as in every
// program with detached threads. A pool that is destroyed waits for its threads instead.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/core/future.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sennit {

/// Threads that `blocking` uses at most at the same time; what comes then waits in a queue.
inline constexpr std::size_t blocking_threads_max = 512;

/// How long a thread of `blocking` waits for its next job before it ends.
inline constexpr std::chrono::seconds blocking_keep_alive{10};

namespace detail {

class blocking_pool;

// A call on its way through a pool. `word_`:
//   idle       not submitted yet
//   otherwise  submitted: the flow to wake
//   done       the result is there; the future owns the job
//   dropped    the future is gone; the thread that runs the job destroys it
// The thread and the future meet in two exchanges, `finish` and `drop`: who comes second destroys.
class blocking_job : public list_node {
public:
    // `run` calls the function, keeps what it did, and destroys the function.
    using function = void (*)(blocking_job&) noexcept;
    blocking_job(function run, function destroy) noexcept : run_(run), destroy_(destroy) {}
    blocking_job(const blocking_job&) = delete;
    blocking_job& operator=(const blocking_job&) = delete;

    // The future's side. The first poll submits, and may throw what starting a thread throws.
    // True when the result is there.
    bool poll(blocking_pool& pool, context& cx);
    // Gives the job up. Destroys it now, or has it destroyed when it has run.
    void drop(blocking_pool& pool) noexcept;

protected:
    ~blocking_job() = default;

private:
    friend class blocking_pool;
    enum : std::uintptr_t { idle = 0, done = 1, dropped = 2, last_mark = dropped };

    // The thread's side.
    void finish() noexcept;

    const function run_;
    const function destroy_;
    std::atomic<std::uintptr_t> word_{idle};
};

class blocking_pool {
public:
    explicit blocking_pool(std::size_t threads_max = blocking_threads_max,
                           std::chrono::nanoseconds keep_alive = blocking_keep_alive) noexcept
        : threads_max_(threads_max), keep_alive_(keep_alive) {}
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;
    // Runs what is queued and waits until all threads have ended.
    ~blocking_pool();

    // The process's own.
    static blocking_pool& instance() noexcept;

    // Queues a job. Throws `std::system_error` when there is no thread at all and none can be
    // started; the job is not queued then.
    void submit(blocking_job& job);
    // True when the job had not started; it will not.
    bool withdraw(blocking_job& job) noexcept;

    struct counts {
        std::size_t threads, idle_threads, queued;
    };
    counts count() const noexcept;

private:
    struct sleeper : list_node {
        std::atomic<std::uint32_t> called{0};
    };

    void start_thread(blocking_job& job);
    void thread_main() noexcept;
    void run_queued(std::unique_lock<std::mutex>& guard) noexcept;
    bool wait_for_call(std::unique_lock<std::mutex>& guard) noexcept;

    const std::size_t threads_max_;
    const std::chrono::nanoseconds keep_alive_;

    mutable std::mutex lock_;
    // guarded by lock_
    list<blocking_job> queue_;
    list<sleeper> idle_; // the youngest first
    std::size_t queued_ = 0;
    std::size_t idle_count_ = 0;
    std::size_t threads_ = 0; // those that are being started included
    std::size_t alive_ = 0;   // those excluded
    bool closing_ = false;

    std::atomic<std::uint32_t> ended_{0}; // set by the last thread of a pool that is destroyed
};

} // namespace detail
} // namespace sennit
