// The wheel's arithmetic. Its invariants and their reasons stand in the header.
#include <sennit/time/timer_wheel.hpp>

#include <sennit/base/assert.hpp>

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace sennit {

namespace {

constexpr std::uint64_t never_ns = std::numeric_limits<std::uint64_t>::max();

static_assert(sizeof(timer_node) <= 32);

} // namespace

// The slot of a tick is first + (tick >> shift & mask); the bits from `end` on are of higher levels.
struct timer_wheel::level {
    std::uint16_t first;
    std::uint16_t mask;
    std::uint8_t shift;
    std::uint8_t end;
    std::uint8_t within; // of a slot's number: its place in its bundle
};

// The level of a node by the highest bit in which its tick differs from now, and of a slot.
struct timer_wheel::level_table {
    std::array<level, 64 - tick_bits + 1> of_bit{};
    std::array<level, word_count> of_word{};

    constexpr level_table() noexcept {
        unsigned first = 0;
        unsigned end = 0;
        for (const unsigned bits : slot_bits) {
            const unsigned count = 1U << bits;
            const unsigned shift = first == 0 ? 0 : end - bundle_bits;
            const level each{
                static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(count - 1),
                static_cast<std::uint8_t>(shift), static_cast<std::uint8_t>(shift + bits),
                static_cast<std::uint8_t>(first == 0 ? 0 : bundle - 1)};
            for (; end < shift + bits; ++end)
                of_bit.at(end) = each; // each rounded deadline has a level: there is no bit more
            for (; first < each.first + count; first += word_bits)
                of_word[first / word_bits] = each;
        }
    }
};

constinit const timer_wheel::level_table timer_wheel::levels;

timer_wheel::timer_wheel(std::uint64_t now_ns) noexcept : now_tick_{now_ns / tick_ns} {
    static_assert(tick_ns == std::uint64_t{1} << tick_bits);
    static_assert(word_count <= 32 && slot_count % word_bits == 0, "words_ has a bit for each");
    static_assert(slot_count < slot_expired);
}

timer_wheel::~timer_wheel() {
    SENNIT_ASSERT(size_ == 0, "remove every pending timer before its wheel is destroyed");
}

void timer_wheel::insert(timer_node& node, std::uint64_t deadline_ns) noexcept {
    SENNIT_ASSERT(!node.is_linked(), "remove a timer before inserting it again");
    const std::uint64_t rounded_up = deadline_ns / tick_ns + (deadline_ns % tick_ns != 0);
    node.tick_ = std::max(rounded_up, now_tick_);
    link(node);
    ++size_;
}

void timer_wheel::hold(timer_node& node, timer_list& out) noexcept {
    node.slot_ = slot_expired;
    out.push_back(node);
}

bool timer_wheel::remove(timer_node& node) noexcept {
    if (!node.is_linked()) return false;
    if (node.slot_ == slot_expired) {
        slots_.front().remove(node); // which list it is in does not matter: it takes itself out
        return true;
    }
    timer_list& slot = slots_[node.slot_];
    slot.remove(node);
    if (slot.empty()) unmark(node.slot_);
    --size_;
    return true;
}

void timer_wheel::advance(std::uint64_t now_ns, timer_list& out) noexcept {
    static_cast<void>(advance_some(now_ns, out, std::numeric_limits<std::size_t>::max()));
}

bool timer_wheel::advance_some(std::uint64_t now_ns, timer_list& out, std::size_t limit) noexcept {
    const std::uint64_t target = std::max(now_ns / tick_ns, now_tick_);
    if (!cascade(limit)) return false;
    while (words_ != 0) {
        const unsigned first = first_slot();
        const std::uint64_t start = start_of(first);
        if (start > target) break; // now reaches no digit that a node waits for: all places stay
        now_tick_ = start;
        if (first < expiring_count) {
            if (!expire(slots_[first], out, limit)) return false;
            unmark(first);
        } else {
            begin_cascade(first);
            if (!cascade(limit)) return false;
        }
    }
    now_tick_ = target;
    return true;
}

std::uint64_t timer_wheel::next_deadline_ns() const noexcept {
    if (is_cascading()) return now_tick_ * tick_ns;
    if (words_ == 0) return never_ns;
    const unsigned first = first_slot();
    std::uint64_t tick = never_ns;
    unsigned seen = 0;
    for (const timer_node& node : slots_[first]) {
        if (++seen > scan_max) {
            tick = start_of(first);
            break;
        }
        tick = std::min(tick, node.tick_);
        if (first < expiring_count) break; // all the same
    }
    return tick > never_ns / tick_ns ? never_ns : tick * tick_ns;
}

// Precondition: node.tick_ is not before now_tick_. The division by a constant is a multiplication.
void timer_wheel::link(timer_node& node) noexcept {
    const auto top_bit = static_cast<unsigned>(std::bit_width((node.tick_ ^ now_tick_) | 1)) - 1;
    const level& at = levels.of_bit[top_bit];
    const unsigned slot = at.first + (static_cast<unsigned>(node.tick_ >> at.shift) & at.mask);
    node.slot_ = static_cast<std::uint16_t>(slot);
    slots_[slot].push_back(node);
    mark(slot);
}

// Both return false when the limit stopped them.
bool timer_wheel::expire(timer_list& slot, timer_list& out, std::size_t& limit) noexcept {
    for (; !slot.empty(); --limit) {
        if (limit == 0) return false;
        timer_node& node = *slot.pop_front();
        node.slot_ = slot_expired;
        out.push_back(node);
        --size_;
    }
    return true;
}

// A node keeps the index of its old slot here. That slot stays empty while now stands at the start
// of its bundle, so remove() needs no case for it.
void timer_wheel::begin_cascade(unsigned slot) noexcept {
    slot = slot / bundle * bundle;
    for (timer_list& strand : cascading_) {
        strand.splice_back(std::move(slots_[slot]));
        unmark(slot++);
    }
}

// One node of each list in turn: their misses overlap.
bool timer_wheel::cascade(std::size_t& limit) noexcept {
    for (bool more = is_cascading(); more;) {
        more = false;
        for (timer_list& strand : cascading_) {
            if (strand.empty()) continue;
            if (limit == 0) return false;
            --limit;
            link(*strand.pop_front());
            more = true;
        }
    }
    return true;
}

bool timer_wheel::is_cascading() const noexcept {
    return std::ranges::any_of(cascading_, [](const timer_list& each) { return !each.empty(); });
}

void timer_wheel::mark(unsigned slot) noexcept {
    occupied_[slot / word_bits] |= std::uint64_t{1} << slot % word_bits;
    words_ |= 1U << slot / word_bits;
}

void timer_wheel::unmark(unsigned slot) noexcept {
    std::uint64_t& word = occupied_[slot / word_bits];
    word &= ~(std::uint64_t{1} << slot % word_bits);
    if (word == 0) words_ &= ~(1U << slot / word_bits);
}

// Precondition: a node is pending.
unsigned timer_wheel::first_slot() const noexcept {
    const auto word = static_cast<unsigned>(std::countr_zero(words_));
    return word * word_bits + static_cast<unsigned>(std::countr_zero(occupied_[word]));
}

// The digits of now above the level, then the digit of the slot's bundle, then zeros.
std::uint64_t timer_wheel::start_of(unsigned slot) const noexcept {
    const level& at = levels.of_word[slot / word_bits];
    const unsigned place = (slot - at.first) & ~unsigned{at.within};
    return now_tick_ >> at.end << at.end | std::uint64_t{place} << at.shift;
}

} // namespace sennit
