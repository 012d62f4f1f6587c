// A worker's queue of runnables: first in, first out, with a slot for the one that was woken last.
//
// One thread, the owner, pushes and pops at next to no cost; thieves take half from the front, the oldest and in recursive
// work the largest, under the owner's gate (exec/owner_gate.hpp). The ring grows as needed; an idle owner gives it back.
//
// The slot holds the flow that the running flow woke last: it runs next, while its data is in the cache. It is used at most
// `slot_uses_max` times in a row before the front of the ring has its turn (R-SC-2), and thieves leave it alone: moving a
// half of a ping-pong to another core costs more than it saves. Only a queue whose owner is stuck is emptied of it.
//
// Flows that wake each other belong together: what one of them wrote is in this core's cache. So a flow that was woken by a
// flow here is *bound* to this queue, and thieves leave it too, unless the owner finds that its queue has become a backlog
// (docs/decisions/0008). What was never woken, or from outside, is *free*.
//
// Whether a runnable is bound stands beside its address in the ring, so that a thief, who keeps the owner waiting, need not look at
// the runnables themselves: they lie in the owner's cache, and each would take as long as dozens of entries.
//
// A child that has not started can be taken out of the middle by the owner, to be run in place by its joiner: it leaves a hole
// that pop skips.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/core/runnable.hpp>
#include <sennit/exec/owner_gate.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sennit::detail {

class run_queue {
public:
    static constexpr std::uint32_t slot_uses_max = 3;
    static constexpr std::uint32_t steal_max = 512; // taken at a time
    // From here on its flows may have left the first-level cache when they run.
    static constexpr std::uint32_t long_queue = 16;

    run_queue();

    // Owner.
    void push_back(runnable& r);
    // The same for one that has just run here, and is as free or bound as it was.
    void push_again(runnable& r);
    // The runnable that should come next, bound; an earlier one moves to the back.
    void push_next(runnable& r);
    // push_again and push_next, unless they take more than a few instructions. False: nothing was done.
    [[nodiscard]] bool push_again_quickly(runnable& r) noexcept;
    [[nodiscard]] bool push_next_quickly(runnable& r) noexcept;
    runnable* pop() noexcept {
        return pop([](const runnable&) {});
    }
    // As above. Where the queue is so long that what waits in it has left the first-level cache, `announce` is told who comes
    // next but one: it may look at it, and prefetch.
    template<typename Announce>
    runnable* pop(Announce announce) noexcept;
    // Takes `r` out if it is in the ring.
    bool take(runnable& r) noexcept;
    // Gives the memory of a burst back, if the queue is empty.
    void shrink();

    // Anybody; hints. How many are in the ring, and how many of those are free.
    std::uint32_t size_hint() const noexcept {
        return static_cast<std::uint32_t>(sizes_hint_.load(std::memory_order_relaxed) >> 32);
    }
    std::uint32_t free_hint() const noexcept {
        return static_cast<std::uint32_t>(sizes_hint_.load(std::memory_order_relaxed));
    }

    // Owner: all of them, in this order and free.
    void push_back(std::span<runnable* const> all);

    // Thieves: moves half of what may be taken to `out`, but not more than fits there or steal_max; returns how many.
    enum class taking : std::uint8_t {
        free,     // only those
        bound_too // all that is in the ring
    };
    std::size_t steal(std::span<runnable*> out, taking what) noexcept;
    // Thieves: moves everything to `out`, what is in the slot too; returns how many. For an owner that is stuck.
    std::size_t steal_all(runnable_chain& out) noexcept;

private:
    // A place of the ring: the address of a runnable, and whether it is bound; or a hole.
    class entry {
    public:
        entry() = default;
        explicit entry(runnable& r) noexcept
            : bits_(reinterpret_cast<std::uintptr_t>(&r) | std::uintptr_t{r.woken_here}) {}
        bool is_hole() const noexcept { return bits_ == 0; }
        bool is_bound() const noexcept { return (bits_ & 1) != 0; }
        runnable* get() const noexcept {
            return reinterpret_cast<runnable*>(bits_ & ~std::uintptr_t{1});
        }

    private:
        static_assert(alignof(runnable) > 1);
        std::uintptr_t bits_ = 0;
    };
    // Rings are mapped: a heap would keep the memory of a burst.
    struct unmap {
        std::uint32_t capacity;
        void operator()(entry* ring) const noexcept;
    };
    using ring = std::unique_ptr<entry[], unmap>;
    static ring make_ring(std::uint32_t capacity);

