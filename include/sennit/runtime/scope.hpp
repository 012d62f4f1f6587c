// scope: children that do not outlive the block they are started in.
//
// A child carries a ticket, destroyed after everything else that the child was given: the callable, its captures, the
// coroutine's frames. The scope waits until every ticket is back, so what a child borrows from the frame around the scope
// is there for as long as the child is. A child that is dropped before it ever ran gives its ticket back like any other.
//
// The first failure, an exception or the error of a child that returns a `result`, is kept, and the other children are
// asked to stop. A child that ends because it was stopped has not failed.
// The order of events: the ticket is back, then join() returns; the flow itself may end a moment later, in its own cell.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/options.hpp>
#include <sennit/core/stop.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/child_registry.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/countdown.hpp>
#include <sennit/sync/semaphore.hpp>

#include <atomic>
#include <cstddef>
#include <exception>
#include <functional>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sennit {

class scope;

namespace detail {

class scope_core {
public:
    explicit scope_core(std::size_t limit);
    scope_core(const scope_core&) = delete;
    scope_core& operator=(const scope_core&) = delete;

    // A place for one more child: waits for it, or says that there is none.
    void take_place();
    [[nodiscard]] bool try_take_place() noexcept;
    void give_place_back() noexcept;

    void fail(std::exception_ptr why) noexcept;
    void fail(error why) noexcept;
    // A child was stopped before it was done. Before its place is given back.
    void note_cancelled() noexcept { cancelled_.store(true, std::memory_order_relaxed); }
    void request_stop() noexcept { children.request_stop(); }
    bool has_failed() const noexcept;

    countdown_future async_end() noexcept { return countdown_future(count_); }
    // After the end. The first failure, once: an exception is thrown, an error returned. Throws `stopped` when children
    // were stopped together with the flow around the scope: that is no completion.
    result<void> take_failure();
    // Waits for the end, deaf to stop, and ends the program if a failure was never taken.
    void finish(bool is_failing) noexcept;

    child_registry children;

private:
    countdown count_{0};
    std::atomic<bool> cancelled_{false}; // published by count_
    std::optional<semaphore> places_;
    mutable spin_lock lock_;
    std::exception_ptr exception_; // guarded by lock_, as the next
    error error_;
};

// Held by a child for as long as there is anything of it. Move-only.
class scope_ticket {
public:
    explicit scope_ticket(scope_core& core) noexcept : core_(&core) {}
    scope_ticket(scope_ticket&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)), done_(other.done_) {}
    scope_ticket& operator=(scope_ticket&&) = delete;
    ~scope_ticket() {
        if (core_ == nullptr) return;
        if (!done_) core_->note_cancelled();
        core_->give_place_back();
    }
    scope_core& core() const noexcept { return *core_; }
    // The child has returned, or failed.
    void set_done() noexcept { done_ = true; }

private:
    scope_core* core_;
    bool done_ = false;
};

// The exception that is being handled has left a child. Its own stop is no failure, and passes.
void note_failure(running_child& child, scope_core& core);
template<class R>
void note_error(running_child& child, scope_core& core, const R& value) {
    if constexpr (is_result<R>) {
        if (value.has_value()) return;
        child.leave();
        core.fail(value.error());
    }
}

// What a fiber of a scope runs. The ticket is the first member, so it is destroyed last.
template<bool Keeps, class Fn, class... Args>
struct scope_fiber {
    using value = std::invoke_result_t<Fn, Args...>;
    using returned = std::conditional_t<Keeps, value, void>;

    scope_ticket ticket;
    std::tuple<Fn, Args...> call;

    returned operator()() {
        running_child self(ticket.core().children);
        try {
            return run(self, std::index_sequence_for<Args...>());
        } catch (...) {
            note_failure(self, ticket.core());
            ticket.set_done();
            if constexpr (Keeps) throw; // for the handle
        }
    }

private:
    template<std::size_t... I>
    returned run(running_child& self, std::index_sequence<I...>) {
        if constexpr (std::is_void_v<value>) {
            std::invoke(std::move(std::get<0>(call)), std::move(std::get<I + 1>(call))...);
            ticket.set_done();
        } else {
            value v =
                std::invoke(std::move(std::get<0>(call)), std::move(std::get<I + 1>(call))...);
            ticket.set_done();
            note_error(self, ticket.core(), v);
            if constexpr (Keeps) return v;
        }
    }
};

// The same for a task: one parameter, so that its parts are destroyed in a known order.
template<class T>
struct scope_task {
    scope_ticket ticket;
    task<T> work;
};
template<bool Keeps, class T>
task<std::conditional_t<Keeps, T, void>> run_in_scope(scope_task<T> child) {
    running_child self(child.ticket.core().children);
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(child.work);
            child.ticket.set_done();
        } else {
            T value = co_await std::move(child.work);
            child.ticket.set_done();
            note_error(self, child.ticket.core(), value);
            if constexpr (Keeps) co_return value;
        }
    } catch (...) {
        note_failure(self, child.ticket.core());
        child.ticket.set_done();
        if constexpr (Keeps) throw; // for the handle
    }
}

