// Letting waiters go, in batches.
#include <sennit/sync/wait_queue.hpp>

#include <array>

namespace sennit::detail {

bool release_one(sync_guard& guard, list<sync_waiter>& queue) noexcept {
    sync_waiter* first = queue.pop_front();
    if (first == nullptr) return false;
    first->set_at(sync_waiter::stage::released_alone);
    const waker wake = first->wake();
    guard.unlock();
    wake.wake();
    return true;
}

void release_all(sync_guard& guard, list<sync_waiter>& queue) noexcept {
    // Taken over at once: who comes while a batch is woken waits for the next time. A waiter of the
    // list that is dropped meanwhile takes itself out, under the same lock.
    list<sync_waiter> going(std::move(queue));
    for (;;) {
        std::array<waker, wake_batch> wakers;
        std::size_t count = 0;
        while (count < wake_batch) {
            sync_waiter* waiter = going.pop_front();
            if (waiter == nullptr) break;
            waiter->set_at(sync_waiter::stage::released_with_all);
            wakers[count++] = waiter->wake();
        }
        const bool more = !going.empty();
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (!more) return;
        guard.lock();
    }
}

} // namespace sennit::detail
