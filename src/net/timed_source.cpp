#include <sennit/net/timed_source.hpp>

#include <sennit/core/current.hpp>
#include <sennit/core/time_limit.hpp>

namespace sennit::detail {

void timed_source::set_deadline(direction way, deadline when) noexcept {
    {
        const std::lock_guard guard(lock_);
        timer& t = timer_of(way);
        t.disarm();
        unexpire(way);
        if (!when || is_closed()) return;
        timer_driver& timers = current_timers(this_thread());
        const std::uint64_t at = deadline_of(limit_of(*when), timers);
        if (at == timer_driver::never) return;
        if (at != 0) return t.arm(timers, at);
        expire(way);
    }
    wake_waiting(way);
}

void timed_source::end() noexcept {
    (void)close();
    const std::lock_guard guard(lock_); // who sets a deadline later sees that it is closed
    read_timer_.disarm();
    write_timer_.disarm();
}

void timed_source::timer::on_fire(timer_entry& entry) noexcept {
    auto& self = static_cast<timer&>(entry);
    self.on.expire(self.way);
    self.on.wake_waiting(self.way);
}

} // namespace sennit::detail
