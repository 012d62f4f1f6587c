#include <sennit/sync/countdown.hpp>

#include <sennit/base/assert.hpp>

#include <mutex>

namespace sennit::detail {

void countdown::add(std::int64_t n, const char* advice) noexcept {
    std::int64_t seen = count_.load(std::memory_order_relaxed);
    while (seen > 0 && seen + n > 0) {
        // release: what was done before is seen by who waits; the step to zero carries it on, since
        // this is a read-modify-write
        if (count_.compare_exchange_weak(seen, seen + n, std::memory_order_release,
                                         std::memory_order_relaxed)) {
            return;
        }
    }
    sync_guard guard(lock_);
    // acq_rel: pairs with the releases above, and lock_ with the waiters
    const std::int64_t now = count_.fetch_add(n, std::memory_order_acq_rel) + n;
    if (now < 0) [[unlikely]]
        assertion_failed("count >= 0", advice);
    if (now == 0 && !waiters_.empty()) release_all(guard, waiters_);
}

bool countdown::is_zero() const noexcept {
    std::lock_guard guard(lock_);
    return count_.load(std::memory_order_acquire) == 0; // pairs with add()
}

countdown_future::~countdown_future() {
    if (!entered()) return;
    std::lock_guard guard(countdown_.lock_);
    withdraw(countdown_.waiters_);
}

poll<void> countdown_future::poll(context& cx) noexcept {
    std::lock_guard guard(countdown_.lock_);
    // acquire: pairs with add()
    if (!is_released() && countdown_.count_.load(std::memory_order_acquire) != 0) {
        enqueue(countdown_.waiters_, cx);
        return pending;
    }
    withdraw(countdown_.waiters_);
    return sennit::poll<void>::ready();
}

} // namespace sennit::detail
