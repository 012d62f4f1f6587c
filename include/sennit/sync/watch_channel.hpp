// watch_channel: the latest value of something, and who wants to know when it changes.
//
// There is one place for a value. Sending replaces what stands there; a receiver that is slow misses what
// was in between, never the last. The protocol stands in sync/watch_core.hpp; this is its typed shell.
//
// Nobody changes a value that was sent: `borrow` hands out a reference to it that keeps it alive, and
// the next value is another object. So a borrowed value holds no lock, may be held across waits, and
// delays no sender; tokio's holds a lock, and waiting with it in hand is a deadlock. The price: every
// value is a pooled cell, and to modify means to copy. (Source: R-MP-4.)
//
// Futures borrow from the handle that made them: let the handle live as long, where it is.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/pooled.hpp>
#include <sennit/sync/recv_error.hpp>
#include <sennit/sync/send_error.hpp>
#include <sennit/sync/shared_cell.hpp>
#include <sennit/sync/watch_core.hpp>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <mutex>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
class watch_sender;
template<class T>
class watch_receiver;

namespace detail {

// One end. The last handle lets the value go and frees the core.
template<class T, bool Sends>
class watch_handle {
public:
    watch_handle() noexcept = default;
    // Adopts a count that was made.
    explicit watch_handle(watch_core* core) noexcept : core_(core) {}
    watch_handle(const watch_handle& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) Sends ? core_->add_sender() : core_->add_receiver();
    }
    watch_handle(watch_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    watch_handle& operator=(watch_handle other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~watch_handle() {
        if (core_ == nullptr || !(Sends ? core_->drop_sender() : core_->drop_receiver())) return;
        const shared_reference<T> latest(core_->latest());
        destroy_pooled(core_);
    }

    watch_core& operator*() const noexcept {
        SENNIT_DEBUG_ASSERT(core_ != nullptr,
                            "this end of a channel is empty: moved from, or not "
                            "made by watch_channel()");
        return *core_;
    }
    watch_core* operator->() const noexcept { return &**this; }
    watch_core* get() const noexcept { return core_; }

private:
    watch_core* core_ = nullptr;
};

} // namespace detail

/// A value that was sent, shared with everybody who looks at it, and alive as long as this. It holds no
/// lock: keep it as long as you like.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(1);
/// sennit::watch_ref<int> old = rx.borrow();
/// tx.send(2);
/// std::printf("%d %d\n", *old, *rx.borrow());  // 1 2
/// ```
template<class T>
class [[nodiscard]] watch_ref {
public:
    watch_ref(detail::shared_reference<T> value, bool is_new) noexcept
        : value_(std::move(value)), is_new_(is_new) {}

    const T& operator*() const noexcept { return value_.get()->value; }
    const T* operator->() const noexcept { return &value_.get()->value; }
    /// True when the receiver that it was borrowed from had not seen it before.
    bool has_changed() const noexcept { return is_new_; }

private:
    detail::shared_reference<T> value_;
    bool is_new_;
};

/// The future of `async_changed`. Dropping it loses nothing: a value counts as seen only when it is ready.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(1);
/// tx.send(2);
/// auto changed = sennit::wait(rx.async_changed());
/// ```
template<class T>
class [[nodiscard]] watch_changed_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit watch_changed_future(watch_receiver<T>& r) noexcept : receiver_(r) {}
    watch_changed_future(watch_changed_future&& other) noexcept : receiver_(other.receiver_) {}
    watch_changed_future& operator=(watch_changed_future&&) = delete;
    ~watch_changed_future() {
        if (entered()) receiver_.core_->drop(*this);
    }

    sennit::poll<std::expected<void, recv_error>> poll(context& cx) noexcept {
        using answer = std::expected<void, recv_error>;
        switch (receiver_.core_->poll_changed(*this, receiver_.seen_, cx)) {
            case detail::watch_core::change::pending:
                return pending;
            case detail::watch_core::change::changed:
                return answer();
            default:
                return answer(std::unexpect, recv_error::closed);
        }
    }

private:
    watch_receiver<T>& receiver_;
};

/// The future of `async_wait_for`. Dropping it loses nothing: the value counts as seen only when it is
/// ready.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(1);
/// auto positive = sennit::wait(rx.async_wait_for([](int v) { return v > 0; }));
/// ```
template<class T, class Fn>
class [[nodiscard]] watch_wait_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    watch_wait_future(watch_receiver<T>& r, Fn f) : receiver_(r), wanted_(std::move(f)) {}
    watch_wait_future(watch_wait_future&& other) noexcept(std::is_nothrow_move_constructible_v<Fn>)
        : receiver_(other.receiver_), wanted_(std::move(other.wanted_)) {}
    watch_wait_future& operator=(watch_wait_future&&) = delete;
    ~watch_wait_future() {
        if (entered()) receiver_.core_->drop(*this);
    }

    sennit::poll<std::expected<watch_ref<T>, recv_error>> poll(context& cx) {
        using answer = std::expected<watch_ref<T>, recv_error>;
        detail::watch_core& core = *receiver_.core_;
        for (int looks = 0; looks < looks_max; ++looks) {
            std::uint64_t version = 0;
            detail::shared_reference<T> value(core.borrow(version));
            if (version != looked_at_) {
                looked_at_ = version;
                if (wanted_(std::as_const(value.get()->value))) {
                    const bool is_new = std::exchange(receiver_.seen_, version) != version;
                    return answer(std::in_place, std::move(value), is_new);
                }
            }
            switch (core.poll_changed(*this, version, cx)) {
                case detail::watch_core::change::pending:
                    return pending;
                case detail::watch_core::change::changed:
                    break;
                case detail::watch_core::change::closed:
                    receiver_.seen_ = looked_at_;
                    return answer(std::unexpect, recv_error::closed);
            }
        }
        cx.waker().wake(); // values come faster than they are looked at: others first
        return pending;
    }

