// task<T>: the lazy coroutine.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/joinable.hpp>
#include <sennit/core/stop.hpp>
#include <sennit/core/this_flow.hpp>
#include <sennit/coro/promise.hpp>

#include <concepts>
#include <coroutine>
#include <exception>
#include <memory>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T = void>
class task;

namespace detail {

// Where a frame finds the slot for its result, whichever kind of awaiter it has.
template<class T>
result_slot<T>& slot_of(awaiter_base& a) noexcept {
    if (a.parent() != nullptr) {
        return static_cast<result_awaiter<T, child_awaiter_base>&>(
                   static_cast<child_awaiter_base&>(a))
            .slot;
    }
    return static_cast<result_awaiter<T, awaiter_base>&>(a).slot;
}

// A future and the answer of its last poll.
template<class F, class Output>
class polled_future {
public:
    explicit polled_future(F& f) noexcept : future_(f) {}

    bool is_ready() const noexcept { return answer_.is_ready(); }
    bool first(context& cx) {
        answer_ = poll_first(future_, cx);
        return answer_.is_ready();
    }
    bool again(context& cx) {
        answer_ = future_.poll(cx);
        return answer_.is_ready();
    }
    Output take() { return std::move(answer_).take(); }

private:
    F& future_;
    sennit::poll<Output> answer_ = pending;
};
// No value to keep: one word, since every frame that waits has one of these.
template<class F>
class polled_future<F, void> {
public:
    explicit polled_future(F& f) noexcept : pending_(&f) {}

    bool is_ready() const noexcept { return pending_ == nullptr; }
    bool first(context& cx) { return note(poll_first(*pending_, cx)); }
    bool again(context& cx) { return note(pending_->poll(cx)); }
    void take() noexcept {}

private:
    bool note(sennit::poll<void> answer) noexcept {
        if (answer.is_ready()) pending_ = nullptr;
        return is_ready();
    }

    F* pending_; // null once it is ready
};

// `co_await future` in a task. Refers to the future, which lives in the frame's full expression.
template<class F>
class future_awaiter : public leaf_base {
public:
    using output = future_output_t<F>;

    future_awaiter(F& f, promise_base& self) noexcept : leaf_base(self), polled_(f) {}
    future_awaiter(const future_awaiter&) = delete;
    future_awaiter& operator=(const future_awaiter&) = delete;

    bool await_ready() {
        thread_state& t = this_thread();
        context cx{frame->root->driver()};
        if (t.budget <= 1) [[unlikely]] {
            cx.yield(); // the budget is spent: let others run, then poll
            return false;
        }
        --t.budget;
        return polled_.first(cx);
    }
    void await_suspend(std::coroutine_handle<>) noexcept {
        frame->root->wait_for(*frame, *this, &poll_leaf);
    }
    output await_resume() {
        if (!polled_.is_ready()) [[unlikely]]
            rethrow_leaf_exception();
        return polled_.take();
    }

private:
    static leaf_answer poll_leaf(leaf_base& leaf, context& cx) {
        auto& self = static_cast<future_awaiter&>(leaf);
        return self.polled_.again(cx) ? leaf_answer::resume : leaf_answer::pending;
    }

    polled_future<F, output> polled_;
};

// `co_await async_yield()` in a task: there is nothing to poll, the driver resumes the frame at its next turn.
class yield_awaiter {
public:
    yield_awaiter(promise_base& self, bool ready) noexcept : self_(self), ready_(ready) {}

    bool await_ready() const noexcept { return ready_; }
    void await_suspend(std::coroutine_handle<>) noexcept { self_.root->yield_from(self_); }
    void await_resume() const noexcept {}

private:
    promise_base& self_;
    bool ready_;
};

template<class T>
class task_awaiter : public result_awaiter<T, child_awaiter_base> {
public:
    task_awaiter(promise_base& inner, promise_base& outer) noexcept {
        this->child = &inner;
        this->set_parent(&outer);
    }
    ~task_awaiter() {
        if (this->child != nullptr) destroy_idle_frame(*this->child);
    }

    bool await_ready() const noexcept { return false; }
    template<bool Symmetric = symmetric_transfer>
    typename transfer<Symmetric>::type await_suspend(std::coroutine_handle<>) noexcept {
        coro_root& root = *this->parent()->root;
        this->child->awaiter = this;
        root.enter(*this->child);
        return transfer<Symmetric>::to(root, this->child->handle());
    }
    T await_resume() {
        destroy_idle_frame(*std::exchange(this->child, nullptr));
        return this->take();
    }
};

template<class T>
struct task_promise_base : promise_base {
    using task_value = T;

    final_awaiter final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept {
        awaiter->set_how(record_exception(slot_of<T>(*awaiter)));
    }

