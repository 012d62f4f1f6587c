// The handle of a spawned flow: join it, ask it to stop, or let it go.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/joinable.hpp>
#include <sennit/core/wait.hpp>

#include <exception>
#include <expected>
#include <source_location>
#include <utility>

namespace sennit {

/// Why a joined flow has no value.
class join_error {
public:
    /// It was stopped, or left through `this_flow::exit()`.
    bool is_cancelled() const noexcept { return exception_ == nullptr; }
    /// An exception left it.
    bool is_panic() const noexcept { return exception_ != nullptr; }
    /// That exception; null when it was cancelled.
    std::exception_ptr exception() const noexcept { return exception_; }
    /// Throws the exception, or `stopped` when it was cancelled.
    [[noreturn]] void rethrow() const {
        if (exception_) std::rethrow_exception(exception_);
        throw stopped();
    }

    explicit join_error(std::exception_ptr e = nullptr) noexcept : exception_(std::move(e)) {}

private:
    std::exception_ptr exception_;
};

namespace detail {

// The untyped half of waiting for a flow's end.
class join_core {
public:
    explicit join_core(flow* target) noexcept : target_(target) {}
    join_core(join_core&& other) noexcept
        : target_(std::exchange(other.target_, nullptr)),
          waiting_(std::exchange(other.waiting_, waker())) {}
    join_core& operator=(join_core&&) = delete;
    ~join_core() {
        if (waiting_) target_->forget_joiner(waiting_);
    }

    bool poll_end(context& cx) noexcept {
        if (target_->poll_done(cx.waker())) {
            waiting_ = {};
            return true;
        }
        waiting_ = cx.waker();
        return false;
    }
    // The flow waits for this and nothing else: a child that has not started runs right here.
    bool poll_end_alone(context& cx) noexcept {
        thread_state& t = this_thread();
        flow* me = cx.waker().target();
        if (t.current == me && t.parker != nullptr && t.parker->claim(*target_)) {
            target_->run_in_place(*me);
            if (target_->is_done()) return true;
        }
        return poll_end(cx);
    }
    bool is_done() const noexcept { return target_->is_done(); }

protected:
    flow* target_;
    waker waiting_;
};

} // namespace detail

/// The future of a flow's end, yielding its value. An exception that left the flow is thrown; a cancelled flow throws `stopped`. Dropping it stops waiting and nothing else. Refers to the handle, which must outlive it.
template<class R>
class [[nodiscard]] join_future : public detail::join_core {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    using join_core::join_core;

    sennit::poll<R> poll(context& cx) {
        if (!poll_end(cx)) return pending;
        return take();
    }
    sennit::poll<R> poll_alone(context& cx) {
        if (!poll_end_alone(cx)) return pending;
        return take();
    }

private:
    sennit::poll<R> take() {
        auto& cell = static_cast<detail::joinable<R>&>(*target_);
        cell.delivered = true;
        if (cell.how == detail::outcome::cancelled) throw stopped();
        if constexpr (std::is_void_v<R>) {
            cell.result.slot().take(cell.how);
            return sennit::poll<void>::ready();
        } else {
            return cell.result.slot().take(cell.how);
        }
    }
};

/// The same as an `std::expected`: nothing is thrown.
template<class R>
class [[nodiscard]] try_join_future : public detail::join_core {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    using join_core::join_core;
    using value_type = std::expected<R, join_error>;

