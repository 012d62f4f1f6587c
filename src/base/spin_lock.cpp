// The patient half of spin_lock.
#include <sennit/base/spin_lock.hpp>

#include <thread>

namespace sennit::detail {

void spin_lock::lock_slowly() noexcept {
    for (int spins = 0;; ++spins) {
        // The load keeps the waiters from pulling the line back and forth. acquire: pairs with
        // unlock()
        if (!held_.load(std::memory_order_relaxed) &&
            !held_.exchange(true, std::memory_order_acquire)) {
            return;
        }
        spins < spins_max ? relax() : std::this_thread::yield();
    }
}

} // namespace sennit::detail
