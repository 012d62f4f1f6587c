// join_set<T>: children whose results are taken in the order in which they come.
//
// Each child holds a ticket with the place for its result. When the child is over, or is dropped, its ticket goes, and
// the place moves to the set's list of results; one that was left empty says that the child was cancelled. So a child
// that never ran is accounted for like any other, and ending needs no memory.
//
// The core lives until the set and the last ticket are gone: children that were let go may outlive the set.
// Locks: lock_ is a leaf; waiters are woken after it.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/runtime/child_registry.hpp>
#include <sennit/runtime/join_handle.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/sync/countdown.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <cstddef>
#include <exception>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <source_location>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

struct join_place : list_node {
    virtual ~join_place() = default;
};

class join_set_core {
public:
    join_set_core() = default;
    join_set_core(const join_set_core&) = delete;
    join_set_core& operator=(const join_set_core&) = delete;
    ~join_set_core();

    // Before a child starts; and when its ticket goes.
    void add() noexcept;
    void end(std::unique_ptr<join_place> place) noexcept;

    // One result; null: none, and `is_over` says whether there will ever be one.
    std::unique_ptr<join_place> take(bool& is_over) noexcept;
    // The same, or queues the waiter.
    std::unique_ptr<join_place> poll(sync_waiter& w, context& cx, bool& is_over) noexcept;
    void withdraw(sync_waiter& w) noexcept;
    std::size_t size() const noexcept;
    // Nobody takes results any more.
    void abandon() noexcept;
    // Waits for the children, deaf to stop.
    void wait_for_all() noexcept;

    child_registry children;

private:
    std::unique_ptr<join_place> take_locked(bool& is_over) noexcept;

    mutable spin_lock lock_;
    list<join_place> results_; // guarded by lock_, as the next three
    list<sync_waiter> waiters_;
    std::size_t untaken_ = 0; // children whose results were not taken
    bool abandoned_ = false;
    countdown running_{0};
};

template<class T>
struct join_result final : join_place {
    std::optional<std::expected<T, join_error>> value;
};

// Held by a child for as long as there is anything of it. Move-only.
template<class T>
class join_ticket {
public:
    explicit join_ticket(std::shared_ptr<join_set_core> core)
        : core_(std::move(core)), place_(std::make_unique<join_result<T>>()) {
        core_->add();
    }
    join_ticket(join_ticket&&) noexcept = default;
    join_ticket& operator=(join_ticket&&) = delete;
    ~join_ticket() {
        if (place_ == nullptr) return;
        if (!place_->value) place_->value.emplace(std::unexpect);
        core_->end(std::move(place_));
    }

    child_registry& children() const noexcept { return core_->children; }
    template<class... Args>
    void set(Args&&... args) {
        place_->value.emplace(std::in_place, std::forward<Args>(args)...);
    }
    // The exception that is being handled has left the child.
    void set_exception() {
        try {
            throw;
        } catch (const stopped&) {
            throw;
        } catch (const flow_exit&) {
            throw;
        } catch (...) {
            place_->value.emplace(std::unexpect, std::current_exception());
        }
    }

private:
    std::shared_ptr<join_set_core> core_;
    std::unique_ptr<join_result<T>> place_;
};

template<class T, class Fn, class... Args>
struct join_set_fiber {
    join_ticket<T> ticket;
    std::tuple<Fn, Args...> call;

    void operator()() {
        running_child self(ticket.children());
        try {
            run(std::index_sequence_for<Args...>());
        } catch (...) {
            ticket.set_exception();
        }
    }

private:
    template<std::size_t... I>
    void run(std::index_sequence<I...>) {
        if constexpr (std::is_void_v<T>) {
            std::invoke(std::move(std::get<0>(call)), std::move(std::get<I + 1>(call))...);
            ticket.set();
        } else {
            ticket.set(
                std::invoke(std::move(std::get<0>(call)), std::move(std::get<I + 1>(call))...));
        }
    }
};

template<class T>
struct join_set_task {
    join_ticket<T> ticket;
    task<T> work;
};
template<class T>
task<void> run_in_join_set(join_set_task<T> child) {
    running_child self(child.ticket.children());
    try {
        if constexpr (std::is_void_v<T>) {
            co_await std::move(child.work);
            child.ticket.set();
        } else {
            T value = co_await std::move(child.work);
            child.ticket.set(std::move(value));
        }
    } catch (...) {
        child.ticket.set_exception();
    }
}

} // namespace detail

template<class T>
class join_set;

