#include <sennit/sync/event.hpp>

#include <mutex>

namespace sennit {

event_future::~event_future() {
    if (!entered()) return;
    std::lock_guard guard(event_.lock_);
    withdraw(event_.waiters_);
}

poll<void> event_future::poll(context& cx) noexcept {
    std::lock_guard guard(event_.lock_);
    if (!event_.set_ && !is_released()) {
        enqueue(event_.waiters_, cx);
        return pending;
    }
    withdraw(event_.waiters_);
    return sennit::poll<void>::ready();
}

void event::set() noexcept {
    detail::sync_guard guard(lock_);
    set_ = true;
    if (!waiters_.empty()) detail::release_all(guard, waiters_);
}

void event::reset() noexcept {
    std::lock_guard guard(lock_);
    set_ = false;
}

bool event::is_set() const noexcept {
    std::lock_guard guard(lock_);
    return set_;
}

} // namespace sennit
