// spin_lock: one byte that guards some tens of nanoseconds of work.
//
// For critical sections in which nothing waits, allocates or calls foreign code, so that the holder
// can only be computing, or have been taken off its core. Who finds it held spins for a while and
// then gives the core away.
//
// The unlocking store is the last access of its owner: whoever takes the lock afterwards may free
// the memory that it stands in. The wait queues of sync rest on that.
#pragma once

#include <sennit/base/config.hpp>

#include <atomic>

namespace sennit::detail {

// Tells the processor that this is a loop that waits for another one.
SENNIT_ALWAYS_INLINE void relax() noexcept {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
}

class spin_lock {
public:
    // Looks before the core is given to somebody else.
    static constexpr int spins_max = 64;

    void lock() noexcept {
        // acquire: pairs with unlock()
        if (held_.exchange(true, std::memory_order_acquire)) [[unlikely]]
            lock_slowly();
    }
    // False: somebody holds it.
    [[nodiscard]] bool try_lock() noexcept {
        return !held_.exchange(true, std::memory_order_acquire); // acquire: as in lock()
    }
    void unlock() noexcept {
        held_.store(false, std::memory_order_release); // release: pairs with lock()
    }

private:
    SENNIT_NOINLINE void lock_slowly() noexcept;

    std::atomic<bool> held_{false};
};

} // namespace sennit::detail
