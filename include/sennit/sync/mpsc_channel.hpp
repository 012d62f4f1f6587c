// mpsc_channel: many senders, one receiver, and room for so many values in between.
//
// The two ends are handles of one core, which lives until both are gone: senders are copied freely
// (each copy is a sender), the receiver is moved. The channel closes by itself when the last sender is
// gone, or when the receiver is; what a sender cannot deliver comes back to it.
// All of the protocol stands in sync/mpsc_core.hpp; this is its typed shell.
//
// Futures borrow from the handle that made them: let the handle live as long.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/mpsc_core.hpp>
#include <sennit/sync/recv_error.hpp>
#include <sennit/sync/send_error.hpp>

#include <algorithm>
#include <cstddef>
#include <expected>
#include <iterator>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace sennit {

template<class T>
class mpsc_sender;
template<class T>
class mpsc_receiver;
template<class T>
class unbounded_sender;

namespace detail {

// Counts as a sender, or as a weak one.
template<bool Weak>
class mpsc_handle {
public:
    mpsc_handle() noexcept = default;
    // Adopts a count that was made.
    explicit mpsc_handle(mpsc_core* core) noexcept : core_(core) {}
    mpsc_handle(const mpsc_handle& other) noexcept : core_(other.core_) {
        if (core_ != nullptr) Weak ? core_->add_weak() : core_->add_sender();
    }
    mpsc_handle(mpsc_handle&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    mpsc_handle& operator=(mpsc_handle other) noexcept {
        std::swap(core_, other.core_);
        return *this;
    }
    ~mpsc_handle() {
        if (core_ != nullptr) Weak ? core_->drop_weak() : core_->drop_sender();
    }

    mpsc_core& operator*() const noexcept {
        SENNIT_DEBUG_ASSERT(
            core_ != nullptr,
            "this end of a channel is empty: moved from, or not made by mpsc_channel()");
        return *core_;
    }
    mpsc_core* operator->() const noexcept { return &**this; }
    mpsc_core* get() const noexcept { return core_; }

private:
    mpsc_core* core_ = nullptr;
};

template<class T>
using sent = std::expected<void, send_error<T>>;
template<class T>
using sent_at_once = std::expected<void, try_send_error<T>>;

// try_send of both kinds of channel.
template<class T>
sent_at_once<T> try_send(mpsc_core& core, message<T> m) {
    switch (core.try_send(m.get())) {
        case mpsc_core::claim::done:
            m.leave();
            return {};
        case mpsc_core::claim::full:
            return std::unexpected(try_send_error<T>{try_send_reason::full, m.open()});
        default:
            return std::unexpected(try_send_error<T>{try_send_reason::closed, m.open()});
    }
}

} // namespace detail

/// The future of `async_send`. Dropped before it is ready, it has sent nothing and its value is destroyed.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// auto sent = sennit::wait(tx.async_send(1));
/// ```
template<class T>
class [[nodiscard]] mpsc_send_future : private detail::slot_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::loses_place;

    mpsc_send_future(detail::mpsc_core& core, T&& value)
        : slot_waiter(1), core_(core), message_(std::move(value)) {}
    mpsc_send_future(mpsc_send_future&& other) noexcept
        : slot_waiter(1), core_(other.core_), message_(std::move(other.message_)) {}
    mpsc_send_future& operator=(mpsc_send_future&&) = delete;
    ~mpsc_send_future() {
        if (entered) core_.drop(*this);
    }

    sennit::poll<std::expected<void, send_error<T>>> poll(context& cx) {
        switch (core_.poll_send(*this, message_.get(), cx)) {
            case detail::mpsc_core::claim::pending:
                return pending;
            case detail::mpsc_core::claim::done:
                message_.leave();
                return detail::sent<T>();
            default:
                return detail::sent<T>(std::unexpect, send_error<T>{message_.open()});
        }
    }

private:
    detail::mpsc_core& core_;
    detail::message<T> message_;
};

