// Slabs, classes and limits of the stack pool. See the header.
#include <sennit/base/config.hpp>
#include <sennit/os/memory.hpp>
#include <sennit/os/process_memory.hpp>
#include <sennit/stack/sanitizer.hpp>
#include <sennit/stack/stack.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <memory>
#include <mutex>
#include <new>
#include <utility>

namespace sennit::stack_pool {

constinit std::atomic<bool> is_exhausted{false};

namespace {

// AddressSanitizer makes frames several times larger.
constexpr std::size_t scale = SENNIT_ASAN || SENNIT_TSAN ? 4 : 1;
constexpr std::array<std::size_t, 5> class_sizes{
    stack_size_default * scale, (std::size_t{1} << 20) * scale, stack_size_big* scale,
    (std::size_t{32} << 20) * scale, stack_size_max* scale};
constexpr std::size_t slab_size_min = std::size_t{64} << 20;
constexpr std::size_t slabs_max = 16384;
// Of a class, kept in the pool with their first pages while nobody calls decay(): they hold 32 MiB at most, until a pause (trim).
constexpr std::size_t unwatched_warm_max = 4096;
constexpr std::size_t decay_share = 8; // of what is not needed goes in one decay(): half in five
constexpr std::size_t little = 64;     // so few warm stacks do not decay
constexpr std::size_t discarded_at_a_time = 64; // outside the lock
constexpr std::size_t memory_per_stack = 8192;  // reckoned by the default of count_max

struct slab {
    char* memory;
    std::size_t size;
    std::size_t stack_size;
    std::size_t carved; // atomic for find(), which takes no lock
    stack*
        descriptors; // null until the first is carved; mapped, so that their memory goes back with the slab's
    stack* cold; // carved, in the pool, without memory
    stack* warm; // the same, with memory
    std::size_t cold_count;
    std::size_t warm_count;
    std::size_t in_use;

