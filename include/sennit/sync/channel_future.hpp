// The cells that channels store, and the futures of a send and a receive.
//
// What a channel stores is a cell, and cells move under the channel's lock. So a T is its own cell only if that is
// cheap and cannot fail: it is trivially copyable and of at most 1 KiB, or its move and its destructor are noexcept and it
// has at most 128 bytes. (They must not use channels themselves.) Every other T travels in a box, allocated by the
// sender. For a T whose move throws that means: when it throws on the way into the box nothing was sent; when it throws
// on the way out, to the receiver, the value has left the channel and is lost.
//
// A future refers to the channel of the handle that it was made from, and keeps it alive only if that handle was an
// rvalue: two counter updates would be a third of a buffered operation.
//
// What happens when flows meet is in channel_core, which knows no T. Inlined here are the ways that nearly all operations take:
// a cell into the ring, a cell out of it, and a cell from or to the one flow that waits for it.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/sync/channel_core.hpp>
#include <sennit/sync/channel_error.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

template<class T>
inline constexpr bool is_own_cell =
    (std::is_trivially_copyable_v<T> && std::is_move_constructible_v<T> && sizeof(T) <= 1024) ||
    (std::is_nothrow_move_constructible_v<T> && std::is_nothrow_destructible_v<T> &&
     sizeof(T) <= 128);

template<class T>
using channel_cell = std::conditional_t<is_own_cell<T>, T, std::unique_ptr<T>>;

template<class T>
channel_cell<T> to_cell(T&& value) {
    if constexpr (is_own_cell<T>) {
        return std::move(value);
    } else {
        return std::make_unique<T>(std::move(value));
    }
}
template<class T>
T&& in_cell(channel_cell<T>& cell) noexcept {
    if constexpr (is_own_cell<T>) {
        return std::move(cell);
    } else {
        return std::move(*cell);
    }
}

template<class Cell>
inline constexpr channel_element element_of{
    sizeof(Cell), alignof(Cell),
    std::is_trivially_copyable_v<Cell> ? nullptr
                                       : +[](void* to, void* from) noexcept {
                                             auto* source = static_cast<Cell*>(from);
                                             ::new (to) Cell(std::move(*source));
                                             source->~Cell();
                                         },
    std::is_trivially_destructible_v<Cell> ? nullptr
                                           : +[](void* cell) noexcept {
                                                 static_cast<Cell*>(cell)->~Cell();
                                             }};

// Room for one cell, which is there or not; whoever has it knows.
template<class Cell>
class cell_room {
public:
    void* address() noexcept { return bytes_; }
    Cell& operator*() noexcept { return *std::launder(reinterpret_cast<Cell*>(bytes_)); }

private:
    alignas(Cell) std::byte bytes_[sizeof(Cell)];
};

// Destroys a cell that was looked at.
template<class Cell>
struct cell_guard {
    Cell& cell;
    ~cell_guard() { cell.~Cell(); }
};

// One handle, counted; null is nil.
class channel_reference {
public:
    channel_reference() noexcept = default;
    explicit channel_reference(channel_core& core) noexcept : core_(&core) {} // takes one over
    channel_reference(const channel_reference& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) core_->add_reference();
    }
    channel_reference(channel_reference&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)) {}
    channel_reference& operator=(channel_reference other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~channel_reference() {
        if (core_ != nullptr) core_->drop_reference();
    }
    channel_core* get() const noexcept { return core_; }

private:
    channel_core* core_ = nullptr;
};

} // namespace detail

/// The future of `async_send`. Yields nothing; throws `channel_error` when the channel is closed, now or while it waits.
///
/// Dropping it withdraws it: either the value was received or buffered, or it is destroyed with the future. Whoever
/// wants it back when something else comes first uses `try_send`.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// sennit::wait(c.async_send(1));
/// ```
template<class T>
class [[nodiscard]] send_future : private detail::channel_waiter {
    using cell_type = detail::channel_cell<T>;

public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    send_future(detail::channel_core* core, detail::channel_reference owner, T&& value)
        : core_(core), owner_(std::move(owner)) {
        ::new (room_.address()) cell_type(detail::to_cell<T>(std::move(value)));
    }
    send_future(send_future&& other) noexcept
        : detail::channel_waiter(std::move(other)),
          core_(other.core_),
          owner_(std::move(other.owner_)) {
        SENNIT_DEBUG_ASSERT(!other.entered_, "a future is moved after it was polled");
        ::new (room_.address()) cell_type(std::move(*other.room_));
    }
    send_future& operator=(send_future&&) = delete;
    ~send_future() {
        if (entered_) [[unlikely]]
            withdraw();
        if (full_) (*room_).~cell_type();
    }

