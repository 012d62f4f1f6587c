// The untyped part: the life of a bound.
#include <sennit/time/timeout.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>

namespace sennit::detail {

error timed_out_error(const char* operation) noexcept { return {errc::timed_out, operation}; }

time_bound_scope::time_bound_scope(time_limit limit)
    : timer_entry(&on_fire), flow_(current_flow(this_thread())) {
    flow_extras& extras = extras_of(flow_);
    timer_driver& timers = current_timers(this_thread());
    const std::uint64_t deadline = deadline_of(limit, timers);
    outer = extras.innermost;
    extras.innermost = this;
    time_bound::deadline_ns = deadline;
    if (deadline == 0) {
        (void)expire(); // nobody else knows this bound
    } else if (deadline != timer_driver::never) {
        arm(timers, deadline);
    }
}

time_bound_scope::~time_bound_scope() {
    flow_extras& extras = *flow_.extras.load(std::memory_order_relaxed);
    SENNIT_ASSERT(extras.innermost == static_cast<time_bound*>(this),
                  "bounds in time end in the reverse order of their beginning, on the same flow");
    extras.innermost = outer;
    if (!is_expired()) disarm(); // on_fire() does not touch this after that
    release_node();
}

bool time_bound_scope::takes(const stopped& exception) noexcept {
    if (exception.cause() != errc::timed_out) return false;
    if (!is_expired()) return false;
    flow_.state().clear_throwing();
    return true;
}

void time_bound_scope::on_fire(timer_entry& entry) noexcept {
    auto& self = static_cast<time_bound_scope&>(entry);
    const waker wake(self.flow_);
    // The wake orders this before the flow's next look when the flow is about to sleep: see
    // core/flow_state.hpp.
    const stop_ref node(self.expire());
    wake.wake();
    if (node) node->request_stop({errc::timed_out, "deadline"}, true);
}

} // namespace sennit::detail
