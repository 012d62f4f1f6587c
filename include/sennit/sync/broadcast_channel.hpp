// broadcast_channel: every receiver sees every value that is sent after it came.
//
// The last values are kept, as many as the channel has room for. Nobody waits for a slow receiver: what it
// misses is gone for it, and it is told once how many those were (tokio's lag rules, R-MP-3). The
// protocol stands in sync/broadcast_core.hpp; this is its typed shell.
//
// Each receiver gets a copy, the last one to take a value gets the value itself. Futures borrow from the
// handle that made them: let the handle live as long, where it is.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/base/error.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/broadcast_core.hpp>
#include <sennit/sync/pooled.hpp>
#include <sennit/sync/send_error.hpp>
#include <sennit/sync/shared_cell.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <system_error>
#include <type_traits>
#include <utility>

namespace sennit {

template<class T>
class broadcast_sender;
template<class T>
class broadcast_receiver;

/// Why a receiver of a broadcast got no value: it has missed some, none will come any more, or, from
/// `try_recv` only, none is there yet. Turns into an `error` by itself.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(2);
/// for (int i : {1, 2, 3}) tx.send(i);
/// auto first = rx.recv();
/// if (!first && first.error().is_lagged()) std::printf("missed %zu\n", first.error().lagged());
/// ```
class broadcast_recv_error {
public:
    static constexpr broadcast_recv_error empty() noexcept { return {cause::empty, 0}; }
    static constexpr broadcast_recv_error closed() noexcept { return {cause::closed, 0}; }
    static constexpr broadcast_recv_error lagged_by(std::size_t count) noexcept {
        return {cause::lagged, count};
    }

    constexpr bool is_empty() const noexcept { return why_ == cause::empty; }
    constexpr bool is_lagged() const noexcept { return why_ == cause::lagged; }
    constexpr bool is_closed() const noexcept { return why_ == cause::closed; }
    /// How many values were missed; the next receive yields the oldest that is kept.
    constexpr std::size_t lagged() const noexcept { return count_; }

    operator error() const {
        if (is_closed()) return {errc::closed, "recv"};
        if (is_lagged()) return {errc::limit_exceeded, "recv"};
        return {std::errc::resource_unavailable_try_again, "try_recv"};
    }
    friend constexpr bool operator==(broadcast_recv_error, broadcast_recv_error) = default;

private:
    enum class cause : std::uint8_t { empty, lagged, closed };
    constexpr broadcast_recv_error(cause why, std::size_t count) noexcept
        : why_(why), count_(count) {}

    cause why_;
    std::size_t count_;
};

namespace detail {

// What stands in the ring.
template<class T>
using broadcast_element = std::conditional_t<is_unboxed<T>, T, shared_cell<T>*>;

// Counts as a sender, or as a weak one.
template<bool Weak>
class broadcast_handle {
public:
    broadcast_handle() noexcept = default;
    // Adopts a count that was made.
    explicit broadcast_handle(broadcast_core* core) noexcept : core_(core) {}
    broadcast_handle(const broadcast_handle& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) Weak ? core_->add_weak() : core_->add_sender();
    }
    broadcast_handle(broadcast_handle&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)) {}
    broadcast_handle& operator=(broadcast_handle other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~broadcast_handle() {
        if (core_ != nullptr) Weak ? core_->drop_weak() : core_->drop_sender();
    }

    broadcast_core& operator*() const noexcept {
        SENNIT_DEBUG_ASSERT(core_ != nullptr,
                            "this end of a channel is empty: moved from, or not "
                            "made by broadcast_channel()");
        return *core_;
    }
    broadcast_core* operator->() const noexcept { return &**this; }
    broadcast_core* get() const noexcept { return core_; }

private:
    broadcast_core* core_ = nullptr;
};

} // namespace detail

/// The future of `broadcast_receiver::async_recv`. Dropping it loses nothing: a value is taken, and a lag
/// reported, only in the poll that is ready.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(4);
/// tx.send(1);
/// auto value = sennit::wait(rx.async_recv());
/// ```
template<class T>
class [[nodiscard]] broadcast_recv_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit broadcast_recv_future(broadcast_receiver<T>& r) noexcept : receiver_(r) {}
    broadcast_recv_future(broadcast_recv_future&& other) noexcept : receiver_(other.receiver_) {}
    broadcast_recv_future& operator=(broadcast_recv_future&&) = delete;
    ~broadcast_recv_future() {
        if (entered()) receiver_.core_->drop(*this);
    }

    sennit::poll<std::expected<T, broadcast_recv_error>> poll(context& cx) {
        auto answer = receiver_.take(this, &cx);
        if (!answer && answer.error().is_empty()) return pending;
        return answer;
    }

private:
    broadcast_receiver<T>& receiver_;
};