private:
    static constexpr int looks_max = 16; // in one poll
    static constexpr std::uint64_t no_version = detail::watch_core::closed_bit;

    watch_receiver<T>& receiver_;
    Fn wanted_;
    std::uint64_t looked_at_ = no_version;
};

/// The future of `watch_sender::async_closed`. Dropping it withdraws it.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(1);
/// { auto gone = std::move(rx); }
/// sennit::wait(tx.async_closed());
/// ```
class [[nodiscard]] watch_closed_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit watch_closed_future(detail::watch_core& core) noexcept : core_(core) {}
    watch_closed_future(watch_closed_future&& other) noexcept : core_(other.core_) {}
    watch_closed_future& operator=(watch_closed_future&&) = delete;
    ~watch_closed_future() {
        if (entered()) core_.drop(*this);
    }

    sennit::poll<void> poll(context& cx) noexcept {
        if (core_.poll_closed(*this, cx)) return sennit::poll<void>::ready();
        return pending;
    }

private:
    detail::watch_core& core_;
};

/// The end that sets the value. A copy is another sender; any flow may use any of them, at the same time.
/// Nothing of it waits for a receiver. While one flow is inside of `send_modify` or `send_if_modified`,
/// the others' sends wait for it, deaf to stop.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(0);
/// tx.send_modify([](int& v) { ++v; });
/// std::printf("%d\n", *rx.borrow());
/// ```
/// Cost: a pooled cell for each value; one waker for each receiver that waits.
template<class T>
class [[nodiscard]] watch_sender {
public:
    using value_type = T;
    /// Empty, as one that was moved from: it may only be assigned to, copied and destroyed, and asked
    /// whether it is. So `tx = {}` drops a sender.
    watch_sender() noexcept = default;
    explicit watch_sender(detail::watch_handle<T, true> core) noexcept : core_(std::move(core)) {}

    /// Makes the value the latest, and wakes the receivers that wait. Gives it back, and the latest
    /// stays what it was, when there is no receiver.
    std::expected<void, send_error<T>> send(T value) const {
        reference next = make(std::move(value));
        if (!publish(next, true)) {
            return std::unexpected(send_error<T>{std::move(next.get()->value)});
        }
        return {};
    }
    /// Makes the value the latest whether there are receivers or not, and returns the one before.
    watch_ref<T> send_replace(T value) const {
        reference next = make(std::move(value));
        (void)publish(next, false);
        return watch_ref<T>(std::move(next), false);
    }
    /// Copies the latest value, lets `f(T&)` change the copy and makes it the latest, whether there are
    /// receivers or not. If `f` throws, nothing has happened. `f` must not send on this channel.
    template<std::invocable<T&> Fn>
    void send_modify(Fn&& f) const
        requires(std::copy_constructible<T>)
    {
        (void)send_if_modified([&](T& value) {
            f(value);
            return true;
        });
    }
    /// The same with an `f` that says whether it has changed something; if not, nothing has happened.
    /// Returns what `f` said.
    template<std::predicate<T&> Fn>
    bool send_if_modified(Fn&& f) const
        requires(std::copy_constructible<T>)
    {
        std::uint64_t version = 0;
        reference next; // destroyed after the guard
        const std::unique_lock writing = begin_writing();
        {
            const reference latest(core_->borrow(version));
            next = make(std::as_const(latest.get()->value));
        }
        if (!f(next.get()->value)) return false;
        exchange(next, false);
        return true;
    }

    /// The latest value.
    watch_ref<T> borrow() const noexcept {
        std::uint64_t version = 0;
        return watch_ref<T>(reference(core_->borrow(version)), false);
    }
    /// A receiver that has seen the latest value.
    watch_receiver<T> subscribe() const noexcept {
        core_->add_receiver();
        return watch_receiver<T>(detail::watch_handle<T, false>(core_.get()));
    }

    /// True while there is no receiver.
    bool is_closed() const noexcept { return receiver_count() == 0; }
    /// Waits until there is none. Throws `stopped`.
    void closed() const { wait(async_closed()); }
    watch_closed_future async_closed() const noexcept { return watch_closed_future(*core_); }
    std::size_t receiver_count() const noexcept { return core_->receivers(); }
    std::size_t sender_count() const noexcept { return core_->senders(); }
    /// True when both send into one channel.
    bool same_channel(const watch_sender& other) const noexcept {
        return core_.get() == other.core_.get();
    }
    /// False when it is empty.
    explicit operator bool() const noexcept { return core_.get() != nullptr; }

private:
    using reference = detail::shared_reference<T>;

