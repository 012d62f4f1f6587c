// Sleeping on a 32-bit word until another thread says otherwise (futex(2)), for threads of one
// process.
//
// A futex orders nothing: publish with the word itself (release store, acquire load). Every wait
// may end without a wake, so the caller loops on the value. A wake goes to an address, not to an
// object: whoever waits there wakes up, and waking an address that has meanwhile been freed is
// harmless, at worst a wake-up for nothing. Cost where nobody sleeps: a system call; so keep the
// number of sleepers in the word, or beside it, and skip the call.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sennit::os::futex {

/// Sleeps while `word` holds `expected`. Returns when woken, when the word already held another
/// value, or for nothing (a signal handler ran). A wake that follows a change of the word is never
/// missed.
///
/// ```cpp
/// void wait_until_set(const std::atomic<std::uint32_t>& flag) {
///     while (flag.load(std::memory_order_acquire) == 0) os::futex::wait(flag, 0);
/// }
/// ```
void wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept;

/// The same, until `deadline` at the latest. Returns true when the deadline was the reason; the
/// caller then still looks at the word once, because the two may have happened together. A deadline
/// in the past does not sleep.
///
/// ```cpp
/// bool wait_for_set(const std::atomic<std::uint32_t>& flag,
///                   std::chrono::steady_clock::time_point deadline) {
///     bool timed_out = false;
///     while (flag.load(std::memory_order_acquire) == 0 && !timed_out) {
///         timed_out = os::futex::wait_until(flag, 0, deadline);
///     }
///     return flag.load(std::memory_order_acquire) != 0;
/// }
/// ```
[[nodiscard]] bool wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                              std::chrono::steady_clock::time_point deadline) noexcept;

/// Wakes one thread that sleeps on `word`, if there is one; returns how many (0 or 1). Change the
/// word first.
///
/// ```cpp
/// void set(std::atomic<std::uint32_t>& flag) {
///     flag.store(1, std::memory_order_release);
///     os::futex::wake_one(flag);
/// }
/// ```
int wake_one(const std::atomic<std::uint32_t>& word) noexcept;

/// Wakes every thread that sleeps on `word`; returns how many.
int wake_all(const std::atomic<std::uint32_t>& word) noexcept;

} // namespace sennit::os::futex
