// once and once_cell: something that is done by whoever comes first, while the others wait.
//
// The core's word is `fresh`, `running` or `done`; it leaves `fresh` and `running` under lock_. A
// runner that gives up (its function threw, its future was dropped) makes it `fresh` again and wakes
// the first waiter; if that one is dropped before it has run, it wakes the next.
// Locks: lock_ is a leaf; wakers run after it is released.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <atomic>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

class once_core {
public:
    enum class turn : std::uint8_t { wait, run, done };

    constexpr once_core() noexcept = default;
    once_core(const once_core&) = delete;
    once_core& operator=(const once_core&) = delete;

    bool is_done() const noexcept {
        return word_.load(std::memory_order_acquire) == done; // pairs with finish()
    }
    turn poll(sync_waiter& w, context& cx) noexcept;
    // The runner's last act.
    void finish() noexcept;
    void give_up() noexcept;
    // The future of a waiter is destroyed.
    void drop(sync_waiter& w) noexcept;

private:
    enum : std::uint8_t { fresh, running, done };

    std::atomic<std::uint8_t> word_{fresh};
    spin_lock lock_;
    list<sync_waiter> waiters_; // guarded by lock_
};

// What `f` yields, whether it returns a value or a future of one.
template<class R>
struct once_value {
    using type = R;
};
template<future R>
struct once_value<R> {
    using type = future_output_t<R>;
};

// Runs `f`, or the future that it returns, if it is our turn; `keep` is told the value. Ready when
// it is done, by us or by another.
template<class Fn, class Keep, bool failure_counts>
class [[nodiscard]] once_future : private sync_waiter {
    using returned = std::invoke_result_t<Fn&>;

public:
    // A run that is dropped on its way has done what it has done.
    static constexpr cancel_safety cancel_class =
        future<returned> ? cancel_safety::unknown : cancel_safety::lossless;

    once_future(once_core& core, Fn f, Keep keep)
        : core_(core), function_(std::move(f)), keep_(std::move(keep)) {}
    once_future(once_future&& other)
        : core_(other.core_),
          function_(std::move(other.function_)),
          keep_(std::move(other.keep_)) {}
    once_future& operator=(once_future&&) = delete;
    ~once_future() {
        if (running_) {
            inner_.reset();
            core_.give_up();
        } else if (entered()) {
            core_.drop(*this);
        }
    }

    sennit::poll<void> poll(context& cx) {
        if (!running_) {
            if (!entered() && core_.is_done()) return sennit::poll<void>::ready();
            const once_core::turn turn = core_.poll(*this, cx);
            if (turn == once_core::turn::wait) return pending;
            if (turn == once_core::turn::done) return sennit::poll<void>::ready();
            running_ = true;
        }
        try {
            if (!run(cx)) return pending;
        } catch (const stopped&) {
            throw;
        } catch (...) {
            if constexpr (failure_counts) finish();
            throw; // else the destructor gives up
        }
        finish();
        return sennit::poll<void>::ready();
    }

private:
    struct no_future {};

    // True when `f` has come to its end.
    bool run(context& cx) {
        if constexpr (future<returned>) {
            if (!inner_) inner_.emplace(std::invoke(function_));
            auto answer = inner_->poll(cx);
            if (!answer.is_ready()) return false;
            if constexpr (std::is_void_v<future_output_t<returned>>) {
                keep_();
            } else {
                keep_(std::move(answer).take());
            }
            inner_.reset();
        } else if constexpr (std::is_void_v<returned>) {
            std::invoke(function_);
            keep_();
        } else {
            keep_(std::invoke(function_));
        }
        return true;
    }
    void finish() noexcept {
        running_ = false;
        core_.finish();
    }

    once_core& core_;
    Fn function_;
    Keep keep_;
    bool running_ = false;
    template<class R>
    struct inner_of {
        using type = no_future;
    };
    template<future R>
    struct inner_of<R> {
        using type = R;
    };
    std::optional<typename inner_of<returned>::type> inner_;
};

struct keep_nothing {
    void operator()(auto&&...) const noexcept {}
};

} // namespace detail

/// Calls a function once, whoever comes first; the others wait until it has ended.
///
/// As in Go, a call that throws counts as done: the exception reaches the one who ran it, and later
/// calls return at once. A run that was stopped or dropped does not count: the next one runs.
/// A call of the same object from within `f` waits for ever.
///
/// ```cpp
/// sennit::once setup;
/// setup.call([] { std::puts("exactly once"); });
/// setup.call([] { std::puts("never"); });
/// ```
/// Cost: one load when it is done. Source: G-SY-4.
class once {
public:
    /// Returns when `f`, or somebody's, has run. Throws what `f` throws, and `stopped` while waiting.
    /// `f` may return a future, which is then driven to its end.
    template<class Fn>
    void call(Fn&& f) {
        wait(async_call(std::forward<Fn>(f)));
    }
    bool is_done() const noexcept { return core_.is_done(); }
    /// A future of the same.
    template<class Fn>
    auto async_call(Fn f) {
        return detail::once_future<Fn, detail::keep_nothing, true>(core_, std::move(f), {});
    }

private:
    detail::once_core core_;
};

} // namespace sennit
