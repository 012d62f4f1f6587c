// The queue of the pool. The invariants stand in the header.
#include <sennit/sync/permit_pool.hpp>

#include <sennit/base/assert.hpp>

#include <array>
#include <cstddef>
#include <utility>

namespace sennit::detail {
namespace {

constexpr std::size_t wakers_at_a_time = 32;

} // namespace

permit_pool::~permit_pool() {
    SENNIT_ASSERT(waiters_.empty(),
                  "a lock or semaphore is destroyed while flows wait for it; let "
                  "the flows that use it end first");
}

void permit_pool::release(std::uint64_t count, const char* advice) noexcept {
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
        if (seen / 2 > max_ || count > max_ - seen / 2) [[unlikely]]
            assertion_failed("permits given back <= permits taken", advice);
        if ((seen & queued) == 0) {
            // release: pairs with the acquire of whoever takes them
            if (word_.compare_exchange_weak(seen, seen + count * 2, std::memory_order_release,
                                            std::memory_order_relaxed)) {
                return;
            }
            continue;
        }
        std::unique_lock guard(lock_);
        seen = word_.load(std::memory_order_relaxed);
        if ((seen & queued) == 0) continue;                       // the queue ended meanwhile
        word_.store(seen + count * 2, std::memory_order_release); // release: as above
        return grant(guard);
    }
}

// Under lock_, which is released. Serves the queue from its front, as far as the permits go.
void permit_pool::grant(std::unique_lock<spin_lock>& guard) noexcept {
    for (bool more = true; more;) {
        std::array<waker, wakers_at_a_time> wakers;
        std::size_t count = 0;
        std::uint64_t word = word_.load(std::memory_order_relaxed);
        if ((word & queued) == 0) return guard.unlock();
        permit_waiter* first = waiters_.front();
        for (; first != nullptr && word / 2 >= first->count && count < wakers.size();
             first = waiters_.front()) {
            waiters_.remove(*first);
            word -= first->count * 2;
            first->at = permit_waiter::stage::granted; // lock_ publishes what release() published
            wakers[count++] = first->wake;
        }
        if (first == nullptr) word &= ~queued;
        more = first != nullptr && word / 2 >= first->count;
        word_.store(word, std::memory_order_release); // release: for those who take the rest
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (more) guard.lock(); // they wait, so the pool is still there
    }
}

bool permit_pool::poll(permit_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    if (w.at == permit_waiter::stage::granted) {
        w.at = permit_waiter::stage::idle;
        w.entered = false;
        return true;
    }
    w.wake = cx.waker();
    if (w.at == permit_waiter::stage::queued) return false;
    std::uint64_t seen = word_.load(std::memory_order_relaxed);
    for (;;) {
        const bool is_free = (seen & queued) == 0 && seen / 2 >= w.count;
        const std::uint64_t want = is_free ? seen - w.count * 2 : seen | queued;
        // acquire: pairs with release()
        if (word_.compare_exchange_weak(seen, want, std::memory_order_acquire,
                                        std::memory_order_relaxed)) {
            if (is_free) return true;
            break;
        }
    }
    w.at = permit_waiter::stage::queued;
    w.entered = true;
    waiters_.push_back(w);
    return false;
}

void permit_pool::drop(permit_waiter& w) noexcept {
    std::unique_lock guard(lock_);
    const auto was = std::exchange(w.at, permit_waiter::stage::idle);
    if (was == permit_waiter::stage::granted) {
        guard.unlock();
        release(w.count, "");
    } else if (was == permit_waiter::stage::queued) {
        waiters_.remove(w);
        grant(guard); // those behind may want less; clears the mark when there is nobody
    }
}

} // namespace sennit::detail
