// The asymmetric memory barrier: one thread pays for a fence on behalf of all others
// (membarrier(2)).
//
// Two threads that each store and then look for the other's store need a full fence in both. When
// one of them does it a million times more often than the other, the frequent one may write
//     std::atomic_signal_fence(std::memory_order_seq_cst);   // a compiler barrier, no instruction
// where its full fence would stand, if the rare one calls expedited() where its own would stand.
// Use this only where expedited_available() said yes, and keep the pair of ordinary fences for
// where it said no.
//
// Source: membarrier(2), MEMBARRIER_CMD_PRIVATE_EXPEDITED, Linux 4.14.
#pragma once

namespace sennit::os::membarrier {

/// True when this kernel has the private expedited barrier and this build may use it:
/// ThreadSanitizer does not understand it, so under SENNIT_TSAN the answer is false. Constant for
/// the life of the process; asks the kernel once.
[[nodiscard]] bool expedited_available() noexcept;

/// Announces that this process will use the barrier. Needed once, before the first expedited(), and
/// best before the process has many threads (the kernel waits until all of them have taken notice).
/// Repeating it costs nothing. Returns what expedited_available() says, or false when the kernel
/// refuses.
///
/// ```cpp
/// const bool asymmetric = os::membarrier::register_expedited();
/// if (asymmetric) os::membarrier::expedited();
/// else std::atomic_thread_fence(std::memory_order_seq_cst);
/// ```
[[nodiscard]] bool register_expedited() noexcept;

/// A full memory barrier on every running thread of this process, this one included. Threads that
/// do not run pass one when they are scheduled again. Only after register_expedited() returned
/// true. Interrupts the other processors: a microsecond or more, and tens of them on a virtual
/// machine.
void expedited() noexcept;

} // namespace sennit::os::membarrier
