// The core of every timer queue: an intrusive, hierarchical timing wheel (Varghese & Lauck, SOSP
// 1987, scheme 7). Its memory is the nodes, which their owners embed; nothing is allocated.
//
// A tick is 2^14 ns (16.4 us). A tick number is read as a row of digits: the lowest has 7 bits, the
// next one 8, the others 4. There is a level for each digit. A node waits on the level of the
// highest digit in which its tick differs from now. Level 0 has a slot, which is a list, for each
// value of its digit; a higher level has a bundle of four slots, one for each quarter of the time
// that the digit stands for. Slots are numbered through all levels.
// Always true between two calls:
//   1. No node's tick lies before now: a deadline in the past is stored as now.
//   2. The slot follows from the node's tick and from now alone (but see 5). Hence equal ticks are
//      always in one list, in the order of their insertion, and they fire in that order.
//   3. Every node of a slot is due before every node of a slot with a higher number, and no bundle
//      that has a node lies behind now's digit of its level: nothing wraps around. So two
//      countr_zero find the first slot.
//   4. A bit in occupied_ is set if and only if that slot has a node, and a bit in words_ if and
//      only if that word of occupied_ is not zero. size_ counts the nodes in all slots and in
//      cascading_.
//   5. cascading_ is empty unless advance_some() ran out of its limit; then it has the rest of the
//      bundle that starts now, and time stands still until it is empty.
// advance() stops at the start of each slot of level 0 and of each bundle that it passes and that
// has a node, in order. A slot of level 0 holds one tick and expires. The nodes of a bundle are
// cascaded: they move to lower levels. An empty slot is never looked at, however long the gap.
//
// What cascading costs. A node that has waited is cold: to move it is a miss of the cache and of
// the TLB, and the address of the next one is known only when it is there. So the four slots of a
// bundle are cascaded in turn: four misses are under way at a time. And the lower digits are wide:
// what sleeps up to half a second moves once, up to eight seconds twice, an hour five times. Level 0
// spans just 2 ms, so that its nodes are warm still when they expire. A million sleepers of up to a
// second spent 510 ns each here with digits of 6 bits and slots of one list, and 240 so. Only wider
// digits: 360. Prefetching the nodes of the next slot, one for each that fires: 470, since timers
// fire in bursts. Slots that are arrays of deadlines and addresses would make moving cheap, but
// they have to be allocated, and cost each sleeper 16 bytes.
//
// Never early: deadlines are rounded up to a tick and the clock is rounded down, so tick(deadline)
// <= tick(now) implies deadline <= now. Late by less than a tick, plus what the caller adds.
//
// The digits have 51 bits, not 50 with a saturated top: 2^64 ns are 2^50 ticks, so there is a place
// for each deadline there is, and no node is ever parked in a wrong slot and inserted again.
//
// How others differ. tokio has six digits of 6 bits, ticks of 1 ms, clamps to two
// years, and wakes its driver at the start of each slot on the way down, where next_deadline_ns()
// looks into a short slot and sleeps through. Linux (since 4.8) never cascades: a slot of a higher
// level fires as a whole, up to an eighth of the timeout late, because most timeouts are cancelled
// first. We owe a sleeper its deadline, and a cancelled timer costs the same on every level. The
// price is that a bundle full of nodes is cascaded at one moment; advance_some() is there to do it
// in pieces. Go's heaps are exact to the nanosecond, at O(log n) for each insertion and removal.
//
// Who may call: whoever holds the lock of the queue that owns the wheel. Nothing here is atomic,
// and that includes is_linked() and the list of expired nodes.
#pragma once

#include <sennit/base/list.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace sennit {

/// A timer; a base class of its owner, and `static_cast` leads back from the node to the owner. It
/// is idle, pending in one `timer_wheel`, or expired in one `timer_list`; `is_linked()` is true in
/// the last two. It may be moved or destroyed only while it is idle. Members of the derived class
/// may fill the last six of its 32 bytes.
///
/// ```cpp
/// struct alarm : timer_node {
///     int number = 0;
/// };
/// alarm tea{{}, 1};
/// timer_wheel wheel{0};
/// wheel.insert(tea, 180'000'000'000);
/// wheel.remove(tea);
/// ```
class timer_node : public list_node {
private:
    friend class timer_wheel;

    std::uint64_t tick_ = 0;
    std::uint16_t slot_ = 0; // its index, or timer_wheel::slot_expired; while linked
};

/// The timers that `timer_wheel::advance` found due, first deadline first.
///
/// They are still linked, so an owner who gives up takes its node out with `timer_wheel::remove`,
/// as if it were pending, until `pop_front` has returned it. With several threads both happen under
/// the wheel's lock: pop, copy what firing needs (the waker), unlock, fire. A popped node belongs
/// to its owner again, who may destroy it as soon as the lock is free.
///
/// ```cpp
/// struct alarm : timer_node {};
/// alarm tea, coffee;
/// timer_wheel wheel{0};
/// wheel.insert(tea, 20'000);
/// wheel.insert(coffee, 10'000);
/// timer_list due;
/// wheel.advance(1'000'000, due);
/// wheel.remove(tea);                        // in time: expired, but not yet popped
/// bool fired = due.pop_front() == &coffee;  // and now `due` is empty
/// ```
using timer_list = list<timer_node>;

