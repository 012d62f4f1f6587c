// Virtual time: a clock that stands still while there is something to do.
//
// A runtime with `virtual_time` reads this clock in place of the system's. Paused, it moves in two
// ways: somebody calls `advance`, or every flow of the runtime waits; then the worker, before it goes
// to sleep, moves the clock to the next deadline, if no descriptor is ready and nobody holds it.
// Resumed, it follows the monotonic clock, from where it stands.
//
// Only the worker's thread moves the clock; any thread may read it. `holds_` counts work outside the
// runtime that will wake a flow (a blocking call): while there is any, idleness moves nothing.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/driver.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/wait.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>

namespace sennit {

namespace detail {

class virtual_clock {
public:
    virtual_clock() noexcept;

    std::uint64_t now_ns() const noexcept;
    bool is_paused() const noexcept { return paused_.load(std::memory_order_relaxed); }
    void pause() noexcept;
    void resume() noexcept;
    // Moves a paused clock forward; never back.
    void move_to(std::uint64_t ns) noexcept;

    // By flows of the runtime, so on the worker's thread.
    void hold() noexcept { holds_.fetch_add(1, std::memory_order_relaxed); }
    void let_go() noexcept { holds_.fetch_sub(1, std::memory_order_relaxed); }
    bool is_held() const noexcept { return holds_.load(std::memory_order_relaxed) != 0; }

private:
    // Paused: the time. Running: what it is ahead of the monotonic clock.
    std::atomic<std::uint64_t> base_;
    std::atomic<bool> paused_{true};
    std::atomic<std::uint32_t> holds_{0};
};

} // namespace detail

/// The clock of a runtime that was made with `runtime_options::virtual_time`, seen from its flows.
namespace virtual_time {

/// Whether the current flow lives by a virtual clock.
///
/// ```cpp
/// sennit::runtime rt{{.current_thread = true, .virtual_time = true}};
/// const bool yes = rt.block_on([] { return sennit::virtual_time::is_available(); });
/// ```
bool is_available() noexcept;
/// Whether it stands still. It does from the start.
bool is_paused() noexcept;
/// Stops the clock, or lets it follow the monotonic clock from where it stands. Pausing a paused
/// clock, or resuming a running one, is an assertion, and so is either without a virtual clock.
///
/// ```cpp
/// sennit::runtime rt{{.current_thread = true, .virtual_time = true}};
/// rt.block_on([] { sennit::virtual_time::resume(); sennit::virtual_time::pause(); });
/// ```
void pause() noexcept;
void resume() noexcept;

/// The future of `async_advance`. Dropped after its first poll: the clock has moved and does not move back.
///
/// ```cpp
/// sennit::runtime rt{{.current_thread = true, .virtual_time = true}};
/// rt.block_on([] { sennit::wait(sennit::virtual_time::async_advance(std::chrono::hours(1))); });
/// ```
class [[nodiscard]] advance_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_progress;

    explicit advance_future(std::int64_t ns) noexcept : ns_(ns) {}
    sennit::poll<void> poll(context& cx) noexcept;

private:
    std::int64_t ns_;
    bool moved_ = false;
};

/// Moves the paused clock by `d`, fires what became due, in the order of the deadlines, and lets the
/// flows that it woke run before it returns. Source: R-TM-5, R-TM-6.
///
/// ```cpp
/// sennit::runtime rt{{.current_thread = true, .virtual_time = true}};
/// rt.block_on([] {
///     const auto begun = sennit::runtime_clock::now();
///     sennit::virtual_time::advance(std::chrono::hours(1));
///     return sennit::runtime_clock::now() - begun == std::chrono::hours(1);
/// });
/// ```
template<class Rep, class Period>
advance_future async_advance(std::chrono::duration<Rep, Period> d) noexcept {
    return advance_future(detail::saturated_ns(d));
}
template<class Rep, class Period>
void advance(std::chrono::duration<Rep, Period> d) {
    wait(async_advance(d));
}

} // namespace virtual_time

} // namespace sennit
