// The slow halves of mutex. The state word and its arguments stand in the header.
#include <sennit/sync/mutex.hpp>

#include <sennit/base/assert.hpp>

namespace sennit {

using detail::mutex_waiter;
using stage = mutex_waiter::stage;

mutex::~mutex() {
    SENNIT_ASSERT(word_.load(std::memory_order_relaxed) == 0,
                  "a mutex is destroyed while it is locked or waited for; unlock it first, and let "
                  "the flows that use it end");
}

// Under lock_. Takes the mutex if it is free, clearing `done`; else sets `announced` for the owner's
// unlock to see, clearing `done` too.
bool mutex::take_or_announce(std::uint32_t done, std::uint32_t announced) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
        const bool is_free = (seen & locked) == 0;
        const std::uint32_t want = (seen & ~done) | (is_free ? locked : announced);
        // acquire: pairs with unlock(), as in try_lock()
        if (word_.compare_exchange_weak(seen, want, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            return is_free;
        }
    }
}

bool mutex::poll_slowly(mutex_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    switch (w.at) {
        case stage::granted:
            w.at = stage::idle;
            w.entered = false;
            return true;
        case stage::queued:
            w.wake = cx.waker(); // polled for nothing
            return false;
        case stage::idle:
            if (take_or_announce(0, waiting)) return true;
            waiters_.push_back(w);
            break;
        case stage::woken:
            if (take_or_announce(woken, waiting | handing)) {
                w.at = stage::idle;
                w.entered = false;
                return true;
            }
            waiters_.push_front(w);
            break;
    }
    w.at = stage::queued;
    w.entered = true;
    w.wake = cx.waker();
    return false;
}

void mutex::unlock_slowly() noexcept {
    for (;;) {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        SENNIT_ASSERT((seen & locked) != 0,
                      "unlock of a mutex that is not locked; a guard unlocks by itself");
        if ((seen & waiting) == 0 || (seen & woken) != 0) {
            // Nobody has to be woken. release: as in unlock()
            if (word_.compare_exchange_weak(seen, seen & ~locked, std::memory_order_release,
                                            std::memory_order_relaxed)) {
                return;
            }
            continue;
        }
        std::unique_lock guard(lock_);
        // We own `locked`, and the other bits change under lock_: the word stands still now.
        seen = word_.load(std::memory_order_relaxed);
        if ((seen & waiting) == 0 || (seen & woken) != 0) continue;
        mutex_waiter& first = *waiters_.pop_front();
        const std::uint32_t rest = waiters_.empty() ? 0 : waiting;
        if ((seen & handing) != 0) {
            first.at = stage::granted;
            word_.store(locked | rest, std::memory_order_release); // release: as in unlock()
        } else {
            first.at = stage::woken;
            word_.store(woken | rest, std::memory_order_release); // release: as in unlock()
        }
        const waker wake = first.wake;
        guard.unlock();
        return wake.wake();
    }
}

void lock_future::withdraw() noexcept { mutex_.drop(*this); }

void mutex::drop(mutex_waiter& w) noexcept {
    std::unique_lock guard(lock_);
    switch (w.at) {
        case stage::idle:
            return;
        case stage::queued:
            waiters_.remove(w);
            if (waiters_.empty()) {
                // relaxed: only says that the queue, which lock_ guards, is empty
                word_.fetch_and(~(waiting | handing), std::memory_order_relaxed);
            }
            return;
        case stage::woken:
            return pass_on_wake(guard);
        case stage::granted:
            guard.unlock();
            return unlock();
    }
}

// Under lock_: the waiter that was woken will not come.
void mutex::pass_on_wake(std::unique_lock<detail::spin_lock>& guard) noexcept {
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
        // An owner that finds `waiting` without `woken` wakes somebody itself. relaxed: the queue
        // is guarded by lock_, and the owner's changes are published by its own unlock
        if ((seen & locked) == 0 && (seen & waiting) != 0) break;
        if (word_.compare_exchange_weak(seen, seen & ~woken, std::memory_order_relaxed,
                                        std::memory_order_relaxed)) {
            return;
        }
    }
    mutex_waiter& next = *waiters_.pop_front();
    next.at = stage::woken; // `woken` stays set, on behalf of this one
    if (waiters_.empty()) word_.fetch_and(~waiting, std::memory_order_relaxed);
    const waker wake = next.wake;
    guard.unlock();
    wake.wake();
}

} // namespace sennit