    template<class U>
    task_awaiter<U> await_transform(task<U>&& child) noexcept;
    template<class U>
    task_awaiter<U> await_transform(task<U>& child) noexcept =
        delete; // a task is awaited once: co_await std::move(t)
    template<future F>
    future_awaiter<std::remove_reference_t<F>> await_transform(F&& f) noexcept {
        return {f, *this};
    }
    yield_awaiter await_transform(yield_future&& f) noexcept { return {*this, f.has_yielded()}; }
    template<class A>
        requires requires(A&& a, task_promise_base& p) { a.await_in(p); }
    auto await_transform(A&& a) {
        return a.await_in(*this);
    }
};

template<class T>
struct task_promise final : task_promise_base<T> {
    task<T> get_return_object() noexcept;

    template<class U = T>
        requires std::is_constructible_v<T, U&&>
    void return_value(U&& value) {
        slot_of<T>(*this->awaiter).emplace_from([&]() -> T {
            return static_cast<T>(std::forward<U>(value));
        });
        this->awaiter->set_how(outcome::value);
    }
};
template<>
struct task_promise<void> final : task_promise_base<void> {
    task<void> get_return_object() noexcept;
    void return_void() noexcept { awaiter->set_how(outcome::value); }
};

} // namespace detail

/// A lazy coroutine: nothing runs until it is awaited, polled, waited for or spawned. Move-only. Write functions that return it
/// and use `co_await` and `co_return` inside.
///
/// What may be awaited: any future, and other tasks (`co_await child()`), which run as part of the same flow. Dropping a task
/// destroys its frames at the suspension point where it is, innermost first, and withdraws what it waits for. A task is itself a
/// future: `wait(t)`, `timeout(1s, std::move(t))`. Exceptions pass from task to task; a task of `result<T>` can leave early with
/// `co_await or_return(…)`.
///
/// Never make a coroutine of a lambda with captures: they die with the closure, before the frame. Pass them as arguments.
///
/// ```cpp
/// #include <sennit/all.hpp>
/// sennit::task<int> twice(int n) { co_return 2 * n; }
/// sennit::task<int> four() { co_return co_await twice(1) + co_await twice(1); }
/// int main() { return sennit::wait(four()) == 4 ? 0 : 1; }
/// ```
/// Cost: a frame from a per-thread pool; resuming is O(1) at any depth. Source: R-FUT-1 to R-FUT-9.
template<class T>
class [[nodiscard]] task {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::unknown;

    using promise_type = detail::task_promise<T>;
    static_assert(alignof(promise_type) <= 2 * sizeof(void*), "promise_base::handle relies on it");

    task(task&& other) noexcept
        : frame_(std::exchange(other.frame_, nullptr)), drive_(std::move(other.drive_)) {}
    task& operator=(task&& other) noexcept {
        task moved(std::move(other));
        std::swap(frame_, moved.frame_);
        std::swap(drive_, moved.drive_);
        return *this;
    }
    ~task() {
        if (frame_ != nullptr) detail::destroy_idle_frame(*frame_);
    }

    /// Drives the task as a future: see `future`. Throws what the task throws.
    sennit::poll<T> poll(context& cx) {
        if (drive_ == nullptr) {
            SENNIT_ASSERT(frame_ != nullptr, "this task was moved from or is done");
            drive_ = std::make_unique<drive>(*cx.waker().target(), *std::exchange(frame_, nullptr));
        }
        drive_->root.set_driver(*cx.waker().target());
        switch (drive_->root.resume()) {
            case detail::progress::waits:
                return pending;
            case detail::progress::yields:
                cx.yield();
                return pending;
            case detail::progress::ended:
                break;
        }
        const std::unique_ptr<drive> done = std::move(drive_);
        if constexpr (std::is_void_v<T>) {
            done->result.take();
            return sennit::poll<void>::ready();
        } else {
            return done->result.take();
        }
    }

    /// True when there is a coroutine to run.
    explicit operator bool() const noexcept { return frame_ != nullptr || drive_ != nullptr; }

    /// For drivers: gives the frame away.
    detail::promise_base& release() noexcept {
        SENNIT_ASSERT(frame_ != nullptr, "this task was moved from or was polled already");
        return *std::exchange(frame_, nullptr);
    }

private:
    friend promise_type;
    friend detail::task_promise_base<T>;
    explicit task(detail::promise_base& frame) noexcept : frame_(&frame) {}

    // What a task needs when it is driven by polls: made at the first one.
    struct drive {
        detail::result_awaiter<T, detail::awaiter_base> result;
        detail::coro_root root;
        drive(flow& driver, detail::promise_base& frame) noexcept : root(driver, frame, result) {}
    };

    detail::promise_base* frame_ = nullptr; // not started
    std::unique_ptr<drive> drive_;          // started by a poll
};

namespace detail {

template<class T>
task<T> task_promise<T>::get_return_object() noexcept {
    return task<T>(*this);
}
inline task<void> task_promise<void>::get_return_object() noexcept { return task<void>(*this); }

template<class T>
template<class U>
task_awaiter<U> task_promise_base<T>::await_transform(task<U>&& child) noexcept {
    return task_awaiter<U>(child.release(), *this);
}

} // namespace detail
} // namespace sennit
