// Versions, and ends that come and go. The invariants stand in the header.
#include <sennit/sync/watch_core.hpp>

#include <mutex>
#include <utility>

namespace sennit::detail {

shared_cell_base* watch_core::borrow(std::uint64_t& version) const noexcept {
    std::lock_guard guard(lock_);
    version = this->version();
    latest_->add_reference();
    return latest_;
}

shared_cell_base* watch_core::publish(shared_cell_base& next, bool needs_receiver) noexcept {
    sync_guard guard(lock_);
    if (needs_receiver && receivers_ == 0) return nullptr;
    shared_cell_base* last = std::exchange(latest_, &next);
    // release: pairs with state(); a receiver that sees the version finds the value under the lock
    state_.store(state_.load(std::memory_order_relaxed) + version_step, std::memory_order_release);
    if (!changed_.empty()) release_all(guard, changed_);
    return last;
}

watch_core::change watch_core::poll_changed(sync_waiter& w, std::uint64_t& seen,
                                            context& cx) noexcept {
    if (!w.entered()) [[likely]] {
        const std::uint64_t now = version();
        if (now != seen) {
            seen = now;
            return change::changed;
        }
    }
    std::lock_guard guard(lock_);
    const std::uint64_t now = version();
    if (now == seen && !is_closed_for_receivers()) {
        w.enqueue(changed_, cx);
        return change::pending;
    }
    w.withdraw(changed_);
    return std::exchange(seen, now) != now ? change::changed : change::closed;
}

bool watch_core::poll_closed(sync_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    if (receivers_ != 0) { // perhaps again
        w.enqueue(closing_, cx);
        return false;
    }
    w.withdraw(closing_);
    return true;
}

void watch_core::drop(sync_waiter& w) noexcept {
    std::lock_guard guard(lock_);
    w.withdraw(changed_); // whichever list it is in
}

void watch_core::add_sender() noexcept {
    handles_.fetch_add(1, std::memory_order_relaxed); // whoever adds one has one
    std::lock_guard guard(lock_);
    ++senders_;
}
void watch_core::add_receiver() noexcept {
    handles_.fetch_add(1, std::memory_order_relaxed); // whoever adds one has one
    std::lock_guard guard(lock_);
    ++receivers_;
}

bool watch_core::drop_sender() noexcept {
    sync_guard guard(lock_);
    if (--senders_ == 0) {
        // release: pairs with state()
        state_.store(state_.load(std::memory_order_relaxed) | closed_bit,
                     std::memory_order_release);
        release_all(guard, changed_);
    } else {
        guard.unlock();
    }
    return leave();
}
bool watch_core::drop_receiver() noexcept {
    sync_guard guard(lock_);
    if (--receivers_ == 0) {
        release_all(guard, closing_);
    } else {
        guard.unlock();
    }
    return leave();
}

std::size_t watch_core::senders() const noexcept {
    std::lock_guard guard(lock_);
    return senders_;
}
std::size_t watch_core::receivers() const noexcept {
    std::lock_guard guard(lock_);
    return receivers_;
}

} // namespace sennit::detail
