// What the signals (event, latch, wait_group, condition_variable, barrier, once) have in common: waiters
// in a list, and how a list of them is let go.
//
// A waiter belongs to its future. It is `idle` (never queued, or done), `queued` (linked, in the
// primitive's list or in the list that release_all() works off), or released by one of two calls;
// who released it matters when the future is dropped before it has seen it.
// All of it is guarded by the primitive's lock, which is a leaf. Wakers are copied under the lock
// and woken after it is released: a woken flow may destroy the primitive when nobody else waits, so
// after the last batch nothing of it is touched.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sennit::detail {

struct sync_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, released_alone, released_with_all };

    bool is_released() const noexcept { return at() > stage::queued; }
    waker wake() const noexcept {
        const auto target = reinterpret_cast<flow*>(load() & ~marks);
        return target == nullptr ? waker() : waker(*target);
    }
    stage at() const noexcept { return static_cast<stage>(load() & stage_bits); }
    // Its owner's: it was queued, and its future is not ready yet. Read without the lock by the owner.
    bool entered() const noexcept { return (load() & entered_bit) != 0; }

    // Under the lock.
    void set_at(stage s) noexcept {
        store((load() & ~stage_bits) | static_cast<std::uintptr_t>(s));
    }
    void leave() noexcept { store(load() & ~entered_bit); }
    void enqueue(list<sync_waiter>& queue, context& cx) noexcept {
        const bool is_new = at() != stage::queued;
        store(reinterpret_cast<std::uintptr_t>(cx.waker().target()) | entered_bit |
              static_cast<std::uintptr_t>(stage::queued));
        if (is_new) queue.push_back(*this);
    }
    // Leaves the queue if it is in it.
    void withdraw(list<sync_waiter>& queue) noexcept {
        if (is_linked()) queue.remove(*this);
        store(0);
    }

private:
    static constexpr std::uintptr_t stage_bits = 3, entered_bit = 4, marks = 7;

    std::uintptr_t load() const noexcept { return word_.load(std::memory_order_relaxed); }
    void store(std::uintptr_t word) noexcept { word_.store(word, std::memory_order_relaxed); }

    // The flow to wake, the stage and the mark in one word, because it lies in every frame that waits. Written
    // under the lock only; relaxed: the owner reads without it only the bit that nobody else changes.
    std::atomic<std::uintptr_t> word_{0};
};

using sync_guard = std::unique_lock<spin_lock>;

// Wakers that are woken at a time.
inline constexpr std::size_t wake_batch = 32;

// Releases the first waiter; false when there is none. The guard is unlocked when it was found.
bool release_one(sync_guard& guard, list<sync_waiter>& queue) noexcept;
// Releases those that wait now, first come first. The guard is unlocked afterwards.
void release_all(sync_guard& guard, list<sync_waiter>& queue) noexcept;

} // namespace sennit::detail
