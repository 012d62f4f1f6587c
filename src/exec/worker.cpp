// The worker's loop and its switches. The header has the invariants.
#include <sennit/exec/worker.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/exec/look_interval.hpp>
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

constexpr std::uint64_t readiness_ns_max = 1'000'000; // between two looks at readiness
// A queue that has not been empty for this long is worth waking a sibling for, which costs some 13 µs here and 40 µs until
// it runs.
constexpr std::uint64_t backlog_ns = 100'000;
// Who is woken by a timer runs before the next so many are woken, which may all be due at once.
constexpr std::size_t timers_at_once = 512;
// What one grab from the injector may take: half a ring of Go's size.
constexpr std::size_t grab_max = 128;
// A child is run in place only while this much of the stack is left.
constexpr std::size_t room_for_child = stack_size_default / 2;
// How long a worker sleeps when flows wait for a stack to come free.
constexpr std::uint64_t starved_ns = 1'000'000;
// A sleeping worker keeps its cached stacks for this long. Then others can have them, and the memory goes back.
constexpr std::uint64_t cache_kept_ns = 10'000'000;

// The stack of a flow that is about to run comes closer.
void warm_up(const runnable& r) noexcept {
    if (!r.is_parked_on_stack()) return;
    const auto* sp = static_cast<const char*>(static_cast<const flow&>(r).saved_sp);
    __builtin_prefetch(sp);
    __builtin_prefetch(sp + 64);
    __builtin_prefetch(sp + 128);
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
    auto* w = static_cast<worker*>(switch_to(&mine->sp, nullptr, target.saved_sp, this));
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
        sp = f->saved_sp;
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
    auto* w = static_cast<worker*>(switch_to(&self.saved_sp, target, sp, this));
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
    if (in_driver_ || migrates_ || !queue_.push_next_quickly(r)) [[unlikely]]
        push_woken_slowly(r);
}

