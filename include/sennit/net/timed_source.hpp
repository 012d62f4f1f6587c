// A source with deadlines: one for each direction, absolute, for what waits and for what comes
// later.
//
// A deadline that passes leaves a mark in its lane, which fails all operations of that direction
// until the deadline is moved or cleared (G-IO-3). So no operation arms a timer, however many there
// are.
//
// Locks: lock_, held while a deadline is changed: then a timer's lock and the source's; also while
// a timer that is firing ends. A timer that fires takes the source's lock only.
#pragma once

#include <sennit/io/source.hpp>
#include <sennit/time/timer_entry.hpp>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

namespace sennit::detail {

class timed_source final : public source {
public:
    using deadline = std::optional<std::chrono::steady_clock::time_point>;

    explicit timed_source(os::unique_fd fd) noexcept : source(std::move(fd)) {}

    // Sets, moves or clears the deadlines of one direction, or of both. Nothing happens when
    // closed.
    void set_deadline(direction way, deadline when) noexcept;
    // Closes, and disarms. The owner's last call before it gives up its hold.
    void end() noexcept;

private:
    struct timer : timer_entry {
        timer(timed_source& s, direction d) noexcept : timer_entry(&on_fire), on(s), way(d) {}
        static void on_fire(timer_entry& entry) noexcept;

        timed_source& on;
        const direction way;
    };

    timer& timer_of(direction way) noexcept {
        return way == direction::read ? read_timer_ : write_timer_;
    }

    std::mutex lock_;
    timer read_timer_{*this, direction::read};   // guarded by lock_
    timer write_timer_{*this, direction::write}; // guarded by lock_
};

struct timed_source_deleter {
    void operator()(timed_source* s) const noexcept {
        s->end();
        s->release();
    }
};
using timed_source_ptr = std::unique_ptr<timed_source, timed_source_deleter>;

} // namespace sennit::detail
