// The untyped life of a flow: birth, meeting with its handle, end, and the report of an exception nobody joins.
#include <sennit/core/flow.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/flow_local.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <typeinfo>

namespace sennit {
namespace {

constexpr std::uint64_t id_block = 1 << 16; // ids a thread takes at a time
std::atomic<std::uint64_t> next_id_block{1};

// Takes the flow's own node out of sight of request_stop, and gives it up.
void drop_own_node(detail::flow_extras& e) noexcept {
    detail::stop_state* own;
    {
        std::lock_guard guard(e.own_lock);
        own = std::exchange(e.own, nullptr);
    }
    if (own != nullptr) own->release();
}

} // namespace

void flow::take_ids(detail::thread_state& t) noexcept {
    t.id_next = next_id_block.fetch_add(id_block, std::memory_order_relaxed);
    t.id_end = t.id_next + id_block;
}

// To the queue of the executor whose thread this is, without the way round through it; else to the executor.
void flow::submit() noexcept {
    executor& home = this->home();
    detail::thread_state& t = detail::this_thread();
    t.home == &home ? t.parker->push_woken(*this) : home.execute(*this);
}

void waker::wake() const noexcept {
    if (flow_ != nullptr) flow_->wake();
}

void context::yield() noexcept {
    // Whoever polls by hand does not know the thread's mark, so a relay is told as by any event.
    if (flow_->kind() == detail::flow_kind::relay) [[unlikely]]
        return flow_->wake();
    detail::this_thread().yield_requested = true;
}

void flow::free_extras() noexcept {
    // seq_cst, with flow_report: either the report finds no extras, or we find the report and wait for it
    detail::flow_extras* e = extras.exchange(nullptr, std::memory_order_seq_cst);
    if (detail::flow_report::under_way.load(std::memory_order_seq_cst)) {
        std::lock_guard guard(detail::flow_report::lock);
    }
    // A plain thread's flow has no end but this.
    detail::release_locals(e->locals_alone);
    detail::release_locals(e->locals_to_children);
    drop_own_node(*e);
    delete e;
}

std::string_view flow::name() const noexcept {
    const detail::flow_extras* e = extras.load(std::memory_order_acquire); // pairs with extras_of
    return e ? std::string_view(e->name.data(), e->name_size) : std::string_view();
}

void flow::launch() noexcept {
    detail::thread_state& t = detail::this_thread();
    if (flow* parent = t.current) {
        if (parent->state().is_stop_requested()) [[unlikely]]
            (void)state_.request_stop(); // active already, so there is nothing to submit
        if (parent->has_context()) [[unlikely]]
            inherit_from(*parent);
    }
    executor& home = this->home();
    if (t.home == &home) [[likely]] {
        t.counters->spawned.add();
        return t.parker->push_new(*this);
    }
    home.foreign_counters.spawned.add_shared();
    home.execute_new(*this);
}

void flow::request_stop() noexcept {
    const flow_state::wake_action todo = state_.request_stop();
    if (detail::flow_extras* e = extras.load(std::memory_order_acquire)) { // pairs with extras_of
        detail::stop_ref own;
        {
            std::lock_guard guard(e->own_lock);
            own = detail::stop_ref::share(e->own);
        }
        if (own) own->request_stop({errc::stopped, "request_stop"});
    }
    if (todo == flow_state::wake_action::submit) submit();
}

void flow::end() noexcept {
    // Who answers with another exception has not swallowed it: that one is delivered or reported.
    if (state_.is_throwing() && how == detail::outcome::value) [[unlikely]] {
        std::string report = "sennit::stopped was swallowed by the flow ";
        report += describe(*this);
        report += ": it went on to its normal end; let stopped pass, or rethrow it";
        fatal(report);
    }
    executor& home = this->home();
    if (has_context()) [[unlikely]]
        leave_context();
    state_.finish();
    if (in_place) {
        join_.store(join_done, std::memory_order_relaxed);
    } else if (join_.load(std::memory_order_acquire) ==
               join_detached) { // pairs with detach(), whose handle may have written
        report_if_failed();
        destroy();
    } else {
        // acq_rel: publishes the result to the joiner; pairs with poll_done and detach
        const std::uintptr_t waiting = join_.exchange(join_done, std::memory_order_acq_rel);
        if (waiting == join_detached) {
            report_if_failed();
            destroy();
        } else if (waiting != join_none) {
            reinterpret_cast<flow*>(waiting)->wake();
        }
    }
    detail::thread_state& t = detail::this_thread();
    if (t.home == &home) {
        t.counters->finished.add_release();
    } else {
        home.foreign_counters.finished.add_shared();
    }
    if (home.draining.load(std::memory_order_seq_cst)) [[unlikely]]
        home.flow_finished();
}

// ---- the place in a stop tree

detail::stop_member* flow::membership() noexcept {
    detail::flow_extras* e = extras.load(std::memory_order_relaxed);
    return e != nullptr && e->inherited.node != nullptr ? &e->inherited : nullptr;
}

bool flow::is_context_stopped() noexcept {
    const detail::stop_member* m = membership();
    return m != nullptr && m->node->is_stopped();
}

bool flow::enter_context() noexcept {
    detail::stop_member* m = membership();
    return m == nullptr || m->node->enter(*m, *this);
}

void flow::start_below(detail::stop_state& node) {
    node.retain();
    detail::extras_of(*this).inherited.node = &node;
}

// By whoever starts this flow, before anybody else knows it.
void flow::inherit_from(flow& parent) {
    const detail::stop_member* m = parent.membership();
    if (m != nullptr && membership() == nullptr) start_below(*m->node);
    const detail::flow_extras* e = parent.extras.load(std::memory_order_relaxed);
    if (e->locals_to_children != nullptr)
        detail::extras_of(*this).locals_to_children = detail::share_locals(e->locals_to_children);
}

// The last that a flow does as itself.
void flow::leave_context() noexcept {
    detail::flow_extras& e = *extras.load(std::memory_order_relaxed);
    ++e.shields; // destructors of locals may wait
    detail::release_locals(std::exchange(e.locals_alone, nullptr));
    detail::release_locals(std::exchange(e.locals_to_children, nullptr));
    drop_own_node(e);
    if (e.inherited.node == nullptr) return;
    e.inherited.node->leave(e.inherited);
    std::exchange(e.inherited.node, nullptr)->release();
}

bool flow::poll_done(waker joiner) noexcept {
    std::uintptr_t seen = join_.load(std::memory_order_acquire); // pairs with end()
    const auto mine = reinterpret_cast<std::uintptr_t>(joiner.target());
    while (seen != join_done) {
        if (seen == mine) return false;
        // release: what the joiner wrote before comes before its wake; acquire: the result
        if (join_.compare_exchange_weak(seen, mine, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

void flow::forget_joiner(waker joiner) noexcept {
    auto mine = reinterpret_cast<std::uintptr_t>(joiner.target());
    join_.compare_exchange_strong(mine, join_none, std::memory_order_relaxed);
}

void flow::detach() noexcept {
    // acq_rel: pairs with end(): whoever comes second frees the cell and sees all of it
    if (join_.exchange(join_detached, std::memory_order_acq_rel) == join_done) {
        report_if_failed();
        destroy();
    }
}

void flow::report_if_failed() noexcept {
    if (how == detail::outcome::exception && !delivered)
        home().uncaught_exception(*this, operations().exception(*this));
}

void flow::run_in_place(flow& joiner) noexcept {
    // A fiber's run ends with the fiber, even if it waits meanwhile: its stack lies on ours. A task's may end earlier.
    in_place = kind() == detail::flow_kind::fiber;
    run_here();
    detail::this_thread().current = &joiner;
}

std::string describe(const flow& f) {
    std::string text;
    if (!f.name().empty()) {
        text += '"';
        text += f.name();
        text += "\" ";
    }
    text += "(id " + std::to_string(f.id()) + ", started at " + f.site().file_name() + ":" +
            std::to_string(f.site().line()) + ")";
    return text;
}

void executor::uncaught_exception(flow& f, std::exception_ptr exception) noexcept {
    std::string report = "an exception left the flow ";
    report += describe(f);
    report += ", which nobody joins: ";
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        report += typeid(e).name();
        report += ": ";
        report += e.what();
    } catch (...) {
        report += "not a std::exception";
    }
    fatal(report);
}

namespace detail {

std::atomic<bool> flow_report::under_way{false};
std::mutex flow_report::lock;

void flow_report::visit(executor* home, void (*each)(flow&, void*), void* argument) {
    std::lock_guard guard(lock);
    under_way.store(true, std::memory_order_seq_cst);
    struct visitor {
        executor* home;
        void (*each)(flow&, void*);
        void* argument;
    } v{home, each, argument};
    for_each_cell(
        [](void* cell, void* a) {
            auto& self = *static_cast<visitor*>(a);
            // Free cells hold the header of their last flow, or zeros; both read as "not alive".
            auto& f = *static_cast<flow*>(static_cast<runnable*>(cell));
            if (f.state().is_alive() && (self.home == nullptr || &f.home() == self.home))
                self.each(f, self.argument);
            return true;
        },
        &v);
    under_way.store(false, std::memory_order_seq_cst);
}

void name_flow(flow& f, const flow_options& options) {
    if (options.name.empty()) return;
    flow_extras& e = extras_of(f);
    e.name_size = static_cast<std::uint8_t>(std::min(options.name.size(), flow_name_size_max));
    std::memcpy(e.name.data(), options.name.data(), e.name_size);
}

flow_extras& extras_of(flow& f) {
    flow_extras* e = f.extras.load(std::memory_order_relaxed);
    if (e == nullptr) {
        e = new flow_extras;
        // release: publishes it to request_stop and to reports; seq_cst: see own_node()
        f.extras.store(e, std::memory_order_seq_cst);
    }
    return *e;
}

stop_state& own_node(flow& me) {
    flow_extras& e = extras_of(me);
    if (e.own != nullptr) return *e.own;
    const stop_member* m = me.membership();
    auto* made = new stop_state(m != nullptr ? m->node : nullptr);
    {
        std::lock_guard guard(e.own_lock);
        e.own = made;
    }
    // Whoever asked before the node was there could not reach it; ask again on their behalf. A request to the flow has set
    // the state before it took the lock. A shutdown has set `stopping` before it looks at the extras: seq_cst on both of
    // them, here and there, lets one see the other.
    if (me.state().is_stop_requested() || me.home().stopping.load(std::memory_order_seq_cst))
        made->request_stop({errc::stopped, "request_stop"});
    return *made;
}

stop_state& time_bound::node_below(stop_state* above) {
    if (node_) return *node_;
    node_ = stop_ref(new stop_state(above, deadline_ns));
    node_->retain(); // for whoever expires the bound
    std::uintptr_t none = 0;
    // release: publishes the node to expire(); acquire, when it fails: nothing but the mark
    if (!word_.compare_exchange_strong(none, reinterpret_cast<std::uintptr_t>(node_.get()),
                                       std::memory_order_release, std::memory_order_acquire)) {
        node_->request_stop({errc::timed_out, "deadline"}, true);
        node_->release();
    }
    return *node_;
}

namespace {

stop_state& node_of(time_bound* bound, flow& me) {
    if (bound == nullptr) return own_node(me);
    if (bound->has_node()) return *bound->node();
    return bound->node_below(&node_of(bound->outer, me));
}

} // namespace

stop_state* innermost_node(flow& me) {
    flow_extras& e = extras_of(me);
    return e.shields != 0 ? nullptr : &node_of(e.innermost, me);
}

stop_ref node_for_children() {
    flow* me = this_thread().current;
    const flow_extras* e = me != nullptr ? me->extras.load(std::memory_order_relaxed) : nullptr;
    if (e == nullptr ||
        (e->inherited.node == nullptr && e->own == nullptr && e->innermost == nullptr))
        return {};
    stop_state* above = innermost_node(*me);
    return above != nullptr ? stop_ref(new stop_state(above)) : stop_ref();
}

} // namespace detail
} // namespace sennit
