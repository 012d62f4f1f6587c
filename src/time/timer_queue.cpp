// Locking around the wheel. The arguments stand in the header.
#include <sennit/time/timer_queue.hpp>

#include <sennit/core/current.hpp>
#include <sennit/os/clock.hpp>
#include <sennit/time/virtual_clock.hpp>

#include <algorithm>
#include <mutex>
#include <thread>
#include <utility>

namespace sennit {
namespace {

constexpr int spins_max = 64; // looks at a word before the core is given to somebody else

// Waits until `done()`; for events that are at most microseconds away once the other side runs.
template<class Done>
void spin_until(Done done) noexcept {
    for (int i = 0; i < spins_max; ++i) {
        if (done()) return;
        detail::relax();
    }
    while (!done())
        std::this_thread::yield();
}

// A wheel of the monotonic clock counts ticks of timer_wheel::tick_ns. One of a virtual clock counts
// microseconds since the clock was made, so that what is due in a millisecond is due exactly then. There are 2^50
// of them: virtual time has 35 years, and what is due after those never comes.
constexpr std::uint64_t virtual_tick_ns = 1000;

// In the deadline of an entry that is in unsettled_, beside the duration.
constexpr std::uint64_t unsettled_bit = std::uint64_t{1} << 63;

std::uint64_t ticks_up(std::uint64_t ns, std::uint64_t tick_ns) noexcept {
    return ns / tick_ns + (ns % tick_ns != 0);
}

} // namespace

timer_queue::timer_queue() noexcept : wheel_(static_cast<std::uint64_t>(os::now_ns())) {}

timer_queue::timer_queue(detail::virtual_clock& clock) noexcept
    : clock_(&clock), origin_ns_(clock.now_ns()), wheel_(0) {}

std::uint64_t timer_queue::now_ns() const noexcept {
    if (clock_ != nullptr) [[unlikely]]
        return clock_->now_ns();
    return static_cast<std::uint64_t>(os::now_ns());
}

// A moment of the clock in the wheel's nanoseconds; a deadline is rounded up, the present down.
std::uint64_t timer_queue::to_wheel(std::uint64_t ns, bool up) const noexcept {
    if (clock_ == nullptr || ns == never) [[likely]]
        return ns;
    const std::uint64_t since = ns > origin_ns_ ? ns - origin_ns_ : 0;
    const std::uint64_t ticks = up ? ticks_up(since, virtual_tick_ns) : since / virtual_tick_ns;
    return ticks > never / timer_wheel::tick_ns ? never : ticks * timer_wheel::tick_ns;
}

// When the wheel fires what is due at a moment of its own: on the clock.
std::uint64_t timer_queue::from_wheel(std::uint64_t ns) const noexcept {
    const std::uint64_t ticks = ticks_up(ns, timer_wheel::tick_ns);
    if (ticks > never / timer_wheel::tick_ns) return never;
    if (clock_ == nullptr) [[likely]]
        return ticks * timer_wheel::tick_ns;
    return origin_ns_ + ticks * virtual_tick_ns;
}

bool timer_queue::may_skip() const noexcept {
    return clock_ != nullptr && clock_->is_paused() && !clock_->is_held();
}
void timer_queue::hold_time() noexcept {
    if (clock_ != nullptr) clock_->hold();
}
void timer_queue::let_time_go() noexcept {
    if (clock_ != nullptr) clock_->let_go();
}

bool timer_queue::skip_to_next(std::uint64_t limit_ns) noexcept {
    if (!may_skip()) return false;
    const std::uint64_t next = std::min(next_deadline_ns(), limit_ns);
    if (next == never) return false;
    clock_->move_to(next);
    return true;
}

void timer_queue::set_alarm(void (*alarm)(void*) noexcept, void* argument) noexcept {
    std::lock_guard guard(lock_);
    alarm_ = alarm;
    alarm_argument_ = argument;
}

void timer_queue::insert(timer_node& node, std::uint64_t deadline_ns) noexcept {
    const std::uint64_t in_wheel = to_wheel(deadline_ns, true);
    const std::uint64_t deadline = from_wheel(in_wheel);
    static_cast<timer_entry&>(node).deadline_ns = deadline;
    bool earlier;
    {
        std::lock_guard guard(lock_);
        wheel_.insert(node, in_wheel);
        earlier = deadline < next_.load(std::memory_order_relaxed) && publish(deadline);
    }
    if (earlier) sound_alarm();
}

void timer_queue::insert_after(timer_node& node, std::uint64_t duration_ns) noexcept {
    if (clock_ != nullptr || detail::this_thread().timers != this)
        return insert(node, now_ns() + duration_ns);
    static_cast<timer_entry&>(node).deadline_ns = duration_ns | unsettled_bit;
    std::lock_guard guard(lock_);
    wheel_.hold(node, unsettled_);
    next_.store(0, std::memory_order_relaxed); // for this thread's next look
}

void timer_queue::settle() noexcept {
    std::unique_lock guard(lock_);
    settle_all(guard);
    if (firer_ == nullptr) (void)publish(next_due()); // it goes up
}

// Under the lock, which is released from time to time. What the owner arms meanwhile is left for the next time: it may do so
// without end, and this may be the monitor.
void timer_queue::settle_all(std::unique_lock<detail::spin_lock>& guard) noexcept {
    timer_list going(std::move(unsettled_));
    while (!going.empty()) {
        const std::uint64_t now = now_ns(); // later than their arming
        for (std::size_t i = 0; i < piece_max; ++i) {
            timer_node* node = going.pop_front();
            if (node == nullptr) return;
            auto& entry = static_cast<timer_entry&>(*node);
            const std::uint64_t in_wheel = now + (entry.deadline_ns & ~unsettled_bit);
            entry.deadline_ns = from_wheel(in_wheel);
            wheel_.insert(*node, in_wheel);
        }
        guard.unlock();
        guard.lock();
    }
}

// Under the lock: when `fire` has something to do.
std::uint64_t timer_queue::next_due() const noexcept {
    return unsettled_.empty() ? from_wheel(wheel_.next_deadline_ns()) : 0;
}

void timer_queue::remove(timer_node& node) noexcept {
    auto& entry = static_cast<timer_entry&>(node);
    while (!try_remove(entry)) {
        // acquire: pairs with fire_entry()
        spin_until([&]() noexcept { return firing_.load(std::memory_order_acquire) != &entry; });
    }
}

// False while another thread is inside the entry's `fire`.
bool timer_queue::try_remove(timer_entry& entry) noexcept {
    bool earlier = false;
    {
        std::lock_guard guard(lock_);
        const bool unsettled = (entry.deadline_ns & unsettled_bit) != 0;
        if (!wheel_.remove(entry)) {
            return firing_.load(std::memory_order_acquire) != &entry || // pairs with fire_entry()
                   firer_ == &detail::this_thread();
        }
        // Only the first timer moves the deadline. While somebody fires, it is the firer who
        // publishes. One that was not settled leaves a look that finds nothing.
        const bool first = entry.deadline_ns <= next_.load(std::memory_order_relaxed);
        if (firer_ == nullptr && !unsettled && (first || wheel_.size() == 0))
            earlier = publish(next_due());
    }
    if (earlier) sound_alarm();
    return true;
}

std::size_t timer_queue::fire(std::uint64_t now_ns, std::size_t limit) noexcept {
    bool earlier;
    std::size_t fired = 0;
    {
        std::unique_lock guard(lock_);
        if (firer_ != nullptr) return 0;
        firer_ = &detail::this_thread();
        settle_all(guard);
        const std::size_t armed = wheel_.size();
        for (bool complete = false; !complete && fired <= armed && limit != 0;) {
            const std::size_t piece = std::min(piece_max, limit);
            limit -= piece;
            complete = wheel_.advance_some(to_wheel(now_ns, false), due_, piece);
            while (timer_node* node = due_.pop_front()) {
                auto& entry = static_cast<timer_entry&>(*node);
                firing_.store(&entry, std::memory_order_relaxed); // read under the lock
                guard.unlock();
                fire_entry(entry);
                ++fired;
                guard.lock();
            }
            if (!complete) { // somebody else's turn
                guard.unlock();
                guard.lock();
            }
        }
        firer_ = nullptr;
        earlier = publish(next_due());
    }
    if (earlier) sound_alarm();
    return fired;
}

void timer_queue::fire_entry(timer_entry& entry) noexcept {
    entry.fire(entry);
    firing_.store(nullptr,
                  std::memory_order_release); // release: all that `fire` did; pairs with remove()
}

// Under the lock. True when the caller must sound the alarm after it released the lock.
bool timer_queue::publish(std::uint64_t next) noexcept {
    const bool earlier = next < next_.load(std::memory_order_relaxed);
    next_.store(next, std::memory_order_release); // release: pairs with next_deadline_ns()
    return earlier && alarm_ != nullptr && detail::this_thread().timers != this;
}

void timer_queue::sound_alarm() noexcept { alarm_(alarm_argument_); }

} // namespace sennit
