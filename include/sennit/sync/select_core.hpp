// The untyped core of select: how exactly one case comes to fire.
//
// Every channel case is a waiter of its channel that carries the claim of the select (channel_core.hpp). The claim is a
// single word, and deciding the select is one compare-and-swap on it: there is never a second word to be changed with it.
//
// A poll goes through these steps.
//   1. It holds its claim. The first poll has it; a later one takes it back from `open`. When that fails a counterpart
//      has decided meanwhile, and that case fires.
//   2. While the claim is held nobody else can decide, so each case may be looked at by itself, in random order or in
//      the given one (`biased`): a channel under its own lock, unless a look without it says that there is nothing, a future by
//      a poll under no lock. What is ready fires.
//   3. Without `otherwise`, and when no waiter is in a list, it begins to wait. The claim is opened, and then the waiters
//      enter channel by channel: under a channel's lock it is looked at again, and the waiter enters if there is nothing. When
//      there is something the claim is taken back, as in 1, the waiters are taken out, and step 4 follows. So it does when two
//      cases would enter the same list: who comes first is drawn there.
//   4. All channels are locked: at once when nobody holds any of them, else in the order of their addresses (G-SEL-11), with none
//      held before. They are looked at again. If none is ready, then there was a moment at which none was: `otherwise` fires
//      (G-SEL-4). Without it, every waiter is entered that is not in its list, the claim is opened, and the locks are released. In
//      this order.
//
// No meeting is missed. A counterpart that passed over a waiter of ours, because we held the claim, did so under that
// channel's lock, and left there what a look under the lock finds: a value, room, or itself as a waiter. Step 4 looks at every
// channel, and opens the claim before it gives the locks back. Step 3 opens it while nobody can see a waiter of ours, so what
// comes to a channel before our look is found, and what comes after it finds our waiter, and the claim open or settled. (With
// waiters in the lists it would open itself for channels that it has not looked at again: what was left there would be overtaken.)
// One that decides before all waiters have entered leaves some that are settled, as in any list. Two selects that pass over
// each other: both are before the look on that channel, and whichever locks it second finds the other entered, and open or
// settled.
// A select never meets itself (G-SEL-8): whoever looks for a counterpart skips the waiters with its own claim.
//
// Once a case is decided all other waiters are taken out, under their channels' locks, and all other futures are
// destroyed; then the handler runs, with no lock. A select that is dropped while it waits takes its claim first. If a
// counterpart was faster, a value that it gave goes back to its channel, and a value that it took stays taken.
//
// Between 2 and 3 or 4 come the cases that are costly to arm: a time-out, so that what is ready also beats the clock, and
// the callback of a stop token, which before that is only asked, in its turn. `biased` keeps them in their place.
// Locks: those of the channels, one at a time, or several, waited for in the order of addresses; no others are taken under
// them.
// Model: tests/sync/channel_model_test.cpp.
#pragma once

#include <sennit/core/future.hpp>
#include <sennit/sync/channel_core.hpp>

#include <cstddef>
#include <cstdint>
#include <span>

namespace sennit::detail {

// One case. It may be moved until its select is polled first.
class select_case : public channel_waiter {
public:
    enum class kind : std::uint8_t { receive, send, future, stop, bound, otherwise };

    select_case(kind what, channel_core* core, bool enabled) noexcept
        : core_(core), what_(what), enabled_(enabled) {}
    select_case(select_case&&) noexcept = default;
    virtual ~select_case() = default;

    kind what() const noexcept { return what_; }
    bool is_enabled() const noexcept { return enabled_; }
    bool is_channel() const noexcept { return what_ <= kind::send; }
    channel_core& core() const noexcept { return *core_; }

    // ---- of a future, a stop or a bound

    // True when it is ready; its value is then kept, for fire().
    virtual bool poll(context&) { return false; }
    // Of a stop: a look that leaves no waker.
    virtual bool glance() { return false; }
    // Destroys the future.
    virtual void drop() noexcept {}

    // ---- of the case that was decided for

    // Calls the handler. False: that returned a future which is not ready; poll_handler() goes on with it.
    virtual bool fire(context& cx) = 0;
    virtual bool poll_handler(context& cx) = 0;

protected:
    void enable_if(bool condition) noexcept { enabled_ = enabled_ && condition; }

private:
    friend class select_core;

    channel_core* core_;      // null for nil and for what is no channel
    std::uint32_t index_ = 0; // in its select
    kind what_;
    bool enabled_;
};

class select_core {
public:
    // For up to `size` cases. `scratch` has room for three pointers for each. It must stay where it is until leave().
    select_core(select_case** scratch, std::size_t size, bool biased) noexcept
        : looked_at_(scratch),
          others_(scratch + size),
          listed_(scratch + 2 * size),
          biased_(biased) {}
    select_core(const select_core&) = delete;
    select_core& operator=(const select_core&) = delete;

    // Before the first poll: all cases, in their order. They must stay where they are until leave().
    void add_channel(select_case& c, std::uint32_t index) noexcept {
        c.index_ = index;
        c.claim = &claim_;
        looked_at_[looked_at_size_] = &c;
        looked_at_size_ += std::uint32_t{c.is_enabled()};
    }
    void add_other(select_case& c, std::uint32_t index) noexcept;
    // True when a case has fired and its handler is done.
    bool poll(context& cx);
    std::size_t fired() const noexcept { return winner_->index_; }
    // Before the cases are destroyed.
    void leave() noexcept {
        if (is_entered_) leave_queues();
    }

private:
    using kind = select_case::kind;
    enum class phase : std::uint8_t { deciding, handling, over };

    std::span<select_case*> looked_at() const noexcept { return {looked_at_, looked_at_size_}; }
    select_case* decided() noexcept { return static_cast<select_case*>(claim_.hold()); }
    select_case* look_around(context& cx);
    select_case* look_at_channels() noexcept;
    select_case* arm(context& cx);
    static bool seems_ready(const select_case& c) noexcept;
    bool try_channel(select_case& c) noexcept;
    bool is_ready(select_case& c, waker& wake) noexcept;
    select_case* enter_or_find(waker wake) noexcept;
    bool enter_each(waker wake) noexcept;
    bool is_second(const select_case& c) const noexcept;
    select_case* look_at_all_or_wait(waker wake) noexcept;
    void list_channels() noexcept;
    bool try_lock_all() noexcept;
    void lock_all() noexcept;
    void unlock_all() noexcept;
    void take_out(const select_case* granted) noexcept;
    void leave_queues() noexcept;
    bool fire(context& cx);

    select_case** const
        looked_at_; // the enabled ones, but for `otherwise` and those that are only armed
    select_case** const others_; // all futures, times and stop tokens
    select_case** const listed_; // some of looked_at_, for the time of a look
    std::uint32_t looked_at_size_ = 0, others_size_ = 0, listed_size_ = 0;
    const bool biased_;
    phase phase_ = phase::deciding;
    bool is_entered_ = false; // waiters of ours may be in lists, and the claim open
    select_case* otherwise_ = nullptr;
    select_case* winner_ = nullptr;
    select_claim claim_;
};

} // namespace sennit::detail
