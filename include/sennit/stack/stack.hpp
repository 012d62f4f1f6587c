// Stacks: where they come from, how large they are, and when their memory goes back.
//
// Stacks are carved from large reserved slabs and committed by first touch: a parked fiber costs one or two pages. The
// lowest page of each is a guard (os/memory.hpp). Where the kernel offers no light-weight guard, mprotect guards are used
// while mappings last; then `acquire` fails. A stack is never handed out without its guard.
//
// Always true:
//   1. A stack is in exactly one place: in use, in a worker's cache, or in the pool.
//   2. A stack in the pool is warm, with its first pages, or cold, without any. A slab whose stacks are all cold has given its
//      page tables back, too.
//   3. `primed` says that the stack holds a suspended scheduler loop that can be switched to.
// Locks: the pool's lock is a leaf.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sennit {

/// Bytes of address space of a fiber's stack unless `flow_options::stack_size` asks for more.
inline constexpr std::size_t stack_size_default = std::size_t{256} << 10;
/// The largest stack that can be asked for.
inline constexpr std::size_t stack_size_max = std::size_t{64} << 20;
/// The stack of `on_big_stack`.
inline constexpr std::size_t stack_size_big = std::size_t{8} << 20;

/// One stack: a descriptor that lives apart from the memory it describes.
class stack {
public:
    /// Lowest usable address (above the guard) and one past the highest.
    char* low() const noexcept { return low_; }
    char* top() const noexcept { return top_; }
    /// Where the first frame begins: at the top, or a few cache lines below it, for stacks side by side another number of
    /// them. The frames of parked fibers would all map to the same few sets of the caches if they began at the same place of
    /// their pages: a thousand fibers that take turns would evict each other.
    char* start() const noexcept {
        return top_ - reinterpret_cast<std::uintptr_t>(top_) / stack_size_default % colors * line;
    }
    std::size_t size() const noexcept { return static_cast<std::size_t>(top_ - low_); }
    /// Bytes left below the caller's frame, if the caller stands on this stack.
    std::size_t room() const noexcept {
        return static_cast<std::size_t>(static_cast<char*>(__builtin_frame_address(0)) - low_);
    }
    bool is_default_size() const noexcept { return size_class == default_class; }

    static constexpr std::uint8_t default_class = 0;

    stack* next = nullptr; ///< link of caches and of the pool
    void* sp = nullptr;    ///< where a suspended loop continues
    void* sanitizer_fiber = nullptr;
    unsigned valgrind_id = 0;
    std::uint32_t slab = 0; ///< the pool's
    std::uint8_t size_class = 0;
    bool primed = false;

    stack(char* low, char* top) noexcept : low_(low), top_(top) {}

private:
    static constexpr std::size_t colors = 16, line = 64;

    char* low_;
    char* top_;
};

/// What the stack pool holds.
struct stack_statistics {
    std::size_t made;           ///< stacks that exist, in use or not
    std::size_t in_use;         ///< handed out: running, parked or in a worker's cache
    std::size_t reserved_bytes; ///< address space
    bool lightweight_guards;    ///< guards are page-table markers
};

/// The process's stacks. Shared by all runtimes; every function may be called from any thread.
namespace stack_pool {

/// A stack of a size class (see `class_for`), or null when none can be had (`exhausted` is true then).
/// Cost: a lock; a page fault when it is fresh.
stack* acquire(std::uint8_t size_class) noexcept;
/// The same for up to `wanted` stacks, which are put in front of the list `taken`; how many there were. One where stacks are rare.
std::size_t acquire_some(std::uint8_t size_class, std::size_t wanted, stack*& taken) noexcept;
/// Gives a stack back. It stays warm, so that the next burst of as many fibers takes no page fault; pages below its second are
/// returned to the system.
void release(stack& s) noexcept;
/// The same for a list of stacks of one size class; not empty.
void release_all(stack* given) noexcept;
/// Gives the memory of all stacks in the pool back. The monitor calls it when a program has rested for a second.
void trim() noexcept;
/// The same for an eighth of the stacks that nobody has needed since the last call. Monitors call it every second while anybody
/// works.
void decay() noexcept;
/// Somebody calls decay() from now on, or does no more. While nobody does only a few thousand stacks stay warm.
void watch(bool begins) noexcept;
/// True from a failed `acquire` until a stack is given back or the limit is raised.
extern std::atomic<bool> is_exhausted;
inline bool exhausted() noexcept { return is_exhausted.load(std::memory_order_relaxed); }
/// The reason of the last failure, with advice; static text.
const char* exhausted_reason() noexcept;
/// At most this many stacks; the default is one for every 8 KiB of the memory this process may use.
void set_count_max(std::size_t count) noexcept;
std::size_t count_max() noexcept;
/// The stack whose reservation, guard included, holds `address`; null for none. Async-signal-safe.
stack* find(const void* address) noexcept;
stack_statistics stats() noexcept;
/// The size class that serves `size`.
std::uint8_t class_for(std::size_t size) noexcept;

} // namespace stack_pool
} // namespace sennit
