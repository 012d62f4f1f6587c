// Channels: Go's, for every kind of flow.
//
// A channel is shared by its handles. `chan<T>` sends and receives, `send_chan<T>` and `recv_chan<T>` do one of the two
// and are made from it, never the other way round. A handle that was not made by make_chan is nil: it waits for ever.
// This file is a typed shell: what happens when flows meet is in channel_core, which knows no T. Inlined here are only
// the two ways that meet nobody: a cell into the ring, a cell out of it.
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
// The order between flows (G-CH-16): a send precedes the receive of its value, a close the receives that report it; the
// k-th receive precedes the end of the (k + capacity)-th send. All by the channel's lock, or the store and load of `at`.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/channel_core.hpp>
#include <sennit/sync/channel_error.hpp>
#include <sennit/sync/recv_error.hpp>

#include <concepts>
#include <cstddef>
#include <expected>
#include <iterator>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
class chan;
template<class T>
class send_chan;
template<class T>
class recv_chan;

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

namespace detail {

// What every handle of a channel of T can do.
template<class T>
class channel_handle {
    static_assert(std::is_object_v<T> && !std::is_const_v<T> && std::is_move_constructible_v<T>,
                  "the elements of a channel are values that can be moved");

public:
    using value_type = T;

    /// The values that could be received now without waiting for a sender: a snapshot. It exceeds `cap` for a moment
    /// when a receiver is dropped between being given a value and taking it. 0 for nil. Source: G-CH-10.
    std::size_t len() const noexcept { return core() != nullptr ? core()->size() : 0; }
    /// The capacity that make_chan was given; 0 for nil.
    std::size_t cap() const noexcept { return core() != nullptr ? core()->capacity() : 0; }
    /// False for nil.
    explicit operator bool() const noexcept { return core() != nullptr; }
    /// Handles are equal when they are of one channel, or both nil, whatever their directions. Source: G-CH-13.
    friend bool operator==(const channel_handle& a, const channel_handle& b) noexcept {
        return a.core() == b.core();
    }

    /// For `select`.
    channel_core* core() const noexcept { return reference_.get(); }
    const channel_reference& reference() const& noexcept { return reference_; }
    channel_reference&& reference() && noexcept { return std::move(reference_); }

protected:
    channel_handle() noexcept = default;
    explicit channel_handle(channel_reference r) noexcept : reference_(std::move(r)) {}
    ~channel_handle() = default;
    channel_handle(const channel_handle&) noexcept = default;
    channel_handle(channel_handle&&) noexcept = default;
    channel_handle& operator=(const channel_handle&) noexcept = default;
    channel_handle& operator=(channel_handle&&) noexcept = default;

private:
    channel_reference reference_;
};

// Moves a cell into the channel if there is room for it or somebody waits for it. May throw.
template<class Cell>
bool try_send_cell(channel_core& core, Cell& value) {
    channel_core::target to;
    core.lock();
    const channel_core::answer a = core.find_place(nullptr, to);
    if (a == channel_core::answer::done) {
        ::new (to.cell) Cell(std::move(value));
        const waker receiver = core.settle(to);
        core.unlock();
        receiver.wake();
        return true;
    }
    core.unlock();
    if (a == channel_core::answer::closed)
        throw channel_error(channel_error::cause::send_on_closed);
    return false;
}

template<class T>
bool try_send_to(channel_core& core, T& value) {
    if constexpr (is_own_cell<T>) {
        return try_send_cell(core, value);
    } else {
        static_assert(std::movable<T>, "try_send has to move the value back when there is no room");
        if (!core.has_place()) return false;
        auto box = std::make_unique<T>(std::move(value));
        try {
            if (try_send_cell(core, box)) return true;
        } catch (...) { // closed meanwhile
            value = std::move(*box);
            throw;
        }
        value = std::move(*box);
        return false;
    }
}

template<class Handle, class T>
class sending_end {
public:
    /// Sends: waits until a receiver takes the value or the buffer has room for it. Throws `channel_error` when the
    /// channel is closed, also if that happens while it waits, and then nothing was sent; `stopped` when the flow is asked to
    /// stop first (a receiver may still take the value while the future is withdrawn). On nil it waits for ever. Source: G-CH-2, G-CH-3, G-CH-5, G-CH-8.
    void send(T value) const { wait(send_future<T>(self(), {}, std::move(value))); }
    /// The future of a send.
    send_future<T> async_send(T value) const& { return {self(), {}, std::move(value)}; }
    send_future<T> async_send(T value) && {
        channel_core* c = self();
        return {c, static_cast<Handle&&>(*this).reference(), std::move(value)};
    }
    /// Sends if that needs no waiting: false, and the value is untouched, when it does. Throws as `send` does; then the
    /// value is untouched too. Always false on nil.
    ///
    /// An element that is boxed (see the head of the file) is moved into its box, and back if the room is gone by then.
    [[nodiscard]] bool try_send(T&& value) const {
        return self() != nullptr && detail::try_send_to<T>(*self(), value);
    }
    /// Sends a copy.
    [[nodiscard]] bool try_send(const T& value) const
        requires std::copy_constructible<T>
    {
        return try_send(T(value));
    }
    /// Ends the channel: receivers get what is buffered and then nothing, for ever. Wakes everybody who waits. Throws
    /// `channel_error` when it is closed already or nil. Source: G-CH-4, G-CH-6, G-CH-7.
    void close() const {
        if (self() == nullptr) throw channel_error(channel_error::cause::close_of_nil);
        self()->close();
    }

private:
    channel_core* self() const noexcept { return static_cast<const Handle&>(*this).core(); }
};

template<class Handle, class T>
class receiving_end {
public:
    class iterator;

