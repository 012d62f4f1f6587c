#include <sennit/exec/idle_set.hpp>

#include <sennit/os/clock.hpp>
#include <sennit/os/futex.hpp>

#include <algorithm>

namespace sennit::detail {

void sleeper::sleep(std::uint64_t deadline_ns) noexcept {
    std::uint32_t expected = awake;
    if (word_.compare_exchange_strong(expected, in_futex, std::memory_order_acq_rel)) {
        while (word_.load(std::memory_order_acquire) == in_futex) {
            if (deadline_ns == timer_driver::never) {
                os::futex::wait(word_, in_futex);
            } else {
                const std::chrono::steady_clock::time_point until{
                    std::chrono::nanoseconds(deadline_ns)};
                if (os::futex::wait_until(word_, in_futex, until)) break;
            }
        }
    }
    word_.exchange(awake, std::memory_order_acq_rel); // acquire: also a wake-up that comes just now
}

std::size_t sleeper::sleep_in(io_driver& io, std::uint64_t timeout_ns) noexcept {
    std::uint32_t expected = awake;
    std::size_t events = 0;
    if (word_.compare_exchange_strong(expected, in_poll, std::memory_order_acq_rel))
        events = io.poll(timeout_ns);
    word_.exchange(awake, std::memory_order_acq_rel); // acquire: also a wake-up that comes just now
    return events;
}

void sleeper::wake(io_driver* io) noexcept {
    // acq_rel: what the waker published comes before what the sleeper does next
    switch (word_.exchange(notified, std::memory_order_acq_rel)) {
        case in_futex:
            (void)os::futex::wake_one(word_);
            break;
        case in_poll:
            io->interrupt();
            break;
        default:
            break;
    }
}

void idle_set::enter(worker& w) {
    std::lock_guard guard(lock_);
    workers_.push_back(&w);
    count_.fetch_add(1, std::memory_order_seq_cst);
}

bool idle_set::remove(worker& w) {
    std::lock_guard guard(lock_);
    const auto it = std::find(workers_.begin(), workers_.end(), &w);
    if (it == workers_.end()) return false;
    workers_.erase(it);
    count_.fetch_sub(1, std::memory_order_seq_cst);
    return true;
}

worker* idle_set::take() {
    std::lock_guard guard(lock_);
    if (workers_.empty()) return nullptr;
    worker* w = workers_.back();
    workers_.pop_back();
    count_.fetch_sub(1, std::memory_order_seq_cst);
    return w;
}

} // namespace sennit::detail
