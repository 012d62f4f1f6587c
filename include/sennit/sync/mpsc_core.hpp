// mpsc_core: the untyped core of mpsc_channel and unbounded_channel: who is there, who waits, and how
// many slots are free; and what travels between the ends.
//
// Always true while lock_ is free, in a bounded channel:
//   1. free_ + reserved_ + buffered_ is the capacity.
//   2. A waiting sender implies that free_ is less than the first of them wants; so nobody passes.
//   3. After close() no sender waits, and free slots are given to nobody.
// A sender that waited is given a slot (reserved_ counts it), not rid of its value: dropped before it
// is ready again it has sent nothing, and the slot goes to the next.
//
// An unbounded channel has no slots. Its receiver takes all that is there into its view at once and
// takes from the view without the lock: nobody waits for that, so nobody has to be told.
//
// The core belongs to everybody counted in senders_, weak_, reserved_ and visits_ and to the receiver; all
// counts are guarded by lock_, and whoever leaves last frees the core after the lock is released.
//
// What travels is trivially copyable: the value itself when it is that and small, else a pointer to it
// in a pooled box. So no code of the user's runs under lock_, values are boxed before and opened
// after. Locks: lock_ is a leaf. Wakers run after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/sync/block_queue.hpp>
#include <sennit/sync/pooled.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit::detail {

// Elements that are received under one lock, at most.
inline constexpr std::size_t taken_at_once = 32;

// Owns a value in the form in which it travels.
template<class T>
class message {
public:
    using element = std::conditional_t<is_unboxed<T>, T, T*>;

    explicit message(T&& value)
        requires(is_unboxed<T>)
        : element_(value) {}
    explicit message(T&& value)
        requires(!is_unboxed<T>)
        : element_(make_pooled<T>(std::move(value))) {}
    // One that has arrived.
    static message arrived(element e) noexcept { return message(e, 0); }
    message(message&& other) noexcept : element_(other.element_) { other.leave(); }
    message& operator=(message&&) = delete;
    ~message() {
        if constexpr (!is_unboxed<T>) {
            if (element_ != nullptr) destroy_pooled(element_);
        }
    }

    const element& get() const noexcept { return element_; }
    // It is somebody else's now.
    void leave() noexcept {
        if constexpr (!is_unboxed<T>) element_ = nullptr;
    }
    // The value, moved out. Once.
    T open() {
        if constexpr (is_unboxed<T>) {
            return element_;
        } else {
            return std::move(*element_);
        }
    }

private:
    message(element e, int) noexcept : element_(e) {}

    element element_;
};

// A sender that wants slots; lives in its future.
struct slot_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, granted };
    explicit slot_waiter(std::size_t n) noexcept : count(n) {}

    waker wake;
    std::size_t count;
    stage at = stage::idle; // guarded by the core's lock_
    bool entered = false;   // its owner's: it was queued or granted, and is not ready yet
};

class mpsc_core {
public:
    enum class claim : std::uint8_t { pending, done, full, closed };
    enum class found : std::uint8_t { pending, value, ended };
    static constexpr std::size_t unlimited = static_cast<std::size_t>(-1);

    // With one sender and the receiver. The element's size is that of what travels.
    mpsc_core(std::size_t capacity, std::size_t element) noexcept
        : capacity_(capacity), free_(capacity), queue_(element) {}
    mpsc_core(const mpsc_core&) = delete;
    mpsc_core& operator=(const mpsc_core&) = delete;
    ~mpsc_core();

    // Senders. An exception (no memory) leaves everything as it was, and a slot with its waiter.
    template<class E>
    [[nodiscard]] claim poll_send(slot_waiter& w, const E& e, context& cx);
    template<class E>
    [[nodiscard]] claim try_send(const E& e);
    // `done`: w.count slots are the caller's.
    [[nodiscard]] claim poll_reserve(slot_waiter& w, context& cx) noexcept;
    [[nodiscard]] claim try_reserve(std::size_t count) noexcept;
    // Into a reserved slot. `closed`: the receiver is gone, and the slot still reserved.
    template<class E>
    [[nodiscard]] claim send_reserved(const E& e);
    void give_back(std::size_t count) noexcept;
    void drop(slot_waiter& w) noexcept;
    // True when the receiver is gone or has closed.
    [[nodiscard]] bool poll_closed(sync_waiter& w, context& cx) noexcept;
    void drop(sync_waiter& w) noexcept;

    // The receiver. Without a flow to wake, `pending` means nothing but that.
    template<class E>
    [[nodiscard]] found poll_take(std::optional<E>& out, waker w) noexcept;
    // 1 … max of them, at most taken_at_once, into raw memory.
    template<class E>
    [[nodiscard]] found poll_take_many(E* out, std::size_t max, std::size_t& count,
                                       waker w) noexcept;
    void forget_receiver() noexcept;
    void close() noexcept;
    // All that is buffered, which the caller empties; and whether the core is to be freed.
    std::pair<block_queue, bool> receiver_leaves() noexcept;

    // Handles.
    void add_sender() noexcept;
    void drop_sender() noexcept;
    void add_weak() noexcept;
    void drop_weak() noexcept;
    // False when no sender and no permit is left.
    [[nodiscard]] bool upgrade() noexcept;
    void destroy() noexcept { destroy_pooled(this); }

