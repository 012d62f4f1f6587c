// What an executor is given: something to run once, linked without allocation.
#pragma once

#include <atomic>
#include <cstdint>

namespace sennit {

class runnable;

/// What a kind of runnable does when it is run; one for all of a kind.
struct runnable_operations {
    void (*run)(runnable&) noexcept;
};

/// Resumes a flow that waits on a stack, from any thread: switches to that stack and returns when the flow
/// waits again or ends. Declared here and defined by the layer that owns stacks.
void resume_parked_stack(runnable& r) noexcept;

/// A unit of work for an executor: run it once, on any thread, as soon as you like.
///
/// The executor owns the link between `execute(r)` and `r.run()` and may use `next` for its queue. After
/// `run()` began the object must not be touched: it may be gone, or queued elsewhere already.
class runnable {
public:
    runnable(const runnable&) = delete;
    runnable& operator=(const runnable&) = delete;

    /// Runs one step: until the flow ends, waits, or yields. Returns when the thread is free again.
    void run() noexcept { is_parked_on_stack() ? resume_parked_stack(*this) : run_here(); }
    /// The same, when it is not parked on a stack.
    void run_here() noexcept { operations_->run(*this); }

    /// True while it waits on a stack of its own, so that running it means switching to that stack.
    bool is_parked_on_stack() const noexcept {
        return parked_on_stack_.load(std::memory_order_relaxed);
    }

    /// The queue link; the executor's between `execute` and `run`.
    runnable* next = nullptr;
    /// While it waits on a stack: the saved stack pointer. Which stack that is, the code that goes on there knows. Otherwise a
    /// hint for executors that prefetch: what running it touches first, or null.
    void* resumes_at = nullptr;

protected:
    explicit runnable(const runnable_operations& operations) noexcept : operations_(&operations) {}
    ~runnable() = default;

    const runnable_operations* const operations_;

public:
    /// Where in an array queue this runnable lies; the executor's, like `next`.
    std::atomic<std::uint32_t> queue_index{0};
    /// The size class of stack it wants to be run on.
    std::uint8_t stack_class = 0;
    /// Woken by what ran on the thread in whose queue it lies; the executor's, like `next`.
    bool woken_here = false;

protected:
    std::atomic<bool> parked_on_stack_{false}; // the owner's; atomic for reports that look at it
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
