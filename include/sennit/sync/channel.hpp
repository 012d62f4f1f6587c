// Channels: Go's, for every kind of flow.
//
// A channel is shared by its handles. `chan<T>` sends and receives, `send_chan<T>` and `recv_chan<T>` do one of the two
// and are made from it, never the other way round. A handle that was not made by make_chan is nil: it waits for ever.
// What is stored and how it moves is in channel_future.hpp.
//
// The order between flows (G-CH-16): a send precedes the receive of its value, a close the receives that report it; the
// k-th receive precedes the end of the (k + capacity)-th send. All by the channel's lock, or the store and load of `at`.
#pragma once

#include <sennit/core/wait.hpp>
#include <sennit/sync/channel_core.hpp>
#include <sennit/sync/channel_error.hpp>
#include <sennit/sync/channel_future.hpp>
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
    /// An element that is boxed (see channel_future.hpp) is moved into its box, and back if the room is gone by then.
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
/// Cost: one spin lock for each operation; nothing is allocated but boxes (see channel_future.hpp).
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

static_assert(std::input_iterator<chan<int>::iterator>);

} // namespace sennit

/// Handles may be keys of unordered containers: those of one channel are one key.
template<class T>
struct std::hash<sennit::chan<T>> {
    std::size_t operator()(const sennit::chan<T>& c) const noexcept {
        return std::hash<const void*>()(c.core());
    }
};