/// All pending timers of one queue. Time is the nanoseconds of any clock that does not go back,
/// usually `std::chrono::steady_clock`; the wheel is told the time and never reads it. 27.3 KiB; not
/// movable; must be empty when it is destroyed.
///
/// ```cpp
/// struct alarm : timer_node {};
/// alarm tea;
/// timer_wheel wheel{1'000'000};
/// wheel.insert(tea, 3'000'000);
/// timer_list due;
/// wheel.advance(wheel.next_deadline_ns(), due);
/// while (timer_node* node = due.pop_front()) {
///     [[maybe_unused]] alarm& fired = static_cast<alarm&>(*node);
/// }
/// ```
class timer_wheel {
public:
    /// A deadline is rounded up to a multiple of this.
    static constexpr std::uint64_t tick_ns = std::uint64_t{1} << 14;

    /// A slot with more nodes than this is not searched by `next_deadline_ns`. A worker with few
    /// timers sleeps through to its deadline instead of waking to cascade one node; where a slot
    /// has many, they share the wake-up, and reading them all would cost more.
    static constexpr unsigned scan_max = 8;

    explicit timer_wheel(std::uint64_t now_ns) noexcept;
    timer_wheel(const timer_wheel&) = delete;
    timer_wheel& operator=(const timer_wheel&) = delete;
    ~timer_wheel();

    /// Makes an idle node pending. The first `advance` at or after the rounded deadline expires it;
    /// for a deadline in the past that is the next `advance`. A deadline that rounds beyond
    /// `UINT64_MAX` never fires, but the node is linked and counted. O(1).
    void insert(timer_node& node, std::uint64_t deadline_ns) noexcept;

    /// Links an idle node into a list of the caller's, out of which `remove` takes it too. O(1).
    void hold(timer_node& node, timer_list& out) noexcept;

    /// Makes a node idle and returns true if it was pending here, or in a list that this
    /// wheel filled: it will not fire. Returns false for an idle node. O(1), wherever the node is.
    bool remove(timer_node& node) noexcept;

    /// Moves every node whose rounded deadline is at or before `now_ns` to the end of `out`: in
    /// ascending order of ticks, equal ticks in the order of insertion (deadlines that were past
    /// when they were inserted count as that moment). A clock that goes back is taken as standing
    /// still. O(nodes expired and cascaded), however much time has passed.
    void advance(std::uint64_t now_ns, timer_list& out) noexcept;

    /// `advance` in pieces, for a caller who wants to release its lock in between: expires and
    /// cascades at most `limit` nodes and returns true if nothing is left to do at `now_ns`. After
    /// false, `next_deadline_ns` is at or before now, and a node inserted then may fire before one
    /// of the same tick that was there earlier; nothing else differs.
    [[nodiscard]] bool advance_some(std::uint64_t now_ns, timer_list& out,
                                    std::size_t limit) noexcept;

    /// When to call `advance` next. Never after the first rounded deadline, and equal to it unless
    /// more than `scan_max` nodes share its slot on a higher level; then it is the start of that
    /// slot's bundle, and `advance` has nodes to cascade there. At or before now if something is due
    /// already, `UINT64_MAX` if nothing will ever fire. O(1).
    std::uint64_t next_deadline_ns() const noexcept;

    /// The number of pending nodes; expired ones do not count.
    std::size_t size() const noexcept { return size_; }

private:
    static constexpr unsigned tick_bits = 14;
    static constexpr unsigned bundle_bits = 2;
    static constexpr unsigned bundle = 1U << bundle_bits;
    // The slots of each level, as a power of two.
    static constexpr std::array<unsigned, 11> slot_bits{7, 10, 6, 6, 6, 6, 6, 6, 6, 6, 6};
    static constexpr unsigned slot_count = [] {
        unsigned sum = 0;
        for (const unsigned bits : slot_bits)
            sum += 1U << bits;
        return sum;
    }();
    static constexpr unsigned expiring_count = 1U << slot_bits.front(); // the slots of level 0
    static constexpr unsigned word_bits = 64;
    static constexpr unsigned word_count = slot_count / word_bits;
    static constexpr std::uint16_t slot_expired = 0xffff;

    struct level;
    struct level_table;
    static const level_table levels;

    void link(timer_node& node) noexcept;
    bool expire(timer_list& slot, timer_list& out, std::size_t& limit) noexcept;
    void begin_cascade(unsigned slot) noexcept;
    bool cascade(std::size_t& limit) noexcept;
    bool is_cascading() const noexcept;
    void mark(unsigned slot) noexcept;
    void unmark(unsigned slot) noexcept;
    unsigned first_slot() const noexcept;
    std::uint64_t start_of(unsigned slot) const noexcept;

    std::uint64_t now_tick_;
    std::size_t size_ = 0;
    std::uint32_t words_ = 0;
    std::array<std::uint64_t, word_count> occupied_{};
    std::array<timer_list, bundle> cascading_;
    std::array<timer_list, slot_count> slots_;
};

} // namespace sennit
