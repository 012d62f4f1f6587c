// What a worker does between turns: it looks at clock, timers, readiness and the injector, steals, and goes to sleep.
#include <sennit/exec/scheduler.hpp>
#include <sennit/exec/worker.hpp>
#include <sennit/stack/stack.hpp>

#include <algorithm>
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
// What came of a theft is told while it goes on, at the first look after so long.
constexpr std::uint64_t theft_judged_ns = 50'000;
// How long a worker sleeps when flows wait for a stack to come free.
constexpr std::uint64_t starved_ns = 1'000'000;
// A sleeping worker keeps its cached stacks for this long. Then others can have them, and the memory goes back.
constexpr std::uint64_t cache_kept_ns = 10'000'000;

} // namespace

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
        const std::uint64_t begin = timers_->now_ns();
        const bool backlog = victim.sharing.is_overloaded();
        const std::size_t count = victim.queue_.steal(
            loot_, backlog ? run_queue::taking::bound_too : run_queue::taking::free);
        if (count == 0) continue;
        counters.steals.add();
        counters.stolen.add(count);
        queue_.push_back(std::span(loot_).first(count));
        victim_ = &victim;
        judged_ns_ = begin;
        judged_turn_ = turn();
        return true;
    }
    return false;
}

// Whether the theft was worth it: tells the victim's rule.
void worker::judge_theft(std::uint64_t now) noexcept {
    const std::uint64_t turns = turn() - std::exchange(judged_turn_, turn());
    victim_->sharing.note_taken(now, turns, now - std::exchange(judged_ns_, now));
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
        interval_.note(now, now - before);
        sharing.note(now, (now - before) / turns, queue_.size_hint(),
                     scheduler_.idle.count_hint() + 1 >= scheduler_.regular_);
    }
    if (victim_ != nullptr && now - judged_ns_ >= theft_judged_ns) judge_theft(now);
    if (leave_wanted.load(std::memory_order_relaxed)) leaving_ = true;
    (void)refill_from_injector();
    fire_timers(now);
    poll_readiness(now);
    if (scheduler_.regular_ > 1) share_backlog(now);
    if (loop_count_ > 1 && stack_pool::exhausted()) [[unlikely]]
        shrink_cache(1); // the last one is for the flow that runs: invariant 2
}

void worker::idle() {
    if (victim_ != nullptr) {
        judge_theft(timers_->now_ns());
        victim_ = nullptr;
    }
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
    tick_ = interval_.turns(); // look at clock and timers at the next turn
    last_maintenance_ns_ = 0;
}

} // namespace sennit::detail
