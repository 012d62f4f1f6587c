// or_return: the `?` of coroutines. Nothing is thrown on the way.
//
// `co_await or_return(x)` in a task of `result<T>` yields the value of `x`, a result or a future of one. If there is an error, the
// task is over: the error becomes its result and its frame, suspended right here, is destroyed by whoever awaits it, which runs
// the destructors of its locals as an early `return` would.
//
// A nested task is entered and left as in any await, so a chain of a million needs no stack. When it ends, its frame's awaiter is
// asked first (coro_root::outermost_over): an error passes outwards, frame by frame in a loop, to the first that wants to see it.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>

#include <concepts>
#include <coroutine>
#include <expected>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

// A result that is there already, as a future.
template<class U>
class ready_result {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit ready_result(result<U> r) : result_(std::move(r)) {}
    sennit::poll<result<U>> poll(context&) { return std::move(result_); }

private:
    result<U> result_;
};

// Makes the error of `r` the result of a frame of task<T>.
template<class T, class U>
void end_with_error(promise_base& frame, result<U>& r) {
    slot_of<T>(frame).emplace_from([&]() -> T { return std::unexpected(std::move(r).error()); });
    frame.awaiter->set_how(outcome::value);
}

template<class T, class F>
class early_return_awaiter {
    using output = future_output_t<F>;
    static_assert(is_result<output>, "or_return takes a result<T>, or a future of one");

public:
    early_return_awaiter(F& f, promise_base& self) noexcept
        : future_(f), self_(self), root_(*self.root) {}
    early_return_awaiter(const early_return_awaiter&) = delete;
    early_return_awaiter& operator=(const early_return_awaiter&) = delete;

    bool await_ready() {
        context cx{root_.driver()};
        if (!may_poll(cx)) return false;
        return take(poll_first(future_, cx)) && value_->has_value();
    }
    template<bool Symmetric = symmetric_transfer>
    typename transfer<Symmetric>::type await_suspend(std::coroutine_handle<>) noexcept {
        if (value_) {
            leave_error();
            return leave_frame<Symmetric>(self_);
        }
        root_.wait_for(self_, this, &poll_leaf);
        return transfer<Symmetric>::to_driver();
    }
    typename output::value_type await_resume() {
        if (!value_) [[unlikely]]
            rethrow_leaf_exception();
        if constexpr (!std::is_void_v<typename output::value_type>) return *std::move(*value_);
    }

private:
    void leave_error() { end_with_error<T>(self_, *value_); }
    // Keeps the answer; false when there is none yet.
    bool take(sennit::poll<output>&& answer) {
        if (!answer.is_ready()) return false;
        value_.emplace(std::move(answer).take());
        return true;
    }
    static leaf_answer poll_leaf(void* leaf, context& cx) {
        auto& self = *static_cast<early_return_awaiter*>(leaf);
        if (!self.take(self.future_.poll(cx))) return leaf_answer::pending;
        if (self.value_->has_value()) return leaf_answer::resume;
        self.root_.enter(self.self_);
        self.leave_error();
        return leaf_answer::leave;
    }

    F& future_;
    promise_base& self_;
    coro_root& root_;
    std::optional<output> value_;
};

template<class T, class U>
class early_return_task_awaiter : public task_awaiter<result<U>>, public asking_leaf {
public:
    early_return_task_awaiter(promise_base& inner, promise_base& outer) noexcept
        : task_awaiter<result<U>>(inner, outer), asking_leaf{&pass_error_on} {}
    early_return_task_awaiter(const early_return_task_awaiter&) = delete;
    early_return_task_awaiter& operator=(const early_return_task_awaiter&) = delete;

    template<bool Symmetric = symmetric_transfer>
    typename transfer<Symmetric>::type await_suspend(std::coroutine_handle<>) noexcept {
        promise_base& self = *this->parent();
        coro_root& root = *self.root;
        self.leaf = static_cast<asking_leaf*>(this);
        this->set_asks();
        this->child->awaiter = this;
        root.enter(*this->child);
        return transfer<Symmetric>::to(root, this->child->handle());
    }
    U await_resume() {
        result<U> r = task_awaiter<result<U>>::await_resume();
        if constexpr (!std::is_void_v<U>) return *std::move(r);
    }

private:
    static bool pass_error_on(asking_leaf& leaf) noexcept {
        auto& self = static_cast<early_return_task_awaiter&>(leaf);
        if (self.how() != outcome::value) return false; // thrown into the frame
        result<U>& r = self.slot.value();
        if (r.has_value()) return false;
        end_with_error<T>(*self.parent(), r);
        return true;
    }
};

template<class U>
struct early_return_task {
    task<result<U>> child;

    template<class Promise>
    auto await_in(Promise& p) noexcept {
        using T = typename Promise::task_value;
        static_assert(is_result<T>,
                      "co_await or_return(…) works in a coroutine that returns task<result<T>>");
        return early_return_task_awaiter<T, U>(child.release(), p);
    }
};

template<class F>
struct early_return {
    F future;

    template<class Promise>
    auto await_in(Promise& p) noexcept {
        using T = typename Promise::task_value;
        static_assert(is_result<T>,
                      "co_await or_return(…) works in a coroutine that returns task<result<T>>");
        return early_return_awaiter<T, F>(future, p);
    }
};

} // namespace detail

/// `co_await or_return(x)`: the value of a `result`, or of a future of one; an error ends the coroutine with that error.
/// Only in coroutines that return `task<result<T>>`. In functions and fibers the same is `SENNIT_TRY(x)`.
///
/// ```cpp
/// sennit::result<int> parse(bool good) { return good ? 1 : 2; }
/// sennit::task<sennit::result<int>> twice(bool good) {
///     int n = co_await sennit::or_return(parse(good));
///     co_return 2 * n;
/// }
/// ```
/// Source: R-FUT-13.
template<class U>
auto or_return(result<U> r) {
    return detail::early_return<detail::ready_result<U>>{detail::ready_result<U>(std::move(r))};
}
template<class U>
auto or_return(task<result<U>>&& t) {
    return detail::early_return_task<U>{std::move(t)};
}
template<class U>
auto or_return(task<result<U>>& t) = delete; // a task is awaited once: or_return(std::move(t))
template<future F>
auto or_return(F&& f) {
    return detail::early_return<std::remove_cvref_t<F>>{std::forward<F>(f)};
}

} // namespace sennit
