// From one block to the next.
#include <sennit/sync/block_queue.hpp>

namespace sennit::detail {

block_queue::~block_queue() {
    SENNIT_DEBUG_ASSERT(empty(), "elements are left in a queue that is destroyed");
    for (block* b : {head_block_, spare_}) {
        if (b != nullptr) destroy_pooled(b);
    }
}

void block_queue::enter_spare() noexcept {
    SENNIT_DEBUG_ASSERT(spare_ != nullptr, "ask has_room() before a push");
    block* b = std::exchange(spare_, nullptr);
    b->next = nullptr;
    if (tail_block_ == nullptr) {
        head_block_ = b;
        head_ = b->bytes;
        head_end_ = head_ + span_;
    } else {
        tail_block_->next = b;
    }
    tail_block_ = b;
    tail_ = b->bytes;
    tail_end_ = tail_ + span_;
}

block_queue::block* block_queue::enter_next() noexcept {
    block* left = head_block_;
    head_block_ = left->next;
    head_ = head_block_->bytes;
    head_end_ = head_ + span_;
    return left;
}

} // namespace sennit::detail
