// The worker's loop, its switches and its stacks. The header has the invariants; what it does between turns is in
// worker_upkeep.cpp.
#include <sennit/exec/worker.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/base/prefetch.hpp>
#include <sennit/exec/scheduler.hpp>
#include <sennit/os/thread.hpp>
#include <sennit/stack/exception_state.hpp>
#include <sennit/stack/overflow.hpp>
#include <sennit/stack/sanitizer.hpp>

#include <algorithm>
#include <tuple>
#include <utility>

namespace sennit::detail {
namespace {

// A child is run in place only while this much of the stack is left.
constexpr std::size_t room_for_child = stack_size_default / 2;

// What a flow that is about to run touches first comes closer.
void warm_up(const runnable& r) noexcept {
    prefetch(&r, 2); // the header
    prefetch(r.resumes_at, 3);
}

worker* here() noexcept { return static_cast<worker*>(this_thread().parker); }

} // namespace

worker::worker(scheduler& owner, unsigned index, bool spare, std::unique_ptr<timer_driver> timers)
    : scheduler_(owner),
      index_(index),
      spare_(spare),
      migrates_(owner.parts().force_migration && owner.worker_count() > 1),
      timers_(std::move(timers)),
      random_(index * 2654435761u + 1) {
    timers_->set_alarm([](void* self) noexcept { static_cast<worker*>(self)->wake(); }, this);
}

worker::~worker() { shrink_cache(0); }

void worker::shrink_cache(std::uint32_t keep) noexcept {
    if (loop_count_ <= keep) return;
    stack* given = nullptr;
    for (; loop_count_ > keep; --loop_count_) {
        stack* s = std::exchange(loops_, loops_->next);
        s->next = given;
        given = s;
    }
    stack_pool::release_all(given);
}

void worker::wake() noexcept { sleeper_.wake(scheduler_.parts_.io); }

// ---- entering and leaving the thread

void worker::run() {
    thread_state& t = this_thread();
    SENNIT_ASSERT(t.runs_for == nullptr,
                  "an executor was run inside a flow of another: wait for it instead");
    const auto before = std::tuple(t.current, t.parker, t.home, t.counters, t.timers, t.stack);
    thread_ = &t;
    tid.store(os::gettid(), std::memory_order_relaxed);
    exceptions_ = &this_thread_exceptions();
    t.home = &scheduler_;
    t.parker = this;
    t.counters = &counters;
    t.timers = timers_.get();
    t.runs_for = &scheduler_;
    leaving_ = false;

    auto bounds = os::current_stack_bounds();
    native_ = bounds ? std::make_unique<sennit::stack>(static_cast<char*>(bounds->low),
                                                       static_cast<char*>(bounds->high))
                     : std::make_unique<sennit::stack>(nullptr, nullptr);
    sanitizer::adopt_native(*native_);
    const overflow_watch watch;
    stack* s = take_loop(); // see prepare()
    t.stack = s;
    switch_to(&native_sp_, *s, s->sp, this);
    after_switch();

    timers_->settle(); // nobody may look for a while
    std::tie(t.current, t.parker, t.home, t.counters, t.timers, t.stack) = before;
    t.runs_for = nullptr;
    if (spare_) {
        shrink_cache(0);
        // What waits for a stack waits elsewhere from now on.
        while (runnable* r = starved_.pop_front())
            scheduler_.inject(*r);
        scheduler_.spare_count.fetch_sub(1, std::memory_order_relaxed);
        left.store(true, std::memory_order_release); // release: pairs with start_spare
        scheduler_.wake_one();                       // somebody has to take over the polling
    }
}

void worker::run_until(bool (*until)(void*), void* argument, std::uint64_t deadline_ns) {
    until_ = until;
    until_argument_ = argument;
    until_ns_ = deadline_ns;
    run();
    until_ = nullptr;
    until_ns_ = timer_driver::never;
}

bool worker::is_over() noexcept {
    if (until_ == nullptr) return false;
    if (!leaving_) {
        leaving_ = until_(until_argument_) ||
                   (until_ns_ != timer_driver::never && timers_->now_ns() >= until_ns_);
    }
    return leaving_;
}

void worker::loop_entry(void* message) {
    sanitizer::begin();
    auto* w = static_cast<worker*>(message);
    w->after_switch();
    loop(w);
}

void worker::loop(worker* w) {
    const std::uint8_t my_class = w->thread_->stack->size_class; // a loop stays on its stack
    for (;;) {
        runnable* r = w->next_at_once();
        if (r == nullptr) r = w->next_or_idle();
        if (r == nullptr) {
            w = w->switch_from_loop(*w->native_, w->native_sp_);
            continue;
        }
        w->counters.polls.add();
        if (r->is_parked_on_stack()) {
            w = w->switch_from_loop(static_cast<flow&>(*r));
            continue;
        }
        if (r->stack_class != my_class) [[unlikely]] {
            // A loop on a stack of the right size runs it; this one waits in the cache, or gives its large stack back.
            stack* s = r->stack_class == stack::default_class ? w->take_loop()
                                                              : acquire_loop(r->stack_class);
            if (s == nullptr) fatal(stack_pool::exhausted_reason());
            w->first_ = r;
            w = w->switch_from_loop(*s, s->sp);
            continue;
        }
        r->run_here();
        w = here();
    }
}

// ---- switching

// To another loop, or to the thread's own stack.
worker* worker::switch_from_loop(stack& target, void* sp) {
    stack* mine = thread_->stack;
    after_ = after::cache_loop;
    after_stack_ = mine;
    thread_->stack = &target;
    auto* w = static_cast<worker*>(switch_to(&mine->sp, target, sp, this));
    w->after_switch();
    return w;
}

// To a parked flow.
worker* worker::switch_from_loop(flow& target) {
    stack* mine = thread_->stack;
    after_ = after::cache_loop;
    after_stack_ = mine;
    auto* w = static_cast<worker*>(switch_to(&mine->sp, nullptr, target.resumes_at, this));
    w->after_switch();
    return w;
}

SENNIT_ALWAYS_INLINE void worker::after_switch() noexcept {
    const after what = after_;
    after_ = after::nothing;
    switch (what) {
        case after::nothing:
            break;
        case after::park:
            if (after_flow_->state().park() == flow_state::park_action::poll_again)
                queue_.push_again(*after_flow_);
            break;
        case after::requeue:
            queue_.push_again(*after_flow_);
            break;
        case after::cache_loop:
            cache_loop(*after_stack_);
            break;
    }
}

SENNIT_ALWAYS_INLINE void worker::leave_flow(flow& self, runnable* next, after what) noexcept {
    const exception_globals saved = *exceptions_;
    if (!saved.empty()) [[unlikely]]
        *exceptions_ = {};
    stack* mine = thread_->stack;
    stack* target = nullptr;
    void* sp;
    if (next != nullptr && next->is_parked_on_stack()) {
        auto* f = static_cast<flow*>(next);
        counters.polls.add();
        sp = f->resumes_at;
    } else {
        target = take_loop();
        sp = target->sp;
        first_ = next;
        thread_->stack = target;
    }
    thread_->drop_scope = nullptr; // it is the flow's
    self.set_parked_on_stack();
    after_ = what;
    after_flow_ = &self;
    counters.switches.add();
    auto* w = static_cast<worker*>(switch_to(&self.resumes_at, target, sp, this));
    // Perhaps on another worker from here on; `this` is history.
    w->thread_->stack = mine;
    w->after_switch();
    w->thread_->current = &self;
    w->thread_->budget = budget_per_resumption;
    if (!saved.empty()) [[unlikely]]
        *w->exceptions_ = saved;
}

void worker::park(flow& self) noexcept {
    if ((self.state().load() & flow_state::notified) != 0) {
        // Woken already: poll again, but let others run when this repeats.
        (void)self.state().park();
        if (thread_->budget > 1) {
            --thread_->budget;
            return;
        }
        return yield(self);
    }
    counters.parked.add();
    leave_flow(self, next_now(), after::park);
}

void worker::yield(flow& self) noexcept {
    runnable* next = next_now();
    if (next == nullptr) {
        thread_->budget = budget_per_resumption;
        return;
    }
    leave_flow(self, next, after::requeue);
}

void worker::requeue(flow& self) noexcept {
    // A look that is due comes first, so that those whom it wakes do not wait for another turn of this flow.
    if (is_look_due(tick_ + 1)) [[unlikely]] {
        ++tick_;
        maintain();
    }
    if (&self.home() != &scheduler_ || !queue_.push_again_quickly(self)) [[unlikely]]
        requeue_slowly(self);
}

SENNIT_NOINLINE void worker::requeue_slowly(flow& self) noexcept {
    if (&self.home() != &scheduler_) return self.home().execute(self);
    queue_.push_again(self);
}

void worker::push_new(runnable& r) noexcept {
    r.woken_here = false;
    if (!queue_.push_again_quickly(r)) [[unlikely]]
        push_slowly(r);
}

SENNIT_NOINLINE void worker::push_slowly(runnable& r) noexcept { queue_.push_again(r); }

void worker::push_woken(runnable& r) noexcept {
    if (migrates_) [[unlikely]]
        return push_elsewhere(r);
    if (in_driver_) return push_new(r); // one of many
    if (!queue_.push_next_quickly(r)) [[unlikely]]
        push_next_slowly(r);
}

SENNIT_NOINLINE void worker::push_next_slowly(runnable& r) noexcept { queue_.push_next(r); }

SENNIT_NOINLINE void worker::push_elsewhere(runnable& r) noexcept {
    worker& other = scheduler_.worker_at((index_ + 1) % scheduler_.regular_);
    other.inbox.push(r);
    if (scheduler_.idle.remove(other)) other.wake();
}

bool worker::claim(flow& child) noexcept {
    if (child.started.load(std::memory_order_relaxed) || child.stack_class != stack::default_class)
        return false;
    if (thread_->stack->room() < room_for_child || loops_ == nullptr) return false;
    if (!queue_.take(child)) return false;
    if (child.started.load(std::memory_order_relaxed)) {
        queue_.push_again(child);
        return false;
    }
    // A turn: a worker deep in recursive work is not stuck, and attends to the rest.
    counters.polls.add();
    if (is_look_due(++tick_)) [[unlikely]]
        maintain();
    return true;
}

// ---- loop stacks

stack* worker::take_loop() noexcept {
    if (loops_ == nullptr && !ensure_loop()) fatal(stack_pool::exhausted_reason());
    stack* s = loops_;
    loops_ = s->next;
    --loop_count_;
    return s;
}

// Suspends a loop on a stack, or one about to begin.
void worker::prime(stack& s) noexcept {
    if (s.primed) return;
    s.sp = prepare_stack(s.start(), &worker::loop_entry);
    s.primed = true;
}

stack* worker::acquire_loop(std::uint8_t size_class) noexcept {
    stack* s = stack_pool::acquire(size_class);
    if (s != nullptr) prime(*s);
    return s;
}

bool worker::prepare() noexcept { return ensure_loop(); }

bool worker::ensure_loop() noexcept {
    if (loops_ != nullptr) return true;
    loop_count_ =
        static_cast<std::uint32_t>(stack_pool::acquire_some(stack::default_class, refill_, loops_));
    for (stack* s = loops_; s != nullptr; s = s->next)
        prime(*s);
    refill_ = std::min(refill_ * 2, cached_stacks_max / 2); // it needs many in a row
    return loops_ != nullptr;
}

void worker::cache_loop(stack& s) noexcept {
    if (s.size_class != stack::default_class) return stack_pool::release(s);
    if (loop_count_ >= cached_stacks_max) shrink_cache(cached_stacks_max / 2);
    // Somebody waits for a stack to come back to the pool: then none is hoarded (see also maintain() and idle()).
    if (loop_count_ != 0 && stack_pool::exhausted()) [[unlikely]]
        return stack_pool::release(s);
    s.next = loops_;
    loops_ = &s;
    ++loop_count_;
}

// ---- what to run

SENNIT_ALWAYS_INLINE runnable* worker::next_now() noexcept {
    if (is_look_due(++tick_)) [[unlikely]] {
        maintain();
        if (until_ != nullptr && is_over()) return nullptr;
    }
    runnable* r = queue_.pop(&warm_up);
    if (r == nullptr) drained_ = true;
    return r;
}

// What next_or_idle() finds nearly always, in a few instructions; nullptr: ask that.
SENNIT_ALWAYS_INLINE runnable* worker::next_at_once() noexcept {
    if (first_ != nullptr || until_ != nullptr || loops_ == nullptr || !starved_.empty())
        [[unlikely]]
        return nullptr;
    return next_now();
}

runnable* worker::next_or_idle() {
    if (first_ != nullptr) {
        if (ensure_loop()) return std::exchange(first_, nullptr);
        starved_.push_back(*std::exchange(first_, nullptr));
    }
    for (;;) {
        if (is_over()) return nullptr;
        if (!starved_.empty() && ensure_loop()) return starved_.pop_front();
        runnable* r = next_now();
        if (r != nullptr) {
            if (ensure_loop() || r->is_parked_on_stack()) return r;
            starved_.push_back(*r); // it may park, and there is no stack to go on with: it waits
            continue;
        }
        if (leaving_) return nullptr;
        if (refill_from_injector()) continue;
        idle();
    }
}

} // namespace sennit::detail