    std::size_t capacity() const noexcept { return capacity_; }
    std::size_t free() const noexcept;
    bool is_closed_for_senders() const noexcept;
    bool is_closed_for_receiver() const noexcept;
    std::size_t senders() const noexcept;
    std::size_t weak_senders() const noexcept;
    // The receiver's.
    std::size_t len() const noexcept;

private:
    bool is_bounded() const noexcept { return capacity_ != unlimited; }
    bool ended() const noexcept { return (senders_ == 0 || closed_) && reserved_ == 0; }
    bool nobody() const noexcept {
        return receiver_gone_ && senders_ == 0 && weak_ == 0 && reserved_ == 0 && visits_ == 0;
    }
    // Whoever leaves: frees the core when it was the last, else unlocks.
    void leave(sync_guard& guard) noexcept;
    claim ask(slot_waiter& w, context& cx) noexcept;
    void bring_block(sync_guard& guard);
    // Under the lock, which is released. There is room.
    template<class E>
    void put(sync_guard& guard, const E& e) noexcept {
        queue_.push(e);
        ++buffered_;
        const waker receiver = std::exchange(receiver_, {});
        guard.unlock();
        if (receiver) receiver.wake();
    }
    found nothing(waker w) noexcept;
    // Under the lock, which is released: gives free slots to those who wait.
    void grant(sync_guard& guard) noexcept;
    void free_slots(sync_guard& guard, std::size_t count, block_queue::block* emptied) noexcept;
    [[nodiscard]] bool refill_view(waker w, found& otherwise) noexcept;
    void retire(block_queue::block* emptied) noexcept;

    const std::size_t capacity_;
    mutable spin_lock lock_;
    // Guarded by lock_, but for what the head of a queue without bounds is to its receiver.
    bool closed_ = false, receiver_gone_ = false;
    std::size_t free_, reserved_ = 0;
    std::size_t buffered_ = 0; // without those in the view
    waker receiver_;           // waits
    list<slot_waiter> waiting_;
    block_queue queue_;
    std::size_t senders_ = 1, weak_ = 0, visits_ = 0;
    list<sync_waiter> closing_; // wait for the end of the receiver
    // Owned by the receiver.
    std::size_t view_ = 0;
    block_queue::block* retired_ = nullptr; // becomes the spare when the lock is taken next
};

template<class E>
mpsc_core::claim mpsc_core::poll_send(slot_waiter& w, const E& e, context& cx) {
    sync_guard guard(lock_);
    if (free_ != 0 && w.at == slot_waiter::stage::idle && waiting_.empty() && !closed_ &&
        queue_.has_room()) [[likely]] {
        --free_;
        put(guard, e);
        return claim::done;
    }
    const claim answer = ask(w, cx);
    if (answer != claim::done) return answer;
    while (!queue_.has_room())
        bring_block(guard); // lets the lock go, but the slot is ours
    w.at = slot_waiter::stage::idle;
    w.entered = false;
    --reserved_;
    if (receiver_gone_) return claim::closed; // free slots do not matter any more
    put(guard, e);
    return claim::done;
}

template<class E>
mpsc_core::claim mpsc_core::try_send(const E& e) {
    sync_guard guard(lock_);
    for (;;) {
        if (closed_) return claim::closed;
        if (free_ == 0 || !waiting_.empty()) return claim::full;
        if (queue_.has_room()) [[likely]]
            break;
        bring_block(guard);
    }
    if (is_bounded()) --free_;
    put(guard, e);
    return claim::done;
}

template<class E>
mpsc_core::claim mpsc_core::send_reserved(const E& e) {
    sync_guard guard(lock_);
    while (!queue_.has_room())
        bring_block(guard);
    if (receiver_gone_) return claim::closed;
    --reserved_;
    put(guard, e);
    return claim::done;
}

template<class E>
mpsc_core::found mpsc_core::poll_take(std::optional<E>& out, waker w) noexcept {
    block_queue::block* emptied = nullptr;
    if (is_bounded()) {
        sync_guard guard(lock_);
        if (buffered_ == 0) return nothing(w);
        --buffered_;
        out.emplace(queue_.pop<E>(emptied));
        free_slots(guard, 1, emptied);
    } else {
        found otherwise;
        if (view_ == 0 && !refill_view(w, otherwise)) return otherwise;
        --view_;
        out.emplace(queue_.pop<E>(emptied));
        if (emptied != nullptr) [[unlikely]]
            retire(emptied);
    }
    return found::value;
}

template<class E>
mpsc_core::found mpsc_core::poll_take_many(E* out, std::size_t max, std::size_t& count,
                                           waker w) noexcept {
    found otherwise = found::pending;
    if (!is_bounded()) {
        if (view_ == 0 && !refill_view(w, otherwise)) return otherwise;
        for (count = 0; count < max && view_ != 0; ++count, --view_) {
            block_queue::block* emptied = nullptr;
            ::new (out + count) E(queue_.pop<E>(emptied));
            if (emptied != nullptr) retire(emptied);
        }
        return found::value;
    }
    sync_guard guard(lock_);
    if (buffered_ == 0) return nothing(w);
    // Not past the end of a block, which has to be put somewhere first.
    block_queue::block* emptied = nullptr;
    for (count = 0; count < max && buffered_ != 0 && emptied == nullptr; ++count, --buffered_)
        ::new (out + count) E(queue_.pop<E>(emptied));
    free_slots(guard, count, emptied);
    return found::value;
}

} // namespace sennit::detail
