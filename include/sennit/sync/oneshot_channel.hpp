// oneshot_channel: one value, once, from one flow to another.
//
// Both ends share a cell with the value's place and one word, which says who is there and who waits:
//
//   word              the sender      the receiver            the cell belongs to
//   empty             there           there, does not wait    both
//   a flow's address  there           there, that flow waits  both
//   sent              gone            there                   the receiver, with the value in it
//   abandoned         gone            there                   the receiver
//   closed            there           there, wants nothing    both
//   closed_abandoned  gone            there, wants nothing    the receiver
//   receiver_gone     there           gone                    the sender
//
// Prohibitions: only the sender goes to sent, abandoned and closed_abandoned, only the receiver to
// the others. A value stands in the cell only in `sent`, and while the sender tries to get there.
// There is no count of references: who leaves second, sees it in the word and frees the cell. So a
// message costs one compare-and-swap, and a second one only when the receiver was there first.
//
// A sender that waits for the receiver to go leaves its flow in `sender_waker_`. The receiver first
// closes, then looks for that flow, and only then leaves: in between the sender cannot free the cell.
// Model: tests/sync/oneshot_model_test.cpp.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/pooled.hpp>
#include <sennit/sync/recv_error.hpp>
#include <sennit/sync/send_error.hpp>

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
class oneshot_sender;
template<class T>
class oneshot_receiver;

namespace detail {

class oneshot_core {
public:
    // What whoever leaves must do with the cell.
    enum class rest : std::uint8_t { nothing, free_cell, free_cell_and_value };
    enum class answer : std::uint8_t { pending, value, none };

    // The sender has put the value into the cell. False: the receiver wants none, take it back and
    // leave. After true the cell is the receiver's.
    [[nodiscard]] bool publish() noexcept {
        std::uintptr_t seen = word_.load(std::memory_order_relaxed);
        do {
            if (seen == closed || seen == receiver_gone) [[unlikely]]
                return false;
            // release: publishes the value; acquire: the waiting flow's header
        } while (!word_.compare_exchange_weak(seen, sent, std::memory_order_acq_rel,
                                              std::memory_order_relaxed));
        if (seen != empty) flow_of(seen).wake();
        return true;
    }
    [[nodiscard]] rest sender_leaves() noexcept;
    // True when the receiver is gone or closed; else the waker will be woken then.
    [[nodiscard]] bool poll_closed(waker w) noexcept;
    void forget_sender(waker w) noexcept;
    bool is_closed() const noexcept {
        const std::uintptr_t seen = word_.load(std::memory_order_acquire);
        return seen == closed || seen == receiver_gone;
    }

    // `value`: take it and free the cell. `none`: nothing will come; leave.
    [[nodiscard]] answer poll_receive(waker w) noexcept {
        std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with publish()
        const auto me = reinterpret_cast<std::uintptr_t>(w.target());
        while (seen != sent) {
            if (is_over(seen)) return answer::none;
            if (seen == me) return answer::pending;
            // release: publishes the flow's header; acquire: if it fails, the value
            if (word_.compare_exchange_weak(seen, me, std::memory_order_release,
                                            std::memory_order_acquire)) {
                return answer::pending;
            }
        }
        return answer::value;
    }
    // The same without waiting.
    [[nodiscard]] answer look() const noexcept {
        const std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with publish()
        if (seen == sent) return answer::value;
        return is_over(seen) ? answer::none : answer::pending;
    }
    void forget_receiver(waker w) noexcept;
    void close() noexcept;
    [[nodiscard]] rest receiver_leaves() noexcept;

private:
    static constexpr std::uintptr_t empty = 0, sent = 1, abandoned = 2, closed = 3,
                                    closed_abandoned = 4, receiver_gone = 5;

    static bool is_over(std::uintptr_t word) noexcept {
        return word >= abandoned && word <= closed_abandoned;
    }
    static bool is_open(std::uintptr_t word) noexcept { return word == empty || word > 5; }
    static waker flow_of(std::uintptr_t word) noexcept {
        return waker(*reinterpret_cast<flow*>(word));
    }

    std::atomic<std::uintptr_t> word_{empty};
    std::atomic<flow*> sender_waker_{nullptr};
};

template<class T>
struct oneshot_cell : oneshot_core {
    // The value's lifetime is the word's affair.
    union {
        T value;
    };
    oneshot_cell() noexcept {}
    ~oneshot_cell() {}

    void finish(rest what) noexcept {
        if (what == rest::nothing) return;
        if (what == rest::free_cell_and_value) std::destroy_at(&value);
        destroy_pooled(this);
    }
};

} // namespace detail

