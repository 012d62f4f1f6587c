// latch: a counter that goes down once, as std::latch. The protocol stands in sync/countdown.hpp.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/countdown.hpp>
#include <sennit/sync/limited.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sennit {

/// Lets those who wait go when it has been counted down to zero. Not reusable. Whoever has waited
/// may destroy it when nobody else waits.
///
/// ```cpp
/// sennit::latch ready(2);
/// sennit::go([&] { ready.count_down(); });
/// ready.arrive_and_wait();
/// ```
class latch {
public:
    explicit latch(std::ptrdiff_t expected) noexcept : count_(expected) {
        SENNIT_ASSERT(expected >= 0, "a latch counts down from zero or more");
    }

    /// What was written before is visible to those who wait. Below zero is an assertion.
    void count_down(std::ptrdiff_t n = 1) noexcept {
        count_.add(-n, "a latch is counted down more often than it was told to expect");
    }
    bool try_wait() const noexcept { return count_.is_zero(); }
    /// Waits until the count is zero. Throws `stopped`.
    void wait() { sennit::wait(async_wait()); }
    void arrive_and_wait(std::ptrdiff_t n = 1) {
        count_down(n);
        wait();
    }
    /// False when the time ran out first.
    template<class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_wait(), {.limit = detail::limit_of(d)});
    }
    /// A future that is ready when the count is zero. Dropping it withdraws it.
    detail::countdown_future async_wait() noexcept { return detail::countdown_future(count_); }

private:
    detail::countdown count_;
};

} // namespace sennit