/// The future of `join_set::async_join_next`. Dropping it loses nothing.
template<class T>
class [[nodiscard]] join_next_future : private detail::sync_waiter {
public:
    using value = std::optional<std::expected<T, join_error>>;
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit join_next_future(std::shared_ptr<detail::join_set_core> core) noexcept
        : core_(std::move(core)) {}
    join_next_future(join_next_future&& other) noexcept : core_(std::move(other.core_)) {}
    join_next_future& operator=(join_next_future&&) = delete;
    ~join_next_future() {
        if (entered()) core_->withdraw(*this);
    }

    sennit::poll<value> poll(context& cx) {
        bool is_over = false;
        const auto place = core_->poll(*this, cx, is_over);
        if (place == nullptr) {
            if (is_over) return value();
            return pending;
        }
        return value(std::move(*static_cast<detail::join_result<T>&>(*place).value));
    }

private:
    std::shared_ptr<detail::join_set_core> core_;
};

/// Children whose results are taken one by one, first come first served: a value, or why there is none. Movable.
///
/// The destructor asks the children to stop and waits for them; results that nobody took are destroyed, and so are
/// exceptions. One flow at a time takes results; children may be added meanwhile, also by children.
///
/// ```cpp
/// sennit::join_set<int> squares;
/// for (int n = 1; n <= 3; ++n) squares.spawn([n] { return n * n; });
/// int sum = 0;
/// while (auto square = squares.join_next()) sum += square->value();
/// ```
/// Cost: a spawn, a small allocation, and a short lock at a child's start and end. Source: tokio's JoinSet.
template<class T>
class join_set {
public:
    join_set() : core_(std::make_shared<detail::join_set_core>()) {}
    join_set(join_set&&) noexcept = default;
    join_set& operator=(join_set&& other) noexcept {
        join_set moved(std::move(other));
        std::swap(core_, moved.core_);
        return *this;
    }
    ~join_set() {
        if (core_ == nullptr) return;
        core_->children.request_stop();
        core_->wait_for_all();
    }

    /// Starts a fiber that runs `f(args...)`, which returns a `T`.
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    void spawn(Fn&& f, Args&&... args) {
        start({}, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    template<class Fn, class... Args>
        requires detail::fiber_function<Fn, Args...>
    void spawn(const flow_options& options, Fn&& f, Args&&... args) {
        start(options, std::forward<Fn>(f), std::forward<Args>(args)...);
    }
    /// Starts a task.
    void spawn(task<T> t, std::source_location site = std::source_location::current()) {
        detail::join_set_task<T> child{detail::join_ticket<T>(core_), std::move(t)};
        detail::launch_child_task(core_->children, site,
                                  detail::run_in_join_set<T>(std::move(child)))
            .detach();
    }

    /// Waits for the next child that ends. Empty when there is no child left whose result was not taken. Throws `stopped`.
    std::optional<std::expected<T, join_error>> join_next() { return wait(async_join_next()); }
    join_next_future<T> async_join_next() { return join_next_future<T>(core_); }
    /// A result that is there already.
    std::optional<std::expected<T, join_error>> try_join_next() {
        bool is_over = false;
        const auto place = core_->take(is_over);
        if (place == nullptr) return std::nullopt;
        return std::move(*static_cast<detail::join_result<T>&>(*place).value);
    }

    /// Asks all children to stop, also those that are added later. Does not wait: their ends are results like others.
    void request_stop() noexcept { core_->children.request_stop(); }
    /// Lets all children go on by themselves; their results are destroyed. The set is empty afterwards.
    void detach_all() {
        auto fresh = std::make_shared<detail::join_set_core>();
        core_->abandon();
        core_ = std::move(fresh);
    }
    /// Children whose results were not taken yet.
    std::size_t size() const noexcept { return core_->size(); }
    bool empty() const noexcept { return size() == 0; }

private:
    template<class Fn, class... Args>
    void start(const flow_options& options, Fn&& f, Args&&... args) {
        using child = detail::join_set_fiber<T, std::decay_t<Fn>, std::decay_t<Args>...>;
        static_assert(!detail::is_task<detail::fiber_result<Fn, Args...>>,
                      "this callable is a coroutine: spawn the task it returns, spawn(f(args...))");
        detail::launch_child(core_->children, options,
                             child{detail::join_ticket<T>(core_),
                                   {std::forward<Fn>(f), std::forward<Args>(args)...}})
            .detach();
    }

    std::shared_ptr<detail::join_set_core> core_;
};

} // namespace sennit
