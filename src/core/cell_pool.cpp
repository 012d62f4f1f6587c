// The shared half of the object pools. See the header for the layout.
//
// A chunk is in one list of its class at most: `partly` with objects in use and room for more, `warm` without objects but with its
// memory, `cold` without either. One that is full is in none, and one whose memory is on its way back to the system neither.
//
// Locks: each class has a leaf lock; the slab registry's lock is taken inside it, when a class needs a new chunk. Memory is given
// back outside of both.
#include <sennit/core/cell_pool.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/base/config.hpp>
#include <sennit/base/list.hpp>
#include <sennit/core/current.hpp>
#include <sennit/os/memory.hpp>
#include <sennit/os/process_memory.hpp>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <mutex>
#include <new>
#include <utility>

#if SENNIT_ASAN
#include <sanitizer/lsan_interface.h>
#endif

namespace sennit::detail {
namespace {

constexpr std::size_t chunk_size = 64 * 1024;
constexpr std::size_t slab_size = std::size_t{64} << 20;
constexpr std::size_t chunks_per_slab = slab_size / chunk_size;
constexpr std::size_t slabs_max = 4096; // 256 GiB of address space
// What a depot keeps as it is: batches of a class.
constexpr std::size_t depot_bytes_max = 256 * 1024, depot_size_min = 2;
constexpr std::size_t depot_size_max(std::size_t index) {
    return std::max(depot_bytes_max / (batch_size * pool_class_size(index)), depot_size_min);
}
constexpr std::size_t warm_min = 16;   // of each class: 1 MiB that is not given back
constexpr std::size_t warm_share = 8;  // of memory: what warm chunks hold at most while watched
constexpr std::size_t decay_share = 8; // of what is not needed goes in one pool_decay()
constexpr std::size_t discarded_at_a_time = 16; // in pool_decay() and pool_trim()

struct chunk : list_node {
    char* memory;
    free_object* free;
    std::uint32_t object_size;
    std::uint32_t capacity;
    std::atomic<std::uint32_t> carved; // objects handed out since the chunk was last empty
    std::uint32_t live;
    pool_kind kind;
};
static_assert(sizeof(chunk) * chunks_per_slab <= chunk_size,
              "the book-keeping fits the slab's first chunk");

struct slab_registry {
    std::mutex lock;
    std::array<std::atomic<char*>, slabs_max> slabs{};
    std::atomic<std::size_t> count{0};
    std::size_t chunks_used =
        chunks_per_slab; // of the newest slab; the first chunk is the book-keeping
};

// A full batch in a depot, by its first object.
struct full_batch : free_object {
    full_batch* next_batch;
};
static_assert(sizeof(full_batch) <= pool_class_size(0));

struct pool_class {
    std::mutex lock;
    full_batch* depot = nullptr;
    std::uint32_t depot_size = 0;
    list<chunk> partly;
    list<chunk> warm; // the one that was needed last first
    list<chunk> cold;
    std::size_t warm_count = 0;
    std::size_t warm_low = 0; // the least of warm_count since the last pool_decay()
};

// Never destroyed: threads may end after static destruction began.
slab_registry& registry() {
    alignas(slab_registry) static char memory[sizeof(slab_registry)];
    static auto* instance = new (memory) slab_registry;
    return *instance;
}
pool_class& class_at(pool_kind kind, std::size_t index) {
    using table = std::array<std::array<pool_class, pool_class_count>, pool_kind_count>;
    alignas(table) static char memory[sizeof(table)];
    static auto* instance = new (memory) table;
    return (*instance)[static_cast<std::size_t>(kind)][index];
}
// Statistics and limits, which need not be exact while somebody changes them.
std::atomic<std::size_t> backed_chunks{0}, warm_chunks{0};
std::atomic<std::size_t> watchers{0};
constexpr std::size_t not_asked = SIZE_MAX;
std::atomic<std::size_t> warm_bytes_max{not_asked}; // while watched
std::atomic<std::int64_t> retired_live[pool_kind_count];

chunk* chunk_table(char* slab) { return reinterpret_cast<chunk*>(slab); }
// How many chunks a slab has had, beside the first one, in whose record it stands.
std::atomic<std::uint32_t>& made_in(char* slab) { return chunk_table(slab)->carved; }
chunk& chunk_of(void* object) {
    const auto address = reinterpret_cast<std::uintptr_t>(object);
    auto* slab = reinterpret_cast<char*>(address & ~(slab_size - 1));
    return chunk_table(slab)[(address & (slab_size - 1)) / chunk_size];
}

chunk* new_chunk(pool_kind kind, std::size_t index) {
    slab_registry& r = registry();
    std::lock_guard guard(r.lock);
    if (r.chunks_used == chunks_per_slab) {
        const std::size_t n = r.count.load(std::memory_order_relaxed);
        if (n == slabs_max) return nullptr;
        auto memory = os::reserve(slab_size, slab_size);
        if (!memory) return nullptr;
        new (chunk_table(static_cast<char*>(*memory))) chunk{};
        r.slabs[n].store(static_cast<char*>(*memory), std::memory_order_relaxed);
        r.count.store(n + 1,
                      std::memory_order_release); // release: publishes the slab to for_each_cell
        r.chunks_used = 1;
#if SENNIT_ASAN
        __lsan_register_root_region(*memory, slab_size); // cells point to the heap
#endif
    }
    char* slab =
        r.slabs[r.count.load(std::memory_order_relaxed) - 1].load(std::memory_order_relaxed);
    const std::size_t position = r.chunks_used++;
    auto* c = new (&chunk_table(slab)[position]) chunk{};
    c->memory = slab + position * chunk_size;
    c->object_size = static_cast<std::uint32_t>(pool_class_size(index));
    c->capacity = static_cast<std::uint32_t>(chunk_size / c->object_size);
    c->kind = kind;
    made_in(slab).store(static_cast<std::uint32_t>(position),
                        std::memory_order_release); // pairs with for_each_cell
    return c;
}

void note_taken_warm(pool_class& p, std::size_t count) {
    p.warm_count -= count;
    p.warm_low = std::min(p.warm_low, p.warm_count);
    warm_chunks.fetch_sub(count, std::memory_order_relaxed);
}

// A chunk with room in `partly`: one that is there, so that the others become empty, else a warm one, else a cold one, else
// a new one. Null when there is no address space left.
chunk* with_room(pool_class& p, pool_kind kind, std::size_t index) {
    if (chunk* c = p.partly.front()) return c;
    chunk* c = p.warm.pop_front();
    if (c != nullptr) {
        note_taken_warm(p, 1);
    } else {
        c = p.cold.pop_front();
        if (c == nullptr) c = new_chunk(kind, index);
        if (c == nullptr) return nullptr;
        backed_chunks.fetch_add(1, std::memory_order_relaxed);
    }
    p.partly.push_front(*c);
    return c;
}

// One object of `c`, which has one.
free_object* take_one(chunk& c) {
    free_object* object = c.free;
    if (object != nullptr) {
        c.free = object->next;
    } else {
        const std::uint32_t n = c.carved.load(std::memory_order_relaxed);
        object = reinterpret_cast<free_object*>(c.memory + std::size_t{n} * c.object_size);
        c.carved.store(n + 1, std::memory_order_release); // release: pairs with for_each_cell
    }
    ++c.live;
    return object;
}
bool is_exhausted(const chunk& c) {
    return c.free == nullptr && c.carved.load(std::memory_order_relaxed) == c.capacity;
}

bool may_stay_warm(const pool_class& p) {
    if (p.warm_count < warm_min) return true;
    return watchers.load(std::memory_order_relaxed) != 0 &&
           warm_chunks.load(std::memory_order_relaxed) <
               warm_bytes_max.load(std::memory_order_relaxed) / chunk_size;
}

// A chunk that cannot stay warm goes to `leaving`.
void give_one(pool_class& p, free_object* object, list<chunk>& leaving) {
    chunk& c = chunk_of(object);
    if (--c.live != 0) {
        object->next = c.free;
        c.free = object;
        if (!c.is_linked()) p.partly.push_front(c);
        return;
    }
    if (c.is_linked()) p.partly.remove(c);
    // Its objects are carved anew, in the order of their addresses. Their state words stay "free", with or without memory.
    c.free = nullptr;
    c.carved.store(0, std::memory_order_relaxed);
    if (may_stay_warm(p)) {
        p.warm.push_front(c);
        ++p.warm_count;
        warm_chunks.fetch_add(1, std::memory_order_relaxed);
    } else {
        leaving.push_back(c);
    }
}

void give_all(pool_class& p, free_object* objects, list<chunk>& leaving) {
    while (objects != nullptr) {
        free_object* next = objects->next;
        give_one(p, objects, leaving);
        objects = next;
    }
}

// Gives the memory of chunks back that are in no list; then they are cold. The lock is released meanwhile.
void discard(std::unique_lock<std::mutex>& guard, pool_class& p, list<chunk>& leaving) {
    if (leaving.empty()) return;
    guard.unlock();
    std::size_t count = 0;
    for (chunk& c : leaving) {
        (void)os::discard(c.memory, chunk_size); // a refusal leaves the memory: still usable
        ++count;
    }
    guard.lock();
    p.cold.splice_back(std::move(leaving));
    backed_chunks.fetch_sub(count, std::memory_order_relaxed);
}

// `amount` warm chunks become cold, as far as more than a few are left; those first that were not needed for longest. The lock is
// released from time to time.
void cool(std::unique_lock<std::mutex>& guard, pool_class& p, std::size_t amount) {
    while (amount != 0 && p.warm_count > warm_min) {
        const std::size_t count = std::min({amount, p.warm_count - warm_min, discarded_at_a_time});
        list<chunk> leaving;
        for (std::size_t i = 0; i < count; ++i) {
            chunk& c = *std::prev(p.warm.end());
            p.warm.remove(c);
            leaving.push_back(c);
        }
        note_taken_warm(p, count);
        amount -= count;
        discard(guard, p, leaving);
    }
}

// Calls `f` with each class and its lock, which is held.
template<class F>
void for_each_class(F f) {
    for (std::size_t kind = 0; kind < pool_kind_count; ++kind) {
        for (std::size_t index = 0; index < pool_class_count; ++index) {
            pool_class& p = class_at(static_cast<pool_kind>(kind), index);
            std::unique_lock guard(p.lock);
            f(guard, p);
        }
    }
}

// Under the lock: a batch from the depot, else as many objects as there are.
void fill(pool_class& p, magazine& m, pool_kind kind, std::size_t index) {
    if (full_batch* b = p.depot) {
        p.depot = b->next_batch;
        --p.depot_size;
        m.head = b;
        m.count = batch_size;
        return;
    }
    free_object* last = nullptr;
    for (; m.count < batch_size; ++m.count) {
        chunk* c = with_room(p, kind, index);
        if (c == nullptr) break;
        free_object* object = take_one(*c);
        if (is_exhausted(*c)) p.partly.remove(*c);
        // The magazine keeps the order in which memory was carved: neighbours are used together.
        object->next = nullptr;
        (last ? last->next : m.head) = object;
        last = object;
    }
}

} // namespace

void* pool_refill(pool_cache& cache, pool_kind kind, std::size_t index) {
    magazine& m = cache.magazines[static_cast<std::size_t>(kind)][index];
    if (m.batch != nullptr) {
        m.head = std::exchange(m.batch, nullptr);
        m.count = batch_size;
    } else {
        pool_class& p = class_at(kind, index);
        std::lock_guard guard(p.lock);
        fill(p, m, kind, index);
    }
    if (m.head == nullptr) {
        --cache.live[static_cast<std::size_t>(kind)];
        throw std::bad_alloc();
    }
    free_object* object = m.head;
    m.head = object->next;
    --m.count;
    return object;
}

void pool_flush(pool_cache& cache, pool_kind kind, std::size_t index) noexcept {
    magazine& m = cache.magazines[static_cast<std::size_t>(kind)][index];
    if (free_object* full = m.batch) {
        pool_class& p = class_at(kind, index);
        std::unique_lock guard(p.lock);
        if (p.depot_size < depot_size_max(index)) {
            p.depot = ::new (static_cast<void*>(full)) full_batch{{full->next}, p.depot};
            ++p.depot_size;
        } else {
            list<chunk> leaving;
            give_all(p, full, leaving);
            discard(guard, p, leaving);
        }
    }
    m.batch = std::exchange(m.head, nullptr);
    m.count = 0;
}

void pool_drain(pool_cache& cache) noexcept {
    for (std::size_t kind = 0; kind < pool_kind_count; ++kind) {
        for (std::size_t index = 0; index < pool_class_count; ++index) {
            magazine& m = cache.magazines[kind][index];
            if (m.head == nullptr && m.batch == nullptr) continue;
            pool_class& p = class_at(static_cast<pool_kind>(kind), index);
            std::unique_lock guard(p.lock);
            list<chunk> leaving;
            give_all(p, std::exchange(m.head, nullptr), leaving);
            give_all(p, std::exchange(m.batch, nullptr), leaving);
            discard(guard, p, leaving);
            m.count = 0;
        }
        retired_live[kind].fetch_add(cache.live[kind].get(), std::memory_order_relaxed);
        cache.live[kind].reset();
    }
}

void pool_trim() noexcept {
    for_each_class([](std::unique_lock<std::mutex>& guard, pool_class& p) {
        list<chunk> leaving;
        while (full_batch* b = p.depot) {
            p.depot = b->next_batch;
            give_all(p, b, leaving);
        }
        p.depot_size = 0;
        discard(guard, p, leaving);
        cool(guard, p, p.warm_count);
    });
}

void pool_decay() noexcept {
    for_each_class([](std::unique_lock<std::mutex>& guard, pool_class& p) {
        const std::size_t unneeded = std::exchange(p.warm_low, p.warm_count);
        cool(guard, p, (unneeded + decay_share - 1) / decay_share);
    });
}

void pool_watch(bool begins) noexcept {
    if (begins) {
        if (warm_bytes_max.load(std::memory_order_relaxed) == not_asked)
            set_pool_warm_max(os::memory_limit() / warm_share);
        watchers.fetch_add(1, std::memory_order_relaxed);
    } else if (watchers.fetch_sub(1, std::memory_order_relaxed) == 1) {
        for_each_class([](std::unique_lock<std::mutex>& guard, pool_class& p) {
            cool(guard, p, p.warm_count);
        });
    }
}

std::size_t set_pool_warm_max(std::size_t bytes) noexcept {
    return warm_bytes_max.exchange(bytes, std::memory_order_relaxed);
}

void for_each_cell(bool (*visit)(void*, void*), void* argument) {
    slab_registry& r = registry();
    const std::size_t slabs = r.count.load(std::memory_order_acquire); // pairs with new_chunk
    for (std::size_t s = 0; s < slabs; ++s) {
        char* slab = r.slabs[s].load(std::memory_order_relaxed);
        const std::uint32_t made = made_in(slab).load(std::memory_order_acquire); // with new_chunk
        for (std::uint32_t i = 1; i <= made; ++i) {
            chunk& c = chunk_table(slab)[i];
            const std::uint32_t carved =
                c.carved.load(std::memory_order_acquire); // pairs with take_one
            if (carved == 0 || c.kind != pool_kind::cell) continue;
            for (std::uint32_t n = 0; n < carved; ++n) {
                if (!visit(c.memory + std::size_t{n} * c.object_size, argument)) return;
            }
        }
    }
}

} // namespace sennit::detail

namespace sennit {

pool_statistics pool_stats() noexcept {
    pool_statistics s{};
    s.reserved_bytes = detail::registry().count.load(std::memory_order_relaxed) * detail::slab_size;
    s.chunk_bytes = detail::backed_chunks.load(std::memory_order_relaxed) * detail::chunk_size;
    s.kept_bytes = detail::warm_chunks.load(std::memory_order_relaxed) * detail::chunk_size;
    s.cells = detail::retired_live[0].load(std::memory_order_relaxed);
    s.frames = detail::retired_live[1].load(std::memory_order_relaxed);
    detail::for_each_thread(
        [](detail::thread_state& t, void* argument) {
            auto& sum = *static_cast<pool_statistics*>(argument);
            sum.cells += t.pools.live[0].get();
            sum.frames += t.pools.live[1].get();
        },
        &s);
    return s;
}

} // namespace sennit
