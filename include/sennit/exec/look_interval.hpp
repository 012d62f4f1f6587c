// How many turns a worker lets pass between two looks at clock, timers, readiness and injector: so many that the looks are some
// 20 µs apart.
//
// Down at once, since turns that became long make every timer late. Up by one at a time, and not more often than `look_ns_max`:
// long turns may come back, and as late as the number of short ones between them allows. Were it faster, those who wake after a
// long turn, each of them for a moment, would make the next wait still longer.
#pragma once

#include <algorithm>
#include <cstdint>

namespace sennit::detail {

inline constexpr std::uint32_t look_interval_max =
    61; // turns; Go's figure for the fair look at the global queue (G-SC-5)
inline constexpr std::uint64_t look_ns_min = 10'000, look_ns_wanted = 25'000, look_ns_max = 50'000;

class look_interval {
public:
    explicit look_interval(std::uint32_t turns = 1) noexcept : turns_(turns) {}

    std::uint32_t turns() const noexcept { return turns_; }
    // At a look: since the last one `turns()` turns have taken so long.
    void note(std::uint64_t now_ns, std::uint64_t elapsed_ns) noexcept {
        if (elapsed_ns > look_ns_max) {
            const std::uint64_t fitting = turns_ * look_ns_wanted / elapsed_ns;
            turns_ = std::max(static_cast<std::uint32_t>(fitting), 1u);
        } else if (elapsed_ns < look_ns_min && turns_ < look_interval_max &&
                   now_ns - changed_ns_ >= look_ns_max) {
            ++turns_;
        } else {
            return;
        }
        changed_ns_ = now_ns;
    }

private:
    std::uint32_t turns_;
    std::uint64_t changed_ns_ = 0;
};

} // namespace sennit::detail
