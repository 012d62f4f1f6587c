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

timer_wheel::timer_wheel(std::uint64_t now_ns) noexcept : now_tick_{now_ns / tick_ns} {
    static_assert(tick_ns == std::uint64_t{1} << tick_bits);
    static_assert(level_count * digit_bits > 64 - tick_bits, "each rounded deadline has a level");
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

bool timer_wheel::remove(timer_node& node) noexcept {
    if (!node.is_linked()) return false;
    if (node.slot_ == slot_expired) {
        slots_.front().remove(node); // which list it is in does not matter: it takes itself out
        return true;
    }
    timer_list& slot = slots_[node.slot_];
    slot.remove(node);
    if (slot.empty()) unmark({node.slot_ / digits, node.slot_ % digits});
    --size_;
    return true;
}

void timer_wheel::advance(std::uint64_t now_ns, timer_list& out) noexcept {
    static_cast<void>(advance_some(now_ns, out, std::numeric_limits<std::size_t>::max()));
}

bool timer_wheel::advance_some(std::uint64_t now_ns, timer_list& out, std::size_t limit) noexcept {
    const std::uint64_t target = std::max(now_ns / tick_ns, now_tick_);
    if (!cascade(limit)) return false;
    while (levels_ != 0) {
        const place first = first_place();
        const std::uint64_t start = start_of(first);
        if (start > target) break; // now reaches no digit that a node waits for: all places stay
        now_tick_ = start;
        timer_list& slot = slots_[index_of(first)];
        if (first.level == 0) {
            if (!expire(slot, out, limit)) return false;
            unmark(first);
        } else {
            cascading_.splice_back(std::move(slot));
            unmark(first);
            if (!cascade(limit)) return false;
        }
    }
    now_tick_ = target;
    return true;
}

std::uint64_t timer_wheel::next_deadline_ns() const noexcept {
    if (!cascading_.empty()) return now_tick_ * tick_ns;
    if (levels_ == 0) return never_ns;
    const place first = first_place();
    std::uint64_t tick = never_ns;
    unsigned seen = 0;
    for (const timer_node& node : slots_[index_of(first)]) {
        if (++seen > scan_max) {
            tick = start_of(first);
            break;
        }
        tick = std::min(tick, node.tick_);
        if (first.level == 0) break; // all the same
    }
    return tick > never_ns / tick_ns ? never_ns : tick * tick_ns;
}

// Precondition: node.tick_ is not before now_tick_. The division by a constant is a multiplication.
void timer_wheel::link(timer_node& node) noexcept {
    const auto top_bit = static_cast<unsigned>(std::bit_width((node.tick_ ^ now_tick_) | 1)) - 1;
    const unsigned level = top_bit / digit_bits;
    const place at{level, static_cast<unsigned>(node.tick_ >> (level * digit_bits)) % digits};
    node.slot_ = static_cast<std::uint16_t>(index_of(at));
    slots_[node.slot_].push_back(node);
    mark(at);
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

// A node keeps the index of its old slot here. That slot stays empty while now stands at its start,
// so remove() needs no case for it.
bool timer_wheel::cascade(std::size_t& limit) noexcept {
    for (; !cascading_.empty(); --limit) {
        if (limit == 0) return false;
        link(*cascading_.pop_front());
    }
    return true;
}

void timer_wheel::mark(place at) noexcept {
    occupied_[at.level] |= std::uint64_t{1} << at.digit;
    levels_ |= 1U << at.level;
}

void timer_wheel::unmark(place at) noexcept {
    occupied_[at.level] &= ~(std::uint64_t{1} << at.digit);
    if (occupied_[at.level] == 0) levels_ &= ~(1U << at.level);
}

// Precondition: a node is pending.
timer_wheel::place timer_wheel::first_place() const noexcept {
    const auto level = static_cast<unsigned>(std::countr_zero(levels_));
    return {level, static_cast<unsigned>(std::countr_zero(occupied_[level]))};
}

// The digits of now above the level, then the slot's digit, then zeros.
std::uint64_t timer_wheel::start_of(place at) const noexcept {
    const unsigned shift = at.level * digit_bits;
    const std::uint64_t above = now_tick_ >> (shift + digit_bits) << (shift + digit_bits);
    return above | std::uint64_t{at.digit} << shift;
}

} // namespace sennit
