// The slow sides of the owner's lock.
#include <sennit/exec/owner_gate.hpp>

#include <sennit/base/spin_lock.hpp>
#include <sennit/os/membarrier.hpp>

#include <thread>

namespace sennit::detail {
namespace {

constexpr int spins_before_yield = 128;
constexpr int consent_patience = 400; // looks for the owner's consent before the barrier
constexpr int owner_patience = 2000;  // looks at the owner's flag before a thief gives up

void relax_or_yield(int round) noexcept {
    if (round % spins_before_yield == spins_before_yield - 1) {
        std::this_thread::yield();
    } else {
        relax();
    }
}

} // namespace

owner_gate::owner_gate() noexcept
    : asymmetric_(os::membarrier::expedited_available() && os::membarrier::register_expedited()) {}

void owner_gate::enter_slowly() noexcept {
    for (;;) {
        busy_.store(0, std::memory_order_release);
        for (int round = 0;; ++round) {
            std::uint32_t seen = claimed_.load(std::memory_order_acquire);
            if (seen == free) break;
            // release: the queue as the owner left it. Another thief may have come meanwhile, so this may happen again.
            if (seen == wanted)
                (void)claimed_.compare_exchange_strong(seen, granted, std::memory_order_release,
                                                       std::memory_order_relaxed);
            relax_or_yield(round);
        }
        busy_.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst);
        if (claimed_.load(std::memory_order_acquire) == free) return;
    }
}

void owner_gate::enter_symmetric() noexcept {
    for (int round = 0; busy_.exchange(1, std::memory_order_acquire) != 0; ++round)
        relax_or_yield(round);
}

bool owner_gate::claim() noexcept {
    if (!asymmetric_) {
        for (int round = 0; round < owner_patience; ++round) {
            if (busy_.exchange(1, std::memory_order_acquire) == 0) return true;
            relax_or_yield(round);
        }
        return false;
    }
    std::uint32_t expected = free;
    if (!claimed_.compare_exchange_strong(expected, wanted, std::memory_order_acquire,
                                          std::memory_order_relaxed))
        return false;
    // Without giving the processor away: an owner that grants meanwhile waits for us.
    for (int round = 0; round < consent_patience; ++round) {
        if (is_granted()) return true;
        relax();
    }
    os::membarrier::expedited();
    for (int round = 0; round < owner_patience; ++round) {
        if (busy_.load(std::memory_order_acquire) == 0) return true; // pairs with leave()
        relax_or_yield(round);
    }
    claimed_.store(free, std::memory_order_release);
    return false;
}

bool owner_gate::is_granted() const noexcept {
    return claimed_.load(std::memory_order_acquire) == granted; // pairs with enter_slowly()
}

void owner_gate::unclaim() noexcept {
    // release: the queue as the thief left it
    (asymmetric_ ? claimed_ : busy_).store(free, std::memory_order_release);
}

} // namespace sennit::detail