    /// Receives: waits for a value; an empty `std::optional` when the channel is closed and drained. Throws `stopped`
    /// when the flow is asked to stop first, and then nothing was received. On nil it waits for ever. Source: G-CH-2 to G-CH-4,
    /// G-CH-8.
    std::optional<T> recv() const { return wait(recv_future<T>(self(), {})); }
    /// The future of a receive.
    recv_future<T> async_recv() const& { return {self(), {}}; }
    recv_future<T> async_recv() && {
        channel_core* c = self();
        return {c, static_cast<Handle&&>(*this).reference()};
    }
    /// Receives if that needs no waiting; else says why not. Always `recv_error::empty` on nil.
    [[nodiscard]] std::expected<T, recv_error> try_recv() const {
        if (self() == nullptr) return std::unexpected(recv_error::empty);
        cell_room<channel_cell<T>> room;
        switch (self()->receive_now(room.address())) {
            case channel_core::answer::done:
                break;
            case channel_core::answer::closed:
                return std::unexpected(recv_error::closed);
            case channel_core::answer::none:
                return std::unexpected(recv_error::empty);
        }
        const cell_guard<channel_cell<T>> at_end{*room};
        return in_cell<T>(*room);
    }

    /// `for (T& v : c)` receives until the channel is closed and drained. Source: G-CH-12.
    iterator begin() const { return iterator(self()); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    channel_core* self() const noexcept { return static_cast<const Handle&>(*this).core(); }
};

// Holds the value that was received last. Refers to the channel.
template<class Handle, class T>
class receiving_end<Handle, T>::iterator {
public:
    using iterator_concept = std::input_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(channel_core* core) : core_(core) { receive(); }
    iterator(iterator&&) = default;
    iterator& operator=(iterator&&) = default;

    T& operator*() const noexcept { return *value_; }
    T* operator->() const noexcept { return &*value_; }
    iterator& operator++() {
        receive();
        return *this;
    }
    void operator++(int) { receive(); }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
        return !i.value_.has_value();
    }

private:
    void receive() {
        value_.reset();
        std::optional<T> next = wait(recv_future<T>(core_, {}));
        if (next) value_.emplace(std::move(*next));
    }

