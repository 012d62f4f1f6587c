// The two halves of a wait.
#include <sennit/sync/condition_variable.hpp>

#include <sennit/base/assert.hpp>

namespace sennit {

using detail::sync_guard;

poll<void> condition_future::poll(context& cx) noexcept {
    if (!locking_) {
        const bool first = !entered();
        {
            std::lock_guard guard(condition_.lock_);
            if (is_released()) {
                locking_.emplace(*guard_.mutex());
            } else {
                enqueue(condition_.waiters_, cx);
            }
        }
        if (first) {
            SENNIT_ASSERT(guard_.owns_lock(), "wait with the mutex locked");
            guard_.unlock();
        }
        if (!locking_) return pending;
    }
    auto answer = locking_->poll(cx);
    if (!answer.is_ready()) return pending;
    leave();
    guard_ = std::move(answer).take();
    return sennit::poll<void>::ready();
}

condition_future::~condition_future() {
    if (!entered()) return;
    locking_.reset();
    sync_guard guard(condition_.lock_);
    const bool mine_alone = at() == stage::released_alone;
    withdraw(condition_.waiters_);
    if (mine_alone) (void)detail::release_one(guard, condition_.waiters_);
}

void condition_variable::notify_one() noexcept {
    sync_guard guard(lock_);
    (void)detail::release_one(guard, waiters_);
}

void condition_variable::notify_all() noexcept {
    sync_guard guard(lock_);
    if (!waiters_.empty()) detail::release_all(guard, waiters_);
}

bool condition_variable::wait_limited(std::unique_lock<mutex>& lock, detail::wait_limits limits) {
    // However it ends, the caller has the mutex again; that wait is not to be stopped.
    struct lock_again {
        std::unique_lock<mutex>& lock;
        ~lock_again() {
            if (!lock.owns_lock()) lock = detail::wait_shielded(lock.mutex()->async_lock());
        }
    } on_exit{lock};
    if (!limits.limit && !limits.token.stop_possible()) {
        sennit::wait(async_wait(lock));
        return true;
    }
    return sennit::wait(detail::limited_future(async_wait(lock), std::move(limits))).has_value();
}

} // namespace sennit
