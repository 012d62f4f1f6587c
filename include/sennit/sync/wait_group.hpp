// wait_group: counts work that was started, and waits until all of it is done, as Go's. The protocol
// stands in sync/countdown.hpp.
#pragma once

#include <sennit/core/wait.hpp>
#include <sennit/sync/countdown.hpp>
#include <sennit/sync/limited.hpp>

#include <chrono>
#include <cstdint>

namespace sennit {

/// A counter of outstanding work. Reusable: after zero it may grow again. Those who waited when it
/// became zero are let go even so.
///
/// ```cpp
/// sennit::wait_group group;
/// for (int i = 0; i < 3; ++i) {
///     group.add();
///     sennit::go([&] { group.done(); });
/// }
/// group.wait();
/// ```
/// Cost: one compare-and-swap for `add` and `done`, but for the steps from and to zero, which lock.
/// Source: G-SY-3.
class wait_group {
public:
    explicit wait_group(std::int64_t count = 0) noexcept : count_(count) {}

    /// Before the work starts. `n` may be negative; a sum below zero is an assertion.
    void add(std::int64_t n = 1) noexcept {
        count_.add(n, "done() is called more often than add() announced");
    }
    /// What was written before is visible to those who wait. May be the last access to the group.
    void done() noexcept { add(-1); }
    /// A snapshot.
    std::int64_t count() const noexcept { return count_.count(); }

    /// Waits until the count is zero. Throws `stopped`. Afterwards the group may be destroyed if nobody
    /// else waits.
    void wait() { sennit::wait(async_wait()); }
    /// False when the time ran out first.
    template<class Rep, class Period>
    [[nodiscard]] bool wait_for(std::chrono::duration<Rep, Period> d) {
        return detail::wait_within(async_wait(), {.limit = detail::limit_of(d)});
    }
    /// A future that is ready when the count is, or was, zero while it waits. Dropping it withdraws it.
    detail::countdown_future async_wait() noexcept { return detail::countdown_future(count_); }

private:
    detail::countdown count_;
};

} // namespace sennit
