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
constexpr std::uint32_t looked_at_max = 1024;   // by a thief, who keeps the owner waiting

std::size_t ring_size(std::uint32_t capacity) {
    const std::size_t page = os::page_size();
    return (capacity * sizeof(runnable*) + page - 1) / page * page;
}
} // namespace

void run_queue::unmap::operator()(runnable** ring) const noexcept {
    (void)os::release(ring, ring_size(capacity));
}

std::unique_ptr<runnable* [], run_queue::unmap> run_queue::make_ring(std::uint32_t capacity) {
    auto memory = os::reserve(ring_size(capacity), os::page_size());
    if (!memory) throw std::bad_alloc();
    return {static_cast<runnable**>(*memory), unmap{capacity}};
}

run_queue::run_queue()
    : mask_(initial_capacity - 1), ring_(make_ring(initial_capacity)) {}

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

std::size_t run_queue::steal(runnable_chain& out, taking what) noexcept {
    if (!gate_.claim()) return 0;
    std::size_t count = 0;
    const bool all = what == taking::everything;
    const std::uint32_t size = tail_ - head_;
    std::uint32_t limit = what == taking::free ? free_ : size;
    if (!all) limit = std::min((limit + 1) / 2, steal_max);
    const std::uint32_t end = head_ + (all ? size : std::min(size, looked_at_max));
    bool at_front = true; // nobody was passed over
    for (std::uint32_t i = head_; i != end && limit != 0; ++i) {
        runnable*& place = ring_[i & mask_];
        if (place != nullptr && place->woken_here && what == taking::free) {
            at_front = false;
            continue;
        }
        if (runnable* r = std::exchange(place, nullptr)) {
            free_ -= !r->woken_here;
            out.push_back(*r);
            ++count;
            --limit;
        }
        if (at_front) head_ = i + 1;
    }
    if (all && slot_ != nullptr) {
        out.push_back(*slot_);
        slot_ = nullptr;
        ++count;
    }
    publish_size();
    gate_.unclaim();
    return count;
}

} // namespace sennit::detail
