// The untyped core of every channel: a ring of cells, and the flows that wait on either side.
//
// A *cell* is what the channel stores and moves: a T, or a std::unique_ptr<T> when moving a T may throw or takes
// long (channel_future.hpp decides). So a move of a cell cannot fail, and it happens under lock_: that is what makes a
// value go straight from one flow's frame to another's, with one lock for each operation.
//
// Always true while lock_ is free; a waiter counts as available when it is alone, or the claim of its select is open:
//   1. An available receiver implies that there is nothing to receive: no returned cell, an empty ring.
//   2. An available sender implies a full ring.
//   3. After close() nobody is added to either list, and no lone waiter is left in one for long: close() takes all.
// The waiters of a select that is looking around itself (claim `busy`) may be in the lists against 1 and 2. It looks
// at every one of its channels, under the lock, before those waiters become available; so what it was passed over for it
// finds. Those of a select that is settled (`taken`) are taken out by whoever meets them, or by their owner.
//
// A waiter that is granted something is unlinked, its cell is moved, and the store to `at` is the last access to
// it: its owner may look at `at` without the lock and be gone. The core outlives the granter's unlock, because the
// granter holds a handle. Wakers are copied under the lock and woken after it.
//
// A receiver that is dropped after it was granted a value gives the cell back: to the next receiver, else to the
// front of the ring, else to `returned_`, which is served before all else. Nothing is lost, the order may be.
//
// Locks: lock_ is a leaf, except that select takes several (select_core.hpp). Under it run the moves and
// destructors of cells, which must not use channels; no waker, no other destructor, no allocation.
// Model: tests/sync/channel_model_test.cpp.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/sync/channel_error.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sennit::detail {

// What the core knows of its cells.
struct channel_element {
    std::size_t size;
    std::size_t align;
    void (*relocate)(void* to,
                     void* from) noexcept; // moves, and destroys the source; null: copies the bytes
    void (*destroy)(void* cell) noexcept;  // null: nothing to do
};

struct channel_waiter;

// Decides which case of a select fires. One word:
//
//   busy        the select's owner looks around; nobody else may decide
//   open        whoever comes first may decide
//   a waiter    the case that it is fires; for ever
//
// The owner moves between busy and open, and ends; others only go from open to a waiter, under the lock of its channel.
class select_claim {
public:
    // Another flow, under the lock of the case's channel: true when it has decided.
    [[nodiscard]] bool take(channel_waiter& w) noexcept {
        std::uintptr_t seen = open;
        // acquire: what the select wrote before it opened; release: pairs with hold()
        return word_.compare_exchange_strong(seen, reinterpret_cast<std::uintptr_t>(&w),
                                             std::memory_order_acq_rel, std::memory_order_relaxed);
    }
    [[nodiscard]] bool is_taken() const noexcept {
        return word_.load(std::memory_order_relaxed) > open; // it stays so
    }

    // The owner: null when it may look around now, else the case that was decided for it.
    [[nodiscard]] channel_waiter* hold() noexcept {
        std::uintptr_t seen = open;
        // acquire: pairs with take()
        if (word_.compare_exchange_strong(seen, busy, std::memory_order_acquire,
                                          std::memory_order_acquire)) {
            return nullptr;
        }
        return reinterpret_cast<channel_waiter*>(seen); // null: busy
    }
    // The owner. What it passes over from now on it has to look at again.
    void let_go() noexcept { word_.store(open, std::memory_order_release); } // pairs with take()

private:
    static constexpr std::uintptr_t busy = 0, open = 1;

    std::atomic<std::uintptr_t> word_{busy};
};

// One flow that waits on one side of one channel.
struct channel_waiter : list_node {
    enum class stage : std::uint8_t { idle, queued, done, closed };

    waker wake;                    // written by its owner under lock_
    void* cell = nullptr;          // where the value comes from or goes to
    select_claim* claim = nullptr; // null: it is alone
    std::atomic<stage> at{stage::idle};

    channel_waiter() noexcept = default;
    // Before it was ever queued. What it points to is set anew.
    channel_waiter(channel_waiter&& other) noexcept : list_node(static_cast<list_node&&>(other)) {}
    channel_waiter& operator=(channel_waiter&&) = delete;

    // acquire: pairs with the granter's store, so that the cell is seen
    stage look() const noexcept { return at.load(std::memory_order_acquire); }
};

