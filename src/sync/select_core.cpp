// How a select looks around, waits and is decided. The argument stands in the header.
#include <sennit/sync/select_core.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>

#include <algorithm>
#include <mutex>
#include <utility>

namespace sennit::detail {

using stage = channel_waiter::stage;

void select_core::add_other(select_case& c, std::uint32_t index) noexcept {
    c.index_ = index;
    if (c.what() == kind::otherwise) {
        if (c.is_enabled()) otherwise_ = &c;
        return;
    }
    others_[others_size_++] = &c;
    if (c.is_enabled() && (biased_ || c.what() != kind::bound)) looked_at_[looked_at_size_++] = &c;
}

bool select_core::poll(context& cx) {
    switch (phase_) {
        case phase::deciding:
            if (!is_entered_) break;
            winner_ = decided();
            if (winner_ == nullptr) break;
            take_out(winner_);
            return fire(cx);
        case phase::handling:
            if (!winner_->poll_handler(cx)) return false;
            phase_ = phase::over;
            return true;
        case phase::over:
            assertion_failed("select is not over", "this future was ready: it is not polled again");
    }
    winner_ = others_size_ == 0 && !biased_ ? look_at_channels() : look_around(cx);
    if (winner_ == nullptr) winner_ = enter_or_find(cx.waker());
    if (winner_ == nullptr) return false;
    if (is_entered_) take_out(nullptr);
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
    channel_core& core = c.core();
    core.lock();
    const bool ready = is_ready(c, counterpart);
    core.unlock();
    counterpart.wake();
    return ready;
}

// Step 2 for channels alone: one of those that seem ready is drawn. Uniform (G-SEL-3). Most often none or one is ready, and which
// cannot be guessed: so the looks are made without branches.
select_case* select_core::look_at_channels() noexcept {
    select_case** const ready = listed_;
    std::uint32_t count = 0;
    for (select_case* c : looked_at()) {
        ready[count] = c;
        count += std::uint32_t{seems_ready(*c)};
    }
    while (count != 0) {
        select_case*& drawn = ready[random_below(this_thread(), count)];
        if (try_channel(*drawn)) return drawn;
        drawn = ready[--count];
    }
    return nullptr;
}

// Step 2: each by itself, in an order that is drawn as far as it is needed. Uniform (G-SEL-3).
select_case* select_core::look_around(context& cx) {
    for (std::uint32_t i = 0; i < looked_at_size_; ++i) {
        if (const std::uint32_t rest = looked_at_size_ - i; !biased_ && rest > 1)
            std::swap(looked_at_[i], looked_at_[i + random_below(this_thread(), rest)]);
        select_case& c = *looked_at_[i];
        if (!c.is_channel()) {
            const bool only_glance = c.what() == kind::stop && !biased_;
            if (only_glance ? c.glance() : c.poll(cx)) return &c;
            continue;
        }
        if (seems_ready(c) && try_channel(c)) return &c;
    }
    return biased_ ? nullptr : arm(cx);
}

// What is costly to arm.
select_case* select_core::arm(context& cx) {
    for (std::uint32_t i = 0; i < others_size_; ++i) {
        select_case& c = *others_[i];
        if (c.is_enabled() && c.what() >= kind::stop && c.poll(cx)) return &c;
    }
    return nullptr;
}

// Steps 3 and 4.
select_case* select_core::enter_or_find(waker wake) noexcept {
    if (!is_entered_ && otherwise_ == nullptr) {
        if (enter_each(wake)) return nullptr;
        select_case* winner = decided();
        take_out(winner);
        if (winner != nullptr) return winner;
    }
    return look_at_all_or_wait(wake);
}

// Step 3. False: it has to be looked at again.
bool select_core::enter_each(waker wake) noexcept {
    is_entered_ = true;
    claim_.let_go();
    for (select_case* c : looked_at()) {
        if (!c->is_channel()) continue;
        const bool sends = c->what() == kind::send;
        channel_core& core = c->core();
        std::lock_guard guard(core);
        if (sends) {
            if (core.seems_sendable()) return false;
            if (!core.senders().empty() && is_second(*c)) return false;
            core.enter_sender(*c, wake);
        } else {
            if (core.seems_receivable()) return false;
            if (!core.receivers().empty() && is_second(*c)) return false;
            core.enter_receiver(*c, wake);
        }
    }
    return true;
}

// Whether it has to be drawn which of two cases of one channel enters first. Among many cases there may be such.
bool select_core::is_second(const select_case& c) const noexcept {
    constexpr std::uint32_t compared_max = 16;
    if (biased_) return false;
    if (looked_at_size_ > compared_max) return true;
    return std::ranges::any_of(looked_at(), [&](const select_case* other) {
        return other != &c && other->core_ == c.core_;
    });
}

// Step 4.
select_case* select_core::look_at_all_or_wait(waker wake) noexcept {
    list_channels();
    if (!try_lock_all()) lock_all();
    select_case* found = nullptr;
    waker counterpart;
    for (select_case* c : looked_at()) {
        if (!c->is_channel() || !seems_ready(*c) || !is_ready(*c, counterpart)) continue;
        found = c;
        break;
    }
    if (found == nullptr) found = otherwise_;
    if (found == nullptr) {
        for (std::uint32_t i = 0; i < listed_size_; ++i) {
            select_case& c = *listed_[i];
            if (c.what() == kind::send) {
                c.core().enter_sender(c, wake);
            } else {
                c.core().enter_receiver(c, wake);
            }
        }
        is_entered_ = true;
        claim_.let_go();
    }
    unlock_all();
    counterpart.wake();
    return found;
}

void select_core::list_channels() noexcept {
    listed_size_ = 0;
    for (select_case* c : looked_at()) {
        if (c->is_channel()) listed_[listed_size_++] = c;
    }
}

// Fails also when two cases are of one channel.
bool select_core::try_lock_all() noexcept {
    for (std::uint32_t i = 0; i < listed_size_; ++i) {
        if (listed_[i]->core().try_lock()) [[likely]]
            continue;
        while (i-- != 0)
            listed_[i]->core().unlock();
        return false;
    }
    return true;
}

void select_core::lock_all() noexcept {
    const auto place = [](const select_case* c) { return std::pair(c->core_, c->index_); };
    std::ranges::sort(listed_, listed_ + listed_size_, std::less<>(), place);
    // Cases of one channel stand in its queue in this order, and the first is taken: it is drawn.
    for (std::uint32_t i = 1, same = 0; i < listed_size_ && !biased_; ++i) {
        if (listed_[i]->core_ != listed_[i - 1]->core_) {
            same = i;
        } else {
            std::swap(listed_[i], listed_[same + random_below(this_thread(), i - same + 1)]);
        }
    }
    channel_core* last = nullptr;
    for (std::uint32_t i = 0; i < listed_size_; ++i) {
        channel_core* core = listed_[i]->core_;
        if (core != last) core->lock();
        last = core;
    }
}

void select_core::unlock_all() noexcept {
    channel_core* last = nullptr;
    for (std::uint32_t i = 0; i < listed_size_; ++i) {
        channel_core* core = listed_[i]->core_;
        if (core != last) core->unlock();
        last = core;
    }
}

// Nobody can decide any more. Takes all waiters out; when a counterpart has decided, waits until it has done its part.
void select_core::take_out(const select_case* granted) noexcept {
    for (select_case* c : looked_at()) {
        if (!c->is_channel()) continue;
        // The counterpart's last access to this waiter was the store that look() sees: it is out already.
        if (c == granted && c->look() >= stage::done) continue;
        std::lock_guard guard(c->core());
        c->core().leave(*c, c->what() == kind::send ? c->core().senders() : c->core().receivers());
    }
    is_entered_ = false;
}

void select_core::leave_queues() noexcept {
    select_case* granted = decided();
    take_out(granted);
    if (granted != nullptr && granted->what() == kind::receive && granted->look() == stage::done)
        granted->core().give_back(granted->cell);
}

bool select_core::fire(context& cx) {
    for (std::uint32_t i = 0; i < others_size_; ++i)
        others_[i]->drop();
    phase_ = phase::over; // should the handler throw
    if (winner_->fire(cx)) return true;
    phase_ = phase::handling;
    return false;
}

} // namespace sennit::detail