/// A slot that is held for one value. Keeps the channel open, as a sender does. Destroying it unused
/// gives the slot back.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// if (auto permit = tx.reserve()) permit->send(1);
/// ```
template<class T>
class [[nodiscard]] mpsc_permit {
public:
    explicit mpsc_permit(detail::mpsc_core& core) noexcept : core_(&core) {}
    mpsc_permit(mpsc_permit&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    mpsc_permit& operator=(mpsc_permit&& other) noexcept {
        mpsc_permit moved(std::move(other));
        std::swap(core_, moved.core_);
        return *this;
    }
    ~mpsc_permit() { give_back(); }

    /// Puts the value into the slot, also when the receiver has closed meanwhile; the permit is used
    /// up. Gives the value back when the receiver is gone. Never waits.
    std::expected<void, send_error<T>> send(T value) {
        SENNIT_ASSERT(core_ != nullptr, "a permit sends once, and not after it was moved from");
        detail::message<T> m(std::move(value));
        if (core_->send_reserved(m.get()) == detail::mpsc_core::claim::done) {
            m.leave();
            core_ = nullptr;
            return {};
        }
        give_back();
        return std::unexpected(send_error<T>{m.open()});
    }
    /// Gives the slot back now.
    void give_back() noexcept {
        if (auto* core = std::exchange(core_, nullptr)) core->give_back(1);
    }
    explicit operator bool() const noexcept { return core_ != nullptr; }

private:
    detail::mpsc_core* core_;
};

/// Several slots, as one. Made by `reserve_many`.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(8);
/// auto permits = tx.reserve_many(3);
/// while (permits && permits->count() != 0) permits->send(1);
/// ```
template<class T>
class [[nodiscard]] mpsc_permits {
public:
    mpsc_permits(detail::mpsc_core& core, std::size_t count) noexcept
        : core_(&core), count_(count) {}
    mpsc_permits(mpsc_permits&& other) noexcept
        : core_(other.core_), count_(std::exchange(other.count_, 0)) {}
    mpsc_permits& operator=(mpsc_permits&& other) noexcept {
        mpsc_permits moved(std::move(other));
        std::swap(core_, moved.core_);
        std::swap(count_, moved.count_);
        return *this;
    }
    ~mpsc_permits() { give_back(); }

    std::size_t count() const noexcept { return count_; }
    /// Uses one of them; there must be one. As `mpsc_permit::send`.
    std::expected<void, send_error<T>> send(T value) { return take().send(std::move(value)); }
    /// Makes one of them a permit of its own; there must be one.
    mpsc_permit<T> take() noexcept {
        SENNIT_ASSERT(count_ != 0, "all permits are used; ask count() first");
        --count_;
        return mpsc_permit<T>(*core_);
    }
    /// Gives back those that are left.
    void give_back() noexcept {
        if (count_ != 0) core_->give_back(std::exchange(count_, 0));
    }

private:
    detail::mpsc_core* core_; // used while count_ is not zero
    std::size_t count_;
};

/// The future of `async_reserve` and `async_reserve_many`. Dropping it withdraws the request; slots that
/// were granted already go to the next.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// auto permit = sennit::wait(tx.async_reserve());
/// ```
template<class T, class Permit>
class [[nodiscard]] mpsc_reserve_future : private detail::slot_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::loses_place;
    using output = std::expected<Permit, send_error<void>>;

    mpsc_reserve_future(detail::mpsc_core& core, std::size_t n) noexcept
        : slot_waiter(n), core_(core) {}
    mpsc_reserve_future(mpsc_reserve_future&& other) noexcept
        : slot_waiter(other.count), core_(other.core_) {}
    mpsc_reserve_future& operator=(mpsc_reserve_future&&) = delete;
    ~mpsc_reserve_future() {
        if (entered) core_.drop(*this);
    }

    sennit::poll<output> poll(context& cx) noexcept {
        switch (core_.poll_reserve(*this, cx)) {
            case detail::mpsc_core::claim::pending:
                return pending;
            case detail::mpsc_core::claim::done:
                if constexpr (std::is_constructible_v<Permit, detail::mpsc_core&>) {
                    return output(std::in_place, core_);
                } else {
                    return output(std::in_place, core_, count);
                }
            default:
                return output(std::unexpect);
        }
    }

private:
    detail::mpsc_core& core_;
};

/// The future of `async_closed`. Dropping it withdraws it.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// rx.close();
/// sennit::wait(tx.async_closed());
/// ```
class [[nodiscard]] mpsc_closed_future : private detail::sync_waiter {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit mpsc_closed_future(detail::mpsc_core& core) noexcept : core_(core) {}
    mpsc_closed_future(mpsc_closed_future&& other) noexcept : core_(other.core_) {}
    mpsc_closed_future& operator=(mpsc_closed_future&&) = delete;
    ~mpsc_closed_future() {
        if (entered()) core_.drop(*this);
    }

    sennit::poll<void> poll(context& cx) noexcept {
        if (core_.poll_closed(*this, cx)) return sennit::poll<void>::ready();
        return pending;
    }

private:
    detail::mpsc_core& core_;
};

/// A sender's reference that does not keep the channel open. Works for both kinds of sender.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// auto weak = tx.downgrade();
/// if (auto strong = weak.upgrade()) strong->send(1);
/// ```
template<class Sender>
class [[nodiscard]] weak_sender {
public:
    explicit weak_sender(detail::mpsc_handle<true> core) noexcept : core_(std::move(core)) {}

