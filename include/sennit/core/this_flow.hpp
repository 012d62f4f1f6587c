// The flow that runs here, from its own point of view.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/stop_node.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>
#include <utility>

namespace sennit {

/// A future that is ready after the other runnable flows had their turn. Dropped, it has lost that turn.
class [[nodiscard]] yield_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    sennit::poll<void> poll(context& cx) noexcept {
        if (yielded_) return sennit::poll<void>::ready();
        yielded_ = true;
        cx.yield();
        return pending;
    }
    /// True when it was polled: it is ready.
    bool has_yielded() const noexcept { return yielded_; }

private:
    bool yielded_ = false;
};

/// `co_await async_yield()`: lets the other runnable flows run first. A stop request is noticed.
/// Cost: about 10 ns when nothing else is runnable.
inline yield_future async_yield() noexcept { return {}; }

namespace this_flow {

/// Lets the other runnable flows run first. Returns at once when there is none. Never throws: a yield is not a wait.
///
/// ```cpp
/// for (int i = 0; i < 3; ++i) sennit::this_flow::yield();
/// ```
void yield() noexcept;

/// A number that no other flow of this process has had or will have. 0 on a plain thread that never waited.
std::uint64_t id() noexcept;

/// The name given by `flow_options`, or "".
std::string_view name() noexcept;

/// A token that is stopped when this flow is asked to stop: by its handle, with the scope or node that it was started in,
/// or by a shutdown of its runtime; inside `with_timeout` also when the time is up. Inside `shielded` code it is one that
/// is never stopped. The first call makes a node for the flow, and the first for each node allocates.
///
/// ```cpp
/// std::stop_token stop = sennit::this_flow::stop_token();
/// while (!stop.stop_requested()) break;
/// ```
std::stop_token stop_token();

/// A new node of the stop tree below this flow: stopped when `stop_token()` is, or by its own request.
///
/// ```cpp
/// sennit::stop_node part = sennit::this_flow::stop_node();
/// part.request_stop();
/// bool only_that = part.stop_requested() && !sennit::this_flow::stop_requested(); // true
/// ```
sennit::stop_node stop_node();

/// True when this flow was asked to stop, or a bound around it has expired; for long computations. Also inside `shielded`
/// code, whose waits do not hear of it.
bool stop_requested() noexcept;

/// Why: the cause of the node that this flow was started in; `errc::timed_out` when a bound has expired; else
/// `errc::stopped`. No error while it was not asked. Source: G-CX-4.
///
/// ```cpp
/// if (sennit::error cause = sennit::this_flow::stop_cause()) std::puts(cause.message().c_str());
/// ```
error stop_cause();

/// When this flow will be asked to stop at the latest, by a bound around the current code or around the scope it was
/// started in; the earliest of them (G-CX-3). Empty: there is none. On the clock of the flow's timers.
///
/// ```cpp
/// auto answer = sennit::with_timeout(std::chrono::seconds(1), [] {
///     return sennit::this_flow::deadline().has_value(); // true
/// });
/// ```
std::optional<std::chrono::steady_clock::time_point> deadline() noexcept;

/// Ends this flow from within: unwinds the stack, runs destructors and reports "cancelled" to the joiner.
/// Source: G-GO-9.
[[noreturn]] void exit();

} // namespace this_flow

/// Runs `f` deaf to stop requests and bounds in time, for clean-up that has to wait. Nests.
///
/// ```cpp
/// sennit::shielded([] { sennit::this_flow::yield(); });
/// ```
template<class Fn>
decltype(auto) shielded(Fn&& f);

namespace detail {

void enter_shield();
void leave_shield() noexcept;

struct shield {
    shield() { enter_shield(); }
    ~shield() { leave_shield(); }
    shield(const shield&) = delete;
    shield& operator=(const shield&) = delete;
};

} // namespace detail

template<class Fn>
decltype(auto) shielded(Fn&& f) {
    detail::shield guard;
    return std::forward<Fn>(f)();
}

} // namespace sennit
