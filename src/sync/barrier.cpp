#include <sennit/sync/barrier.hpp>

#include <sennit/base/assert.hpp>

#include <mutex>

namespace sennit {

barrier::barrier(std::ptrdiff_t expected) noexcept : expected_(expected) {
    SENNIT_ASSERT(expected > 0, "a barrier is for at least one flow");
}

barrier_future::~barrier_future() {
    if (!entered()) return;
    std::lock_guard guard(barrier_.lock_);
    if (at() == stage::queued && is_linked() && !is_released()) --barrier_.arrived_;
    withdraw(barrier_.waiters_);
}

poll<bool> barrier_future::poll(context& cx) noexcept {
    detail::sync_guard guard(barrier_.lock_);
    if (is_released()) {
        withdraw(barrier_.waiters_);
        return false;
    }
    if (!entered()) {
        SENNIT_ASSERT(barrier_.expected_ > 0, "everybody has dropped out of this barrier");
        if (++barrier_.arrived_ == barrier_.expected_) {
            barrier_.arrived_ = 0;
            if (!barrier_.waiters_.empty()) detail::release_all(guard, barrier_.waiters_);
            return true;
        }
    }
    enqueue(barrier_.waiters_, cx);
    return pending;
}

void barrier::arrive_and_drop() noexcept {
    detail::sync_guard guard(lock_);
    SENNIT_ASSERT(expected_ > 0, "everybody has dropped out of this barrier");
    --expected_;
    if (arrived_ != expected_) return;
    arrived_ = 0;
    if (!waiters_.empty()) detail::release_all(guard, waiters_);
}

} // namespace sennit
