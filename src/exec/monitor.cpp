// The monitor: a thread that watches the workers from outside, as Go's sysmon does (G-SC-10).
//
// While anybody works it looks every `period`. A worker that has been in one runnable for `stuck_after` is given up for now: what
// waits in its queue and inbox goes to the injector, its timers are fired from here, and a spare thread takes its place, so that
// a blocked or computing flow never stops the others. A worker whose thread merely waits for a processor is not stuck: on a loaded
// machine another thread would only wait beside it. The spare leaves when the worker is back. It also wakes an idle worker
// when nobody attends to readiness, or when work has been waiting behind a busy worker. While all workers sleep the looks become
// rarer, and after `linger` of them it sleeps itself, until a worker that gets up wakes it; only once, after `pause`, it gets up to
// give the memory of the pools back. So an idle program uses no CPU, and one that rests for less finds its stacks and objects warm.
#include <sennit/core/flow_extras.hpp>
#include <sennit/exec/scheduler.hpp>
#include <sennit/os/clock.hpp>
#include <sennit/os/futex.hpp>
#include <sennit/os/thread.hpp>
#include <sennit/stack/stack.hpp>

#include <string>

namespace sennit::detail {
namespace {

constexpr std::uint64_t period_ns = 2'000'000;
constexpr std::uint64_t stuck_after_ns = 10'000'000;
constexpr std::uint64_t stuck_cpu_ns =
    stuck_after_ns / 2; // it got a processor for so long, and spent it on this turn
constexpr std::uint64_t decay_ns = 1'000'000'000;
constexpr std::uint64_t pause_ns = 1'000'000'000;
constexpr int linger = 2;       // looks, after 2 and after 32 ms
constexpr int linger_shift = 4; // each after so much more time than the last, as a power of two

std::chrono::steady_clock::time_point point_at(std::uint64_t ns) {
    return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(ns));
}

// True when the worker's thread could go on and has had too little of a processor to be called stuck.
bool waits_for_processor(worker& w) {
    const auto activity = os::activity_of(w.tid.load(std::memory_order_relaxed));
    if (!activity || !activity->runnable) return false; // blocked in the kernel
    if (w.seen_cpu_ns == 0) w.seen_cpu_ns = activity->cpu_ns;
    return activity->cpu_ns - w.seen_cpu_ns < stuck_cpu_ns;
}

} // namespace

void scheduler::look_at(worker& w, std::uint64_t now) {
    const std::uint64_t turn = w.turn();
    if (w.asleep.load(std::memory_order_relaxed) || w.left.load(std::memory_order_relaxed) ||
        turn != w.seen_turn) {
        w.seen_turn = turn;
        w.seen_since_ns = now;
        w.seen_cpu_ns = 0;
        if (w.stuck.load(std::memory_order_relaxed)) {
            w.stuck.store(false, std::memory_order_relaxed);
            stuck_count.fetch_sub(1, std::memory_order_relaxed);
        }
        // Maintenance that the worker puts off because its turns are long.
        w.attention.store(true, std::memory_order_relaxed);
        return;
    }
    w.sharing.note_long_turn(); // for as long as this turn takes
    if (now - w.seen_since_ns < stuck_after_ns - stuck_cpu_ns) return;
    const bool wanting = !w.stuck.load(std::memory_order_relaxed) && waits_for_processor(w);
    if (wanting || now - w.seen_since_ns < stuck_after_ns) return;
    runnable_chain chain;
    std::size_t count = w.queue().steal_all(chain);
    count += w.inbox.pop(chain, SIZE_MAX);
    inject(chain, count);
    if (w.timers()->next_deadline_ns() <= now) w.timers()->fire(now);
    if (!w.stuck.exchange(true, std::memory_order_relaxed)) {
        stuck_events.add();
        stuck_count.fetch_add(1, std::memory_order_relaxed);
        if (parts_.on_stuck) parts_.on_stuck(w.index(), w.current_hint());
    }
    if (spare_count.load(std::memory_order_relaxed) < stuck_count.load(std::memory_order_relaxed))
        start_spare();
}

void scheduler::monitor_main() {
    os::set_name("sennit-monitor");
    int quiet = 0;
    bool is_trimmed = false;
    auto decayed_ns = static_cast<std::uint64_t>(os::now_ns());
    while (!stop_monitor_.load(std::memory_order_seq_cst)) {
        const std::uint32_t word = monitor_word_.load(std::memory_order_seq_cst);
        const auto now = static_cast<std::uint64_t>(os::now_ns());
        if (now - decayed_ns >= decay_ns) {
            decayed_ns = now;
            stack_pool::decay();
            pool_decay();
        }
        if (quiet >= linger) {
            // Store, then look again; a worker that gets up clears `asleep`, then looks for us: one of the two is seen.
            monitor_asleep.store(true, std::memory_order_seq_cst);
            const bool rests = all_asleep() && !is_unattended();
            bool woken = !rests;
            if (rests && is_trimmed) {
                os::futex::wait(monitor_word_, word);
                woken = true;
            } else if (rests) {
                woken = !os::futex::wait_until(monitor_word_, word, point_at(now + pause_ns));
            }
            monitor_asleep.store(false, std::memory_order_seq_cst);
            if (woken) {
                quiet = 0;
            } else {
                stack_pool::trim();
                pool_trim();
            }
            is_trimmed = !woken;
            continue;
        }
        (void)os::futex::wait_until(monitor_word_, word,
                                    point_at(now + (period_ns << (quiet * linger_shift))));
        if (is_unattended()) wake_one();
        join_left_spares();
        if (all_asleep()) {
            ++quiet;
            continue;
        }
        quiet = 0;
        const auto later = static_cast<std::uint64_t>(os::now_ns());
        const unsigned n = slots_in_use();
        bool waiting = queue.size() != 0;
        for (unsigned i = 0; i < n; ++i) {
            look_at(*workers_[i], later);
            waiting = waiting || workers_[i]->has_surplus();
        }
        if (waiting) wake_one();
    }
    stack_pool::watch(false);
    pool_watch(false);
}

// Descriptors are waited for and nobody polls: the poller works, or was a spare that left.
bool scheduler::is_unattended() const noexcept {
    return parts_.io != nullptr && !poller_taken.load(std::memory_order_relaxed) &&
           parts_.io->has_interest();
}

bool scheduler::all_asleep() const noexcept {
    const unsigned n = slots_in_use();
    for (unsigned i = 0; i < n; ++i) {
        const worker& w = *workers_[i];
        if (!w.asleep.load(std::memory_order_seq_cst) && !w.left.load(std::memory_order_seq_cst))
            return false;
    }
    return true;
}

} // namespace sennit::detail
