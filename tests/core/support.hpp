// What the tests of core, coro and exec share: an event with a future as a user would write it, a driver that
// counts its wakes, and a thread that waits.
#pragma once

#include <sennit/core/executor.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wake_callback.hpp>
#include <sennit/runtime/fiber.hpp>
#include <sennit/runtime/join_handle.hpp>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>
#include <source_location>
#include <utility>
#include <vector>

namespace sennit::test_support {

/// An event that is set once to a number. Its future uses the public interface and nothing else.
class signal {
public:
    class [[nodiscard]] waiting {
    public:
        explicit waiting(signal& s) : signal_(&s) {}
        waiting(waiting&& other) noexcept : signal_(other.signal_) {
            other.signal_ = nullptr; // before its first poll it is in no list
        }
        waiting& operator=(waiting&&) = delete;
        ~waiting() {
            if (signal_ != nullptr) signal_->withdraw(*this);
        }

        sennit::poll<int> poll(context& cx) { return signal_->poll(*this, cx); }

    private:
        friend signal;
        signal* signal_;
        waker waker_;
    };

    signal() = default;
    signal(const signal&) = delete;
    signal& operator=(const signal&) = delete;

    waiting async_wait() { return waiting(*this); }

    void set(int value) {
        std::vector<waker> wakers;
        {
            const std::lock_guard guard(lock_);
            value_ = value;
            for (const waiting* w : waiters_)
                wakers.push_back(w->waker_);
        }
        for (const waker w : wakers)
            w.wake();
    }
    /// Wakes everybody for nothing.
    void wake_all() {
        std::vector<waker> wakers;
        {
            const std::lock_guard guard(lock_);
            for (const waiting* w : waiters_)
                wakers.push_back(w->waker_);
        }
        for (const waker w : wakers)
            w.wake();
    }

    std::size_t waiters() {
        const std::lock_guard guard(lock_);
        return waiters_.size();
    }
    int polls() const { return polls_.load(); }

private:
    sennit::poll<int> poll(waiting& w, context& cx) {
        const std::lock_guard guard(lock_);
        ++polls_;
        if (value_) return *value_;
        if (std::find(waiters_.begin(), waiters_.end(), &w) == waiters_.end()) {
            waiters_.push_back(&w);
        }
        w.waker_ = cx.waker();
        return pending;
    }
    void withdraw(waiting& w) {
        const std::lock_guard guard(lock_);
        std::erase(waiters_, &w);
    }

    std::mutex lock_;
    std::optional<int> value_;
    std::vector<waiting*> waiters_;
    std::atomic<int> polls_{0};
};

static_assert(future<signal::waiting>);

/// Polls futures by hand and counts the wakes.
class driver {
public:
    sennit::context& context() { return callback_.context(); }
    int wakes() const { return wakes_.load(); }
    /// False: poll again.
    bool rearm() { return callback_.rearm(); }

    template<future F>
    auto poll(F&& f) {
        return f.poll(callback_.context());
    }
    /// Polls until the future is ready; never sleeps, so something must move it on.
    template<future F>
    future_output_t<F> finish(F&& f) {
        for (;;) {
            auto answer = f.poll(callback_.context());
            if (answer.is_ready()) return std::move(answer).take();
        }
    }

private:
    std::atomic<int> wakes_{0};
    wake_callback callback_{[this] { ++wakes_; }};
};

/// Ready after so many polls; asks for another turn each time, as `async_yield` does.
class countdown {
public:
    explicit countdown(int polls) : left_(polls) {}
    sennit::poll<int> poll(context& cx) {
        ++polls_;
        if (left_ == 0) return polls_;
        --left_;
        cx.waker().wake();
        return pending;
    }

private:
    int left_;
    int polls_ = 0;
};

/// An executor as a user would write it: a queue that somebody runs. Keeps what nobody joins.
class queue_executor : public executor {
public:
    void execute(runnable& r) noexcept override {
        const std::lock_guard guard(lock_);
        queue_.push_back(r);
        ++queued_;
    }
    void uncaught_exception(flow&, std::exception_ptr e) noexcept override {
        uncaught.push_back(std::move(e));
    }

    bool run_one() {
        runnable* r = nullptr;
        {
            const std::lock_guard guard(lock_);
            r = queue_.pop_front();
            if (r != nullptr) --queued_;
        }
        if (r != nullptr) r->run();
        return r != nullptr;
    }
    /// Until nothing is runnable; returns how many steps that took.
    int run_all() {
        int steps = 0;
        while (run_one())
            ++steps;
        return steps;
    }
    int queued() {
        const std::lock_guard guard(lock_);
        return queued_;
    }

    std::vector<std::exception_ptr> uncaught;

private:
    std::mutex lock_;
    runnable_chain queue_;
    int queued_ = 0;
};

/// A fiber of `home` that is not launched yet; give its cell to a join_handle or detach it.
template<class Fn>
auto& make_fiber(executor& home, Fn f,
                 std::source_location site = std::source_location::current()) {
    return sennit::detail::fiber_cell<Fn>::make(home, site, std::move(f));
}
template<class Fn>
auto spawn_on(executor& home, Fn f) {
    auto& cell = make_fiber(home, std::move(f));
    join_handle<std::invoke_result_t<Fn>> handle(cell);
    cell.launch();
    return handle;
}
template<class Fn>
void go_on(executor& home, Fn f) {
    auto& cell = make_fiber(home, std::move(f));
    cell.set_detached();
    cell.launch();
}

} // namespace sennit::test_support