    channel_core* core_;
    mutable std::optional<T> value_;
};

} // namespace detail

/// The sending side of a channel, or nil. Made from a `chan<T>`; it cannot receive, which the compiler checks.
///
/// ```cpp
/// void produce(sennit::send_chan<int> out) {
///     for (int i = 0; i < 3; ++i) out.send(i);
///     out.close();
/// }
/// void consume() {
///     auto c = sennit::make_chan<int>();
///     sennit::go(produce, c);
///     for (int v : c) std::printf("%d\n", v);
/// }
/// ```
/// Source: G-CH-11.
template<class T>
class send_chan : public detail::channel_handle<T>, public detail::sending_end<send_chan<T>, T> {
public:
    send_chan() noexcept = default;
    send_chan(const chan<T>& c) noexcept : detail::channel_handle<T>(c.reference()) {}
    send_chan(chan<T>&& c) noexcept : detail::channel_handle<T>(std::move(c).reference()) {}
};

/// The receiving side of a channel, or nil. It can neither send nor close.
///
/// ```cpp
/// int sum(sennit::recv_chan<int> in) {
///     int total = 0;
///     for (int v : in) total += v;
///     return total;
/// }
/// ```
/// Source: G-CH-6, G-CH-11.
template<class T>
class recv_chan : public detail::channel_handle<T>, public detail::receiving_end<recv_chan<T>, T> {
public:
    recv_chan() noexcept = default;
    recv_chan(const chan<T>& c) noexcept : detail::channel_handle<T>(c.reference()) {}
    recv_chan(chan<T>&& c) noexcept : detail::channel_handle<T>(std::move(c).reference()) {}
};

/// A channel, or nil: a handle that is copied freely; the channel lives as long as one of them. Values come out in the
/// order in which they went in, waiting flows are served in the order in which they came, and all of it may be used from
/// fibers, tasks and plain threads at once. One word.
///
/// `send` and `recv` wait; their futures do so in a task; `try_send` and `try_recv` never do. Misuse throws
/// `channel_error`. What stop and drop do is said at each operation: no value is lost or seen twice.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(10);
/// sennit::go([c] {
///     for (int i : {1, 2, 3}) c.send(i);
///     c.close();
/// });
/// for (int v : c) std::printf("%d\n", v);
/// ```
/// Cost: one spin lock for each operation; nothing is allocated but boxes (see the head of the file).
/// Source: G-CH-1 to G-CH-17.
template<class T>
class chan : public detail::channel_handle<T>,
             public detail::sending_end<chan<T>, T>,
             public detail::receiving_end<chan<T>, T> {
public:
    /// Nil.
    chan() noexcept = default;
    /// For make_chan.
    explicit chan(detail::channel_reference made) noexcept
        : detail::channel_handle<T>(std::move(made)) {}
};

/// Makes a channel with room for `capacity` values; with none, each send meets its receive. Throws `channel_error` when
/// the capacity is negative or too large. The room is allocated here.
///
/// ```cpp
/// auto meeting = sennit::make_chan<std::string>();
/// auto buffered = sennit::make_chan<std::unique_ptr<int>>(100);
/// ```
/// Source: G-CH-1.
template<class T, std::integral N = int>
[[nodiscard]] chan<T> make_chan(N capacity = 0) {
    if (std::cmp_less(capacity, 0)) throw channel_error(channel_error::cause::bad_capacity);
    return chan<T>(detail::channel_reference(*detail::channel_core::make(
        detail::element_of<detail::channel_cell<T>>, static_cast<std::size_t>(capacity))));
}

static_assert(future<send_future<int>> && future<recv_future<int>>);
static_assert(std::input_iterator<chan<int>::iterator>);

} // namespace sennit

/// Handles may be keys of unordered containers: those of one channel are one key.
template<class T>
struct std::hash<sennit::chan<T>> {
    std::size_t operator()(const sennit::chan<T>& c) const noexcept {
        return std::hash<const void*>()(c.core());
    }
};