class channel_core {
public:
    enum class answer : std::uint8_t { done, closed, none };
    using element = channel_element;

    // With one reference. Throws channel_error when the ring is larger than memory could be.
    static channel_core* make(const element& cells, std::size_t capacity);
    channel_core(const channel_core&) = delete;
    channel_core& operator=(const channel_core&) = delete;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept {
        // acq_rel: whoever destroys the core comes after everybody else's use
        if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) destroy();
    }

    std::size_t capacity() const noexcept { return capacity_; }
    // What could be received now without a sender: a snapshot.
    std::size_t size() const noexcept;
    // Without the lock: false says that a moment ago there was nothing to receive, or no place for a send. For a select, which
    // asks again under the lock before it waits.
    bool seems_receivable() const noexcept {
        return static_cast<bool>(count() | senders_wait_.load(std::memory_order_relaxed) |
                                 returned_count_.load(std::memory_order_relaxed) |
                                 closed_.load(std::memory_order_relaxed));
    }
    bool seems_sendable() const noexcept {
        return static_cast<bool>((count() ^ capacity_) |
                                 receivers_wait_.load(std::memory_order_relaxed) |
                                 closed_.load(std::memory_order_relaxed));
    }
    // Throws channel_error when it is closed already.
    void close();

    void lock() noexcept { lock_.lock(); }
    [[nodiscard]] bool try_lock() noexcept { return lock_.try_lock(); }
    void unlock() noexcept { lock_.unlock(); }

    // ---- under lock_: the quick ways, for cells of `size` bytes. Null or false: take the slow one.

    // Where the next cell is to be constructed, when nobody waits for it.
    void* push_quickly(std::size_t size) noexcept {
        const std::uint32_t n = count();
        if (n == capacity_ || is_closed() || !receivers_.empty()) return nullptr;
        void* place = ring() + tail_ * size;
        advance(tail_);
        set_count(n + 1);
        return place;
    }
    // The cell to be moved out and destroyed, when nobody waits for its place.
    void* pop_quickly(std::size_t size) noexcept {
        const std::uint32_t n = count();
        if (n == 0 || !senders_.empty() || returned_ != nullptr) return nullptr;
        void* cell = ring() + head_ * size;
        advance(head_);
        set_count(n - 1);
        return cell;
    }
    // The receiver whose turn it is, taken out: the cell is to be constructed at `cell`, and then it is granted.
    channel_waiter* meet_receiver() noexcept {
        return is_closed() ? nullptr : take_first(receivers_);
    }
    // The sender whose turn it is, taken out, when there is no ring: its cell is to be moved out and destroyed, and
    // then it is granted.
    channel_waiter* meet_sender() noexcept {
        if ((count() | returned_count_.load(std::memory_order_relaxed)) != 0 || is_closed())
            return nullptr;
        return take_first(senders_);
    }
    // The last access to a waiter that was taken out.
    static waker grant(channel_waiter& w) noexcept {
        const waker wake = w.wake;
        // release: what was moved, and what came before; pairs with look()
        w.at.store(channel_waiter::stage::done, std::memory_order_release);
        return wake;
    }

    // ---- under lock_

    // Moves a cell in or out if that can be done now. `mine` is the claim of the select that asks: its own waiters
    // are no counterparts. `wake` is to be woken after the lock is released.
    [[nodiscard]] answer send(void* cell, const select_claim* mine, waker& wake) noexcept;
    [[nodiscard]] answer receive(void* cell, const select_claim* mine, waker& wake) noexcept;
    // A send in two steps, for whoever constructs the cell in its place. `done`: it has to be constructed at
    // `to.cell`, and then settled.
    struct target {
        void* cell;
        channel_waiter* receiver; // null: in the ring
    };
    [[nodiscard]] answer find_place(const select_claim* mine, target& to) noexcept;
    waker settle(const target& to) noexcept;
    // Enters one who waits.
    void enter_sender(channel_waiter& w, waker wake) noexcept {
        enter(senders_, senders_wait_, w, wake);
    }
    void enter_receiver(channel_waiter& w, waker wake) noexcept {
        enter(receivers_, receivers_wait_, w, wake);
    }
    // Takes one out who may be in a list.
    void leave(channel_waiter& w, list<channel_waiter>& queue) noexcept {
        if (!w.is_linked()) return;
        queue.remove(w);
        note_length(queue);
    }
    list<channel_waiter>& senders() noexcept { return senders_; }
    list<channel_waiter>& receivers() noexcept { return receivers_; }

    // ---- a flow that waits for this channel alone

    // Under lock_, which is released: now, or when the waiter's turn has come.
    [[nodiscard]] answer send_or_wait(channel_waiter& w, waker wake) noexcept;
    [[nodiscard]] answer receive_or_wait(channel_waiter& w, waker wake) noexcept;
    // For one that is queued. Without the lock, as the following.
    [[nodiscard]] answer poll_again(channel_waiter& w, waker wake) noexcept {
        if (w.look() == channel_waiter::stage::done) [[likely]]
            return answer::done;
        return poll_again_slowly(w, wake);
    }
    [[nodiscard]] answer receive_now(void* cell) noexcept;
    // Whether a send would be done or refused now: a snapshot, for whoever would rather not prepare in vain. Throws
    // channel_error when it would be refused.
    [[nodiscard]] bool has_place();
    // The owner will not poll again. A value that was granted to a receiver passes on.
    void withdraw_sender(channel_waiter& w) noexcept;
    void withdraw_receiver(channel_waiter& w) noexcept;
    // Takes back a cell that nobody fetched, and leaves nothing in its place.
    void give_back(void* cell) noexcept;

