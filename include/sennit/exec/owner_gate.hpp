// A lock with an owner: nearly free for the one thread that takes it all the time, dear for the rare others.
//
// The owner of a run queue enters and leaves it once or twice for each resumption; a thief comes once in a while and takes
// half of the queue. An atomic read-modify-write on the owner's path would cost more than everything else there (4.5 ns
// against 1). So the store-load ordering that a lock needs is paid by the thief: a process-wide barrier, membarrier(2).
//
//   owner:  busy = 1; (compiler barrier) if claimed: step back     thief:  claimed = wanted; membarrier; wait until !busy
//           ... the queue ...                                              ... the queue ...
//           busy = 0 (release)                                             claimed = free (release)
//
// Mutual exclusion: membarrier acts as a full barrier on every running thread at some moment M after `claimed = wanted`. If the
// owner's `busy = 1` comes before M, it is visible to the thief, who waits for `busy = 0`. If it comes after M, the owner's
// load of `claimed` comes after M too and sees the claim. The thief's acquire of `busy == 0` and the owner's acquire of
// `claimed == free` carry the queue's contents over.
//
// By consent: an owner that has stepped back and is about to wait says so, wanted -> granted, and leaves that wait only when it
// sees `free`. A thief who sees `granted` therefore needs no barrier. An owner that is at its queue all the time grants
// within a few hundred nanoseconds, where the barrier interrupts its core and takes 7 to 17 µs; so a thief waits for consent a
// moment before it resorts to the barrier, for an owner that is busy elsewhere.
//
// tests/exec/owner_gate_model_test.cpp checks this over all interleavings with store buffers, and finds the double entry when
// the barrier is left out.
//
// The thief waits a bounded time (the owner may have been descheduled inside) and gives up. Where the system call is missing,
// and under ThreadSanitizer, which does not know it, both sides use `busy` as a plain spin lock.
#pragma once

#include <atomic>
#include <cstdint>

namespace sennit::detail {

class owner_gate {
public:
    owner_gate() noexcept;

    // Owner: enters; waits for a thief to be done.
    void enter() noexcept {
        if (!asymmetric_) [[unlikely]]
            return enter_symmetric();
        busy_.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(
            std::memory_order_seq_cst); // the machine's half is the thief's membarrier
        if (claimed_.load(std::memory_order_acquire) != free) [[unlikely]]
            enter_slowly();
    }
    // The same when nobody is at it, which is nearly always. False: nothing was done; enter.
    [[nodiscard]] bool enter_quickly() noexcept {
        if (!asymmetric_) [[unlikely]]
            return false;
        busy_.store(1, std::memory_order_relaxed);
        std::atomic_signal_fence(std::memory_order_seq_cst); // as in enter()
        if (claimed_.load(std::memory_order_acquire) == free) [[likely]]
            return true;
        leave();
        return false;
    }
    void leave() noexcept {
        busy_.store(0, std::memory_order_release);
    } // pairs with claim() and enter_symmetric()

    // Thief: true when the queue is now its own, until `unclaim`. False when another thief is at it or the owner stays inside.
    [[nodiscard]] bool claim() noexcept;
    void unclaim() noexcept;

private:
    enum : std::uint32_t { free = 0, wanted, granted }; // claimed_

    void enter_slowly() noexcept;
    void enter_symmetric() noexcept;
    bool is_granted() const noexcept;

    const bool asymmetric_;
    std::atomic<std::uint32_t> busy_{0};
    std::atomic<std::uint32_t> claimed_{free};
};

class owner_guard {
public:
    explicit owner_guard(owner_gate& gate) noexcept : gate_(gate) { gate_.enter(); }
    ~owner_guard() { gate_.leave(); }
    owner_guard(const owner_guard&) = delete;
    owner_guard& operator=(const owner_guard&) = delete;

private:
    owner_gate& gate_;
};

} // namespace sennit::detail