    template<class U>
    static reference make(U&& value) {
        return reference(detail::make_pooled<detail::shared_cell<T>>(std::forward<U>(value)));
    }
    std::unique_lock<mutex> begin_writing() const {
        if (core_->writing().try_lock()) [[likely]]
            return std::unique_lock(core_->writing(), std::adopt_lock);
        return detail::wait_shielded(core_->writing().async_lock());
    }
    // `next` becomes the one before, unless it was refused.
    bool exchange(reference& next, bool needs_receiver) const noexcept {
        detail::shared_cell_base* last = core_->publish(*next.get(), needs_receiver);
        if (last == nullptr) return false;
        next.release();
        next = reference(last);
        return true;
    }
    bool publish(reference& next, bool needs_receiver) const {
        const std::unique_lock writing = begin_writing();
        return exchange(next, needs_receiver);
    }

    detail::watch_handle<T, true> core_;
};

/// The end that looks. A copy is another receiver, which has seen what this one has. Each is used by one
/// flow at a time.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<int>(0);
/// sennit::go([last = std::move(tx)] { last.send(1); });
/// while (rx.changed()) std::printf("%d\n", *rx.borrow_and_update());
/// ```
/// Cost: to see that nothing is new, one load; to borrow, a lock of one byte and a count.
/// Source: R-MP-4.
template<class T>
class [[nodiscard]] watch_receiver {
public:
    using value_type = T;
    explicit watch_receiver(detail::watch_handle<T, false> core) noexcept
        : core_(std::move(core)), seen_(core_->version()) {}

    /// The latest value, also after the senders are gone. Whether it counts as seen does not change.
    watch_ref<T> borrow() const noexcept {
        std::uint64_t version = 0;
        detail::shared_reference<T> value(core_->borrow(version));
        return watch_ref<T>(std::move(value), version != seen_);
    }
    /// The same; now it is seen.
    watch_ref<T> borrow_and_update() noexcept {
        std::uint64_t version = 0;
        detail::shared_reference<T> value(core_->borrow(version));
        return watch_ref<T>(std::move(value), std::exchange(seen_, version) != version);
    }

    /// Waits until there is a value that was not seen; now it counts as seen. `recv_error::closed` when
    /// all were seen and the senders are gone: the last value is never missed. Throws `stopped`.
    std::expected<void, recv_error> changed() { return wait(async_changed()); }
    watch_changed_future<T> async_changed() noexcept { return watch_changed_future<T>(*this); }
    /// Never waits. `recv_error::closed` when the senders are gone, also if the last value was not seen.
    std::expected<bool, recv_error> has_changed() const noexcept {
        if (core_->is_closed_for_receivers()) return std::unexpected(recv_error::closed);
        return core_->version() != seen_;
    }
    /// The latest value counts as not seen, or as seen.
    void mark_changed() noexcept { seen_ = detail::watch_core::closed_bit; } // no version is that
    void mark_unchanged() noexcept { seen_ = core_->version(); }

    /// Waits for a value, the present one included, of which `wanted(const T&)` is true, and marks it as
    /// seen. `recv_error::closed` when the senders are gone and the last one was none. `wanted` is called
    /// once for each value that it gets to see, not under a lock; what it throws passes through.
    /// Throws `stopped`.
    template<std::predicate<const T&> Fn>
    std::expected<watch_ref<T>, recv_error> wait_for(Fn wanted) {
        return wait(async_wait_for(std::move(wanted)));
    }
    template<std::predicate<const T&> Fn>
    watch_wait_future<T, Fn> async_wait_for(Fn wanted) {
        return {*this, std::move(wanted)};
    }

    /// True when the senders are gone: no other value will come.
    bool is_closed() const noexcept { return core_->is_closed_for_receivers(); }
    /// True when both look at one channel.
    bool same_channel(const watch_receiver& other) const noexcept {
        return core_.get() == other.core_.get();
    }

private:
    friend class watch_changed_future<T>;
    template<class, class>
    friend class watch_wait_future;

    detail::watch_handle<T, false> core_;
    std::uint64_t seen_; // version
};

/// Makes a channel whose value is `init` at first; the receiver has seen that.
///
/// ```cpp
/// auto [tx, rx] = sennit::watch_channel<std::string>("starting");
/// tx.send("running");
/// std::puts(rx.borrow()->c_str());
/// ```
template<class T>
std::pair<watch_sender<T>, watch_receiver<T>> watch_channel(T init) {
    static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                  "send values that can be moved");
    detail::shared_reference<T> first(detail::make_pooled<detail::shared_cell<T>>(std::move(init)));
    auto* core = detail::make_pooled<detail::watch_core>(*first.get());
    first.release();
    return {watch_sender<T>(detail::watch_handle<T, true>(core)),
            watch_receiver<T>(detail::watch_handle<T, false>(core))};
}

} // namespace sennit