SENNIT_NOINLINE void worker::push_woken_slowly(runnable& r) noexcept {
    if (migrates_) {
        worker& other = scheduler_.worker_at((index_ + 1) % scheduler_.regular_);
        other.inbox.push(r);
        if (scheduler_.idle.remove(other)) other.wake();
    } else if (in_driver_) {
        queue_.push_back(r);
    } else {
        queue_.push_next(r);
    }
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
    if (++tick_ >= interval_ || attention.load(std::memory_order_relaxed)) [[unlikely]]
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
    if (++tick_ >= interval_ || attention.load(std::memory_order_relaxed)) [[unlikely]] {
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

bool worker::refill_from_injector() noexcept {
    if (inbox.size() != 0) {
        runnable_chain mine;
        (void)inbox.pop(mine, SIZE_MAX);
        while (runnable* r = mine.pop_front())
            queue_.push_back(*r);
    }
    const std::size_t waiting = scheduler_.queue.size();
    if (waiting == 0) return queue_.size_hint() != 0;
    runnable_chain chain;
    const std::size_t share = waiting / scheduler_.regular_ + 1;
    const std::size_t count = scheduler_.queue.pop(chain, std::min(share, grab_max));
    while (runnable* r = chain.pop_front())
        queue_.push_back(*r);
    return count != 0;
}

bool worker::steal() noexcept {
    const unsigned n = scheduler_.slots_in_use();
    random_ ^= random_ << 13;
    random_ ^= random_ >> 17;
    random_ ^= random_ << 5;
    for (unsigned i = 0; i < n; ++i) {
        worker& victim = scheduler_.worker_at((random_ + i) % n);
        // One runnable is its owner's next: taking it moves a cache line for nothing.
        if (&victim == this || !victim.has_surplus()) continue;
        const bool backlog = victim.sharing.is_overloaded();
        runnable_chain chain;
        const std::size_t count = victim.queue_.steal(
            chain, backlog ? run_queue::taking::bound_too : run_queue::taking::free);
        if (count == 0) continue;
        counters.steals.add();
        counters.stolen.add(count);
        while (runnable* r = chain.pop_front())
            queue_.push_back(*r);
        return true;
    }
    return false;
}

void worker::fire_timers(std::uint64_t now) noexcept {
    if (timers_->next_deadline_ns() > now) return;
    in_driver_ = true;
    timers_->fire(now, timers_at_once);
    in_driver_ = false;
}

void worker::share_backlog(std::uint64_t now) noexcept {
    if (drained_ || !has_surplus()) {
        drained_ = queue_.size_hint() == 0;
        backlog_since_ns_ = now;
        return;
    }
    if (now - backlog_since_ns_ < backlog_ns || scheduler_.idle.count_hint() == 0) return;
    backlog_since_ns_ = now;
    scheduler_.wake_one();
}

// Readiness is dearer than the rest: at most every 10 µs, and until 1 ms has passed not before everybody who was queued at the
// last look has had a turn. Who becomes ready meanwhile stands behind them anyhow, and one look then finds many.
void worker::poll_readiness(std::uint64_t now) noexcept {
    io_driver* io = scheduler_.parts_.io;
    const std::uint64_t since = now - last_poll_ns_;
    const bool is_due = since >= readiness_ns_max || (since >= look_ns_min && turn() >= poll_turn_);
    if (!is_due || io == nullptr || !io->has_interest()) return;
    last_poll_ns_ = now;
    if (!scheduler_.poller_taken.exchange(true, std::memory_order_acquire)) {
        in_driver_ = true;
        io->poll(0);
        in_driver_ = false;
        scheduler_.poller_taken.store(false, std::memory_order_release);
    }
    poll_turn_ = turn() + queue_.size_hint();
}

void worker::maintain() noexcept {
    attention.store(false, std::memory_order_relaxed);
    const std::uint64_t now = timers_->now_ns();
    const std::uint64_t before = std::exchange(last_maintenance_ns_, now);
    const std::uint32_t turns = std::exchange(tick_, 0);
    if (before != 0) {
        interval_ = look_interval_after(interval_, now - before);
        sharing.note(now, (now - before) / turns, queue_.size_hint(),
                     scheduler_.idle.count_hint() + 1 >= scheduler_.regular_);
    }
    if (leave_wanted.load(std::memory_order_relaxed)) leaving_ = true;
    (void)refill_from_injector();
    fire_timers(now);
    poll_readiness(now);
    if (scheduler_.regular_ > 1) share_backlog(now);
    if (loop_count_ > 1 && stack_pool::exhausted()) [[unlikely]]
        shrink_cache(1); // the last one is for the flow that runs: invariant 2
}

void worker::idle() {
    // Search first, unless half of the workers do already.
    if (scheduler_.slots_in_use() > 1 &&
        scheduler_.searching.load(std::memory_order_relaxed) * 2 < scheduler_.regular_) {
        scheduler_.searching.fetch_add(1, std::memory_order_seq_cst);
        const bool found = steal();
        const bool last = scheduler_.searching.fetch_sub(1, std::memory_order_seq_cst) == 1;
        if (found) {
            if (last && has_surplus()) scheduler_.wake_one();
            return;
        }
    }
    if (spare_ && timers_->next_deadline_ns() == timer_driver::never &&
        scheduler_.stuck_count.load(std::memory_order_relaxed) <
            scheduler_.spare_count.load(std::memory_order_relaxed)) {
        leaving_ = true;
        return;
    }
    fire_timers(timers_->now_ns());
    if (queue_.size_hint() != 0) return;

    refill_ = 1;
    queue_.shrink();
    // The loop itself goes to sleep, so it needs no other. Whoever waits for a stack asks the pool every `starved_ns`, and no
    // sleeping worker holds one for longer than `cache_kept_ns`: so a stack that is not in use reaches whoever needs it.
    if (loop_count_ != 0 && stack_pool::exhausted()) [[unlikely]]
        shrink_cache(0);
    std::uint64_t cache_until = timer_driver::never;
    scheduler_.idle.enter(*this);
    asleep.store(true, std::memory_order_seq_cst);
    io_driver* io = scheduler_.parts_.io;
    // The last look, after the entry: see exec/idle_set.hpp.
    const bool stay = scheduler_.queue.size() != 0 || inbox.size() != 0 ||
                      leave_wanted.load(std::memory_order_seq_cst);
    if (!stay) {
        const std::uint64_t now = timers_->now_ns();
        std::uint64_t deadline = timers_->next_deadline_ns();
        deadline = std::min(deadline, until_ns_);
        const bool may_skip = timers_->may_skip(); // before the last look at the injector, below
        if (!starved_.empty()) deadline = std::min(deadline, now + starved_ns);
        if (loop_count_ != 0 && !may_skip) {
            cache_until = now + cache_kept_ns;
            deadline = std::min(deadline, cache_until);
        }
        if (io != nullptr && !scheduler_.poller_taken.exchange(true, std::memory_order_acquire)) {
            const std::uint64_t timeout = deadline == timer_driver::never ? deadline
                                          : deadline > now                ? deadline - now
                                                                          : 0;
            in_driver_ = true;
            // Virtual time passes when every flow waits and nothing has come from outside.
            const bool skip = may_skip && io->poll(0) == 0 && queue_.size_hint() == 0 &&
                              scheduler_.queue.size() == 0 && timers_->skip_to_next(until_ns_);
            if (!skip && queue_.size_hint() == 0) sleeper_.sleep_in(*io, timeout);
            in_driver_ = false;
            scheduler_.poller_taken.store(false, std::memory_order_release);
        } else {
            sleeper_.sleep(deadline);
        }
    }
    asleep.store(false, std::memory_order_seq_cst);
    (void)scheduler_.idle.remove(*this);
    if (scheduler_.monitor_asleep.load(std::memory_order_seq_cst)) scheduler_.wake_monitor();
    if (leave_wanted.load(std::memory_order_relaxed)) leaving_ = true;
    if (loop_count_ != 0 && timers_->now_ns() >= cache_until) shrink_cache(0);
    tick_ = interval_; // look at clock and timers at the next turn
    last_maintenance_ns_ = 0;
}

} // namespace sennit::detail