    /// A sender, or nothing when all senders and permits are gone.
    std::optional<Sender> upgrade() const noexcept {
        if (!core_->upgrade()) return std::nullopt;
        return Sender(detail::mpsc_handle<false>(core_.get()));
    }
    std::size_t strong_count() const noexcept { return core_->senders(); }
    std::size_t weak_count() const noexcept { return core_->weak_senders(); }

private:
    detail::mpsc_handle<true> core_;
};
template<class T>
using mpsc_weak_sender = weak_sender<mpsc_sender<T>>;

/// The end that sends. A copy is another sender; any flow may use any of them, at the same time.
/// Senders that wait are served first come, first served, and nobody passes them.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(8);
/// sennit::go([tx] { tx.send(1); });
/// sennit::go([last = std::move(tx)] { last.send(2); });
/// for (int v : rx) std::printf("%d\n", v);  // ends when both are gone
/// ```
/// Cost: a lock of one byte, taken once, and for large or non-trivial values a pooled box.
/// Source: R-MP-1.
template<class T>
class [[nodiscard]] mpsc_sender {
public:
    using value_type = T;
    /// Empty, as one that was moved from: it may only be assigned to, copied and destroyed, and asked
    /// whether it is. So `tx = {}` drops a sender.
    mpsc_sender() noexcept = default;
    explicit mpsc_sender(detail::mpsc_handle<false> core) noexcept : core_(std::move(core)) {}

    /// Waits for room and sends. Gives the value back when the receiver is gone or has closed.
    /// Throws `stopped`; then nothing was sent, and the value is gone.
    std::expected<void, send_error<T>> send(T value) const {
        return wait(async_send(std::move(value)));
    }
    mpsc_send_future<T> async_send(T value) const { return {*core_, std::move(value)}; }
    /// Never waits, and does not pass those who do.
    std::expected<void, try_send_error<T>> try_send(T value) const {
        return detail::try_send<T>(*core_, detail::message<T>(std::move(value)));
    }

    /// Waits for room and holds it. Throws `stopped`.
    std::expected<mpsc_permit<T>, send_error<void>> reserve() const {
        return wait(async_reserve());
    }
    mpsc_reserve_future<T, mpsc_permit<T>> async_reserve() const noexcept { return {*core_, 1}; }
    /// Never waits.
    std::expected<mpsc_permit<T>, try_send_error<void>> try_reserve() const noexcept {
        return reserve_now<mpsc_permit<T>>(1, *core_);
    }
    /// The same for `n` at once, at most `max_capacity()`.
    std::expected<mpsc_permits<T>, send_error<void>> reserve_many(std::size_t n) const {
        return wait(async_reserve_many(n));
    }
    mpsc_reserve_future<T, mpsc_permits<T>> async_reserve_many(std::size_t n) const noexcept {
        SENNIT_ASSERT(n <= max_capacity(), "reserve at most max_capacity() slots");
        return {*core_, n};
    }
    std::expected<mpsc_permits<T>, try_send_error<void>> try_reserve_many(
        std::size_t n) const noexcept {
        return reserve_now<mpsc_permits<T>>(n, *core_, n);
    }

    /// True when the receiver is gone or has closed.
    bool is_closed() const noexcept { return core_->is_closed_for_senders(); }
    /// Waits until it is. Throws `stopped`.
    void closed() const { wait(async_closed()); }
    mpsc_closed_future async_closed() const noexcept { return mpsc_closed_future(*core_); }

    /// Slots that are free now; and how many there are at all.
    std::size_t capacity() const noexcept { return core_->free(); }
    std::size_t max_capacity() const noexcept { return core_->capacity(); }
    std::size_t strong_count() const noexcept { return core_->senders(); }
    std::size_t weak_count() const noexcept { return core_->weak_senders(); }
    mpsc_weak_sender<T> downgrade() const noexcept {
        core_->add_weak();
        return mpsc_weak_sender<T>(detail::mpsc_handle<true>(core_.get()));
    }
    /// True when both send into one channel.
    bool same_channel(const mpsc_sender& other) const noexcept {
        return core_.get() == other.core_.get();
    }
    /// False when it is empty.
    explicit operator bool() const noexcept { return core_.get() != nullptr; }

private:
    template<class Permit, class... Args>
    std::expected<Permit, try_send_error<void>> reserve_now(std::size_t n,
                                                            Args&&... args) const noexcept {
        using answer = std::expected<Permit, try_send_error<void>>;
        switch (core_->try_reserve(n)) {
            case detail::mpsc_core::claim::done:
                return answer(std::in_place, args...);
            case detail::mpsc_core::claim::full:
                return answer(std::unexpect, try_send_reason::full);
            default:
                return answer(std::unexpect, try_send_reason::closed);
        }
    }

