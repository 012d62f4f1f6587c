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

#include <cstddef>
#include <cstdint>
#include <mutex>

namespace sennit::detail {

struct sync_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, released_alone, released_with_all };

    waker wake;
    stage at = stage::idle; // guarded by the primitive's lock
    bool entered = false;   // its owner's: it was queued, and its future is not ready yet

    bool is_released() const noexcept { return at > stage::queued; }
    // Under the lock.
    void enqueue(list<sync_waiter>& queue, context& cx) noexcept {
        wake = cx.waker();
        entered = true;
        if (at == stage::queued) return;
        at = stage::queued;
        queue.push_back(*this);
    }
    // Under the lock; leaves the queue if it is in it.
    void withdraw(list<sync_waiter>& queue) noexcept {
        if (is_linked()) queue.remove(*this);
        at = stage::idle;
        entered = false;
    }
};

using sync_guard = std::unique_lock<spin_lock>;

// Wakers that are woken at a time.
inline constexpr std::size_t wake_batch = 32;

// Releases the first waiter; false when there is none. The guard is unlocked when it was found.
bool release_one(sync_guard& guard, list<sync_waiter>& queue) noexcept;
// Releases those that wait now, first come first. The guard is unlocked afterwards.
void release_all(sync_guard& guard, list<sync_waiter>& queue) noexcept;

} // namespace sennit::detail
