// block_queue: elements one after another in linked blocks of half a kilobyte.
//
// Elements are trivially copyable: nothing of the user's runs in here, so a lock may be held. Nothing
// is allocated in here either: who pushes asks has_room() and brings a block.
//
// Two parties: who pushes owns the tail and the spare, who pops owns the head; they need a lock
// between them only when the queue looks empty, see take_view in sync/mpsc_core.hpp. An empty queue
// that is rewound starts again at the front of its block, so a channel that is drained now and then
// lives in one block. Emptied blocks are kept as the spare, one at most.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/sync/pooled.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sennit::detail {

class block_queue {
public:
    struct block {
        block* next;
        alignas(pooled_alignment) std::byte bytes[496];
    };

    // A block to be brought. Not initialised: half a kilobyte of zeroes is no use.
    static block* make_block() { return ::new (pooled_allocate<block>()) block; }

    // The size of each element.
    explicit block_queue(std::size_t element) noexcept
        : span_(sizeof(block::bytes) / element * element) {}
    block_queue(block_queue&& other) noexcept
        : head_block_(std::exchange(other.head_block_, nullptr)),
          head_(std::exchange(other.head_, nullptr)),
          head_end_(std::exchange(other.head_end_, nullptr)),
          tail_(std::exchange(other.tail_, nullptr)),
          tail_end_(std::exchange(other.tail_end_, nullptr)),
          tail_block_(std::exchange(other.tail_block_, nullptr)),
          spare_(std::exchange(other.spare_, nullptr)),
          span_(other.span_) {}
    block_queue& operator=(block_queue&&) = delete;
    // Whoever knows the elements' type has taken them out.
    ~block_queue();

    bool has_room() const noexcept { return tail_ != tail_end_ || spare_ != nullptr; }
    // A new block for who pushes; null when it was not needed, else the one that was too much.
    [[nodiscard]] block* give_spare(block* b) noexcept {
        return spare_ == nullptr ? (spare_ = b, nullptr) : b;
    }

    template<class E>
    void push(const E& e) noexcept {
        static_assert(std::is_trivially_copyable_v<E> && alignof(E) <= pooled_alignment);
        if (tail_ == tail_end_) [[unlikely]]
            enter_spare();
        ::new (tail_) E(e);
        tail_ += sizeof(E);
    }
    // There must be one. `emptied` becomes a block that was left behind, if one was.
    template<class E>
    E pop(block*& emptied) noexcept {
        if (head_ == head_end_) [[unlikely]]
            emptied = enter_next();
        std::byte* at = std::exchange(head_, head_ + sizeof(E));
        return *std::launder(reinterpret_cast<E*>(at));
    }
    bool empty() const noexcept { return head_ == tail_; }
    // Of an empty queue, for both parties: the next element is at the front of the block again.
    void rewind() noexcept {
        if (head_block_ != nullptr) head_ = tail_ = head_block_->bytes;
    }

private:
    void enter_spare() noexcept;
    block* enter_next() noexcept;

    block* head_block_ = nullptr;
    std::byte *head_ = nullptr, *head_end_ = nullptr;
    std::byte *tail_ = nullptr, *tail_end_ = nullptr;
    block *tail_block_ = nullptr, *spare_ = nullptr;
    const std::size_t span_; // bytes of a block that are used
};

} // namespace sennit::detail
