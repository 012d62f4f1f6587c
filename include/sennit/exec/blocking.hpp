// Calling code that blocks the thread: foreign libraries, name look-ups, files without a ring.
//
// The function is moved into a job on the heap, since it may outlive the future: a thread that is
// inside a blocking call cannot be called back. The job's result is taken through the future; its
// function is destroyed on the thread that ran it, before the result is seen.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/driver.hpp>
#include <sennit/core/joinable.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/exec/blocking_pool.hpp>

#include <concepts>
#include <exception>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

template<class R>
class blocking_result : public blocking_job {
public:
    using blocking_job::blocking_job;

    R take() { return slot_.take(how_); }

protected:
    ~blocking_result() { slot_.destroy(how_); }

    template<class Fn>
    void keep(Fn&& f) noexcept {
        try {
            slot_.emplace_from(std::forward<Fn>(f));
            how_ = outcome::value;
        } catch (...) {
            slot_.emplace_exception(std::current_exception());
            how_ = outcome::exception;
        }
    }

private:
    result_slot<R> slot_;
    outcome how_ = outcome::none;
};

template<class Fn>
class blocking_call final : public blocking_result<std::invoke_result_t<Fn>> {
    using base = blocking_result<std::invoke_result_t<Fn>>;

public:
    template<class F>
    explicit blocking_call(F&& f) : base(&run, &destroy), function_(std::forward<F>(f)) {}

private:
    ~blocking_call() {
        if (!ran_) std::destroy_at(&function_);
    }
    static void run(blocking_job& job) noexcept {
        auto& self = static_cast<blocking_call&>(job);
        self.keep(
            [&]() -> std::invoke_result_t<Fn> { return std::invoke(std::move(self.function_)); });
        std::destroy_at(&self.function_);
        self.ran_ = true;
    }
    static void destroy(blocking_job& job) noexcept { delete static_cast<blocking_call*>(&job); }

    union {
        Fn function_;
    };
    bool ran_ = false;
};

} // namespace detail

/// The future of `async_blocking`. May be moved at any time. Dropped while the function runs, it throws away what it does
/// (`cancel_safety::loses_progress`).
template<class R>
class [[nodiscard]] blocking_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_progress;

    explicit blocking_future(detail::blocking_result<R>& job) noexcept : job_(&job) {}
    blocking_future(blocking_future&& other) noexcept
        : job_(std::exchange(other.job_, nullptr)), hold_(std::move(other.hold_)) {}
    blocking_future& operator=(blocking_future&&) = delete;
    ~blocking_future() {
        if (job_ != nullptr) job_->drop(detail::blocking_pool::instance());
    }

    sennit::poll<R> poll(context& cx) {
        SENNIT_ASSERT(job_ != nullptr, "this future was moved from");
        if (!job_->poll(detail::blocking_pool::instance(), cx)) {
            if (!hold_.is_held())
                hold_ = detail::time_hold(detail::current_timers(detail::this_thread()));
            return pending;
        }
        hold_.end();
        if constexpr (std::is_void_v<R>) {
            job_->take();
            return sennit::poll<void>::ready();
        } else {
            return job_->take();
        }
    }

private:
    detail::blocking_result<R>* job_;
    detail::time_hold hold_; // R-TM-5: virtual time waits for the job
};

/// A future that runs `f()` on a thread where blocking is allowed and yields what it returns or
/// throws. `f` is moved into the future; the first poll sends it off.
///
/// Threads are started when all are busy, `blocking_threads_max` at most; what comes then waits for
/// its turn. They end after `blocking_keep_alive` without work. Inside `f` the thread is a plain
/// one: it may wait, and what it starts with `go` runs on the default runtime.
///
/// Dropping the future: if `f` has not begun it never will, and is destroyed; if it has, it goes on
/// to its end and its result, or its exception, is thrown away. So `f` owns what it uses. The end
/// of the process does not wait for it.
/// Errors: the first poll throws `std::system_error` when not a single thread can be started.
///
/// ```cpp
/// const std::string path = "/etc/hostname";
/// auto size = sennit::async_blocking([path] { return path.size(); });
/// const std::size_t bytes = sennit::wait(size);
/// ```
/// Cost: one allocation, and two thread switches.
template<class Fn>
    requires std::invocable<std::decay_t<Fn>>
blocking_future<std::invoke_result_t<std::decay_t<Fn>>> async_blocking(Fn&& f) {
    using call = detail::blocking_call<std::decay_t<Fn>>;
    return blocking_future<std::invoke_result_t<std::decay_t<Fn>>>(*new call(std::forward<Fn>(f)));
}

/// Runs `f()` on a thread where blocking is allowed, waits, and returns what it returns or throws
/// what it throws. The calling flow waits; its worker runs others meanwhile.
///
/// The wait is shielded: a stop request or a bound in time does not end it, so `f` may refer to the
/// caller's frame. Do not nest it deeply: each call holds one of `blocking_threads_max` threads.
///
/// ```cpp
/// const int answer = 42;
/// const int copy = sennit::blocking([&] { return answer; });
/// ```
template<class Fn>
    requires std::invocable<Fn>
decltype(auto) blocking(Fn&& f) {
    return detail::wait_shielded(async_blocking(
        [&f]() -> std::invoke_result_t<Fn> { return std::invoke(std::forward<Fn>(f)); }));
}

} // namespace sennit
