// Stopping, as a flow meets it.
//
// A stop is a wish. A coroutine task is dropped at its next suspension. A fiber, or a task inside a blocking step,
// finds it at its next wait that has to wait: an operation that returns a `result` returns `errc::stopped` (or
// `errc::timed_out` when a bound in time expired), any other throws `stopped`. What is ready is still delivered:
// completion beats stopping. While an exception unwinds the stack, waits in destructors are not stopped.
#pragma once

#include <sennit/base/error.hpp>

namespace sennit {

/// Thrown by a wait in a flow that was asked to stop. Not a `std::exception`, so that `catch (std::exception&)` lets
/// it pass. It must reach the base of the flow: one that is swallowed is reported and ends the program. Another exception that
/// is thrown in its place is the flow's failure, delivered or reported as any.
///
/// ```cpp
/// try {
///     sennit::sleep_for(std::chrono::hours(1));
/// } catch (const sennit::stopped&) {
///     // clean up without waiting, then let it go on
///     throw;
/// }
/// ```
class stopped {
public:
    explicit stopped(errc cause = errc::stopped) noexcept : cause_(cause) {}
    /// `errc::stopped`, or `errc::timed_out` when a bound around the code expired.
    errc cause() const noexcept { return cause_; }

private:
    errc cause_;
};

namespace detail {
// Thrown by this_flow::exit(): ends the flow, reported as cancelled.
struct flow_exit {};
} // namespace detail

} // namespace sennit