// The futures of a scope's end: one throws every failure, the other returns errors.
class scope_end_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit scope_end_future(scope_core& core) noexcept : core_(&core), end_(core.async_end()) {}

protected:
    scope_core* core_;
    countdown_future end_;
};

[[noreturn]] void throw_error(const error& why);

} // namespace detail

/// How a scope is made.
struct scope_options {
    /// Children that may run at once; 0: any number. Source: errgroup's SetLimit.
    std::size_t limit = 0;
};

/// The future of `scope::async_try_join`. Dropping it stops waiting and nothing else.
class [[nodiscard]] scope_try_join_future : private detail::scope_end_future {
public:
    using scope_end_future::cancel_class;
    using scope_end_future::scope_end_future;

    sennit::poll<result<void>> poll(context& cx) {
        if (!end_.poll(cx).is_ready()) return pending;
        return core_->take_failure();
    }
};
/// The future of `scope::async_join`. Dropping it stops waiting and nothing else.
class [[nodiscard]] scope_join_future : private detail::scope_end_future {
public:
    using scope_end_future::cancel_class;
    using scope_end_future::scope_end_future;

    sennit::poll<void> poll(context& cx) {
        if (!end_.poll(cx).is_ready()) return pending;
        const result<void> r = core_->take_failure();
        if (!r) detail::throw_error(r.error());
        return sennit::poll<void>::ready();
    }
};

