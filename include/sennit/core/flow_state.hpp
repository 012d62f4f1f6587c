// The state word of a flow.
//
//   bit         set while
//   alive       the header holds a flow (clear: free memory; nothing may be done with it)
//   active      the flow is queued or running: exactly one party owns the duty to run it
//   notified    a wake arrived while the flow was active: it must poll once more before it may park
//   stop        somebody asked the flow to stop; never cleared while alive
//   throwing    `stopped` was thrown into the flow and has not reached its base yet (owner only)
//
// "Queued" and "running" are one state on purpose. A wake while active always leaves its mark with a
// read-modify-write, and parking takes the mark away with another, so a resumption costs no atomic operation at
// all; the price is one needless poll when a flow is woken twice before it runs. See docs/decisions/0001.
//
// Why no wake is lost. Let W be a wake after some event and P the flow's attempt to park after a poll that did
// not see the event. Both are read-modify-writes on one word, so one comes first.
//   W first: P sees `notified`, parking fails, the flow polls again; P's acquire pairs with W's release, so
//            that poll sees the event.
//   P first: W finds the flow parked, sets `active` and returns `submit`: the caller queues the flow, and the
//            queue's synchronisation carries the event to the poll that follows.
// A wake that finds `notified` set must still write (the same value), or its event could become visible after
// the poll that consumed the earlier mark.
//
// Prohibitions: `active` is never set by anybody when it is set; only the owner of the active flow parks,
// finishes or frees it; no field of the header but this word may be read through an outdated waker until a
// transition returned `submit`.
#pragma once

#include <atomic>
#include <cstdint>

namespace sennit {

/// The atomic word behind every flow, changed only by the named transitions below.
class flow_state {
public:
    static constexpr std::uint32_t alive = 1, active = 2, notified = 4, stop = 8, throwing = 16;

    /// What the caller of `wake` and `request_stop` has to do.
    enum class wake_action { nothing, submit };
    /// What the caller of `park` has to do.
    enum class park_action { parked, poll_again };

    /// Leaves the word as the memory has it: free. A stale waker may be reading it, so it is never initialised, only stored to.
    flow_state() noexcept {}
    /// A state of one's own, for tests.
    explicit flow_state(std::uint32_t word) noexcept : word_(word) {}

    /// Turns free memory into an active flow. The header's fields are written before.
    void start() noexcept {
        word_.store(alive | active,
                    std::memory_order_release); // release: publishes the header to wakers
    }

    /// Records an event. `submit`: the caller must hand the flow to its executor.
    [[nodiscard]] wake_action wake() noexcept { return signal(0); }

    /// Records a wish to stop, and wakes.
    [[nodiscard]] wake_action request_stop() noexcept { return signal(stop); }

    /// The owner gives the flow up until it is woken. Everything the next owner needs is written before.
    [[nodiscard]] park_action park() noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        for (;;) {
            const bool again = (seen & notified) != 0;
            const std::uint32_t want = again ? (seen & ~notified) : (seen & ~active);
            // release: publishes the parked flow to the waker that will queue it; acquire: pairs with signal()
            if (word_.compare_exchange_weak(seen, want, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return again ? park_action::poll_again : park_action::parked;
            }
        }
    }

    /// The flow is over. From here on every waker finds nobody.
    void finish() noexcept {
        word_.store(
            0, std::memory_order_release); // release: a later start() of this memory comes after
    }

    bool is_alive() const noexcept { return (load() & alive) != 0; }
    bool is_active() const noexcept {
        return (word_.load(std::memory_order_acquire) & active) != 0;
    }
    bool is_stop_requested() const noexcept { return (load() & stop) != 0; }
    bool is_throwing() const noexcept { return (load() & throwing) != 0; }
    void set_throwing() noexcept { word_.fetch_or(throwing, std::memory_order_relaxed); }
    void clear_throwing() noexcept { word_.fetch_and(~throwing, std::memory_order_relaxed); }

    std::uint32_t load() const noexcept { return word_.load(std::memory_order_relaxed); }
    /// The word itself, for a thread that sleeps on it with a futex.
    std::atomic<std::uint32_t>& word() noexcept { return word_; }

private:
    wake_action signal(std::uint32_t extra) noexcept {
        std::uint32_t seen = word_.load(std::memory_order_relaxed);
        for (;;) {
            if ((seen & alive) == 0) return wake_action::nothing;
            const bool asleep = (seen & active) == 0;
            const std::uint32_t want = seen | extra | (asleep ? active : notified);
            // release: the event comes before the poll that follows; acquire: the parked header, for submit
            if (word_.compare_exchange_weak(seen, want, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return asleep ? wake_action::submit : wake_action::nothing;
            }
        }
    }

    union {
        std::atomic<std::uint32_t> word_;
    };
};

} // namespace sennit
