// The rarer transitions of the oneshot's word. The table stands in the header.
#include <sennit/sync/oneshot_channel.hpp>

namespace sennit::detail {

oneshot_core::rest oneshot_core::sender_leaves() noexcept {
    // acquire throughout: what the receiver did to the cell comes before it is freed
    std::uintptr_t seen = word_.load(std::memory_order_acquire);
    for (;;) {
        if (seen == receiver_gone) return rest::free_cell;
        const std::uintptr_t want = seen == closed ? closed_abandoned : abandoned;
        if (word_.compare_exchange_weak(seen, want, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
            break;
        }
    }
    if (seen > receiver_gone) flow_of(seen).wake();
    return rest::nothing;
}

bool oneshot_core::poll_closed(waker w) noexcept {
    if (is_closed()) return true;
    // Against close(): here the waker, then the word; there the word, then the waker. All four are
    // seq_cst, so at least one of the two sees the other.
    sender_waker_.store(w.target(), std::memory_order_seq_cst);
    const std::uintptr_t seen = word_.load(std::memory_order_seq_cst);
    return seen == closed || seen == receiver_gone;
}

// relaxed: a wake that comes all the same is harmless.
void oneshot_core::forget_sender(waker w) noexcept {
    flow* me = w.target();
    sender_waker_.compare_exchange_strong(me, nullptr, std::memory_order_relaxed);
}
void oneshot_core::forget_receiver(waker w) noexcept {
    auto me = reinterpret_cast<std::uintptr_t>(w.target());
    word_.compare_exchange_strong(me, empty, std::memory_order_relaxed);
}

void oneshot_core::close() noexcept {
    std::uintptr_t seen = word_.load(std::memory_order_relaxed);
    do {
        if (!is_open(seen)) return;
    } while (!word_.compare_exchange_weak(seen, closed, std::memory_order_seq_cst,
                                          std::memory_order_relaxed));
    if (flow* sender = sender_waker_.load(std::memory_order_seq_cst)) waker(*sender).wake();
}

oneshot_core::rest oneshot_core::receiver_leaves() noexcept {
    close();
    std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with publish()
    if (seen == sent) return rest::free_cell_and_value;
    // Closed, unless the sender left before; release: the sender frees the cell after us.
    if (seen == closed &&
        word_.compare_exchange_strong(seen, receiver_gone, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return rest::nothing;
    }
    return rest::free_cell;
}

} // namespace sennit::detail
