// broadcast_core: the untyped core of broadcast_channel: a ring of the last values, who is there, and who
// waits.
//
// Values are numbered from 0. tail_ is the number of the next; the ring holds those from
// oldest() to tail_. Each receiver keeps the number that it wants next, for itself.
//
// Always true while lock_ is free:
//   1. `left` of a slot is the number of receivers that have not passed it yet; so slots with none
//      left are the oldest ones.
//   2. The ring owns a reference to a boxed value exactly while `left` is not zero: the last receiver
//      that takes it, or the sender that overwrites it, gets that reference.
//   3. A receiver that waits wants tail_, and a sender is left. Closed is when none is; none comes back.
//   4. A sender that waits for the end implies a receiver.
//
// What stands in the ring is trivially copyable: the value itself when it is that and small, else a
// pointer to its cell. So no code of the user's runs under lock_; values are copied after it.
// The core belongs to the handles counted in handles_; whoever leaves last frees it.
// Locks: lock_ is a leaf. Wakers run after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/sync/pooled.hpp>
#include <sennit/sync/shared_cell.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <optional>
#include <type_traits>

namespace sennit::detail {

template<class E>
struct broadcast_slot {
    std::size_t left;
    E value;
};

// Whether it points to a cell; a user's pointer does not.
template<class E>
inline constexpr bool is_cell = std::is_convertible_v<E, shared_cell_base*>;

class broadcast_core {
public:
    enum class found : std::uint8_t { pending, value, lagged, closed };
    // Slots that are passed under one lock by a receiver that leaves.
    static constexpr std::size_t passed_at_once = 32;

    // With one sender and one receiver, who wants number 0. `slots` is a power of two; the size is that
    // of a slot.
    broadcast_core(std::size_t slots, std::size_t slot_size);
    broadcast_core(const broadcast_core&) = delete;
    broadcast_core& operator=(const broadcast_core&) = delete;
    ~broadcast_core();

    // Returns how many receivers will see it; 0: there is none, and nothing was done. What it took the
    // place of, if somebody still wanted that, is put into `lost`.
    template<class E>
    [[nodiscard]] std::size_t send(const E& e, std::optional<E>& lost) noexcept;
    // `value`: a reference to it is the caller's. `lagged`: so many were missed, and `next` is the oldest
    // now. Without a waiter, `pending` means nothing but that.
    template<class E>
    [[nodiscard]] found take(std::uint64_t& next, std::optional<E>& out, std::uint64_t& missed,
                             sync_waiter* w, context* cx) noexcept;
    // True when no receiver is left.
    [[nodiscard]] bool poll_closed(sync_waiter& w, context& cx) noexcept;
    void drop(sync_waiter& w) noexcept;

    // Values that a receiver has still to see.
    template<class E>
    std::size_t len() const noexcept;
    std::size_t len_from(std::uint64_t next) const noexcept;

    void add_sender() noexcept;
    void add_weak() noexcept;
    // Returns the number that it wants first.
    std::uint64_t add_receiver() noexcept;
    // False when no sender is left.
    [[nodiscard]] bool upgrade() noexcept;
    // Who leaves last frees the core.
    void drop_sender() noexcept;
    void drop_weak() noexcept;
    // It wanted `next`; calls `let_go` for what nobody wants any more.
    template<class E, class Fn>
    void drop_receiver(std::uint64_t next, Fn let_go) noexcept;

    std::size_t senders() const noexcept;
    std::size_t weak_senders() const noexcept;
    std::size_t receivers() const noexcept;

private:
    template<class E>
    broadcast_slot<E>& slot(std::uint64_t number) const noexcept {
        return static_cast<broadcast_slot<E>*>(ring_)[number & mask_];
    }
    std::uint64_t oldest() const noexcept { return tail_ > mask_ ? tail_ - mask_ - 1 : 0; }
    void leave() noexcept;

    const std::uint64_t mask_;
    void* const ring_;
    mutable spin_lock lock_;
    std::uint64_t tail_ = 0; // guarded by lock_, as the slots and what follows
    std::size_t senders_ = 1, weak_ = 0, receivers_ = 1;
    list<sync_waiter> waiting_, closing_;
    std::atomic<std::size_t> handles_{2};
};

template<class E>
std::size_t broadcast_core::send(const E& e, std::optional<E>& lost) noexcept {
    sync_guard guard(lock_);
    const std::size_t count = receivers_;
    if (count == 0) return 0;
    auto& place = slot<E>(tail_);
    if (tail_ > mask_ && place.left != 0) lost.emplace(place.value);
    ::new (&place) broadcast_slot<E>{count, e};
    ++tail_;
    if (!waiting_.empty()) release_all(guard, waiting_);
    return count;
}

template<class E>
broadcast_core::found broadcast_core::take(std::uint64_t& next, std::optional<E>& out,
                                           std::uint64_t& missed, sync_waiter* w,
                                           context* cx) noexcept {
    std::lock_guard guard(lock_);
    if (next == tail_ && senders_ != 0) {
        if (w != nullptr) w->enqueue(waiting_, *cx);
        return found::pending;
    }
    if (w != nullptr) w->withdraw(waiting_);
    if (next == tail_) return found::closed;
    if (const std::uint64_t first = oldest(); next < first) {
        missed = first - next;
        next = first;
        return found::lagged;
    }
    auto& place = slot<E>(next++);
    out.emplace(place.value);
    const bool is_last = --place.left == 0;
    if constexpr (is_cell<E>) {
        if (!is_last) place.value->add_reference();
    }
    return found::value;
}

template<class E>
std::size_t broadcast_core::len() const noexcept {
    std::lock_guard guard(lock_);
    // The first that has somebody left.
    std::uint64_t low = oldest(), high = tail_;
    while (low != high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (slot<E>(middle).left == 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return static_cast<std::size_t>(tail_ - low);
}

template<class E, class Fn>
void broadcast_core::drop_receiver(std::uint64_t next, Fn let_go) noexcept {
    sync_guard guard(lock_);
    const bool is_last = --receivers_ == 0;
    const std::uint64_t end = tail_; // what comes now does not count this receiver
    for (bool more = true; more;) {
        [[maybe_unused]] std::array<std::byte*, passed_at_once> unwanted;
        [[maybe_unused]] std::size_t count = 0;
        next = std::max(next, oldest());
        for (std::size_t i = 0; i < passed_at_once && next < end; ++i, ++next) {
            auto& place = slot<E>(next);
            if (--place.left != 0) continue;
            if constexpr (is_cell<E>) unwanted[count++] = reinterpret_cast<std::byte*>(place.value);
        }
        more = next < end;
        guard.unlock();
        if constexpr (is_cell<E>) {
            for (std::size_t i = 0; i < count; ++i)
                let_go(reinterpret_cast<E>(unwanted[i]));
        }
        guard.lock();
    }
    if (is_last) {
        release_all(guard, closing_);
    } else {
        guard.unlock();
    }
    leave();
}

} // namespace sennit::detail