/// The future of `oneshot_sender::async_closed`. The sender must outlive it. Dropping it withdraws it.
///
/// ```cpp
/// auto [tx, rx] = sennit::oneshot_channel<int>();
/// rx.close();
/// sennit::wait(tx.async_closed());
/// ```
class [[nodiscard]] oneshot_closed_future {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit oneshot_closed_future(detail::oneshot_core* core) noexcept : core_(core) {}
    oneshot_closed_future(oneshot_closed_future&& other) noexcept : core_(other.core_) {}
    oneshot_closed_future& operator=(oneshot_closed_future&&) = delete;
    ~oneshot_closed_future() {
        if (waker_) core_->forget_sender(waker_);
    }

    sennit::poll<void> poll(context& cx) noexcept {
        if (core_ == nullptr || core_->poll_closed(cx.waker())) {
            waker_ = {};
            return sennit::poll<void>::ready();
        }
        waker_ = cx.waker();
        return pending;
    }

private:
    detail::oneshot_core* core_;
    waker waker_;
};

/// The end that sends, once. Moved, not copied. Destroying it unsent tells the receiver so.
///
/// ```cpp
/// auto [tx, rx] = sennit::oneshot_channel<int>();
/// sennit::go([end = std::move(tx)]() mutable { end.send(42); });
/// std::printf("%d\n", rx.recv().value());
/// ```
/// Source: R-MP-2.
template<class T>
class [[nodiscard]] oneshot_sender {
public:
    oneshot_sender(oneshot_sender&& other) noexcept : cell_(std::exchange(other.cell_, nullptr)) {}
    oneshot_sender& operator=(oneshot_sender&& other) noexcept {
        oneshot_sender moved(std::move(other));
        std::swap(cell_, moved.cell_);
        return *this;
    }
    ~oneshot_sender() { leave(); }

    /// Hands the value to the receiver; never waits. The sender is used up. Gives the value back when
    /// the receiver is gone or has closed. If moving T throws, nothing has happened.
    std::expected<void, send_error<T>> send(T value) {
        SENNIT_ASSERT(cell_ != nullptr,
                      "a oneshot_sender sends once, and not after it was moved from");
        if (cell_->is_closed()) {
            leave();
            return std::unexpected(send_error<T>{std::move(value)});
        }
        std::construct_at(&cell_->value, std::move(value));
        if (!cell_->publish()) [[unlikely]]
            return take_back();
        cell_ = nullptr;
        return {};
    }

    /// True when the receiver is gone or has closed: nothing can be sent any more.
    bool is_closed() const noexcept { return cell_ == nullptr || cell_->is_closed(); }
    /// Waits until the receiver is gone or has closed; to give up work that nobody wants.
    /// Throws `stopped`.
    void closed() { wait(async_closed()); }
    oneshot_closed_future async_closed() noexcept { return oneshot_closed_future(cell_); }

    /// False after `send`, and when it was moved from.
    explicit operator bool() const noexcept { return cell_ != nullptr; }

private:
    template<class U>
    friend std::pair<oneshot_sender<U>, oneshot_receiver<U>> oneshot_channel();

    struct value_guard {
        oneshot_sender& self;
        ~value_guard() {
            std::destroy_at(&self.cell_->value);
            self.leave();
        }
    };

    explicit oneshot_sender(detail::oneshot_cell<T>* cell) noexcept : cell_(cell) {}
    // The receiver closed at the last moment.
    std::expected<void, send_error<T>> take_back() {
        const value_guard guard{*this};
        return std::unexpected(send_error<T>{std::move(cell_->value)});
    }
    void leave() noexcept {
        if (auto* cell = std::exchange(cell_, nullptr)) cell->finish(cell->sender_leaves());
    }

    detail::oneshot_cell<T>* cell_;
};

/// The future of `oneshot_receiver::async_recv`: as the receiver itself, but borrowed from it.
///
/// ```cpp
/// auto [tx, rx] = sennit::oneshot_channel<int>();
/// tx.send(1);
/// auto answer = sennit::wait(rx.async_recv());
/// ```
template<class T>
class [[nodiscard]] oneshot_recv_future {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit oneshot_recv_future(oneshot_receiver<T>& r) noexcept : receiver_(r) {}
    oneshot_recv_future(oneshot_recv_future&& other) noexcept : receiver_(other.receiver_) {}
    oneshot_recv_future& operator=(oneshot_recv_future&&) = delete;
    ~oneshot_recv_future() {
        if (waker_ && receiver_.cell_ != nullptr) receiver_.cell_->forget_receiver(waker_);
    }

