// The naps and the checks of timers_sleep and timers_lateness.
#pragma once

#include "suite.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace suite {

inline std::chrono::nanoseconds random_below(random& numbers, std::chrono::nanoseconds limit) {
    return std::chrono::nanoseconds(numbers.below(static_cast<std::uint64_t>(limit.count())));
}
// Of timers_sleep: below a second.
inline std::chrono::nanoseconds nap(random& numbers) {
    return random_below(numbers, std::chrono::seconds(1));
}
// Of timers_lateness: 1 to 10 ms.
inline std::chrono::nanoseconds short_nap(random& numbers) {
    return std::chrono::milliseconds(1) + random_below(numbers, std::chrono::milliseconds(9));
}
inline std::uint64_t due_after(std::chrono::nanoseconds d) {
    return now_ns() + static_cast<std::uint64_t>(d.count());
}

// What the flows of timers_lateness note; each has a place of its own for each round.
struct lateness {
    std::int64_t n, rounds;
    std::vector<std::uint64_t> late;

    explicit lateness(const request& asked)
        : n(asked.number("n")),
          rounds(asked.number("rounds")),
          late(static_cast<std::size_t>(n * rounds)) {}
    void note(std::int64_t flow, std::int64_t round, std::uint64_t due) {
        const std::uint64_t now = now_ns();
        expect(now >= due, "timers_lateness: somebody woke early");
        late[static_cast<std::size_t>(flow * rounds + round)] = now - due;
    }
    outcome result() const {
        histogram all;
        for (const std::uint64_t each : late)
            all.add(each);
        return {n * rounds, all.summary()};
    }
};

} // namespace suite
