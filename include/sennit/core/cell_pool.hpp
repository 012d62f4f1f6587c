// Memory for what is spawned: size classes, per-thread magazines, and memory that keeps its type.
//
// Two kinds of object live here and never share a slab class:
//   cells    flow headers with their callable and result. The memory of a cell is never used for anything else
//            and never unmapped: an outdated waker may always read its state word (core/waker.hpp).
//   frames   coroutine frames. Under AddressSanitizer they come from operator new, so that it sees them.
//
// Layout: slabs of 64 MiB of address space, reserved once; chunks of 64 KiB, each given to one class for ever;
// objects of the class's size side by side. A chunk's book-keeping lies in the slab's first chunk. Each thread
// holds a magazine for each class: taking and giving touch nothing shared. A magazine has up to two batches, so that who takes
// and gives in turn at the border of one does not go to and fro. Full batches are exchanged, as they are, with the class's depot
// under its lock (Bonwick and Adams, "Magazines and vmem", USENIX 2001); what the depot does not hold goes back to its chunks,
// object by object.
//
// A chunk without objects is warm while it keeps its memory, and cold when that went back to the system (it then reads as zero). To
// spare bursts the page faults, chunks stay warm as stacks do (stack/stack.hpp): while a monitor watches, as many as were needed
// within the last second, and a share of the others, which becomes smaller from second to second; all but a few of each class go
// when the program rests. Chunks that are partly in use are used first, so that the others become empty.
//
// The first word of a free object links it, and the second one links the batches of a depot; a flow's state word lies behind
// them and stays "free" (zero).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sennit::detail {

enum class pool_kind : std::uint8_t { cell, frame };
inline constexpr std::size_t pool_kind_count = 2;
inline constexpr std::size_t pool_class_count = 50;
// Larger objects come from operator new. Cells are always smaller: large callables are boxed.
inline constexpr std::size_t pooled_size_max = 8192;

constexpr std::size_t pool_class_of(std::size_t size) noexcept {
    if (size <= 512) return size == 0 ? 0 : (size - 1) / 16;
    if (size <= 2048) return 32 + (size - 513) / 128;
    return 44 + (size - 2049) / 1024;
}
constexpr std::size_t pool_class_size(std::size_t index) noexcept {
    if (index < 32) return (index + 1) * 16;
    if (index < 44) return 512 + (index - 31) * 128;
    return 2048 + (index - 43) * 1024;
}

struct free_object {
    free_object* next;
};

// Objects that are exchanged at a time.
inline constexpr std::uint32_t batch_size = 64;

// One thread's free objects of one class: `count` of them, and perhaps a full batch.
struct magazine {
    free_object* head = nullptr;
    free_object* batch = nullptr;
    std::uint32_t count = 0; // at most batch_size
};

// A count with one writer that others may read.
class live_count {
public:
    void operator++() noexcept { value_.store(get() + 1, std::memory_order_relaxed); }
    void operator--() noexcept { value_.store(get() - 1, std::memory_order_relaxed); }
    void reset() noexcept { value_.store(0, std::memory_order_relaxed); }
    std::int64_t get() const noexcept { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<std::int64_t> value_{0};
};

// All magazines of one thread, and its share of the count of live objects.
struct pool_cache {
    std::array<std::array<magazine, pool_class_count>, pool_kind_count> magazines;
    std::array<live_count, pool_kind_count> live{};
};

// For a magazine without objects beside its batch; throws std::bad_alloc.
void* pool_refill(pool_cache& cache, pool_kind kind, std::size_t index);
// Makes room in one that is full beside its batch.
void pool_flush(pool_cache& cache, pool_kind kind, std::size_t index) noexcept;
// Gives everything back; for a thread that ends.
void pool_drain(pool_cache& cache) noexcept;
// Empties the depots, and gives the memory of all chunks without objects back to the system, but for a few of each class; for a pause.
void pool_trim() noexcept;
// The same, without the depots, for an eighth of the warm chunks that nobody has needed since the last call. Monitors call it
// every second while anybody works.
void pool_decay() noexcept;
// Somebody calls pool_decay() from now on, or does no more. While nobody does, a few chunks of each class stay warm.
void pool_watch(bool begins) noexcept;
// While somebody does, warm chunks hold so much at most, apart from those few. The default is an eighth of the memory this process
// may use, from the first pool_watch(true) on. Returns the limit there was.
std::size_t set_pool_warm_max(std::size_t bytes) noexcept;

inline void* pool_take(pool_cache& cache, pool_kind kind, std::size_t index) {
    magazine& m = cache.magazines[static_cast<std::size_t>(kind)][index];
    ++cache.live[static_cast<std::size_t>(kind)];
    free_object* object = m.head;
    if (object == nullptr) [[unlikely]]
        return pool_refill(cache, kind, index);
    m.head = object->next;
    --m.count;
    return object;
}
inline void pool_give(pool_cache& cache, pool_kind kind, std::size_t index, void* memory) noexcept {
    magazine& m = cache.magazines[static_cast<std::size_t>(kind)][index];
    --cache.live[static_cast<std::size_t>(kind)];
    if (m.count == batch_size) [[unlikely]]
        pool_flush(cache, kind, index);
    auto* object = static_cast<free_object*>(memory);
    object->next = m.head;
    m.head = object;
    ++m.count;
}

// Calls `visit` for every cell that is handed out, and for some free ones, until it returns false.
void for_each_cell(bool (*visit)(void* cell, void* argument), void* argument);

} // namespace sennit::detail

namespace sennit {

/// What the object pools hold.
struct pool_statistics {
    std::size_t reserved_bytes; ///< address space of all slabs
    std::size_t chunk_bytes;    ///< chunks that are backed by memory, used or kept
    std::size_t kept_bytes;     ///< of these, chunks without an object
    std::int64_t cells;         ///< flow cells alive
    std::int64_t frames;        ///< coroutine frames alive
};

/// A snapshot of the object pools, exact when no other thread spawns or ends flows meanwhile.
pool_statistics pool_stats() noexcept;

} // namespace sennit