/// The future of `broadcast_sender::async_closed`. Dropping it withdraws it.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(1);
/// { auto gone = std::move(rx); }
/// sennit::wait(tx.async_closed());
/// ```
class [[nodiscard]] broadcast_closed_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit broadcast_closed_future(detail::broadcast_core& core) noexcept : core_(core) {}
    broadcast_closed_future(broadcast_closed_future&& other) noexcept : core_(other.core_) {}
    broadcast_closed_future& operator=(broadcast_closed_future&&) = delete;
    ~broadcast_closed_future() {
        if (entered()) core_.drop(*this);
    }

    sennit::poll<void> poll(context& cx) noexcept {
        if (core_.poll_closed(*this, cx)) return sennit::poll<void>::ready();
        return pending;
    }

private:
    detail::broadcast_core& core_;
};

/// A sender's reference that does not keep the channel open.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(1);
/// auto weak = tx.downgrade();
/// if (auto strong = weak.upgrade()) strong->send(1);
/// ```
template<class T>
class [[nodiscard]] broadcast_weak_sender {
public:
    explicit broadcast_weak_sender(detail::broadcast_handle<true> core) noexcept
        : core_(std::move(core)) {}

    /// A sender, or nothing when all senders are gone.
    std::optional<broadcast_sender<T>> upgrade() const noexcept {
        if (!core_->upgrade()) return std::nullopt;
        return broadcast_sender<T>(detail::broadcast_handle<false>(core_.get()));
    }
    std::size_t strong_count() const noexcept { return core_->senders(); }
    std::size_t weak_count() const noexcept { return core_->weak_senders(); }

private:
    detail::broadcast_handle<true> core_;
};

/// The end that sends, and never waits. A copy is another sender; any flow may use any of them, at the
/// same time.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(16);
/// auto other = tx.subscribe();
/// tx.send(1);
/// std::printf("%d %d\n", rx.recv().value(), other.recv().value());
/// ```
/// Cost: a lock of one byte, one waker for each receiver that waits, and for large or non-trivial values
/// a pooled cell.
template<class T>
class [[nodiscard]] broadcast_sender {
public:
    using value_type = T;
    /// Empty, as one that was moved from: it may only be assigned to, copied and destroyed, and asked
    /// whether it is. So `tx = {}` drops a sender.
    broadcast_sender() noexcept = default;
    explicit broadcast_sender(detail::broadcast_handle<false> core) noexcept
        : core_(std::move(core)) {}

    /// Sends to all receivers, and returns how many there are. Gives the value back when there is none.
    /// When the channel is full the oldest value makes room.
    std::expected<std::size_t, send_error<T>> send(T value) const {
        std::size_t receivers = 0;
        if constexpr (detail::is_unboxed<T>) {
            std::optional<T> lost;
            receivers = core_->send(value, lost);
            if (receivers == 0) return std::unexpected(send_error<T>{std::move(value)});
        } else {
            std::optional<detail::shared_cell<T>*> lost;
            detail::shared_reference<T> cell(
                detail::make_pooled<detail::shared_cell<T>>(std::move(value)));
            receivers = core_->send(cell.get(), lost);
            if (receivers == 0) {
                return std::unexpected(send_error<T>{std::move(cell.get()->value)});
            }
            cell.release();
            if (lost) detail::shared_reference<T>{*lost};
        }
        return receivers;
    }

    /// A receiver of what is sent from now on.
    broadcast_receiver<T> subscribe() const noexcept {
        const std::uint64_t next = core_->add_receiver();
        return broadcast_receiver<T>(*core_, next);
    }

    /// Values that are kept because a receiver has not seen them.
    std::size_t len() const noexcept { return core_->template len<detail::broadcast_element<T>>(); }
    bool is_empty() const noexcept { return len() == 0; }
    /// True while there is no receiver.
    bool is_closed() const noexcept { return receiver_count() == 0; }
    /// Waits until there is none. Throws `stopped`.
    void closed() const { wait(async_closed()); }
    broadcast_closed_future async_closed() const noexcept {
        return broadcast_closed_future(*core_);
    }
    std::size_t receiver_count() const noexcept { return core_->receivers(); }
    std::size_t strong_count() const noexcept { return core_->senders(); }
    std::size_t weak_count() const noexcept { return core_->weak_senders(); }
    broadcast_weak_sender<T> downgrade() const noexcept {
        core_->add_weak();
        return broadcast_weak_sender<T>(detail::broadcast_handle<true>(core_.get()));
    }
    /// True when both send into one channel.
    bool same_channel(const broadcast_sender& other) const noexcept {
        return core_.get() == other.core_.get();
    }
    /// False when it is empty.
    explicit operator bool() const noexcept { return core_.get() != nullptr; }

private:
    detail::broadcast_handle<false> core_;
};