    void append(runnable& r);
    template<typename Announce>
    runnable* pop_front(Announce announce) noexcept;
    void grow();
    void publish_size() noexcept {
        sizes_hint_.store(std::uint64_t{tail_ - head_} << 32 | free_, std::memory_order_relaxed);
    }

    owner_gate gate_;
    // guarded by gate_
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::uint32_t free_ = 0; // of those in the ring
    std::uint32_t mask_;
    std::uint32_t slot_uses_ = 0;
    runnable* slot_ = nullptr;
    ring ring_;
    // atomic
    std::atomic<std::uint64_t> sizes_hint_{0};
};

inline void run_queue::append(runnable& r) {
    if (tail_ - head_ > mask_) [[unlikely]]
        grow();
    ring_[tail_ & mask_] = entry(r);
    r.queue_index.store(tail_, std::memory_order_relaxed);
    ++tail_;
    free_ += !r.woken_here;
}

inline void run_queue::push_again(runnable& r) {
    owner_guard guard(gate_);
    append(r);
    publish_size();
}

inline void run_queue::push_back(runnable& r) {
    r.woken_here = false;
    push_again(r);
}

inline void run_queue::push_next(runnable& r) {
    r.woken_here = true;
    owner_guard guard(gate_);
    if (slot_ != nullptr) {
        append(*slot_);
        publish_size();
    }
    slot_ = &r;
}

// These two make no calls, so that they need no frame.
SENNIT_ALWAYS_INLINE bool run_queue::push_again_quickly(runnable& r) noexcept {
    if (!gate_.enter_quickly()) [[unlikely]]
        return false;
    const bool has_room = tail_ - head_ <= mask_;
    if (has_room) [[likely]] {
        append(r);
        publish_size();
    }
    gate_.leave();
    return has_room;
}

SENNIT_ALWAYS_INLINE bool run_queue::push_next_quickly(runnable& r) noexcept {
    if (!gate_.enter_quickly()) [[unlikely]]
        return false;
    const bool has_room = slot_ == nullptr || tail_ - head_ <= mask_;
    if (has_room) [[likely]] {
        if (slot_ != nullptr) {
            append(*slot_);
            publish_size();
        }
        r.woken_here = true;
        slot_ = &r;
    }
    gate_.leave();
    return has_room;
}

template<typename Announce>
SENNIT_ALWAYS_INLINE runnable* run_queue::pop_front(Announce announce) noexcept {
    while (head_ != tail_) {
        const entry first = ring_[head_ & mask_];
        ++head_;
        if (first.is_hole()) continue;
        free_ -= !first.is_bound();
        if (tail_ - head_ < long_queue) {
            __builtin_prefetch(ring_[head_ & mask_].get());
        } else {
            __builtin_prefetch(ring_[(head_ + 1) & mask_].get());
            if (const runnable* following = ring_[head_ & mask_].get()) announce(*following);
        }
        return first.get();
    }
    return nullptr;
}

template<typename Announce>
SENNIT_ALWAYS_INLINE runnable* run_queue::pop(Announce announce) noexcept {
    owner_guard guard(gate_);
    if (slot_ != nullptr && (slot_uses_ < slot_uses_max || head_ == tail_)) {
        ++slot_uses_;
        runnable* r = slot_;
        slot_ = nullptr;
        return r;
    }
    slot_uses_ = 0;
    runnable* r = pop_front(announce);
    publish_size();
    if (r == nullptr && slot_ != nullptr) {
        r = slot_;
        slot_ = nullptr;
    }
    return r;
}

inline bool run_queue::take(runnable& r) noexcept {
    owner_guard guard(gate_);
    const std::uint32_t index = r.queue_index.load(std::memory_order_relaxed);
    entry& place = ring_[index & mask_];
    if (index - head_ >= tail_ - head_ || place.get() != &r) return false;
    free_ -= !place.is_bound();
    place = {};
    // Holes at the ends go at once, so that a flow that starts and joins children all the time needs no more room for them.
    while (head_ != tail_ && ring_[(tail_ - 1) & mask_].is_hole())
        --tail_;
    while (head_ != tail_ && ring_[head_ & mask_].is_hole())
        ++head_;
    publish_size();
    return true;
}

} // namespace sennit::detail
