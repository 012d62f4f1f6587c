// Locking around the wheel. The arguments stand in the header.
#include <sennit/time/timer_queue.hpp>

#include <sennit/core/current.hpp>
#include <sennit/os/clock.hpp>

#include <mutex>
#include <thread>

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

// When the wheel fires what is due at `deadline_ns`.
std::uint64_t rounded_up(std::uint64_t deadline_ns) noexcept {
    const std::uint64_t tick =
        deadline_ns / timer_wheel::tick_ns + (deadline_ns % timer_wheel::tick_ns != 0);
    return tick > timer_driver::never / timer_wheel::tick_ns ? timer_driver::never
                                                             : tick * timer_wheel::tick_ns;
}

} // namespace

timer_queue::timer_queue() noexcept : wheel_(static_cast<std::uint64_t>(os::now_ns())) {}

std::uint64_t timer_queue::now_ns() const noexcept {
    return static_cast<std::uint64_t>(os::now_ns());
}

void timer_queue::set_alarm(void (*alarm)(void*) noexcept, void* argument) noexcept {
    std::lock_guard guard(lock_);
    alarm_ = alarm;
    alarm_argument_ = argument;
}

void timer_queue::insert(timer_node& node, std::uint64_t deadline_ns) noexcept {
    const std::uint64_t deadline = rounded_up(deadline_ns);
    static_cast<timer_entry&>(node).deadline_ns = deadline;
    bool earlier;
    {
        std::lock_guard guard(lock_);
        wheel_.insert(node, deadline_ns);
        earlier = deadline < next_.load(std::memory_order_relaxed) && publish(deadline);
    }
    if (earlier) sound_alarm();
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
        if (!wheel_.remove(entry)) {
            return firing_.load(std::memory_order_acquire) != &entry || // pairs with fire_entry()
                   firer_ == &detail::this_thread();
        }
        // Only the first timer moves the deadline. While somebody fires, it is the firer who
        // publishes.
        const bool first = entry.deadline_ns <= next_.load(std::memory_order_relaxed);
        if (firer_ == nullptr && (first || wheel_.size() == 0))
            earlier = publish(wheel_.next_deadline_ns());
    }
    if (earlier) sound_alarm();
    return true;
}

std::size_t timer_queue::fire(std::uint64_t now_ns) noexcept {
    bool earlier;
    std::size_t fired = 0;
    {
        std::unique_lock guard(lock_);
        if (firer_ != nullptr) return 0;
        firer_ = &detail::this_thread();
        const std::size_t armed = wheel_.size();
        for (bool complete = false; !complete && fired <= armed;) {
            complete = wheel_.advance_some(now_ns, due_, piece_max);
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
        earlier = publish(wheel_.next_deadline_ns());
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
