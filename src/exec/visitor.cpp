// Runs single flows for executors that are not ours, on threads whose stacks cannot be given away.
//
// A visitor stands between the foreign stack and the flow's: it switches to a pooled stack (or to the one the flow waits on),
// and comes back when the flow ends, waits or yields. What the flow wants done is done here, after the switch.
#include <sennit/base/assert.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/os/thread.hpp>
#include <sennit/stack/exception_state.hpp>
#include <sennit/stack/overflow.hpp>
#include <sennit/stack/sanitizer.hpp>

#include <tuple>

namespace sennit {
namespace {

using detail::thread_state;

class visitor final : public detail::parker {
public:
    void run(flow& f) noexcept;

    void park(flow& self) noexcept override { leave(self, after::park); }
    void yield(flow& self) noexcept override { leave(self, after::requeue); }
    void requeue(flow& self) noexcept override { self.home().execute(self); }
    bool claim(flow&) noexcept override { return false; }
    void push_new(runnable&) noexcept override { fatal("a visitor's thread is nobody's worker"); }
    void push_woken(runnable&) noexcept override { fatal("a visitor's thread is nobody's worker"); }

private:
    enum class after { nothing, park, requeue, release };

    static void entry(void* message);
    void leave(flow& self, after what) noexcept;
    void finish() noexcept;

    stack* native_ = nullptr;
    void* native_sp_ = nullptr;
    flow* flow_ = nullptr;
    stack* released_ = nullptr;
    after after_ = after::nothing;
};

void visitor::entry(void* message) {
    sanitizer::begin();
    auto* v = static_cast<visitor*>(message);
    stack* mine = detail::this_thread().stack;
    v->flow_->run();
    v = static_cast<visitor*>(detail::this_thread().parker); // perhaps on another thread by now
    v->after_ = after::release;
    v->released_ = mine;
    detail::this_thread().stack = v->native_;
    detail::switch_to(&mine->sp, *v->native_, v->native_sp_, nullptr);
    SENNIT_UNREACHABLE();
}

void visitor::run(flow& f) noexcept {
    thread_state& t = detail::this_thread();
    const auto before = std::tuple(t.current, t.parker, t.home, t.counters, t.timers, t.runs_for,
                                   t.stack, t.drop_scope);
    const detail::exception_globals exceptions = detail::this_thread_exceptions();
    detail::this_thread_exceptions() = {};

    auto bounds = os::current_stack_bounds();
    stack own(bounds ? static_cast<char*>(bounds->low) : nullptr,
              bounds ? static_cast<char*>(bounds->high) : nullptr);
    native_ = t.stack ? t.stack : &own;
    if (native_ == &own) sanitizer::adopt_native(own);
    const detail::overflow_watch watch;

    stack* target = nullptr;
    void* sp;
    if (f.is_parked_on_stack()) {
        sp = f.resumes_at;
    } else {
        target = stack_pool::acquire(f.stack_class);
        if (target == nullptr) fatal(stack_pool::exhausted_reason());
        if (target->primed) {
            sanitizer::forget_context(*target);
            target->primed = false;
        }
        sp = detail::prepare_stack(target->start(), &visitor::entry);
    }
    flow_ = &f;
    t.parker = this;
    // The thread may be a worker's: meanwhile it is not, whatever is woken there comes through its injector.
    t.home = nullptr;
    t.counters = nullptr;
    t.timers = nullptr;
    t.drop_scope = nullptr;
    t.runs_for = &f.home();
    t.stack = target; // a parked flow says so itself
    detail::switch_to(&native_sp_, target, sp, this);
    finish();

    std::tie(t.current, t.parker, t.home, t.counters, t.timers, t.runs_for, t.stack, t.drop_scope) =
        before;
    detail::this_thread_exceptions() = exceptions;
}

void visitor::leave(flow& self, after what) noexcept {
    const detail::exception_globals saved = detail::this_thread_exceptions();
    detail::this_thread_exceptions() = {};
    stack* mine = detail::this_thread().stack;
    self.set_parked_on_stack();
    after_ = what;
    flow_ = &self;
    detail::this_thread().stack = native_;
    detail::switch_to(&self.resumes_at, *native_, native_sp_, nullptr);
    thread_state& t = detail::this_thread();
    t.stack = mine;
    t.current = &self;
    t.budget = detail::budget_per_resumption;
    detail::this_thread_exceptions() = saved;
}

void visitor::finish() noexcept {
    switch (after_) {
        case after::nothing:
            break;
        case after::park:
            if (flow_->state().park() == flow_state::park_action::poll_again)
                flow_->home().execute(*flow_);
            break;
        case after::requeue:
            flow_->home().execute(*flow_);
            break;
        case after::release:
            sanitizer::forget_context(*released_);
            stack_pool::release(*released_);
            break;
    }
}

} // namespace

void resume_parked_stack(runnable& r) noexcept {
    visitor v;
    v.run(static_cast<flow&>(r));
}

void run_on_pooled_stack(flow& f) noexcept {
    visitor v;
    v.run(f);
}

} // namespace sennit
