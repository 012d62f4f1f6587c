// The slow half of wait(): deciding whether to sleep or to stop, and going to sleep.
#include <sennit/core/wait.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/this_flow.hpp>

#include <algorithm>
#include <exception>
#include <utility>

namespace sennit {
namespace detail {
namespace {

bool has_expired_bound(const flow_extras* e) noexcept {
    for (const time_bound* b = e != nullptr ? e->innermost : nullptr; b != nullptr; b = b->outer) {
        if (b->is_expired()) return true;
    }
    return false;
}

bool is_asked_to_stop(flow& me) noexcept {
    return me.state().is_stop_requested() || me.home().stopping.load(std::memory_order_relaxed);
}

// Why the flow may not wait any longer; `woken` when it may.
pause_result stop_reason(flow& me) noexcept {
    const bool stop = is_asked_to_stop(me);
    if (!stop && !me.has_context()) return pause_result::woken;
    const flow_extras* e = me.extras.load(std::memory_order_relaxed);
    if (e != nullptr && e->shields != 0) return pause_result::woken;
    const bool over = stop || !me.enter_context();
    if (!over && !has_expired_bound(e)) return pause_result::woken;
    if (std::uncaught_exceptions() != 0) return pause_result::woken;
    if (!over) return pause_result::timed_out;
    const stop_member* m = me.membership();
    return m != nullptr && m->node->is_expired() ? pause_result::timed_out : pause_result::stopped;
}

SENNIT_NOINLINE pause_result pause_unless_stopped() noexcept {
    const pause_result why = stop_reason(*this_thread().current);
    if (why == pause_result::woken) pause_shielded();
    return why;
}

} // namespace

pause_result pause() noexcept {
    thread_state& t = this_thread();
    flow& me = *t.current;
    if (is_asked_to_stop(me) || me.has_context() || t.yield_requested) [[unlikely]]
        return pause_unless_stopped();
    t.parker->park(me);
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
    return hears_stop() || detail::has_expired_bound(extras.load(std::memory_order_relaxed));
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
    detail::stop_state* node = detail::innermost_node(detail::current_flow(detail::this_thread()));
    return node != nullptr ? node->token() : std::stop_token();
}

sennit::stop_node stop_node() {
    detail::stop_state* node = detail::innermost_node(detail::current_flow(detail::this_thread()));
    return sennit::stop_node(detail::stop_ref(new detail::stop_state(node)));
}

error stop_cause() {
    flow* f = detail::this_thread().current;
    if (f == nullptr || !f->is_stop_requested()) return {};
    if (const detail::stop_member* m = f->membership(); m != nullptr && m->node->is_stopped())
        return m->node->cause();
    if (f->hears_stop()) return {errc::stopped, "request_stop"};
    return {errc::timed_out, "deadline"};
}

std::optional<std::chrono::steady_clock::time_point> deadline() noexcept {
    flow* f = detail::this_thread().current;
    if (f == nullptr) return std::nullopt;
    std::uint64_t ns = detail::stop_state::never;
    if (const detail::stop_member* m = f->membership()) ns = m->node->deadline_ns();
    const detail::flow_extras* e = f->extras.load(std::memory_order_relaxed);
    for (const detail::time_bound* b = e ? e->innermost : nullptr; b != nullptr; b = b->outer)
        ns = std::min(ns, b->deadline_ns);
    return detail::time_of_deadline(ns);
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
