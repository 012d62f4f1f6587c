// Growth and theft. See the header.
#include <sennit/exec/run_queue.hpp>

#include <sennit/os/memory.hpp>

#include <new>

namespace sennit::detail {
namespace {
constexpr std::uint32_t initial_capacity = 512; // one page
constexpr std::uint32_t kept_capacity = 4096;   // a larger ring is given back when it is empty

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

std::size_t run_queue::steal(runnable_chain& out, bool all) noexcept {
    if (!gate_.claim()) return 0;
    std::size_t count = 0;
    const std::uint32_t size = tail_ - head_;
    std::uint32_t limit = all ? size : (size + 1) / 2;
    if (!all && limit > steal_max) limit = steal_max;
    for (; limit != 0; --limit) {
        runnable* r = ring_[head_ & mask_];
        ++head_;
        if (r == nullptr) continue;
        out.push_back(*r);
        ++count;
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