    std::size_t capacity() const { return size / stack_size; }
};

// Slabs that have something to give, by number. The lowest is taken first, so that what is in use gathers in few slabs and the
// others empty.
class slab_set {
public:
    void insert(std::size_t slab) {
        words_[slab / 64] |= std::uint64_t{1} << slab % 64;
        low_ = std::min(low_, slab / 64);
    }
    void erase(std::size_t slab) { words_[slab / 64] &= ~(std::uint64_t{1} << slab % 64); }
    // `slabs_max` when there is none.
    std::size_t lowest() {
        while (low_ < words_.size() && words_[low_] == 0)
            ++low_;
        if (low_ == words_.size()) return slabs_max;
        return low_ * 64 + static_cast<std::size_t>(std::countr_zero(words_[low_]));
    }
    // The same.
    std::size_t highest() const {
        for (std::size_t i = words_.size(); i > low_; --i) {
            if (const std::uint64_t word = words_[i - 1])
                return i * 64 - 1 - static_cast<std::size_t>(std::countl_zero(word));
        }
        return slabs_max;
    }

private:
    std::array<std::uint64_t, slabs_max / 64> words_{};
    std::size_t low_ = slabs_max / 64; // no bit is set in the words below
};

struct stack_class {
    slab_set warm;      // slabs with a warm stack
    slab_set available; // slabs with a cold stack, or one that was not carved yet
    std::size_t warm_count = 0;
    std::size_t warm_low = 0; // the least of warm_count since the last decay()
};

struct pool {
    std::mutex lock;
    std::array<stack_class, class_sizes.size()> classes;
    std::array<slab, slabs_max> slabs;
    std::atomic<std::size_t> slab_count{0};
    std::size_t in_use = 0;
    std::size_t reserved = 0;
    std::size_t watchers = 0;
    std::size_t count_max = std::max<std::size_t>(os::memory_limit() / memory_per_stack, 64);
    std::atomic<const char*> reason{""};
    result<os::guard_kind> guard = os::guard_support();
};
pool& instance() {
    // Never destroyed: workers of a static runtime may end late.
    alignas(pool) static char memory[sizeof(pool)];
    static auto* p = new (memory) pool;
    return *p;
}

stack* fail(pool& p, const char* reason) {
    p.reason.store(reason, std::memory_order_relaxed);
    is_exhausted.store(true, std::memory_order_relaxed);
    return nullptr;
}

std::size_t descriptors_size(const slab& s) {
    const std::size_t page = os::page_size();
    return (s.capacity() * sizeof(stack) + page - 1) / page * page;
}

// All stacks of the slab are cold: its page tables, which outlive the pages, are given back with the whole mapping.
void renew(slab& s) {
    if (!os::renew(s.memory, s.size)) { // refused: the stacks stay carved and cold
        (void)os::discard(s.memory, s.size);
        return;
    }
    (void)os::no_huge_pages(s.memory, s.size);
    for (stack* one = s.cold; one != nullptr; one = one->next)
        sanitizer::unregister_stack(*one);
    s.cold = nullptr;
    s.cold_count = 0;
    s.carved = 0;
    (void)os::discard(s.descriptors, descriptors_size(s));
}

bool add_slab(pool& p, std::size_t index) {
    const std::size_t n = p.slab_count.load(std::memory_order_relaxed);
    const std::size_t stack_size = class_sizes[index];
    const std::size_t size = std::max(slab_size_min, stack_size * 4);
    if (n == slabs_max) return false;
    auto memory = os::reserve(size, slab_size_min);
    if (!memory) return false;
    (void)os::no_huge_pages(*memory, size); // a refusal costs memory, not correctness
    p.slabs[n] =
        slab{static_cast<char*>(*memory), size, stack_size, 0, nullptr, nullptr, nullptr, 0, 0, 0};
    p.classes[index].available.insert(n);
    p.reserved += size;
    p.slab_count.store(n + 1, std::memory_order_release); // release: pairs with find()
    return true;
}

stack* carve(pool& p, slab& s, std::size_t index) {
    if (!p.guard)
        return fail(
            p,
            "no guard page can be installed: neither MADV_GUARD_INSTALL nor mprotect works here");
    if (s.descriptors == nullptr) {
        auto memory = os::reserve(descriptors_size(s), os::page_size());
        if (!memory) return fail(p, "no memory for the descriptors of another slab of stacks");
        s.descriptors = static_cast<stack*>(*memory);
    }
    char* base = s.memory + s.carved * s.stack_size;
    if (!os::install_guard(base, os::page_size(), *p.guard)) {
        return fail(p,
                    "no further guard page can be installed: this kernel has no light-weight "
                    "guards (Linux 6.13) and "
                    "the mappings are used up; raise vm.max_map_count");
    }
    stack* made = new (&s.descriptors[s.carved]) stack(base + os::page_size(), base + s.stack_size);
    made->size_class = static_cast<std::uint8_t>(index);
    made->slab = static_cast<std::uint32_t>(&s - p.slabs.data());
    std::atomic_ref(s.carved).store(s.carved + 1, std::memory_order_relaxed);
    sanitizer::register_stack(*made);
    return made;
}

void give_cold(pool& p, stack& s) {
    slab& home = p.slabs[s.slab];
    const std::size_t number = s.slab;
    const std::uint8_t index = s.size_class;
    s.next = home.cold;
    home.cold = &s;
    if (++home.cold_count == home.carved) renew(home); // forgets the descriptors
    p.classes[index].available.insert(number);
}

stack* take_cold(pool& p, std::size_t index) {
    slab_set& available = p.classes[index].available;
    if (available.lowest() == slabs_max && !add_slab(p, index)) {
        return fail(p,
                    "no address space for another slab of stacks: check `ulimit -v` and "
                    "vm.overcommit_memory");
    }
    const std::size_t number = available.lowest();
    slab& s = p.slabs[number];
    stack* taken = s.cold;
    if (taken != nullptr) {
        s.cold = taken->next;
        --s.cold_count;
    } else {
        taken = carve(p, s, index);
    }
    if (s.cold == nullptr && s.carved == s.capacity()) available.erase(number);
    return taken;
}

stack* take_warm(pool& p, stack_class& c) {
    const std::size_t number = c.warm.lowest();
    if (number == slabs_max) return nullptr;
    slab& home = p.slabs[number];
    stack* s = home.warm;
    home.warm = s->next;
    if (--home.warm_count == 0) c.warm.erase(number);
    --c.warm_count;
    c.warm_low = std::min(c.warm_low, c.warm_count);
    return s;
}
void give_warm(pool& p, stack_class& c, stack& s) {
    slab& home = p.slabs[s.slab];
    s.next = home.warm;
    home.warm = &s;
    if (++home.warm_count == 1) c.warm.insert(s.slab);
    ++c.warm_count;
}

// A warm one if there is one; else it counts as fresh.
stack* take(pool& p, std::size_t index, std::size_t& fresh) {
    if (p.in_use >= p.count_max) {
        return fail(p,
                    "the limit of stacks is reached (stack_count_max, by default one for every 8 "
                    "KiB of memory): "
                    "wait for fibers to end, use coroutine tasks, or raise the limit");
    }
    stack* s = take_warm(p, p.classes[index]);
    if (s == nullptr) {
        s = take_cold(p, index);
        if (s == nullptr) return nullptr;
        ++fresh;
    }
    ++p.slabs[s->slab].in_use;
    ++p.in_use;
    return s;
}

// A stack that is to become cold holds no suspended loop any more.
void forget(stack& s) {
    sanitizer::forget_context(s);
    s.primed = false;
}

// `amount` warm stacks, or some more, become cold; those of the highest slabs first. A slab of which none is in use goes back as
// a whole, at little cost for each stack. The lock is released from time to time.
void cool(std::unique_lock<std::mutex>& guard, pool& p, stack_class& c, std::size_t amount) {
    while (amount != 0 && c.warm_count != 0) {
        const std::size_t number = c.warm.highest();
        slab& home = p.slabs[number];
        const bool whole = home.in_use == 0;
        std::size_t count = 0;
        stack* going = nullptr;
        while (home.warm != nullptr && (whole || count < std::min(amount, discarded_at_a_time))) {
            stack* s = std::exchange(home.warm, home.warm->next);
            s->next = going;
            going = s;
            ++count;
        }
        home.warm_count -= count;
        if (home.warm_count == 0) c.warm.erase(number);
        c.warm_count -= count;
        amount -= std::min(amount, count);
        // With the last of them the slab is renewed. Other stacks of it may be on their way elsewhere: then it is done there.
        if (!whole || home.cold_count + count != home.carved) {
            guard.unlock();
            for (stack* s = going; s != nullptr; s = s->next)
                (void)os::discard(s->low(), s->size());
            guard.lock();
        }
        while (stack* s = going) {
            going = s->next;
            forget(*s);
            give_cold(p, *s);
        }
        guard.unlock();
        guard.lock();
    }
    c.warm_low = std::min(c.warm_low, c.warm_count);
}

#if SENNIT_ASAN
void mark_depth(stack&) {}
bool was_deep(const stack&) { return true; }
#else
// Stands at the lower end of a stack's first page. While it does, the stack was hardly deeper, and there is nothing to discard.
// A frame may step over it; then its pages go back when the stack becomes cold.
constexpr std::uint64_t depth_mark = 0x5e221772'dee9dee9;
std::uint64_t* mark_of(const stack& s) {
    return reinterpret_cast<std::uint64_t*>(s.top() - os::page_size());
}
void mark_depth(stack& s) { *mark_of(s) = depth_mark; }
bool was_deep(const stack& s) { return *mark_of(s) != depth_mark; }
#endif

} // namespace

std::uint8_t class_for(std::size_t size) noexcept {
    std::uint8_t index = 0;
    while (index + 1u < class_sizes.size() && class_sizes[index] < size * scale)
        ++index;
    return index;
}

stack* acquire(std::uint8_t index) noexcept {
    stack* taken = nullptr;
    (void)acquire_some(index, 1, taken);
    return taken;
}

std::size_t acquire_some(std::uint8_t index, std::size_t wanted, stack*& taken) noexcept {
    pool& p = instance();
    std::size_t count = 0, fresh = 0; // the fresh ones are the first of the list
    {
        std::lock_guard guard(p.lock);
        // Where stacks are rare nobody takes more than one.
        if (p.in_use + wanted > p.count_max / 2) wanted = 1;
        for (; count < wanted; ++count) {
            stack* s = take(p, index, fresh);
            if (s == nullptr) break;
            s->next = taken;
            taken = s;
        }
    }
    // Outside the lock, since the kernel has to find a page for each.
    for (stack* s = taken; fresh != 0; s = s->next, --fresh)
        mark_depth(*s);
    return count;
}

void release(stack& s) noexcept {
    s.next = nullptr;
    release_all(&s);
}

void release_all(stack* given) noexcept {
    pool& p = instance();
    std::size_t room;
    {
        std::lock_guard guard(p.lock);
        const std::size_t warm = p.classes[given->size_class].warm_count;
        const std::size_t warm_max = p.watchers != 0 ? p.count_max / 2 : unwatched_warm_max;
        room = warm_max > warm ? warm_max - warm : 0;
    }
    // System calls outside the lock. A warm stack keeps its first page, where its suspended loop lies, and one more.
    std::size_t position = 0;
    for (stack* s = given; s != nullptr; s = s->next) {
        if (position++ >= room) {
            forget(*s);
            (void)os::discard(s->low(), s->size());
        } else if (was_deep(*s)) {
            (void)os::discard(s->low(), s->size() - 2 * os::page_size());
            mark_depth(*s);
        }
    }
    std::lock_guard guard(p.lock);
    position = 0;
    while (stack* s = given) {
        given = s->next;
        --p.slabs[s->slab].in_use;
        --p.in_use;
        if (position++ < room) {
            give_warm(p, p.classes[s->size_class],
                      *s); // perhaps a few more than the limit, when several threads come at once
        } else {
            give_cold(p, *s);
        }
    }
    is_exhausted.store(false, std::memory_order_relaxed);
}

void trim() noexcept {
    pool& p = instance();
    std::unique_lock guard(p.lock);
    for (stack_class& c : p.classes)
        cool(guard, p, c, c.warm_count);
}

void decay() noexcept {
    pool& p = instance();
    std::unique_lock guard(p.lock);
    for (stack_class& c : p.classes) {
        const std::size_t unneeded = std::exchange(c.warm_low, c.warm_count);
        if (unneeded > little) cool(guard, p, c, (unneeded + decay_share - 1) / decay_share);
    }
}

void watch(bool begins) noexcept {
    pool& p = instance();
    std::lock_guard guard(p.lock);
    begins ? ++p.watchers : --p.watchers;
}

const char* exhausted_reason() noexcept {
    return instance().reason.load(std::memory_order_relaxed);
}

void set_count_max(std::size_t count) noexcept {
    pool& p = instance();
    std::lock_guard guard(p.lock);
    p.count_max = count;
    if (p.in_use < count) is_exhausted.store(false, std::memory_order_relaxed);
}
std::size_t count_max() noexcept {
    std::lock_guard guard(instance().lock);
    return instance().count_max;
}

stack* find(const void* address) noexcept {
    pool& p = instance();
    const auto* a = static_cast<const char*>(address);
    const std::size_t n = p.slab_count.load(std::memory_order_acquire); // pairs with add_slab
    for (std::size_t i = 0; i < n; ++i) {
        slab& s = p.slabs[i];
        if (a < s.memory || a >= s.memory + s.size) continue;
        const std::size_t position = static_cast<std::size_t>(a - s.memory) / s.stack_size;
        const std::size_t carved = std::atomic_ref(s.carved).load(std::memory_order_relaxed);
        return position < carved ? &s.descriptors[position] : nullptr;
    }
    return nullptr;
}

stack_statistics stats() noexcept {
    pool& p = instance();
    std::lock_guard guard(p.lock);
    std::size_t made = 0;
    for (std::size_t i = 0; i < p.slab_count.load(std::memory_order_relaxed); ++i)
        made += p.slabs[i].carved;
    return {made, p.in_use, p.reserved, p.guard && *p.guard == os::guard_kind::lightweight};
}

} // namespace sennit::stack_pool
