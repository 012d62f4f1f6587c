// permit_pool: the untyped core of semaphore and shared_mutex: a number of permits, and a queue of
// waiters that want some.
//
// The word holds twice the number of free permits, plus 1 while somebody is queued.
// Always true while lock_ is free: the mark is set exactly while the queue is not empty, and then
// the first in the queue wants more than is free.
// Prohibition: while the mark is set, the word changes under lock_ only.
//
// First come, first served, without exception: who comes while somebody waits, waits behind, so a
// large request is not starved by small ones (golang/sync semaphore, R-SY-2). Permits are granted
// by whoever gives them back; a granted waiter that is dropped gives them back in turn.
//
// Why the last user may destroy the pool while an earlier release() has not returned: as in
// sync/mutex.hpp. Locks: lock_ is a leaf; wakers run after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>

#include <atomic>
#include <cstdint>
#include <mutex>

namespace sennit::detail {

struct permit_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, granted };
    waker wake;
    std::uint64_t count = 0;
    stage at = stage::idle; // guarded by the pool's lock_
    bool entered = false;   // its owner's: it was queued and has not got its permits yet
};

class permit_pool {
public:
    static constexpr std::uint64_t permits_max = std::uint64_t{1} << 62;

    constexpr permit_pool(std::uint64_t free, std::uint64_t max) noexcept
        : max_(max), word_(free * 2) {}
    permit_pool(const permit_pool&) = delete;
    permit_pool& operator=(const permit_pool&) = delete;
    ~permit_pool();

    bool try_acquire(std::uint64_t count) noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        while ((seen & queued) == 0 && seen / 2 >= count) {
            // acquire: pairs with release()
            if (word_.compare_exchange_weak(seen, seen - count * 2, std::memory_order_acquire,
                                            std::memory_order_relaxed)) {
                return true;
            }
        }
        return false;
    }
    void release(std::uint64_t count, const char* advice) noexcept;
    // True when the permits are the waiter's.
    bool poll(permit_waiter& w, context& cx) noexcept;
    // The waiter's future is destroyed.
    void drop(permit_waiter& w) noexcept;

    std::uint64_t free() const noexcept { return word_.load(std::memory_order_relaxed) / 2; }
    std::uint64_t max() const noexcept { return max_; }

private:
    static constexpr std::uint64_t queued = 1;

    void grant(std::unique_lock<spin_lock>& guard) noexcept;

    const std::uint64_t max_;
    std::atomic<std::uint64_t> word_;
    spin_lock lock_;
    list<permit_waiter> waiters_; // guarded by lock_
};

} // namespace sennit::detail
