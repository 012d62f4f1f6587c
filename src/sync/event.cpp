#include <sennit/sync/event.hpp>

#include <array>
#include <cstddef>

namespace sennit {

event_future::~event_future() {
    if (!wake) return; // never waited
    std::lock_guard guard(event_.lock_);
    if (is_linked()) event_.waiters_.remove(*this);
}

poll<void> event_future::poll(context& cx) noexcept {
    std::lock_guard guard(event_.lock_);
    if (event_.set_ || (wake && !is_linked()))
        return sennit::poll<void>::ready(); // set now, or when we waited
    wake = cx.waker();
    if (!is_linked()) event_.waiters_.push_back(*this);
    return pending;
}

void event::set() noexcept {
    // Wakers are copied under the lock, some at a time, and woken after it is released. A woken flow may destroy the event if
    // nobody else waits for it, so after the last batch nothing of it is touched.
    constexpr std::size_t batch = 32;
    for (bool more = true; more;) {
        std::array<waker, batch> wakers;
        std::size_t count = 0;
        {
            std::lock_guard guard(lock_);
            set_ = true;
            while (count < batch) {
                detail::event_waiter* waiter = waiters_.pop_front();
                if (waiter == nullptr) break;
                wakers[count++] = waiter->wake;
            }
            more = !waiters_.empty();
        }
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
    }
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
