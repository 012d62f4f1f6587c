// The shared half of the object pools. See the header for the layout.
//
// Locks: each class has a leaf lock; the slab registry's lock is taken inside it, when a class needs a new chunk.
#include <sennit/core/cell_pool.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/base/config.hpp>
#include <sennit/core/current.hpp>
#include <sennit/os/memory.hpp>

#include <algorithm>
#include <atomic>
#include <cstring>
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
constexpr std::uint32_t kept_empty_chunks = 16; // for each class: 1 MiB that is not given back

struct chunk {
    char* memory;
    free_object* free;
    chunk* next;
    chunk* previous;
    std::uint32_t object_size;
    std::uint32_t capacity;
    std::atomic<std::uint32_t>
        carved; // objects handed out at least once since the memory was last given back
    std::uint32_t live;
    pool_kind kind;
    bool listed;
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
    chunk* available = nullptr; // chunks with a free or never carved object
    std::uint32_t empty = 0;    // of those, chunks that are empty and backed by memory
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
std::atomic<std::size_t> backed_chunks{0};
std::atomic<std::int64_t> retired_live[pool_kind_count];

chunk* chunk_table(char* slab) { return reinterpret_cast<chunk*>(slab); }
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
    return c;
}

void link(pool_class& p, chunk& c) {
    c.previous = nullptr;
    c.next = p.available;
    if (p.available) p.available->previous = &c;
    p.available = &c;
    c.listed = true;
}
void unlink(pool_class& p, chunk& c) {
    (c.previous ? c.previous->next : p.available) = c.next;
    if (c.next) c.next->previous = c.previous;
    c.listed = false;
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

void give_one(pool_class& p, free_object* object) {
    chunk& c = chunk_of(object);
    object->next = c.free;
    c.free = object;
    if (!c.listed) link(p, c);
    if (--c.live != 0) return;
    if (p.empty < kept_empty_chunks) {
        ++p.empty;
        return;
    }
    c.free = nullptr;
    c.carved.store(0, std::memory_order_relaxed);
    (void)os::discard(c.memory, chunk_size); // a refusal leaves the memory as it is: still usable
    backed_chunks.fetch_sub(1, std::memory_order_relaxed);
}

void give_all(pool_class& p, free_object* objects) {
    while (objects != nullptr) {
        free_object* next = objects->next;
        give_one(p, objects);
        objects = next;
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
        if (p.available == nullptr) {
            chunk* fresh = new_chunk(kind, index);
            if (fresh == nullptr) break;
            link(p, *fresh);
        }
        chunk& c = *p.available;
        if (c.live == 0) {
            if (c.free != nullptr) {
                --p.empty;
            } else {
                backed_chunks.fetch_add(1, std::memory_order_relaxed);
            }
        }
        free_object* object = take_one(c);
        if (is_exhausted(c)) unlink(p, c);
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
        std::lock_guard guard(p.lock);
        if (p.depot_size < depot_size_max(index)) {
            p.depot = ::new (static_cast<void*>(full)) full_batch{{full->next}, p.depot};
            ++p.depot_size;
        } else {
            give_all(p, full);
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
            std::lock_guard guard(p.lock);
            give_all(p, std::exchange(m.head, nullptr));
            give_all(p, std::exchange(m.batch, nullptr));
            m.count = 0;
        }
        retired_live[kind].fetch_add(cache.live[kind].get(), std::memory_order_relaxed);
        cache.live[kind].reset();
    }
}

void pool_trim() noexcept {
    for (std::size_t kind = 0; kind < pool_kind_count; ++kind) {
        for (std::size_t index = 0; index < pool_class_count; ++index) {
            pool_class& p = class_at(static_cast<pool_kind>(kind), index);
            std::lock_guard guard(p.lock);
            while (full_batch* b = p.depot) {
                p.depot = b->next_batch;
                give_all(p, b);
            }
            p.depot_size = 0;
        }
    }
}

void for_each_cell(bool (*visit)(void*, void*), void* argument) {
    slab_registry& r = registry();
    const std::size_t slabs = r.count.load(std::memory_order_acquire); // pairs with new_chunk
    for (std::size_t s = 0; s < slabs; ++s) {
        chunk* table = chunk_table(r.slabs[s].load(std::memory_order_relaxed));
        for (std::size_t i = 1; i < chunks_per_slab; ++i) {
            chunk& c = table[i];
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
