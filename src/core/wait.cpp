// The slow half of wait(): deciding whether to sleep or to stop, and going to sleep.
#include <sennit/core/wait.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/this_flow.hpp>

#include <exception>
#include <utility>

namespace sennit {
namespace detail {
namespace {

// Why the flow may not wait any longer; `woken` when it may.
pause_result stop_reason(flow& me) noexcept {
    const flow_extras* e = me.extras.load(std::memory_order_relaxed);
    const bool stop =
        me.state().is_stop_requested() || me.home().stopping.load(std::memory_order_relaxed);
    if (!stop && (e == nullptr || e->innermost == nullptr)) return pause_result::woken;
    if (e != nullptr && e->shields != 0) return pause_result::woken;
    if (std::uncaught_exceptions() != 0) return pause_result::woken;
    if (stop) return pause_result::stopped;
    for (const time_bound* b = e->innermost; b != nullptr; b = b->outer) {
        if (b->expired.load(std::memory_order_acquire)) return pause_result::timed_out;
    }
    return pause_result::woken;
}

} // namespace

pause_result pause() noexcept {
    thread_state& t = this_thread();
    flow& me = *t.current;
    const pause_result why = stop_reason(me);
    if (why != pause_result::woken) return why;
    if (t.yield_requested) {
        t.yield_requested = false;
        t.parker->yield(me);
    } else {
        t.parker->park(me);
    }
    return pause_result::woken;
}

void pause_shielded() noexcept {
    thread_state& t = this_thread();
    if (t.yield_requested) {
        t.yield_requested = false;
        t.parker->yield(*t.current);
    } else {
        t.parker->park(*t.current);
    }
}

void spend_budget(thread_state& t) noexcept {
    if (t.parker != nullptr && t.current != nullptr) t.parker->yield(*t.current);
    this_thread().budget = budget_per_resumption;
}

void throw_stopped(pause_result why) {
    this_thread().current->state().set_throwing();
    throw stopped(why == pause_result::timed_out ? errc::timed_out : errc::stopped);
}

error stop_error(pause_result why) {
    return error(why == pause_result::timed_out ? errc::timed_out : errc::stopped, "wait");
}

void enter_shield() { ++extras_of(current_flow(this_thread())).shields; }
void leave_shield() noexcept {
    --this_thread().current->extras.load(std::memory_order_relaxed)->shields;
}

} // namespace detail

bool flow::is_stop_requested() noexcept {
    if (state_.is_stop_requested() || home().stopping.load(std::memory_order_relaxed)) return true;
    const detail::flow_extras* e = extras.load(std::memory_order_relaxed);
    for (const detail::time_bound* b = e ? e->innermost : nullptr; b != nullptr; b = b->outer) {
        if (b->expired.load(std::memory_order_acquire)) return true;
    }
    return false;
}

namespace this_flow {

void yield() noexcept {
    detail::thread_state& t = detail::this_thread();
    if (t.parker != nullptr && t.current != nullptr) t.parker->yield(*t.current);
}

std::uint64_t id() noexcept {
    const flow* f = detail::this_thread().current;
    return f ? f->id() : 0;
}

std::string_view name() noexcept {
    const flow* f = detail::this_thread().current;
    return f ? f->name() : std::string_view();
}

bool stop_requested() noexcept {
    flow* f = detail::this_thread().current;
    return f != nullptr && f->is_stop_requested();
}

std::stop_token stop_token() {
    flow& me = detail::current_flow(detail::this_thread());
    detail::flow_extras& e = detail::extras_of(me);
    std::unique_lock guard(e.stop_lock);
    if (!e.stop_source) {
        e.stop_source.emplace();
        std::stop_token token = e.stop_source->get_token();
        guard.unlock();
        // Whoever asked before the source was there could not reach it; ask again on their behalf.
        if (me.state().is_stop_requested()) e.stop_source->request_stop();
        e.on_shutdown.emplace(me.home().shutdown_source.get_token(),
                              detail::flow_extras::forward_stop{&e});
        return token;
    }
    return e.stop_source->get_token();
}

void exit() {
    flow& me = detail::current_flow(detail::this_thread());
    SENNIT_ASSERT(me.kind() != detail::flow_kind::thread,
                  "this_flow::exit() ends a fiber; a plain thread returns instead");
    me.state().set_throwing();
    throw detail::flow_exit{};
}

} // namespace this_flow
} // namespace sennit
