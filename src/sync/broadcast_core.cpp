// Ends that come and go. The invariants stand in the header.
#include <sennit/sync/broadcast_core.hpp>

namespace sennit::detail {

broadcast_core::broadcast_core(std::size_t slots, std::size_t slot_size)
    : mask_(slots - 1),
      ring_(::operator new(slots* slot_size, std::align_val_t(pooled_alignment))) {}

broadcast_core::~broadcast_core() { ::operator delete(ring_, std::align_val_t(pooled_alignment)); }

bool broadcast_core::poll_closed(sync_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    if (receivers_ != 0) { // perhaps again
        w.enqueue(closing_, cx);
        return false;
    }
    w.withdraw(closing_);
    return true;
}
void broadcast_core::drop(sync_waiter& w) noexcept {
    std::lock_guard guard(lock_);
    w.withdraw(waiting_); // whichever list it is in
}

std::size_t broadcast_core::len_from(std::uint64_t next) const noexcept {
    std::lock_guard guard(lock_);
    return static_cast<std::size_t>(tail_ - next);
}

// Handles. Whoever adds one has one, so the count needs no order.

void broadcast_core::add_sender() noexcept {
    handles_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard guard(lock_);
    ++senders_;
}
void broadcast_core::add_weak() noexcept {
    handles_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard guard(lock_);
    ++weak_;
}
std::uint64_t broadcast_core::add_receiver() noexcept {
    handles_.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard guard(lock_);
    ++receivers_;
    return tail_;
}
bool broadcast_core::upgrade() noexcept {
    std::lock_guard guard(lock_);
    if (senders_ == 0) return false;
    handles_.fetch_add(1, std::memory_order_relaxed);
    ++senders_;
    return true;
}
void broadcast_core::drop_sender() noexcept {
    sync_guard guard(lock_);
    if (--senders_ == 0) {
        release_all(guard, waiting_);
    } else {
        guard.unlock();
    }
    leave();
}
void broadcast_core::drop_weak() noexcept {
    {
        std::lock_guard guard(lock_);
        --weak_;
    }
    leave();
}
void broadcast_core::leave() noexcept {
    // release: what this handle did comes before the end; acquire: what the others did
    if (handles_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy_pooled(this);
}

std::size_t broadcast_core::senders() const noexcept {
    std::lock_guard guard(lock_);
    return senders_;
}
std::size_t broadcast_core::weak_senders() const noexcept {
    std::lock_guard guard(lock_);
    return weak_;
}
std::size_t broadcast_core::receivers() const noexcept {
    std::lock_guard guard(lock_);
    return receivers_;
}

} // namespace sennit::detail
