// What an executor is given: something to run once, linked without allocation.
#pragma once

#include <atomic>
#include <cstdint>

namespace sennit {

/// A unit of work for an executor: run it once, on any thread, as soon as you like.
///
/// The executor owns the link between `execute(r)` and `r.run()` and may use `next` for its queue. After
/// `run()` began the object must not be touched: it may be gone, or queued elsewhere already.
class runnable {
public:
    using run_function = void (*)(runnable&) noexcept;

    runnable(const runnable&) = delete;
    runnable& operator=(const runnable&) = delete;

    /// Runs one step: until the flow ends, waits, or yields. Returns when the thread is free again.
    void run() noexcept { run_.load(std::memory_order_relaxed)(*this); }

    /// True when `run()` would call `f`.
    bool is(run_function f) const noexcept { return run_.load(std::memory_order_relaxed) == f; }

    /// The queue link; the executor's between `execute` and `run`.
    runnable* next = nullptr;

protected:
    explicit runnable(run_function f) noexcept : run_(f) {}
    ~runnable() = default;

    std::atomic<run_function> run_; // the owner's; atomic for reports that look at parked flows

public:
    /// Where in an array queue this runnable lies; the executor's, like `next`.
    std::atomic<std::uint32_t> queue_index{0};
    /// The size class of stack it wants to be run on.
    std::uint8_t stack_class = 0;
    /// Woken by what ran on the thread in whose queue it lies; the executor's, like `next`.
    bool woken_here = false;
};

/// A first-in first-out chain of runnables through `next`. Not synchronised.
class runnable_chain {
public:
    bool empty() const noexcept { return head_ == nullptr; }
    runnable* front() const noexcept { return head_; }

    void push_back(runnable& r) noexcept {
        r.next = nullptr;
        (head_ ? tail_->next : head_) = &r;
        tail_ = &r;
    }
    runnable* pop_front() noexcept {
        runnable* r = head_;
        if (r) head_ = r->next;
        return r;
    }
    /// Appends the other chain and leaves it empty.
    void append(runnable_chain& other) noexcept {
        if (other.empty()) return;
        (head_ ? tail_->next : head_) = other.head_;
        tail_ = other.tail_;
        other.head_ = nullptr;
    }

private:
    runnable* head_ = nullptr;
    runnable* tail_ = nullptr;
};

} // namespace sennit