    sennit::poll<void> poll(context& cx) {
        using enum detail::channel_core::answer;
        detail::channel_core::answer a;
        if (!entered_) [[likely]] {
            if (core_ == nullptr) return pending;
            core_->lock();
            if (void* place = core_->push_quickly(sizeof(cell_type))) [[likely]] {
                ::new (place) cell_type(std::move(*room_));
                core_->unlock();
                return sennit::poll<void>::ready();
            }
            if (channel_waiter* receiver = core_->meet_receiver()) {
                ::new (receiver->cell) cell_type(std::move(*room_));
                const waker counterpart = core_->grant(*receiver);
                core_->unlock();
                counterpart.wake();
                return sennit::poll<void>::ready();
            }
            cell = room_.address();
            a = core_->send_or_wait(*this, cx.waker());
        } else {
            a = core_->poll_again(*this, cx.waker());
        }
        entered_ = a == none;
        if (a == none) return pending;
        if (a == closed) throw channel_error(channel_error::cause::send_on_closed);
        full_ = false; // moved out and destroyed
        return sennit::poll<void>::ready();
    }

private:
    SENNIT_NOINLINE void withdraw() noexcept {
        core_->withdraw_sender(*this);
        if (look() == stage::done) full_ = false;
    }

    detail::channel_core* core_;
    detail::channel_reference owner_; // nil when the handle was an lvalue
    bool entered_ = false;
    bool full_ = true;
    detail::cell_room<cell_type> room_;
};

/// The future of `async_recv`. Yields a value, or an empty `std::optional` when the channel is closed and drained.
///
/// Dropping it loses nothing but the place in the queue: a value that was given to it already goes to the next receiver
/// or back into the channel, before everything that is there.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// c.send(7);
/// std::optional<int> seven = sennit::wait(c.async_recv());
/// ```
template<class T>
class [[nodiscard]] recv_future : private detail::channel_waiter {
    using cell_type = detail::channel_cell<T>;

public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    recv_future(detail::channel_core* core, detail::channel_reference owner) noexcept
        : core_(core), owner_(std::move(owner)) {}
    recv_future(recv_future&& other) noexcept
        : detail::channel_waiter(std::move(other)),
          core_(other.core_),
          owner_(std::move(other.owner_)) {
        SENNIT_DEBUG_ASSERT(!other.entered_, "a future is moved after it was polled");
    }
    recv_future& operator=(recv_future&&) = delete;
    ~recv_future() {
        if (entered_) [[unlikely]]
            core_->withdraw_receiver(*this);
    }

    sennit::poll<std::optional<T>> poll(context& cx) {
        using enum detail::channel_core::answer;
        detail::channel_core::answer a;
        if (!entered_) [[likely]] {
            if (core_ == nullptr) return pending;
            core_->lock();
            if (void* front = core_->pop_quickly(sizeof(cell_type))) [[likely]] {
                auto* source = static_cast<cell_type*>(front);
                cell_type taken(std::move(*source));
                source->~cell_type();
                core_->unlock();
                return std::optional<T>(detail::in_cell<T>(taken));
            }
            if (channel_waiter* sender = core_->meet_sender()) {
                auto* source = static_cast<cell_type*>(sender->cell);
                cell_type taken(std::move(*source));
                source->~cell_type();
                const waker counterpart = core_->grant(*sender);
                core_->unlock();
                counterpart.wake();
                return std::optional<T>(detail::in_cell<T>(taken));
            }
            cell = room_.address();
            a = core_->receive_or_wait(*this, cx.waker());
        } else {
            a = core_->poll_again(*this, cx.waker());
        }
        entered_ = a == none;
        if (a == none) return pending;
        if (a == closed) return std::optional<T>();
        return take();
    }

private:
    sennit::poll<std::optional<T>> take() {
        const detail::cell_guard<cell_type> at_end{*room_};
        return std::optional<T>(detail::in_cell<T>(*room_));
    }

    detail::channel_core* core_;
    detail::channel_reference owner_; // nil when the handle was an lvalue
    bool entered_ = false;
    detail::cell_room<cell_type>
        room_; // the cell is there between the grant and the poll that sees it
};

static_assert(future<send_future<int>> && future<recv_future<int>>);

} // namespace sennit
