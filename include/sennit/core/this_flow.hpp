// The flow that runs here, from its own point of view.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>

#include <cstdint>
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

/// A token that is stopped when this flow is asked to stop. The first call makes a `std::stop_source` for the flow.
///
/// ```cpp
/// std::stop_token stop = sennit::this_flow::stop_token();
/// while (!stop.stop_requested()) break;
/// ```
std::stop_token stop_token();

/// True when this flow was asked to stop; for long computations.
bool stop_requested() noexcept;

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