/// The end that receives: moved and not copied, used by one flow at a time. Destroying it lets go what
/// only it has not seen.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<int>(16);
/// { auto last = std::move(tx); last.send(1); }
/// for (auto v = rx.recv(); v || v.error().is_lagged(); v = rx.recv()) {
///     if (v) std::printf("%d\n", *v);
/// }
/// ```
/// Cost: a lock of one byte and a copy. Source: R-MP-3.
template<class T>
class [[nodiscard]] broadcast_receiver {
public:
    using value_type = T;
    broadcast_receiver(detail::broadcast_core& core, std::uint64_t next) noexcept
        : core_(&core), next_(next) {}
    broadcast_receiver(broadcast_receiver&& other) noexcept
        : core_(std::exchange(other.core_, nullptr)), next_(other.next_) {}
    broadcast_receiver& operator=(broadcast_receiver&& other) noexcept {
        broadcast_receiver moved(std::move(other));
        std::swap(core_, moved.core_);
        std::swap(next_, moved.next_);
        return *this;
    }
    ~broadcast_receiver() {
        if (core_ == nullptr) return;
        core_->template drop_receiver<element>(
            next_, [](auto* cell) { detail::shared_reference<T>{cell}; });
    }

    /// Waits for the next value. The error says that values were missed, once for each time, or that all
    /// senders are gone and all is received. Throws `stopped`; no value is lost then. If copying T
    /// throws, this receiver has lost the value.
    std::expected<T, broadcast_recv_error> recv() { return wait(async_recv()); }
    broadcast_recv_future<T> async_recv() noexcept { return broadcast_recv_future<T>(*this); }
    /// Never waits.
    std::expected<T, broadcast_recv_error> try_recv() { return take(nullptr, nullptr); }

    /// Another receiver, of what is sent from now on.
    broadcast_receiver resubscribe() const noexcept {
        const std::uint64_t next = core_->add_receiver();
        return broadcast_receiver(*core_, next);
    }
    /// Values that were sent and that it has not seen. More than the channel keeps: it has missed some.
    std::size_t len() const noexcept { return core_->len_from(next_); }
    bool is_empty() const noexcept { return len() == 0; }
    /// True when all senders are gone. There may be values left.
    bool is_closed() const noexcept { return core_->senders() == 0; }
    std::size_t sender_strong_count() const noexcept { return core_->senders(); }
    std::size_t sender_weak_count() const noexcept { return core_->weak_senders(); }
    /// True when both receive from one channel.
    bool same_channel(const broadcast_receiver& other) const noexcept {
        return core_ == other.core_;
    }

private:
    friend class broadcast_recv_future<T>;
    using element = detail::broadcast_element<T>;
    using answer = std::expected<T, broadcast_recv_error>;

    answer take(detail::sync_waiter* w, context* cx) {
        std::optional<element> e;
        std::uint64_t missed = 0;
        switch (core_->take(next_, e, missed, w, cx)) {
            case detail::broadcast_core::found::value:
                return open(*e);
            case detail::broadcast_core::found::pending:
                return answer(std::unexpect, broadcast_recv_error::empty());
            case detail::broadcast_core::found::lagged:
                return answer(std::unexpect,
                              broadcast_recv_error::lagged_by(static_cast<std::size_t>(missed)));
            default:
                return answer(std::unexpect, broadcast_recv_error::closed());
        }
    }
    static answer open(element& e) {
        if constexpr (detail::is_unboxed<T>) {
            return answer(std::in_place, e);
        } else {
            const detail::shared_reference<T> cell(e);
            T& value = cell.get()->value;
            if (cell.get()->is_unique()) return answer(std::in_place, std::move(value));
            return answer(std::in_place, std::as_const(value));
        }
    }

    detail::broadcast_core* core_;
    std::uint64_t next_;
};

/// Makes a channel that keeps `capacity` values, rounded up to a power of two, one at least.
///
/// ```cpp
/// auto [tx, rx] = sennit::broadcast_channel<std::string>(16);
/// tx.send("hello");
/// auto text = rx.recv();
/// ```
template<class T>
std::pair<broadcast_sender<T>, broadcast_receiver<T>> broadcast_channel(std::size_t capacity) {
    static_assert(std::is_object_v<T> && std::is_copy_constructible_v<T>,
                  "each receiver gets a copy: send values that can be copied, or a "
                  "std::shared_ptr<const T>");
    constexpr std::size_t capacity_max = std::size_t{1} << 40;
    SENNIT_ASSERT(
        capacity >= 1 && capacity <= capacity_max,
        "give the channel room for at least one value, and for no more than memory can hold");
    auto* core = detail::make_pooled<detail::broadcast_core>(
        std::bit_ceil(capacity), sizeof(detail::broadcast_slot<detail::broadcast_element<T>>));
    return {broadcast_sender<T>(detail::broadcast_handle<false>(core)),
            broadcast_receiver<T>(*core, 0)};
}

} // namespace sennit
