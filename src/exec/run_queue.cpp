// Growth and theft. See the header.
#include <sennit/exec/run_queue.hpp>

namespace sennit::detail {
namespace {
constexpr std::uint32_t initial_capacity = 256;
constexpr std::uint32_t kept_capacity = 4096; // a larger ring is given back when it is empty
} // namespace

run_queue::run_queue()
    : mask_(initial_capacity - 1), ring_(std::make_unique<runnable*[]>(initial_capacity)) {}

void run_queue::grow() {
    const std::uint32_t capacity = (mask_ + 1) * 2;
    auto larger = std::make_unique<runnable*[]>(capacity);
    for (std::uint32_t i = head_; i != tail_; ++i)
        larger[i & (capacity - 1)] = ring_[i & mask_];
    ring_ = std::move(larger);
    mask_ = capacity - 1;
}

void run_queue::shrink() {
    owner_guard guard(gate_);
    if (mask_ < kept_capacity || head_ != tail_) return;
    ring_ = std::make_unique<runnable*[]>(initial_capacity);
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
