// Whose turn it is.
#include <sennit/sync/once.hpp>

#include <mutex>

namespace sennit::detail {

once_core::turn once_core::poll(sync_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    // Under lock_, which also pairs with give_up(). acquire: pairs with finish()
    const std::uint8_t seen = word_.load(std::memory_order_acquire);
    if (seen == running) {
        if (w.is_released()) w.set_at(sync_waiter::stage::idle); // somebody came first: again
        w.enqueue(waiters_, cx);
        return turn::wait;
    }
    w.withdraw(waiters_);
    if (seen == done) return turn::done;
    word_.store(running, std::memory_order_relaxed); // under lock_
    return turn::run;
}

void once_core::finish() noexcept {
    sync_guard guard(lock_);
    word_.store(done, std::memory_order_release); // release: what was made; pairs with is_done()
    if (!waiters_.empty()) release_all(guard, waiters_);
}

void once_core::give_up() noexcept {
    sync_guard guard(lock_);
    word_.store(fresh, std::memory_order_relaxed); // under lock_
    (void)release_one(guard, waiters_);
}

void once_core::drop(sync_waiter& w) noexcept {
    sync_guard guard(lock_);
    const bool was_next = w.at() == sync_waiter::stage::released_alone;
    w.withdraw(waiters_);
    if (was_next && word_.load(std::memory_order_relaxed) == fresh)
        (void)release_one(guard, waiters_);
}

} // namespace sennit::detail