    sennit::poll<value_type> poll(context& cx) {
        if (!poll_end(cx)) return pending;
        return take();
    }
    sennit::poll<value_type> poll_alone(context& cx) {
        if (!poll_end_alone(cx)) return pending;
        return take();
    }

private:
    value_type take() {
        auto& cell = static_cast<detail::joinable<R>&>(*target_);
        cell.delivered = true;
        if (cell.how == detail::outcome::cancelled) return std::unexpected(join_error());
        if (cell.how == detail::outcome::exception)
            return std::unexpected(join_error(cell.result.slot().exception()));
        if constexpr (std::is_void_v<R>) {
            return {};
        } else {
            return cell.result.slot().take(cell.how);
        }
    }
};

/// Owns the right to learn how a spawned flow ends. Move-only. Its destructor asks the flow to stop and waits for it, as
/// `std::jthread` does; an exception that nobody joined is then reported like that of a `go`.
///
/// ```cpp
/// sennit::join_handle<int> h = sennit::spawn([] { return 6 * 7; });
/// int answer = h.join();
/// (void)answer;
/// ```
template<class R>
class [[nodiscard]] join_handle {
public:
    join_handle() noexcept = default;
    explicit join_handle(detail::joinable<R>& cell) noexcept : cell_(&cell) {}
    join_handle(join_handle&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    join_handle& operator=(join_handle&& other) noexcept {
        if (this != &other) {
            finish();
            cell_ = std::exchange(other.cell_, nullptr);
        }
        return *this;
    }
    ~join_handle() { finish(); }

    /// Waits for the end and returns the value, rethrowing what left the flow. A cancelled flow throws `stopped`.
    /// Afterwards the handle is empty. A child that has not started runs in place: fork-join recursion costs calls.
    /// If the joiner itself is stopped while it waits, the handle stays valid, whatever the child does meanwhile.
    R join() {
        check();
        struct release {
            join_handle* self;
            ~release() {
                // Not `is_done`: the child may end between this flow's last look at it and here.
                if (self->cell_->delivered) self->drop();
            }
        } guard{this};
        return wait(join_future<R>(cell_));
    }
    /// The same without exceptions: the value, or why there is none.
    std::expected<R, join_error> try_join() {
        check();
        auto answer = wait(try_join_future<R>(cell_));
        drop();
        return answer;
    }
    /// `co_await h.async_join()`: see `join`. The handle must outlive the future and may be joined once.
    join_future<R> async_join() {
        check();
        return join_future<R>(cell_);
    }
    /// `co_await h.async_try_join()`: see `try_join`.
    try_join_future<R> async_try_join() {
        check();
        return try_join_future<R>(cell_);
    }

    /// Asks the flow to stop: a fiber finds out at its next wait, a task is dropped at its next suspension. Does not wait.
    void request_stop() noexcept {
        if (cell_ != nullptr && !cell_->is_done()) cell_->request_stop();
    }
    /// Lets the flow go on without a handle. An exception that leaves it is then treated like that of a `go`.
    void detach() noexcept {
        if (cell_ != nullptr) std::exchange(cell_, nullptr)->detach();
    }
    /// True when the flow has ended.
    bool is_finished() const noexcept { return cell_ != nullptr && cell_->is_done(); }
    /// True when there is a flow to join.
    bool joinable() const noexcept { return cell_ != nullptr; }
    /// The flow's id, see `this_flow::id`.
    std::uint64_t id() const noexcept { return cell_ ? cell_->id() : 0; }

private:
    void check() const {
        SENNIT_ASSERT(cell_ != nullptr, "this handle was joined, detached or moved from");
    }
    void drop() noexcept { std::exchange(cell_, nullptr)->destroy(); }
    void finish() noexcept {
        if (cell_ == nullptr) return;
        if (cell_->is_done() && cell_->delivered) [[likely]] // joined by a future
            return drop();
        if (!cell_->is_done()) {
            cell_->request_stop();
            struct ended : detail::join_core {
                using join_core::join_core;
                sennit::poll<void> poll(context& cx) noexcept {
                    return poll_end(cx) ? sennit::poll<void>::ready() : sennit::poll<void>(pending);
                }
            };
            detail::wait_shielded(ended(cell_));
        }
        std::exchange(cell_, nullptr)->detach();
    }

    detail::joinable<R>* cell_ = nullptr;
};

} // namespace sennit