    detail::mpsc_handle<false> core_;
};

/// The future of `mpsc_receiver::async_recv`. Dropping it loses nothing: a value is taken only in the
/// poll that is ready.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// tx.send(1);
/// std::optional<int> v = sennit::wait(rx.async_recv());
/// ```
template<class T>
class [[nodiscard]] mpsc_recv_future {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    explicit mpsc_recv_future(detail::mpsc_core& core) noexcept : core_(core) {}
    mpsc_recv_future(mpsc_recv_future&& other) noexcept : core_(other.core_) {}
    mpsc_recv_future& operator=(mpsc_recv_future&&) = delete;
    ~mpsc_recv_future() {
        if (waits_) core_.forget_receiver();
    }

    sennit::poll<std::optional<T>> poll(context& cx) {
        std::optional<typename detail::message<T>::element> e;
        const auto answer = core_.poll_take(e, cx.waker());
        waits_ = answer == detail::mpsc_core::found::pending;
        if (waits_) return pending;
        if (!e) return std::optional<T>();
        return std::optional<T>(detail::message<T>::arrived(*e).open());
    }

private:
    detail::mpsc_core& core_;
    bool waits_ = false;
};

/// The future of `mpsc_receiver::async_recv_many`.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(8);
/// tx.send(1);
/// std::vector<int> batch;
/// std::size_t n = sennit::wait(rx.async_recv_many(batch, 100));
/// ```
template<class T>
class [[nodiscard]] mpsc_recv_many_future {
public:
    static constexpr auto cancel_class = cancel_safety::lossless;

    mpsc_recv_many_future(detail::mpsc_core& core, std::vector<T>& out, std::size_t limit) noexcept
        : core_(core), out_(out), limit_(limit) {}
    mpsc_recv_many_future(mpsc_recv_many_future&& other) noexcept
        : core_(other.core_), out_(other.out_), limit_(other.limit_) {}
    mpsc_recv_many_future& operator=(mpsc_recv_many_future&&) = delete;
    ~mpsc_recv_many_future() {
        if (waits_) core_.forget_receiver();
    }

    sennit::poll<std::size_t> poll(context& cx) {
        waits_ = false;
        std::size_t taken = 0;
        while (taken < limit_) {
            batch b;
            const std::size_t max = std::min(limit_ - taken, detail::taken_at_once);
            // Not where it would throw with values in hand.
            if (out_.capacity() - out_.size() < max) grow(max);
            const waker w = taken == 0 ? cx.waker() : waker();
            const auto answer = core_.poll_take_many(b.elements(), max, b.end, w);
            if (answer == found::pending && taken == 0) {
                waits_ = true;
                return pending;
            }
            if (answer != found::value) break;
            taken += b.end;
            while (b.next != b.end)
                out_.push_back(detail::message<T>::arrived(b.elements()[b.next++]).open());
        }
        return taken;
    }

private:
    using found = detail::mpsc_core::found;
    using element = typename detail::message<T>::element;

    // Elements that were received and not opened yet.
    struct batch {
        alignas(element) std::byte raw[detail::taken_at_once * sizeof(element)];
        std::size_t next = 0, end = 0;
        element* elements() noexcept { return reinterpret_cast<element*>(raw); }
        ~batch() {
            while (next != end) // moving one threw
                detail::message<T>::arrived(elements()[next++]);
        }
    };
    void grow(std::size_t by) { out_.reserve(std::max(out_.size() + by, 2 * out_.capacity())); }

    detail::mpsc_core& core_;
    std::vector<T>& out_;
    const std::size_t limit_;
    bool waits_ = false;
};

/// The end that receives: one, moved and not copied, used by one flow at a time. Serves bounded and
/// unbounded channels. Destroying it destroys what is buffered, and senders get their values back.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(8);
/// tx.send(1);
/// rx.close();
/// while (auto v = rx.recv()) std::printf("%d\n", *v);
/// ```
/// Cost: as for sending; of an unbounded channel, one lock for all that was there.
template<class T>
class [[nodiscard]] mpsc_receiver {
public:
    using value_type = T;
    class iterator;

