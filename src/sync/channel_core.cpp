// The slow halves of channels. The invariants stand in the header.
#include <sennit/sync/channel_core.hpp>

#include <sennit/base/assert.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <mutex>
#include <new>
#include <utility>

namespace sennit {

namespace {

const char* text_of(channel_error::cause why) noexcept {
    switch (why) {
        case channel_error::cause::send_on_closed:
            return "send on a closed channel: only the sender closes, when nobody sends any more";
        case channel_error::cause::close_of_closed:
            return "close of a closed channel: exactly one flow closes it, once";
        case channel_error::cause::close_of_nil:
            return "close of a nil channel: make it with make_chan";
        case channel_error::cause::bad_capacity:
            return "a channel's capacity is negative or too large";
    }
    SENNIT_UNREACHABLE();
}

} // namespace

channel_error::channel_error(cause why) : std::logic_error(text_of(why)), why_(why) {}

namespace detail {
namespace {

using stage = channel_waiter::stage;

constexpr std::size_t wakers_at_a_time = 32;
constexpr std::size_t capacity_max = std::numeric_limits<std::uint32_t>::max() / 2;

} // namespace

// A cell that was given back while the ring was full; the cell follows it in memory.
struct channel_core::returned_cell {
    returned_cell* next;

    static constexpr std::size_t offset(std::size_t align) noexcept {
        return std::max(sizeof(returned_cell), align);
    }
    static std::align_val_t align_of(const element& e) noexcept {
        return std::align_val_t(std::max(alignof(returned_cell), e.align));
    }
    static returned_cell* make(const element& e) {
        return ::new (::operator new(offset(e.align) + e.size, align_of(e))) returned_cell{nullptr};
    }
    static void free(returned_cell* r, const element& e) noexcept {
        ::operator delete(r, align_of(e));
    }
    void* cell(const element& e) noexcept {
        return reinterpret_cast<std::byte*>(this) + offset(e.align);
    }
};

channel_core* channel_core::make(const element& cells, std::size_t capacity) {
    const std::size_t align = std::max(alignof(channel_core), cells.align);
    const std::size_t before = (sizeof(channel_core) + align - 1) / align * align;
    const std::size_t bytes_max = std::numeric_limits<std::ptrdiff_t>::max() - before;
    if (capacity > capacity_max || capacity > bytes_max / cells.size)
        throw channel_error(channel_error::cause::bad_capacity);
    auto* memory = static_cast<std::byte*>(
        ::operator new(before + capacity * cells.size, std::align_val_t(align)));
    return ::new (memory)
        channel_core(cells, static_cast<std::uint32_t>(capacity), memory + before);
}

// The last handle is gone, so nobody else knows the channel.
void channel_core::destroy() noexcept {
    SENNIT_ASSERT(receivers_.empty() && senders_.empty(),
                  "a channel's last handle is dropped while a flow waits on it; keep a handle "
                  "for as long as a future that was made from it");
    const element& e = *element_;
    for (std::uint32_t left = count(); left != 0; --left) {
        if (e.destroy != nullptr) e.destroy(slot(head_));
        advance(head_);
    }
    for (returned_cell* r = returned_; r != nullptr; r = r->next) {
        if (e.destroy != nullptr) e.destroy(r->cell(e));
    }
    for (returned_cell* list : {returned_, spent_}) {
        while (list != nullptr)
            returned_cell::free(std::exchange(list, list->next), e);
    }
    const std::size_t align = std::max(alignof(channel_core), e.align);
    this->~channel_core();
    ::operator delete(static_cast<void*>(this), std::align_val_t(align));
}

std::size_t channel_core::size() const noexcept {
    return std::size_t{count()} + returned_count_.load(std::memory_order_relaxed);
}

inline void channel_core::move(void* to, void* from) const noexcept {
    const element& e = *element_;
    if (e.relocate != nullptr) return e.relocate(to, from);
    switch (e.size) { // the sizes that are one or two registers need no call
        case 4:
            std::memcpy(to, from, 4);
            return;
        case 8:
            std::memcpy(to, from, 8);
            return;
        case 16:
            std::memcpy(to, from, 16);
            return;
        default:
            std::memcpy(to, from, e.size);
    }
}

// The first who is available, taken out of the queue and, if it stands for a select, decided for.
inline channel_waiter* channel_core::next_of(list<channel_waiter>& queue,
                                             const select_claim* mine) noexcept {
    for (auto i = queue.begin(); i != queue.end();) {
        channel_waiter& w = *i;
        ++i;
        if (w.claim != nullptr) {
            if (w.claim == mine) continue;
            if (!w.claim->take(w)) {
                // Settled elsewhere: it is in the way. Else busy, and will see for itself.
                if (w.claim->is_taken()) leave(w, queue);
                continue;
            }
        }
        queue.remove(w);
        note_length(queue);
        return &w;
    }
    return nullptr;
}

channel_core::answer channel_core::find_place(const select_claim* mine, target& to) noexcept {
    if (is_closed()) return answer::closed;
    if (channel_waiter* r = next_of(receivers_, mine)) {
        to = {r->cell, r};
        return answer::done;
    }
    if (count() == capacity_) return answer::none;
    to = {slot(tail_), nullptr};
    return answer::done;
}

waker channel_core::settle(const target& to) noexcept {
    if (channel_waiter* r = to.receiver) return grant(*r);
    advance(tail_);
    set_count(count() + 1);
    return {};
}

channel_core::answer channel_core::send(void* cell, const select_claim* mine,
                                        waker& wake) noexcept {
    target to;
    const answer a = find_place(mine, to);
    if (a != answer::done) return a;
    move(to.cell, cell);
    wake = settle(to);
    return a;
}

channel_core::answer channel_core::receive(void* cell, const select_claim* mine,
                                           waker& wake) noexcept {
    if (returned_ != nullptr) [[unlikely]] {
        returned_cell* r = returned_;
        move(cell, r->cell(*element_));
        returned_ = r->next;
        returned_count_.store(returned_count_.load(std::memory_order_relaxed) - 1,
                              std::memory_order_relaxed);
        r->next = spent_;
        spent_ = r;
        return answer::done;
    }
    const std::uint32_t n = count();
    if (n != 0) {
        move(cell, slot(head_));
        advance(head_);
        if (channel_waiter* s = is_closed() ? nullptr : next_of(senders_, mine)) {
            // The ring was full: the cell takes the place that has just come free at its end.
            move(slot(tail_), s->cell);
            advance(tail_);
            wake = grant(*s);
        } else {
            set_count(n - 1);
        }
        return answer::done;
    }
    if (is_closed()) return answer::closed;
    if (channel_waiter* s = next_of(senders_, mine)) {
        move(cell, s->cell);
        wake = grant(*s);
        return answer::done;
    }
    return answer::none;
}

void channel_core::close() {
    std::unique_lock guard(*this);
    if (is_closed()) {
        guard.unlock();
        throw channel_error(channel_error::cause::close_of_closed);
    }
    closed_.store(1, std::memory_order_relaxed);
    // Nobody is added from now on. One who is dropped meanwhile takes itself out, under the same lock.
    for (list<channel_waiter>* queue : {&receivers_, &senders_}) {
        for (bool more = true; more;) {
            std::array<waker, wakers_at_a_time> wakers;
            std::size_t count = 0;
            channel_waiter* w = nullptr;
            while (count < wakers.size() && (w = next_of(*queue, nullptr)) != nullptr) {
                wakers[count++] = w->wake;
                w->at.store(stage::closed, std::memory_order_release); // release: for look()
            }
            more = w != nullptr;
            guard.unlock();
            for (std::size_t i = 0; i < count; ++i)
                wakers[i].wake();
            guard.lock();
        }
    }
}

channel_core::answer channel_core::send_or_wait(channel_waiter& w, waker wake) noexcept {
    if (!seems_sendable()) [[likely]] { // the lock is held, so it is so
        enter_sender(w, wake);
        unlock();
        return answer::none;
    }
    waker counterpart;
    const answer a = send(w.cell, nullptr, counterpart);
    if (a == answer::none) enter_sender(w, wake);
    unlock();
    counterpart.wake();
    return a;
}

channel_core::answer channel_core::receive_or_wait(channel_waiter& w, waker wake) noexcept {
    if (!seems_receivable()) [[likely]] { // the lock is held, so it is so
        enter_receiver(w, wake);
        unlock();
        return answer::none;
    }
    waker counterpart;
    const answer a = receive(w.cell, nullptr, counterpart);
    if (a == answer::none) enter_receiver(w, wake);
    unlock();
    counterpart.wake();
    return a;
}

channel_core::answer channel_core::poll_again_slowly(channel_waiter& w, waker wake) noexcept {
    switch (w.look()) {
        case stage::done:
            return answer::done;
        case stage::closed:
            return answer::closed;
        case stage::idle:
        case stage::queued:
            break;
    }
    if (w.wake.will_wake(wake)) return answer::none; // only its owner changes it
    std::lock_guard guard(*this);
    w.wake = wake;
    switch (w.at.load(std::memory_order_relaxed)) {
        case stage::done:
            return answer::done;
        case stage::closed:
            return answer::closed;
        default:
            return answer::none;
    }
}

bool channel_core::has_place() {
    std::unique_lock guard(*this);
    if (is_closed()) {
        guard.unlock();
        throw channel_error(channel_error::cause::send_on_closed);
    }
    return count() != capacity_ || !receivers_.empty();
}

channel_core::answer channel_core::receive_now(void* cell) noexcept {
    waker counterpart;
    lock();
    const answer a = receive(cell, nullptr, counterpart);
    unlock();
    counterpart.wake();
    return a;
}

void channel_core::withdraw_sender(channel_waiter& w) noexcept {
    std::lock_guard guard(*this);
    leave(w, senders_);
}

void channel_core::withdraw_receiver(channel_waiter& w) noexcept {
    {
        std::lock_guard guard(*this);
        leave(w, receivers_);
    }
    if (w.at.load(std::memory_order_relaxed) == stage::done) give_back(w.cell);
}

// Under lock_. False: a node for it is missing.
bool channel_core::take_back(void* cell, waker& wake) noexcept {
    if (channel_waiter* r = next_of(receivers_, nullptr)) {
        move(r->cell, cell);
        wake = grant(*r);
        return true;
    }
    if (returned_ == nullptr && count() != capacity_) {
        head_ = (head_ == 0 ? capacity_ : head_) - 1;
        move(slot(head_), cell);
        set_count(count() + 1);
        return true;
    }
    if (spent_ == nullptr) return false;
    returned_cell* r = std::exchange(spent_, spent_->next);
    move(r->cell(*element_), cell);
    r->next = std::exchange(returned_, r);
    returned_count_.store(returned_count_.load(std::memory_order_relaxed) + 1,
                          std::memory_order_relaxed);
    return true;
}

// noexcept: a program that has no memory for a node ends here.
void channel_core::give_back(void* cell) noexcept {
    waker counterpart;
    std::unique_lock guard(*this);
    while (!take_back(cell, counterpart)) {
        guard.unlock();
        returned_cell* r = returned_cell::make(*element_);
        guard.lock();
        r->next = std::exchange(spent_, r);
    }
    guard.unlock();
    counterpart.wake();
}

} // namespace detail
} // namespace sennit
