// The executors of this library, as objects of their own.
//
// `runtime` puts one together with timers and a reactor; these names are for programs that do so themselves.
#pragma once

#include <sennit/exec/scheduler.hpp>

namespace sennit {

/// The default executor: worker threads that steal from each other, and a monitor. Flows may run on any of its threads.
///
/// Cost of idling: none. Source: G-SC-1 to G-SC-10, R-SC-1 to R-SC-5; differences are recorded in docs/decisions/.
class work_stealing final : public detail::scheduler {
public:
    work_stealing(detail::scheduler_parts parts, unsigned workers)
        : scheduler(std::move(parts), workers) {
        start_threads();
    }
};

/// An executor without threads: its flows run on whoever calls `run_here`, and only during the call.
class event_loop final : public detail::scheduler {
public:
    explicit event_loop(detail::scheduler_parts parts) : scheduler(std::move(parts), 1) {}
};

} // namespace sennit