    explicit mpsc_receiver(detail::mpsc_core& core) noexcept : core_(&core) {}
    mpsc_receiver(mpsc_receiver&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
    mpsc_receiver& operator=(mpsc_receiver&& other) noexcept {
        mpsc_receiver moved(std::move(other));
        std::swap(core_, moved.core_);
        return *this;
    }
    ~mpsc_receiver() {
        if (core_ != nullptr) leave();
    }

    /// Waits for a value. Empty when the channel is closed, all permits are gone and all is received.
    /// Throws `stopped`; no value is lost then.
    std::optional<T> recv() { return wait(async_recv()); }
    mpsc_recv_future<T> async_recv() noexcept { return mpsc_recv_future<T>(*core_); }
    /// Never waits.
    std::expected<T, recv_error> try_recv() {
        using answer = std::expected<T, recv_error>;
        std::optional<typename detail::message<T>::element> e;
        switch (core_->poll_take(e, {})) {
            case detail::mpsc_core::found::pending:
                return answer(std::unexpect, recv_error::empty);
            case detail::mpsc_core::found::value:
                return answer(std::in_place, detail::message<T>::arrived(*e).open());
            default:
                return answer(std::unexpect, recv_error::closed);
        }
    }
    /// Waits for a value and appends it, and those that are there with it, at most `limit`. Returns how
    /// many; none when the channel is closed and all is received, or when `limit` is 0. If moving a T
    /// throws, it and those taken along with it (31 at most) are lost.
    std::size_t recv_many(std::vector<T>& out, std::size_t limit) {
        return wait(async_recv_many(out, limit));
    }
    mpsc_recv_many_future<T> async_recv_many(std::vector<T>& out, std::size_t limit) noexcept {
        return {*core_, out, limit};
    }

    /// No more values are wanted: senders fail from now on, also those that wait. What is buffered, and
    /// what comes by permits that are held, can still be received.
    void close() noexcept { core_->close(); }
    /// True when it was closed, or all senders and permits are gone. There may be values left.
    bool is_closed() const noexcept { return core_->is_closed_for_receiver(); }
    /// Values that are buffered.
    std::size_t len() const noexcept { return core_->len(); }
    bool is_empty() const noexcept { return len() == 0; }
    /// Of a bounded channel: slots that are free now; and how many there are at all.
    std::size_t capacity() const noexcept { return core_->free(); }
    std::size_t max_capacity() const noexcept { return core_->capacity(); }
    std::size_t sender_strong_count() const noexcept { return core_->senders(); }
    std::size_t sender_weak_count() const noexcept { return core_->weak_senders(); }

    /// Receives until the end. `begin` and `++` wait, as `recv`.
    iterator begin() { return iterator(*this); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    void leave() noexcept {
        auto [rest, last] = core_->receiver_leaves();
        while (!rest.empty()) {
            detail::block_queue::block* emptied = nullptr;
            detail::message<T>::arrived(
                rest.template pop<typename detail::message<T>::element>(emptied));
            if (emptied != nullptr) detail::destroy_pooled(emptied);
        }
        if (last) core_->destroy();
    }

    detail::mpsc_core* core_;
};

/// Walks over what is received.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<int>(1);
/// { auto last = std::move(tx); last.send(1); }
/// for (int v : rx) std::printf("%d\n", v);
/// ```
template<class T>
class mpsc_receiver<T>::iterator {
public:
    using value_type = T;
    using difference_type = std::ptrdiff_t;

    explicit iterator(mpsc_receiver& r) : receiver_(&r), value_(r.recv()) {}
    T& operator*() noexcept { return *value_; }
    iterator& operator++() {
        // Not assigned: T need not be assignable.
        value_.reset();
        if (auto next = receiver_->recv()) value_.emplace(std::move(*next));
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const iterator& i, std::default_sentinel_t) noexcept {
        return !i.value_.has_value();
    }

private:
    mpsc_receiver* receiver_;
    std::optional<T> value_;
};

/// Makes a channel with room for `capacity` values, one at least.
///
/// ```cpp
/// auto [tx, rx] = sennit::mpsc_channel<std::string>(16);
/// tx.send("hello");
/// auto text = rx.recv();
/// ```
template<class T>
std::pair<mpsc_sender<T>, mpsc_receiver<T>> mpsc_channel(std::size_t capacity) {
    static_assert(std::is_object_v<T> && std::is_move_constructible_v<T>,
                  "send values that can be moved");
    SENNIT_ASSERT(capacity >= 1 && capacity < detail::mpsc_core::unlimited,
                  "give the channel room for at least one value; make_chan<T>(0) is a rendezvous");
    auto* core = detail::make_pooled<detail::mpsc_core>(
        capacity, sizeof(typename detail::message<T>::element));
    return {mpsc_sender<T>(detail::mpsc_handle<false>(core)), mpsc_receiver<T>(*core)};
}

} // namespace sennit
