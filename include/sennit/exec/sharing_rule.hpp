// The rule by which a worker decides whether others may take its flows; the reasons are in docs/decisions/0008.
//
// It knows no clock and no queue. Its worker tells it, at every look at the clock, how long a turn has taken in the mean, how many
// flows wait and whether the worker is the only one awake; a thief tells what became of the flows it took. Two answers follow,
// which any thread may ask for:
//
//   overloaded: also flows bound to this worker had better run elsewhere. A flow queued now would wait longer than `overload_ns`;
//               or the monitor says that the worker sticks in one turn.
//   keeping:    nothing is to be taken, since sharing costs more than it brings. Only the monitor's word overrides it.
//
// Sharing has to earn what it costs. The turns that thieves run are worth what they would have taken here, alone, times
// `worth_of_turn`; what the thieves have spent beyond that is summed up, and when it comes to `loss_max_ns` the worker keeps its
// flows for a while. What they gained before is counted against it, but not more than the same amount.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

namespace sennit::detail {

class sharing_rule {
public:
    // Flows that were woken here, and so have their data in this core's cache, are for others to take when a flow that is queued
    // now would wait this long for its turn.
    static constexpr std::uint64_t overload_ns = 2'000;
    // A thief's core would have been idle, but its flows' partners wait for them: at twice the time nothing is won.
    static constexpr std::uint64_t worth_of_turn = 2;
    // Turns of this length are worth moving a flow however much slower they are elsewhere.
    static constexpr std::uint64_t worth_moving_ns = 20'000;
    static constexpr std::int64_t loss_max_ns = 100'000;
    static constexpr std::uint64_t keep_ns_min = 5'000'000, keep_ns_max = 160'000'000;

    // Owner, at a look at the clock: the mean turn since the last look, and how many flows wait. `alone`: no sibling works.
    void note(std::uint64_t now_ns, std::uint64_t turn_ns, std::uint64_t waiting,
              bool alone) noexcept {
        if (alone) {
            // A thread that was without a processor for a while has seen a turn of any length: one look counts for little.
            const std::uint64_t before = alone_turn_ns_.load(std::memory_order_relaxed);
            alone_turn_ns_.store(
                before == 0 ? turn_ns : (before * 7 + std::min(turn_ns, before * 4)) / 8,
                std::memory_order_relaxed);
        }
        const bool keeps = now_ns < keep_until_ns_.load(std::memory_order_relaxed);
        keeping_.store(keeps, std::memory_order_relaxed);
        overloaded_.store(!keeps && waiting * turn_ns > overload_ns, std::memory_order_relaxed);
    }

    // A thief: `turns` turns have taken it so long, the theft included.
    void note_taken(std::uint64_t now_ns, std::uint64_t turns, std::uint64_t elapsed_ns) noexcept {
        const std::uint64_t alone_ns = alone_turn_ns_.load(std::memory_order_relaxed);
        if (alone_ns == 0) return; // nothing to compare with
        const bool long_turns = turns != 0 && elapsed_ns >= turns * worth_moving_ns;
        const std::uint64_t worth_ns =
            long_turns ? elapsed_ns * 2 : turns * alone_ns * worth_of_turn;
        std::int64_t loss =
            static_cast<std::int64_t>(elapsed_ns) - static_cast<std::int64_t>(worth_ns);
        loss += loss_ns_.load(std::memory_order_relaxed);
        if (loss >= loss_max_ns) {
            loss = 0;
            const std::uint64_t keep_ns = keep_ns_.load(std::memory_order_relaxed);
            keep_ns_.store(std::min(keep_ns * 2, keep_ns_max), std::memory_order_relaxed);
            keep_until_ns_.store(now_ns + keep_ns, std::memory_order_relaxed);
            keeping_.store(true, std::memory_order_relaxed);
        } else if (loss <= -loss_max_ns) {
            loss = -loss_max_ns;
            keep_ns_.store(keep_ns_min, std::memory_order_relaxed);
        }
        loss_ns_.store(loss, std::memory_order_relaxed);
    }

    // Monitor: the worker is in one turn for a whole period. Until the next note().
    void note_long_turn() noexcept { overloaded_.store(true, std::memory_order_relaxed); }

    // Anybody; hints.
    bool is_overloaded() const noexcept { return overloaded_.load(std::memory_order_relaxed); }
    bool is_keeping() const noexcept { return keeping_.load(std::memory_order_relaxed); }
    // Whether there is something to take where so many wait, and so many of them are free. A single one is its owner's next.
    bool has_surplus(std::uint32_t waiting, std::uint32_t free) const noexcept {
        if (waiting < 2) return false;
        return is_overloaded() || (free != 0 && !is_keeping());
    }

private:
    // Relaxed, all of them: hints, which publish nothing. Thieves that come at the same time may overwrite each other's notes.
    std::atomic<std::uint64_t> alone_turn_ns_{0}; // the mean while no sibling works; 0: not known
    std::atomic<std::uint64_t> keep_until_ns_{0};
    std::atomic<std::uint64_t> keep_ns_{keep_ns_min}; // for so long the next time
    std::atomic<std::int64_t> loss_ns_{0};
    std::atomic<bool> overloaded_{false};
    std::atomic<bool> keeping_{false};
};

} // namespace sennit::detail
