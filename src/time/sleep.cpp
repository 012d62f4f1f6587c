// The states of a sleep_future. The argument stands in the header.
#include <sennit/time/sleep.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>

#include <limits>

namespace sennit {

static_assert(sizeof(sleep_future) == 64);
static_assert(alignof(flow) > 4, "the marks of sleep_future::word_ are no addresses of flows");

sleep_future::sleep_future(detail::time_limit limit) noexcept
    : timer_entry(&on_fire), word_(after + static_cast<std::uintptr_t>(limit.from)) {
    static_assert(static_cast<int>(detail::time_limit::kind::after) == 0);
    static_assert(static_cast<int>(detail::time_limit::kind::steady) == steady - after);
    static_assert(static_cast<int>(detail::time_limit::kind::system) == system - after);
    deadline_ns = static_cast<std::uint64_t>(limit.ns);
}

sleep_future::sleep_future(sleep_future&& other) noexcept
    : timer_entry(&on_fire), word_(other.word_.load(std::memory_order_relaxed)) {
    SENNIT_ASSERT(word_.load(std::memory_order_relaxed) <= last_mark,
                  "a sleep_future may be moved until it is first polled, not later");
    deadline_ns = other.deadline_ns;
}

sleep_future::~sleep_future() {
    // acquire: pairs with on_fire()
    if (word_.load(std::memory_order_acquire) > last_mark) disarm();
}

poll<void> sleep_future::poll(context& cx) noexcept {
    const auto mine = reinterpret_cast<std::uintptr_t>(cx.waker().target());
    std::uintptr_t seen = word_.load(std::memory_order_acquire); // pairs with on_fire()
    if (seen > last_mark) {
        if (seen == mine) return pending;
        // release: what this flow wrote comes before its wake; acquire, when it fails: what fired
        if (word_.compare_exchange_strong(seen, mine, std::memory_order_release,
                                          std::memory_order_acquire)) {
            return pending;
        }
    }
    return seen == fired ? sennit::poll<void>::ready() : start(seen, mine);
}

// The first poll.
poll<void> sleep_future::start(std::uintptr_t seen, std::uintptr_t mine) noexcept {
    timer_driver& timers = detail::current_timers(detail::this_thread());
    const detail::time_limit limit{static_cast<detail::time_limit::kind>(seen - after),
                                   static_cast<std::int64_t>(deadline_ns)};
    if (limit.from == detail::time_limit::kind::after && limit.ns > 0 &&
        limit.ns != std::numeric_limits<std::int64_t>::max()) {
        word_.store(mine, std::memory_order_relaxed); // arm_after() publishes it
        arm_after(timers, static_cast<std::uint64_t>(limit.ns));
        return pending;
    }
    const std::uint64_t deadline = detail::deadline_of(limit, timers);
    if (deadline == 0) {
        word_.store(fired, std::memory_order_relaxed); // nobody else knows this future
        return sennit::poll<void>::ready();
    }
    word_.store(mine, std::memory_order_relaxed); // arm() publishes it
    arm(timers, deadline);
    return pending;
}

void sleep_future::on_fire(timer_entry& entry) noexcept {
    auto& self = static_cast<sleep_future&>(entry);
    // acq_rel: pairs with poll()'s write and with poll()'s and the destructor's reads
    const std::uintptr_t seen = self.word_.exchange(fired, std::memory_order_acq_rel);
    waker(*reinterpret_cast<flow*>(seen)).wake(); // the future may be gone
}

} // namespace sennit
