// watch_core: the untyped core of watch_channel: the cell of the latest value and its version, who is
// there, and who waits for a change or for the end.
//
// Always true while lock_ is free:
//   1. A receiver that waits for a change has seen the version that stands in state_, and state_ is
//      not closed.
//   2. state_ is closed exactly when no sender is left; no sender comes back then.
//   3. A sender that waits for the end implies a receiver.
//
// state_ is version_step times the number of values sent, and `closed`. It is written under lock_ and
// read by anybody, so that nothing is locked to see that there is nothing new.
// The core belongs to the handles counted in handles_; whoever leaves last frees it.
// Locks: writing_ first (a mutex of flows, held while a user's function makes the next value from the
// last), then lock_, a leaf. Wakers run after lock_ is released, and cells are let go then.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/sync/mutex.hpp>
#include <sennit/sync/shared_cell.hpp>
#include <sennit/sync/wait_queue.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sennit::detail {

class watch_core {
public:
    enum class change : std::uint8_t { pending, changed, closed };
    static constexpr std::uint64_t closed_bit = 1, version_step = 2;

    // With one sender and one receiver, who has seen the value. Takes over a reference to it.
    explicit watch_core(shared_cell_base& first) noexcept : latest_(&first) {}
    watch_core(const watch_core&) = delete;
    watch_core& operator=(const watch_core&) = delete;

    // A reference for the caller, and the version that it is.
    shared_cell_base* borrow(std::uint64_t& version) const noexcept;
    std::uint64_t version() const noexcept { return state() & ~closed_bit; }
    bool is_closed_for_receivers() const noexcept { return (state() & closed_bit) != 0; }

    // Makes the cell the latest and returns the one that was; both references change hands. Null, and
    // nothing is done, when a receiver is needed and there is none.
    [[nodiscard]] shared_cell_base* publish(shared_cell_base& next, bool needs_receiver) noexcept;
    // Held by who makes a value of the last one; senders wait for it.
    mutex& writing() noexcept { return writing_; }

    // `changed`: `seen` is the latest version now. `closed` only if that was seen.
    [[nodiscard]] change poll_changed(sync_waiter& w, std::uint64_t& seen, context& cx) noexcept;
    // True when no receiver is left.
    [[nodiscard]] bool poll_closed(sync_waiter& w, context& cx) noexcept;
    void drop(sync_waiter& w) noexcept;

    void add_sender() noexcept;
    void add_receiver() noexcept;
    // True: the core is the caller's, who lets its latest cell go and frees it.
    [[nodiscard]] bool drop_sender() noexcept;
    [[nodiscard]] bool drop_receiver() noexcept;
    shared_cell_base* latest() const noexcept { return latest_; }

    std::size_t senders() const noexcept;
    std::size_t receivers() const noexcept;

private:
    // acquire: pairs with publish() and drop_sender()
    std::uint64_t state() const noexcept { return state_.load(std::memory_order_acquire); }
    bool leave() noexcept {
        // release: what this handle did comes before the end; acquire: what the others did
        return handles_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }

    mutable spin_lock lock_;
    shared_cell_base* latest_; // guarded by lock_, as what follows
    std::size_t senders_ = 1, receivers_ = 1;
    list<sync_waiter> changed_, closing_;
    mutex writing_;
    std::atomic<std::uint64_t> state_{0};
    std::atomic<std::size_t> handles_{2};
};

} // namespace sennit::detail