/// Owns the children that are started in it; none of them outlives it, so they may borrow from the frame around it.
///
/// The first child that fails (an exception leaves it, or it returns a `result` with an error) makes the scope ask all
/// others to stop; `join` then tells of that failure. Leaving the scope waits for the children: after an exception they
/// are asked to stop first. A failure that nobody asked for by `join` or `try_join` before the scope is left normally ends the
/// program with a report, as that of a `go` does. Children may start siblings. Not movable; joined by one flow at a time.
///
/// When the flow that owns the scope is asked to stop, it finds out at its next wait, for instance in `join`; the scope
/// then unwinds with it, and the children are stopped. When the flow is in a stop tree, so are the children: they have its
/// deadline, and a request to it, or above it, reaches them at once.
///
/// ```cpp
/// int total = 0;
/// sennit::scope s;
/// s.go([&] { total = 42; });
/// s.join();
/// std::printf("%d\n", total);
/// ```
/// Cost: a spawn, and a short lock at a child's start and end. Source: errgroup, Trio's nurseries.
class scope {
public:
    explicit scope(scope_options options = {}) : core_(options.limit) {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    ~scope() { core_.finish(std::uncaught_exceptions() > exceptions_); }

    /// Starts a fiber that runs `f(args...)`, without a handle. Waits for a place when there is a limit: then it throws
    /// `stopped` if the flow is asked to stop meanwhile.
    template<class Fn>
        requires detail::fiber_function<Fn>
    void go(Fn&& f, std::source_location site = std::source_location::current()) {
        core_.take_place();
        start({.site = site}, std::forward<Fn>(f));
    }
    template<class Fn, class A, class... Args>
        requires detail::fiber_function<Fn, A, Args...>
    void go(Fn&& f, A&& first, Args&&... rest) {
        core_.take_place();
        start({}, std::forward<Fn>(f), std::forward<A>(first), std::forward<Args>(rest)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    void go(const flow_options& options, Fn&& f, Args&&... args) {
        core_.take_place();
        start(options, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    /// The same for a task.
    template<class T>
    void go(task<T> t, std::source_location site = std::source_location::current()) {
        core_.take_place();
        detail::scope_task<T> child{detail::scope_ticket(core_), std::move(t)};
        detail::launch_child_task(core_.children, site,
                                  detail::run_in_scope<false>(std::move(child)))
            .detach();
    }
    /// Starts it if there is a place: false, and nothing is moved, when the limit is reached.
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    [[nodiscard]] bool try_go(Fn&& f, Args&&... args) {
        if (!core_.try_take_place()) return false;
        start({}, std::forward<Fn>(f), std::forward<Args>(args)...);
        return true;
    }

    /// Starts a child with a handle, to take its value. A failure reaches both: the handle, and the scope. The handle
    /// is joined or dropped before the scope is left.
    template<class Fn>
        requires detail::fiber_function<Fn>
    auto spawn(Fn&& f, std::source_location site = std::source_location::current()) {
        return spawn(flow_options{.site = site}, std::forward<Fn>(f));
    }
    template<class Fn, class A, class... Args>
        requires detail::fiber_function<Fn, A, Args...>
    auto spawn(Fn&& f, A&& first, Args&&... rest) {
        return spawn(flow_options{}, std::forward<Fn>(f), std::forward<A>(first),
                     std::forward<Args>(rest)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    auto spawn(const flow_options& options, Fn&& f, Args&&... args) {
        using child = detail::scope_fiber<true, std::decay_t<Fn>, std::decay_t<Args>...>;
        static_assert(!detail::is_task<typename child::value>,
                      "this callable is a coroutine: spawn the task it returns, spawn(f(args...))");
        core_.take_place();
        return detail::launch_child(core_.children, options,
                                    make<child>(std::forward<Fn>(f), std::forward<Args>(args)...));
    }
    template<class T>
    join_handle<T> spawn(task<T> t, std::source_location site = std::source_location::current()) {
        core_.take_place();
        detail::scope_task<T> child{detail::scope_ticket(core_), std::move(t)};
        return detail::launch_child_task(core_.children, site,
                                         detail::run_in_scope<true>(std::move(child)));
    }

    /// Waits until all children have ended. Throws the first exception that left one; the error of a child that returned a
    /// `result` is thrown as `std::system_error`. Throws `stopped` when the flow is asked to stop; then the children run on
    /// until the scope is left. Afterwards more children may be started.
    void join() { wait(async_join()); }
    /// The same, but an error is returned.
    result<void> try_join() { return wait(async_try_join()); }
    /// `co_await s.async_join()`: see `join`. The scope must outlive the future.
    scope_join_future async_join() noexcept { return scope_join_future(core_); }
    scope_try_join_future async_try_join() noexcept { return scope_try_join_future(core_); }

    /// Asks all children to stop, also those that are started later. Does not wait.
    void request_stop() noexcept { core_.request_stop(); }
    /// True once the children were asked to stop, by whomever.
    bool is_stop_requested() const noexcept { return core_.children.is_stop_requested(); }

private:
    template<class Child, class Fn, class... Args>
    Child make(Fn&& f, Args&&... args) {
        return {detail::scope_ticket(core_), {std::forward<Fn>(f), std::forward<Args>(args)...}};
    }
    template<class Fn, class... Args>
    void start(const flow_options& options, Fn&& f, Args&&... args) {
        using child = detail::scope_fiber<false, std::decay_t<Fn>, std::decay_t<Args>...>;
        static_assert(!detail::is_task<typename child::value>,
                      "this callable is a coroutine: start the task it returns, go(f(args...))");
        detail::launch_child(core_.children, options,
                             make<child>(std::forward<Fn>(f), std::forward<Args>(args)...))
            .detach();
    }

    const int exceptions_ = std::uncaught_exceptions();
    detail::scope_core core_;
};

namespace detail {

// Asks the children to stop when the frame is dropped before all was joined.
struct stop_unless_joined {
    scope& s;
    bool joined = false;
    ~stop_unless_joined() {
        if (!joined) s.request_stop();
    }
};

} // namespace detail

/// The scope of a task: runs `body(s)`, waits for the children and then yields what the body returned. The body is kept
/// until all is over, so a lambda with captures is fine here.
///
/// If the body or a child throws, the others are asked to stop, and the first exception is thrown when all have ended.
/// Dropping the task asks the children to stop and waits for them (in the destructor: the thread goes on with others).
///
/// ```cpp
/// sennit::task<int> sum() {
///     int a = 0, b = 0;
///     co_await sennit::async_scope([&](sennit::scope& s) -> sennit::task<void> {
///         s.go([&] { a = 1; });
///         s.go([&] { b = 2; });
///         co_return;
///     });
///     co_return a + b;
/// }
/// ```
template<class Body>
    requires detail::is_task<std::invoke_result_t<Body&, scope&>>
auto async_scope(Body body, scope_options options = {}) -> std::invoke_result_t<Body&, scope&> {
    using value = future_output_t<std::invoke_result_t<Body&, scope&>>;
    scope s(options);
    detail::stop_unless_joined guard{s};
    std::exception_ptr failure;
    if constexpr (std::is_void_v<value>) {
        try {
            co_await body(s);
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure != nullptr) s.request_stop();
        try {
            co_await s.async_join();
        } catch (...) {
            if (failure == nullptr) failure = std::current_exception();
        }
        guard.joined = true;
        if (failure != nullptr) std::rethrow_exception(failure);
    } else {
        std::optional<value> returned;
        try {
            value v = co_await body(s);
            returned.emplace(std::move(v));
        } catch (...) {
            failure = std::current_exception();
        }
        if (failure != nullptr) s.request_stop();
        try {
            co_await s.async_join();
        } catch (...) {
            if (failure == nullptr) failure = std::current_exception();
        }
        guard.joined = true;
        if (failure != nullptr) std::rethrow_exception(failure);
        co_return std::move(*returned);
    }
}

} // namespace sennit
