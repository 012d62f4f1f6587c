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
//   3. All channels are locked: at once when nobody holds any of them, else in the order of their addresses (G-SEL-11), with none
//      held before. They are looked at again. If none is ready, then there was a moment at which none was: `otherwise` fires
//      (G-SEL-4). Without it, every waiter is entered that is not in its list, the claim is opened, and the locks are released. In
//      this order.
//
// No meeting is missed. A counterpart that passed over a waiter of ours, because we held the claim, did so under that
// channel's lock, and left there what step 3 finds: a value, room, or itself as a waiter. One that comes after step 3
// finds the claim open. Two selects that pass over each other: both are before step 3 on that channel, and whichever
// locks it second finds the other entered, and open or settled.
// A select never meets itself (G-SEL-8): whoever looks for a counterpart skips the waiters with its own claim.
//
// Once a case is decided all other waiters are taken out, under their channels' locks, and all other futures are
// destroyed; then the handler runs, with no lock. A select that is dropped while it waits takes its claim first. If a
// counterpart was faster, a value that it gave goes back to its channel, and a value that it took stays taken.
//
// Between 2 and 3 come the cases that are costly to arm: a time-out, so that what is ready also beats the clock, and
// the callback of a stop token, which before that is only asked, in its turn. `biased` keeps them in their place.
// Locks: those of the channels, waited for in the order of addresses; no others are taken under them.
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
    channel_core* core_; // null for nil and for what is no channel
    kind what_;
    bool enabled_;
};

class select_core {
public:
    // `scratch` has room for three numbers for each case. Both must stay where they are until leave().
    select_core(std::span<select_case*> cases, std::uint32_t* scratch, bool biased) noexcept
        : cases_(cases.data()),
          order_(scratch),
          listed_(scratch + 2 * cases.size()),
          size_(static_cast<std::uint32_t>(cases.size())),
          biased_(biased) {}
    select_core(const select_core&) = delete;
    select_core& operator=(const select_core&) = delete;

    // True when a case has fired and its handler is done.
    bool poll(context& cx);
    std::size_t fired() const noexcept { return winner_; }
    // Before the cases are destroyed.
    void leave() noexcept {
        if (is_entered_) leave_queues();
    }

private:
    static constexpr std::uint32_t none = select_claim::none;
    enum class phase : std::uint8_t { fresh, deciding, handling, over };

    void prepare() noexcept;
    std::uint32_t look_around(context& cx);
    std::uint32_t look_at_channels() noexcept;
    std::uint32_t arm(context& cx);
    static bool seems_ready(const select_case& c) noexcept;
    bool try_channel(select_case& c) noexcept;
    std::uint32_t look_at_all_or_wait(waker wake) noexcept;
    bool is_ready(select_case& c, waker& wake) noexcept;
    void list_channels() noexcept;
    bool try_lock_all() noexcept;
    void lock_all() noexcept;
    void unlock_all() noexcept;
    void take_out(std::uint32_t granted) noexcept;
    void leave_queues() noexcept;
    bool fire(context& cx);

    select_case** const cases_;
    std::uint32_t* const order_;  // the enabled ones to look at, then those to arm
    std::uint32_t* const listed_; // the enabled channels, as they are locked
    const std::uint32_t size_;
    const bool biased_;
    phase phase_ = phase::fresh;
    bool is_entered_ = false;     // waiters of ours may be in lists
    bool has_futures_ = false;    // or times or stop tokens
    std::uint32_t looked_at_ = 0; // how many of order_ are only looked at
    std::uint32_t enabled_ = 0;   // the length of order_
    std::uint32_t channels_ = 0;  // enabled; the length of listed_ once they are listed
    std::uint32_t otherwise_ = none;
    std::uint32_t winner_ = none;
    select_claim claim_;
};

} // namespace sennit::detail
