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

// The awaiter of a nested task, with room for its result.
template<class T>
class child_awaiter : public child_awaiter_base {
public:
    result_slot<T> slot;

    child_awaiter() noexcept = default;
    child_awaiter(const child_awaiter&) = delete;
    child_awaiter& operator=(const child_awaiter&) = delete;
    ~child_awaiter() { slot.destroy(how()); }
};

// The slot for the result of a frame that runs, whichever kind of awaiter it has.
template<class T>
result_slot<T>& slot_of(promise_base& frame) noexcept {
    if (is_outermost(frame)) return static_cast<rooted_result<T>&>(*frame.root).new_slot();
    return static_cast<child_awaiter<T>&>(*frame.awaiter).slot;
}

// The result or, by an exception, how a chain has ended.
template<class T>
T take_result(result_slot<T>& slot, outcome how) {
    if (how == outcome::cancelled) throw stopped();
    return slot.take(how);
}

// A root outside any flow, of what is driven by polls.
template<class T>
class polled_root : public rooted_result<T> {
public:
    explicit polled_root(promise_base& outermost) noexcept { this->begin(outermost); }
    ~polled_root() {
        this->drop();
        this->slot().destroy(this->how());
    }
    T take() { return take_result<T>(this->slot(), this->how()); }
};

// Before the first poll of a future that is awaited. False when the budget is spent: let others run, then poll.
inline bool may_poll(context& cx) noexcept {
    thread_state& t = this_thread();
    if (t.budget <= 1) [[unlikely]] {
        cx.yield();
        return false;
    }
    --t.budget;
    return true;
}

// `co_await future` in a task: polls as it is made. Refers to the future, which lives in the frame's full expression.
template<class F>
class future_awaiter {
public:
    using output = future_output_t<F>;

    future_awaiter(F& f, promise_base& self) : future_(f), answer_(first_answer(f, self)) {
        if (!answer_.is_ready()) self.root->wait_for(self, this, &poll_leaf);
    }
    future_awaiter(const future_awaiter&) = delete;
    future_awaiter& operator=(const future_awaiter&) = delete;

    bool await_ready() const noexcept { return answer_.is_ready(); }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    output await_resume() {
        if (!answer_.is_ready()) [[unlikely]]
            rethrow_leaf_exception();
        return std::move(answer_).take();
    }

private:
    static sennit::poll<output> first_answer(F& f, promise_base& self) {
        context cx{self.root->driver()};
        if (!may_poll(cx)) [[unlikely]]
            return pending;
        return poll_first(f, cx);
    }
    static leaf_answer poll_leaf(void* leaf, context& cx) {
        auto& self = *static_cast<future_awaiter*>(leaf);
        self.answer_ = self.future_.poll(cx);
        return self.answer_.is_ready() ? leaf_answer::resume : leaf_answer::pending;
    }

    F& future_;
    sennit::poll<output> answer_;
};

// There is no value to keep: one word, since every frame that waits has one of these.
template<class F>
concept awaited_for_nothing = std::is_void_v<future_output_t<F>>;

template<awaited_for_nothing F>
class future_awaiter<F> {
public:
    future_awaiter(F& f, promise_base& self) : pending_(&f) {
        context cx{self.root->driver()};
        if (may_poll(cx)) note(poll_first(f, cx));
        if (!await_ready()) self.root->wait_for(self, this, &poll_leaf);
    }
    future_awaiter(const future_awaiter&) = delete;
    future_awaiter& operator=(const future_awaiter&) = delete;

    bool await_ready() const noexcept { return pending_ == nullptr; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const {
        if (!await_ready()) [[unlikely]]
            rethrow_leaf_exception();
    }

private:
    void note(sennit::poll<void> answer) noexcept {
        if (answer.is_ready()) pending_ = nullptr;
    }
    static leaf_answer poll_leaf(void* leaf, context& cx) {
        auto& self = *static_cast<future_awaiter*>(leaf);
        self.note(self.pending_->poll(cx));
        return self.await_ready() ? leaf_answer::resume : leaf_answer::pending;
    }

    F* pending_; // null once it is ready
};

// Nor can a poll throw: nothing is kept at all, and the leaf is the future itself.
template<class F>
concept polled_for_nothing = awaited_for_nothing<F> && requires(F& f, context& cx) {
    { f.poll(cx) } noexcept;
} && !requires(F& f, context& cx) { f.poll_alone(cx); };

template<polled_for_nothing F>
class future_awaiter<F> {
public:
    future_awaiter(F& f, promise_base& self) noexcept {
        context cx{self.root->driver()};
        ready_ = may_poll(cx) && f.poll(cx).is_ready();
        // A future may be const.
        void* leaf = const_cast<std::remove_const_t<F>*>(std::addressof(f));
        if (!ready_) self.root->wait_for(self, leaf, &poll_leaf);
    }
    future_awaiter(const future_awaiter&) = delete;
    future_awaiter& operator=(const future_awaiter&) = delete;

    bool await_ready() const noexcept { return ready_; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}

private:
    static leaf_answer poll_leaf(void* leaf, context& cx) {
        return static_cast<F*>(leaf)->poll(cx).is_ready() ? leaf_answer::resume
                                                          : leaf_answer::pending;
    }

    bool ready_;
};

// `co_await async_yield()` in a task: there is nothing to poll, the driver resumes the frame at its next turn.
class yield_awaiter {
public:
    yield_awaiter(promise_base& self, bool ready) noexcept : ready_(ready) {
        if (!ready) self.root->yield_from(self);
    }

    bool await_ready() const noexcept { return ready_; }
    void await_suspend(std::coroutine_handle<>) const noexcept {}
    void await_resume() const noexcept {}

private:
    bool ready_;
};

template<class T>
class task_awaiter : public child_awaiter<T> {
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
        destroy_over_frame(*std::exchange(this->child, nullptr));
        return take_result<T>(this->slot, this->how());
    }
};

template<class T>
struct task_promise_base : promise_base {
    using task_value = T;

    final_awaiter final_suspend() noexcept { return {}; }
    void unhandled_exception() noexcept { awaiter->set_how(record_exception(slot_of<T>(*this))); }

    template<class U>
    task_awaiter<U> await_transform(task<U>&& child) noexcept;
    template<class U>
    task_awaiter<U> await_transform(task<U>& child) noexcept =
        delete; // a task is awaited once: co_await std::move(t)
    template<future F>
    future_awaiter<std::remove_reference_t<F>> await_transform(F&& f) {
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
        slot_of<T>(*this).emplace_from(
            [&]() -> T { return static_cast<T>(std::forward<U>(value)); });
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
            drive_ = std::make_unique<drive>(*std::exchange(frame_, nullptr));
        }
        switch (drive_->resume(*cx.waker().target())) {
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
            done->take();
            return sennit::poll<void>::ready();
        } else {
            return done->take();
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
    using drive = detail::polled_root<T>;

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
