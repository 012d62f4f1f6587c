// Growth and theft. See the header.
#include <sennit/exec/run_queue.hpp>

#include <sennit/os/memory.hpp>

#include <algorithm>
#include <new>
#include <utility>

namespace sennit::detail {
namespace {
constexpr std::uint32_t initial_capacity = 512; // one page
constexpr std::uint32_t kept_capacity = 4096;   // a larger ring is given back when it is empty
constexpr std::uint32_t looked_at_max = 2048;   // by a thief, who keeps the owner waiting
constexpr std::size_t fetched_ahead = 8;        // of what comes from another core

std::size_t ring_size(std::uint32_t capacity) {
    const std::size_t page = os::page_size();
    return (capacity * sizeof(void*) + page - 1) / page * page;
}
} // namespace

void run_queue::unmap::operator()(entry* ring) const noexcept {
    (void)os::release(ring, ring_size(capacity));
}

run_queue::ring run_queue::make_ring(std::uint32_t capacity) {
    static_assert(sizeof(entry) == sizeof(void*));
    auto memory = os::reserve(ring_size(capacity), os::page_size()); // zeros are holes
    if (!memory) throw std::bad_alloc();
    return {static_cast<entry*>(*memory), unmap{capacity}};
}

run_queue::run_queue() : mask_(initial_capacity - 1), ring_(make_ring(initial_capacity)) {}

void run_queue::grow() {
    const std::uint32_t capacity = (mask_ + 1) * 2;
    auto larger = make_ring(capacity);
    for (std::uint32_t i = head_; i != tail_; ++i)
        larger[i & (capacity - 1)] = ring_[i & mask_];
    ring_ = std::move(larger);
    mask_ = capacity - 1;
}

void run_queue::shrink() {
    owner_guard guard(gate_);
    if (mask_ < kept_capacity || head_ != tail_) return;
    ring_ = make_ring(initial_capacity);
    mask_ = initial_capacity - 1;
}

void run_queue::push_back(std::span<runnable* const> all) {
    owner_guard guard(gate_);
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (i + fetched_ahead < all.size()) __builtin_prefetch(all[i + fetched_ahead], 1);
        all[i]->woken_here = false;
        append(*all[i]);
    }
    publish_size();
}

std::size_t run_queue::steal(std::span<runnable*> out, taking what) noexcept {
    if (!gate_.claim()) return 0;
    const std::uint32_t size = tail_ - head_;
    const std::uint32_t there = what == taking::free ? free_ : size;
    const auto limit = std::min({std::size_t{there + 1} / 2, std::size_t{steal_max}, out.size()});
    const std::uint32_t end = head_ + std::min(size, looked_at_max);
    std::size_t count = 0;
    bool at_front = true; // nobody was passed over
    for (std::uint32_t i = head_; i != end && count != limit; ++i) {
        entry& place = ring_[i & mask_];
        if (what == taking::free && place.is_bound()) {
            at_front = false;
            continue;
        }
        if (!place.is_hole()) {
            free_ -= !place.is_bound();
            out[count++] = place.get();
            place = {};
        }
        if (at_front) head_ = i + 1;
    }
    publish_size();
    gate_.unclaim();
    return count;
}

std::size_t run_queue::steal_all(runnable_chain& out) noexcept {
    ring taken;
    try {
        taken = make_ring(initial_capacity);
    } catch (const std::bad_alloc&) {
        return 0; // for the next time
    }
    if (!gate_.claim()) return 0;
    // The owner gets the fresh ring and counts on, so that what was taken is not found here any more.
    std::swap(ring_, taken);
    const std::uint32_t mask = std::exchange(mask_, initial_capacity - 1);
    const std::uint32_t begin = std::exchange(head_, tail_), end = tail_;
    runnable* const next = std::exchange(slot_, nullptr);
    free_ = 0;
    publish_size();
    gate_.unclaim();
    std::size_t count = 0;
    for (std::uint32_t i = begin; i != end; ++i) {
        const entry one = taken[i & mask];
        if (one.is_hole()) continue;
        out.push_back(*one.get());
        ++count;
    }
    if (next != nullptr) {
        out.push_back(*next);
        ++count;
    }
    return count;
}

} // namespace sennit::detail
