// Deciding whether the moment has come. The argument stands in the header.
#include <sennit/time/timer.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <mutex>
#include <utility>

namespace sennit {
namespace {

std::uint64_t now_here() noexcept { return detail::current_timers(detail::this_thread()).now_ns(); }

runtime_clock::time_point point_of(std::uint64_t ns) noexcept {
    return runtime_clock::time_point(std::chrono::nanoseconds(static_cast<std::int64_t>(ns)));
}

std::uint64_t later(std::uint64_t ns, std::uint64_t by) noexcept {
    return by >= detail::moment_core::never - ns ? detail::moment_core::never : ns + by;
}

} // namespace

runtime_clock::time_point runtime_clock::now() noexcept { return point_of(now_here()); }

namespace detail {

std::uint64_t moment_of(time_limit limit) noexcept {
    // A point that has passed is kept: it is what the waits yield.
    if (limit.from == time_limit::kind::steady && limit.ns > 0 &&
        limit.ns != std::numeric_limits<std::int64_t>::max()) {
        return static_cast<std::uint64_t>(limit.ns);
    }
    timer_driver& timers = current_timers(this_thread());
    const std::uint64_t deadline = deadline_of(limit, timers);
    return deadline == 0 ? std::max<std::uint64_t>(timers.now_ns(), 1) : deadline;
}

runtime_clock::time_point point_after(time_limit limit) noexcept {
    constexpr std::uint64_t last = std::numeric_limits<std::int64_t>::max();
    return point_of(std::min(moment_of(limit), last));
}

bool moment_core::set(std::uint64_t deadline_ns, std::uint64_t period_ns) noexcept {
    constexpr std::size_t batch = 32;
    std::unique_lock guard(lock_);
    const bool was_active = deadline_ != never;
    deadline_ = deadline_ns;
    period_ = period_ns;
    ++version_;
    // Taken over at once, so that those who come back are not woken again. A future that is dropped
    // meanwhile takes itself out, under the same lock.
    list<moment_waiter> going(std::move(waiters_));
    for (;;) {
        std::array<waker, batch> wakers;
        std::size_t count = 0;
        while (count < batch) {
            moment_waiter* w = going.pop_front();
            if (w == nullptr) break;
            wakers[count++] = w->wake;
        }
        const bool more = !going.empty();
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (!more) return was_active;
        guard.lock();
    }
}

// Under lock_, when the moment has come: what comes after it.
void moment_core::go_on(std::uint64_t now) noexcept {
    if (period_ == 0) {
        deadline_ = never;
        return;
    }
    switch (policy_) {
        case missed::burst:
            deadline_ = later(deadline_, period_);
            break;
        case missed::delay:
            deadline_ = later(now, period_);
            break;
        case missed::skip:
            deadline_ = later(deadline_, (now - deadline_) / period_ * period_);
            deadline_ = later(deadline_, period_);
            break;
    }
}

std::optional<std::uint64_t> moment_core::poll(moment_waiter& w, context& cx) noexcept {
    for (;;) {
        const std::uint64_t now = now_here();
        std::uint64_t deadline, version;
        {
            std::lock_guard guard(lock_);
            deadline = deadline_;
            version = version_;
            if (deadline != never && deadline <= now) {
                ++version_; // the others sleep towards a moment that is over; they ask when it comes
                go_on(now);
                if (w.is_linked()) waiters_.remove(w);
            } else {
                w.wake = cx.waker();
                if (!w.is_linked()) waiters_.push_back(w);
            }
            w.entered = w.is_linked();
        }
        if (!w.entered) {
            w.sleep.reset();
            return deadline;
        }
        if (w.version != version || !w.sleep) {
            w.version = version;
            w.sleep.reset();
            if (deadline == never) return std::nullopt;
            w.sleep.emplace(limit_of(point_of(deadline)));
        }
        if (!w.sleep->poll(cx).is_ready()) return std::nullopt;
        w.sleep.reset(); // the moment came between the two looks
    }
}

void moment_core::drop(moment_waiter& w) noexcept {
    std::lock_guard guard(lock_);
    if (w.is_linked()) waiters_.remove(w);
}

} // namespace detail

poll<runtime_clock::time_point> moment_future::poll(context& cx) noexcept {
    const std::optional<std::uint64_t> moment = core_.poll(*this, cx);
    if (!moment) return pending;
    return point_of(*moment);
}

void ticker::set_period(detail::time_limit period) {
    SENNIT_ASSERT(period.ns > 0, "the period of a ticker is more than zero");
    (void)core_.set(detail::moment_of(period), static_cast<std::uint64_t>(period.ns));
}

} // namespace sennit
