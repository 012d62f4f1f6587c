// The rule by which a worker decides whether others may take its flows; the reasons are in docs/decisions/0008.
//
// It knows no clock and no queue. Its worker tells it, at every look at the clock, how long a turn has taken in the mean, how many
// flows wait and whether the worker is the only one awake. Two answers follow, which any thread may ask for:
//
//   overloaded: also flows bound to this worker had better run elsewhere. A flow queued now would wait longer than `overload_ns`;
//               or the monitor says that the worker sticks in one turn.
//   keeping:    nothing is to be taken, since sharing has turned out badly. Only the monitor's word overrides it.
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
    // Unless it turns out that the work is slower by so much when several workers do it: then they belong together, and stay
    // together for some time. Longer turns are worth moving a flow in any case.
    static constexpr std::uint64_t slower_by = 3, worth_moving_ns = 20'000;
    static constexpr std::uint32_t slow_looks_max = 4, good_looks_max = 64;
    static constexpr std::uint64_t keep_ns_min = 5'000'000, keep_ns_max = 160'000'000;

    // Owner, at a look at the clock: the mean turn since the last look, and how many flows wait. `alone`: no sibling works.
    void note(std::uint64_t now_ns, std::uint64_t turn_ns, std::uint64_t waiting,
              bool alone) noexcept {
        if (alone) {
            alone_turn_ns_ = alone_turn_ns_ == 0 ? turn_ns : (alone_turn_ns_ * 7 + turn_ns) / 8;
            slow_looks_ = 0;
        } else if (alone_turn_ns_ != 0 && turn_ns < worth_moving_ns &&
                   turn_ns > alone_turn_ns_ * slower_by) {
            good_looks_ = 0;
            if (++slow_looks_ == slow_looks_max) {
                slow_looks_ = 0;
                keep_until_ns_ = now_ns + keep_ns_;
                keep_ns_ = std::min(keep_ns_ * 2, keep_ns_max);
            }
        } else {
            slow_looks_ = 0;
            if (++good_looks_ == good_looks_max) keep_ns_ = keep_ns_min;
        }
        const bool keeps = now_ns < keep_until_ns_;
        keeping_.store(keeps, std::memory_order_relaxed);
        overloaded_.store(!keeps && waiting * turn_ns > overload_ns, std::memory_order_relaxed);
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
    // the owner's
    std::uint64_t alone_turn_ns_ = 0; // the mean while no sibling works; 0: not known
    std::uint64_t keep_until_ns_ = 0;
    std::uint64_t keep_ns_ = keep_ns_min; // for so long the next time
    std::uint32_t slow_looks_ = 0, good_looks_ = 0;

    // relaxed: hints, which publish nothing
    std::atomic<bool> overloaded_{false};
    std::atomic<bool> keeping_{false};
};

} // namespace sennit::detail