    sennit::poll<std::expected<T, recv_error>> poll(context& cx) {
        waker_ = cx.waker();
        return receiver_.poll(cx);
    }

private:
    oneshot_receiver<T>& receiver_;
    waker waker_;
};

/// The end that receives, and itself the future of the value: `co_await rx`, `wait(rx)`. It may be
/// moved at any time. After its value, or the news that none comes, it is over and says so.
///
/// Dropping it tells the sender; a value that has arrived is destroyed. In a loop around `select` use
/// `async_recv`, which loses nothing.
///
/// ```cpp
/// sennit::task<int> ask(sennit::oneshot_receiver<int> rx) {
///     auto answer = co_await rx;
///     co_return answer.value_or(0);
/// }
/// ```
/// Cost: of the whole channel, one pooled allocation, and one or two compare-and-swaps.
template<class T>
class [[nodiscard]] oneshot_receiver {
public:
    static constexpr auto cancel_class = cancel_safety::unknown;

    oneshot_receiver(oneshot_receiver&& other) noexcept
        : cell_(std::exchange(other.cell_, nullptr)) {}
    oneshot_receiver& operator=(oneshot_receiver&& other) noexcept {
        oneshot_receiver moved(std::move(other));
        std::swap(cell_, moved.cell_);
        return *this;
    }
    ~oneshot_receiver() { leave(); }

    /// Ready with the value, or with `recv_error::closed` when none will come.
    sennit::poll<std::expected<T, recv_error>> poll(context& cx) {
        if (cell_ == nullptr)
            return std::expected<T, recv_error>(std::unexpect, recv_error::closed);
        switch (cell_->poll_receive(cx.waker())) {
            case answer::pending:
                return pending;
            case answer::value:
                return std::expected<T, recv_error>(std::in_place, take());
            case answer::none:
                leave();
        }
        return std::expected<T, recv_error>(std::unexpect, recv_error::closed);
    }
    /// Waits for the value. Throws `stopped`; then it may still be received.
    std::expected<T, recv_error> recv() { return wait(async_recv()); }
    oneshot_recv_future<T> async_recv() noexcept { return oneshot_recv_future<T>(*this); }
    /// Never waits.
    std::expected<T, recv_error> try_recv() {
        const answer found = cell_ == nullptr ? answer::none : cell_->look();
        if (found == answer::value) {
            return std::expected<T, recv_error>(std::in_place, take());
        }
        if (found == answer::pending) return std::unexpected(recv_error::empty);
        leave();
        return std::unexpected(recv_error::closed);
    }

    /// No value is wanted any more: sends fail from now on. One that was sent can still be received.
    void close() noexcept {
        if (cell_ != nullptr) cell_->close();
    }
    /// True when there is nothing to receive now.
    bool is_empty() const noexcept { return cell_ == nullptr || cell_->look() != answer::value; }
    /// True once the value, or that there is none, was received; and when it was moved from.
    bool is_terminated() const noexcept { return cell_ == nullptr; }

private:
    template<class U>
    friend std::pair<oneshot_sender<U>, oneshot_receiver<U>> oneshot_channel();
    friend class oneshot_recv_future<T>;
    using answer = detail::oneshot_core::answer;

    struct cell_guard {
        detail::oneshot_cell<T>* cell;
        ~cell_guard() { cell->finish(detail::oneshot_core::rest::free_cell_and_value); }
    };

    explicit oneshot_receiver(detail::oneshot_cell<T>* cell) noexcept : cell_(cell) {}
    T take() {
        const cell_guard guard{std::exchange(cell_, nullptr)};
        return std::move(guard.cell->value);
    }
    void leave() noexcept {
        if (auto* cell = std::exchange(cell_, nullptr)) cell->finish(cell->receiver_leaves());
    }

    detail::oneshot_cell<T>* cell_;
};

/// Makes a channel for one value.
///
/// ```cpp
/// auto [tx, rx] = sennit::oneshot_channel<std::string>();
/// tx.send("once");
/// auto text = rx.recv();
/// ```
template<class T>
std::pair<oneshot_sender<T>, oneshot_receiver<T>> oneshot_channel() {
    static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                  "send values that can be moved");
    auto* cell = detail::make_pooled<detail::oneshot_cell<T>>();
    return {oneshot_sender<T>(cell), oneshot_receiver<T>(cell)};
}

} // namespace sennit
