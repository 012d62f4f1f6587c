// How a select looks around, waits and is decided. The argument stands in the header.
#include <sennit/sync/select_core.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>

#include <algorithm>
#include <bit>
#include <mutex>
#include <utility>

namespace sennit::detail {

using kind = select_case::kind;
using stage = channel_waiter::stage;

// Sorts the cases into those to look at and those to arm, once.
void select_core::prepare() noexcept {
    std::uint32_t to_arm = 0;
    enabled_ = channels_ = 0;
    for (std::uint32_t i = 0; i < size_; ++i) {
        const select_case& c = *cases_[i];
        if (!c.is_enabled()) continue;
        if (c.is_channel()) {
            ++channels_;
        } else if (c.what() == kind::otherwise) {
            otherwise_ = i;
            continue;
        } else {
            has_futures_ = true;
            if (!biased_ && c.what() >= kind::stop) {
                ++to_arm;
                if (c.what() == kind::bound) continue;
            }
        }
        order_[enabled_++] = i;
    }
    looked_at_ = enabled_;
    if (to_arm == 0) return;
    for (std::uint32_t i = 0; i < size_; ++i) {
        const select_case& c = *cases_[i];
        if (c.is_enabled() && (c.what() == kind::bound || c.what() == kind::stop))
            order_[enabled_++] = i;
    }
}

bool select_core::poll(context& cx) {
    switch (phase_) {
        case phase::fresh:
            prepare();
            phase_ = phase::deciding;
            break;
        case phase::deciding:
            winner_ = claim_.hold();
            if (winner_ != none) {
                take_out(winner_);
                return fire(cx);
            }
            break;
        case phase::handling:
            if (!cases_[winner_]->poll_handler(cx)) return false;
            phase_ = phase::over;
            return true;
        case phase::over:
            assertion_failed("select is not over", "this future was ready: it is not polled again");
    }
    winner_ = look_around(cx);
    if (winner_ == none) winner_ = look_at_all_or_wait(cx.waker());
    if (winner_ == none) return false;
    if (is_entered_) take_out(none);
    return fire(cx);
}

// A channel case, under its channel's lock: true when its operation was done, or refused because the channel is closed.
inline bool select_core::is_ready(select_case& c, waker& wake) noexcept {
    const channel_core::answer a = c.what() == kind::send ? c.core().send(c.cell, &claim_, wake)
                                                          : c.core().receive(c.cell, &claim_, wake);
    if (a == channel_core::answer::none) return false;
    // relaxed: only this flow can decide now, and it will read it
    c.at.store(a == channel_core::answer::done ? stage::done : stage::closed,
               std::memory_order_relaxed);
    return true;
}

bool select_core::seems_ready(const select_case& c) noexcept {
    return c.what() == kind::send ? c.core().seems_sendable() : c.core().seems_receivable();
}

// Locks, looks, and does what can be done.
bool select_core::try_channel(select_case& c) noexcept {
    waker counterpart;
    c.core().lock();
    const bool ready = is_ready(c, counterpart);
    c.core().unlock();
    counterpart.wake();
    return ready;
}

// Step 2 for channels alone: one of those that seem ready is drawn. Uniform (G-SEL-3). Most often none or one is ready, and which
// cannot be guessed: so the looks are made without branches.
std::uint32_t select_core::look_at_channels() noexcept {
    std::uint64_t ready = 0;
    for (std::uint32_t i = 0; i < looked_at_; ++i)
        ready |= std::uint64_t{seems_ready(*cases_[order_[i]])} << i;
    while (ready != 0) {
        std::uint64_t rest = ready;
        for (auto skip =
                 random_below(this_thread(), static_cast<std::uint32_t>(std::popcount(ready)));
             skip != 0; --skip)
            rest &= rest - 1;
        const std::uint32_t which = order_[std::countr_zero(rest)];
        if (try_channel(*cases_[which])) return which;
        ready &= ~(rest & -rest);
    }
    return none;
}

// Step 2: each by itself, in an order that is drawn as far as it is needed. Uniform (G-SEL-3).
std::uint32_t select_core::look_around(context& cx) {
    if (enabled_ == 1 && channels_ == 1) return none; // step 3 does the same
    if (!biased_ && looked_at_ == channels_ && looked_at_ <= 64) {
        const std::uint32_t found = look_at_channels();
        if (found != none) return found;
        return arm(cx);
    }
    for (std::uint32_t i = 0; i < looked_at_; ++i) {
        if (const std::uint32_t rest = looked_at_ - i; !biased_ && rest > 1)
            std::swap(order_[i], order_[i + random_below(this_thread(), rest)]);
        select_case& c = *cases_[order_[i]];
        if (!c.is_channel()) {
            const bool only_glance = c.what() == kind::stop && !biased_;
            if (only_glance ? c.glance() : c.poll(cx)) return order_[i];
            continue;
        }
        if (seems_ready(c) && try_channel(c)) return order_[i];
    }
    return arm(cx);
}

// What is costly to arm.
std::uint32_t select_core::arm(context& cx) {
    for (std::uint32_t i = looked_at_; i < enabled_; ++i) {
        if (cases_[order_[i]]->poll(cx)) return order_[i];
    }
    return none;
}

// Step 3.
std::uint32_t select_core::look_at_all_or_wait(waker wake) noexcept {
    if (!is_entered_) list_channels();
    if (!try_lock_all()) lock_all();
    std::uint32_t found = none;
    waker counterpart;
    for (std::uint32_t i = 0; i < looked_at_ && found == none; ++i) {
        select_case& c = *cases_[order_[i]];
        if (c.is_channel() && seems_ready(c) && is_ready(c, counterpart)) found = order_[i];
    }
    if (found == none) found = otherwise_;
    if (found == none) {
        for (std::uint32_t i = 0; i < channels_; ++i) {
            select_case& c = *cases_[listed_[i]];
            if (c.what() == kind::send) {
                c.core().enter_sender(c, wake);
            } else {
                c.core().enter_receiver(c, wake);
            }
        }
        is_entered_ = channels_ != 0;
        claim_.let_go();
    }
    unlock_all();
    counterpart.wake();
    return found;
}

void select_core::list_channels() noexcept {
    std::uint32_t n = 0;
    for (std::uint32_t i = 0; i < looked_at_; ++i) {
        select_case& c = *cases_[order_[i]];
        if (!c.is_channel()) continue;
        c.claim = &claim_;
        c.index = order_[i];
        listed_[n++] = order_[i];
    }
}

// Fails also when two cases are of one channel.
bool select_core::try_lock_all() noexcept {
    for (std::uint32_t i = 0; i < channels_; ++i) {
        if (cases_[listed_[i]]->core().try_lock()) [[likely]]
            continue;
        while (i-- != 0)
            cases_[listed_[i]]->core().unlock();
        return false;
    }
    return true;
}

void select_core::lock_all() noexcept {
    const auto address = [this](std::uint32_t i) { return &cases_[i]->core(); };
    std::ranges::sort(listed_, listed_ + channels_, std::less<>(), address);
    // Cases of one channel stand in its queue in this order, and the first is taken: it is drawn.
    for (std::uint32_t i = 1, same = 0; i < channels_ && !biased_; ++i) {
        if (address(listed_[i]) != address(listed_[i - 1])) {
            same = i;
        } else {
            std::swap(listed_[i], listed_[same + random_below(this_thread(), i - same + 1)]);
        }
    }
    channel_core* last = nullptr;
    for (std::uint32_t i = 0; i < channels_; ++i) {
        channel_core* core = address(listed_[i]);
        if (core != last) core->lock();
        last = core;
    }
}

void select_core::unlock_all() noexcept {
    channel_core* last = nullptr;
    for (std::uint32_t i = 0; i < channels_; ++i) {
        channel_core* core = &cases_[listed_[i]]->core();
        if (core != last) core->unlock();
        last = core;
    }
}

// Nobody can decide any more. Takes all waiters out; when a counterpart has decided, waits until it has done its part.
void select_core::take_out(std::uint32_t granted) noexcept {
    for (std::uint32_t i = 0; i < channels_; ++i) {
        select_case& c = *cases_[listed_[i]];
        // The counterpart's last access to this waiter was the store that look() sees: it is out already.
        if (listed_[i] == granted && c.look() >= stage::done) continue;
        std::lock_guard guard(c.core());
        c.core().leave(c, c.what() == kind::send ? c.core().senders() : c.core().receivers());
    }
    is_entered_ = false;
}

void select_core::leave_queues() noexcept {
    const std::uint32_t granted = claim_.hold();
    take_out(granted);
    if (granted == none) return;
    select_case& c = *cases_[granted];
    if (c.what() == kind::receive && c.look() == stage::done) c.core().give_back(c.cell);
}

bool select_core::fire(context& cx) {
    for (std::uint32_t i = 0; has_futures_ && i < size_; ++i) {
        if (!cases_[i]->is_channel()) cases_[i]->drop();
    }
    phase_ = phase::over; // should the handler throw
    if (cases_[winner_]->fire(cx)) return true;
    phase_ = phase::handling;
    return false;
}

} // namespace sennit::detail