private:
    struct returned_cell;

    channel_core(const element& cells, std::uint32_t capacity, std::byte* ring) noexcept
        : ring_(ring), capacity_(capacity), element_(&cells) {}
    ~channel_core() = default;
    void destroy() noexcept;

    std::uint32_t count() const noexcept { return count_.load(std::memory_order_relaxed); }
    void set_count(std::uint32_t n) noexcept { count_.store(n, std::memory_order_relaxed); }
    std::byte* ring() const noexcept { return ring_; }
    void* slot(std::uint32_t i) const noexcept { return ring_ + i * element_->size; }
    void advance(std::uint32_t& i) const noexcept {
        if (++i == capacity_) i = 0;
    }
    void move(void* to, void* from) const noexcept;
    static void enter(list<channel_waiter>& queue, std::atomic<std::uint8_t>& waits,
                      channel_waiter& w, waker wake) noexcept {
        w.wake = wake;
        if (w.is_linked()) return;
        w.at.store(channel_waiter::stage::queued,
                   std::memory_order_relaxed); // read by others under lock_ only
        queue.push_back(w);
        waits.store(1, std::memory_order_relaxed);
    }
    channel_waiter* next_of(list<channel_waiter>& queue, const select_claim* mine) noexcept;
    bool is_closed() const noexcept { return closed_.load(std::memory_order_relaxed) != 0; }
    void note_length(const list<channel_waiter>& queue) noexcept {
        (&queue == &senders_ ? senders_wait_ : receivers_wait_)
            .store(!queue.empty(), std::memory_order_relaxed);
    }
    // The first, if it is available, taken out of the queue and, if it stands for a select, decided for.
    channel_waiter* take_first(list<channel_waiter>& queue) noexcept {
        channel_waiter* w = queue.front();
        if (w == nullptr || (w->claim != nullptr && !w->claim->take(*w))) return nullptr;
        queue.remove(*w);
        note_length(queue);
        return w;
    }
    answer poll_again_slowly(channel_waiter& w, waker wake) noexcept;
    bool take_back(void* cell, waker& wake) noexcept;

    // What is neither constant nor atomic is guarded by lock_; the first cache line is what the quick ways use.
    spin_lock lock_;
    std::atomic<std::uint8_t> closed_{0};                           // atomic, as the next three,
    std::atomic<std::uint8_t> receivers_wait_{0}, senders_wait_{0}; // for looks without the lock
    std::atomic<std::uint32_t> count_{0};                           // of cells in the ring
    std::uint32_t head_ = 0, tail_ = 0;
    std::byte* const ring_;
    const std::uint32_t capacity_;
    std::atomic<std::uint32_t> returned_count_{0};
    list<channel_waiter> receivers_, senders_;
    returned_cell* returned_ = nullptr;
    returned_cell* spent_ = nullptr; // without a cell, for the next
    const element* const element_;
    std::atomic<std::size_t> references_{1};
};

} // namespace sennit::detail
