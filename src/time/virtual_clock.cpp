// The clock, and its face towards the flows.
#include <sennit/time/virtual_clock.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/os/clock.hpp>
#include <sennit/time/timer_queue.hpp>

namespace sennit {
namespace {

std::uint64_t monotonic_ns() noexcept { return static_cast<std::uint64_t>(os::now_ns()); }

timer_driver& timers_here() noexcept { return detail::current_timers(detail::this_thread()); }

detail::virtual_clock& clock_here() noexcept {
    detail::virtual_clock* clock = timers_here().virtual_time();
    SENNIT_ASSERT(clock != nullptr,
                  "virtual time is for flows of a runtime made with "
                  "{.current_thread = true, .virtual_time = true}");
    return *clock;
}

} // namespace

namespace detail {

// Starts at the monotonic clock's time, so that time points of std::chrono::steady_clock that were
// taken before mean what they say.
virtual_clock::virtual_clock() noexcept : base_(monotonic_ns()) {}

// Everything is relaxed: the worker alone writes, and the numbers publish nothing.
std::uint64_t virtual_clock::now_ns() const noexcept {
    const std::uint64_t base = base_.load(std::memory_order_relaxed);
    return is_paused() ? base : base + monotonic_ns();
}

void virtual_clock::pause() noexcept {
    SENNIT_ASSERT(!is_paused(), "virtual time is paused already, as it is from the start");
    base_.store(now_ns(), std::memory_order_relaxed);
    paused_.store(true, std::memory_order_relaxed);
}

void virtual_clock::resume() noexcept {
    SENNIT_ASSERT(is_paused(), "virtual time is running already");
    base_.store(now_ns() - monotonic_ns(), std::memory_order_relaxed);
    paused_.store(false, std::memory_order_relaxed);
}

void virtual_clock::move_to(std::uint64_t ns) noexcept {
    if (is_paused() && ns > base_.load(std::memory_order_relaxed))
        base_.store(ns, std::memory_order_relaxed);
}

} // namespace detail

namespace virtual_time {

bool is_available() noexcept { return timers_here().virtual_time() != nullptr; }
bool is_paused() noexcept { return clock_here().is_paused(); }
void pause() noexcept { clock_here().pause(); }
void resume() noexcept { clock_here().resume(); }

poll<void> advance_future::poll(context& cx) noexcept {
    if (moved_) return sennit::poll<void>::ready();
    moved_ = true;
    detail::virtual_clock& clock = clock_here();
    SENNIT_ASSERT(clock.is_paused(), "only paused time is advanced by hand");
    SENNIT_ASSERT(ns_ >= 0, "time goes forward");
    timer_driver& timers = timers_here();
    clock.move_to(clock.now_ns() + static_cast<std::uint64_t>(ns_));
    (void)timers.fire(clock.now_ns());
    cx.yield();
    return pending;
}

} // namespace virtual_time
} // namespace sennit
