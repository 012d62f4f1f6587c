// A descriptor that flows wait on, and the part of a future that waits for it.
//
// Everything that moves bytes is tried first: an operation enters, calls the kernel, leaves, and
// only when the kernel says "not now" it joins the lane of its direction. The descriptor is
// registered with the reactor of the flow that first has to wait, once, for both directions,
// edge-triggered.
//
// The word: who uses the descriptor, and who knows the memory.
//   bit 0        closed: nobody enters any more
//   bits 1..31   uses: calls into the kernel under way, and one for the owner until it closes
//   bits 32..63  holds: the owner, the registration, every operation that waits or has waited
// The last use that leaves a closed source unregisters and closes the descriptor, so its number is
// never given away while a call is under way (Go's fdMutex, G-IO-4). An operation that waits uses
// nothing: a close takes effect at once, however late the waiting flow runs. The last hold frees
// the memory.
//
// The signals of a lane, one word: what the reactor and the deadlines have to tell.
//   expired   the deadline of this direction has passed
//   eager     an end, an error or urgent data was seen: ask the kernel in any case
//   armed     registered: every change in the kernel becomes an event
//   ticks     events so far, in the bits above
//
// Why no event is missed. An operation reads the signals, asks the kernel, and when it is told "not
// now" compares under lock_. The signals are as they were: it joins the lane, and as the reactor
// ticks under lock_, the next event finds it. They differ: it asks again. What happened in the
// kernel before the registration is reported by the registration itself.
//
// `drained` holds the signals under which the kernel was last found empty: by "not now", or by a
// read from a stream that got less than it asked for (epoll(7) allows that conclusion). While the
// signals are the same nothing has come since, so the next operation need not ask. What could lie
// behind a short read without an event of its own (the end of the stream, an error, an urgent mark)
// sets `eager` in the event that told of it.
//
// Why no stale event reaches another source. An event carries the address of its source. The
// registration holds the source; it is taken back before the descriptor is closed, and its hold is
// given up only when no reactor's poll is under way that may have fetched an event before
// (interest_list.hpp). So the address is that of a live source, and of the right one.
//
// An operation whose waker was taken knows it by `queued_`, the last thing of it that is written: it withdraws without a lock.
//
// Locks: home_lock_, then the interest list's or lock_, which is a leaf. Wakers are collected under lock_ and woken after it
// is released.
#pragma once

#include <sennit/base/error.hpp>
#include <sennit/base/list.hpp>
#include <sennit/base/spin_lock.hpp>
#include <sennit/core/waker.hpp>
#include <sennit/os/fd.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

namespace sennit::detail {

class interest_list;
class source;

enum class direction : std::uint8_t { read, write };

// What an attempt has found: it is over; it is over and has left nothing; it has to wait.
enum class attempt : std::uint8_t { done, done_and_drained, would_block };

// An operation on a source: the base of every future that waits for a descriptor. It may be moved
// until it waits for the first time. Its destructor withdraws it.
class io_operation : public list_node {
public:
    // How often an operation asks the kernel in one poll when events keep coming in between.
    static constexpr unsigned rounds_max = 4;

    io_operation(const io_operation&) = delete;
    io_operation& operator=(const io_operation&) = delete;

protected:
    enum class answer : std::uint8_t { ready, pending, failed };

    io_operation(source* on, direction way) noexcept : source_(on), way_(way) {}
    io_operation(io_operation&& other) noexcept
        : list_node(std::move(other)), source_(other.source_), way_(other.way_) {
        SENNIT_ASSERT(!other.holding_, "an operation may be moved until it is first polled");
    }
    ~io_operation() {
        if (holding_) withdraw();
    }

    // Calls `attempt try_it(int fd)` until it is done or has to wait. `failed`: see failure().
    template<class Fn>
    answer drive(context& cx, Fn&& try_it);
    // Waits for an event of the direction, whatever state the descriptor is in.
    answer await_event(context& cx);
    // Why the source failed the operation: closed, timed out, or the error of the registration.
    [[nodiscard]] error failure(const char* operation) const;

    source& on() const noexcept { return *source_; }
    // The source becomes known only now.
    void set_source(source& s) noexcept { source_ = &s; }

private:
    friend class source;

    enum class parked : std::uint8_t { pending, again, failed };
    enum class failed_by : std::uint8_t { nothing, closed, time, kernel };

    parked park(context& cx, std::uint64_t seen);
    void link(context& cx) noexcept;
    // The waker of an operation that has left its list; the last access but the owner's. Under the source's lock_.
    waker take_waker() noexcept {
        const waker mine = waker_;
        queued_.store(false, std::memory_order_release); // pairs with withdraw()
        return mine;
    }
    answer fail(failed_by why) noexcept {
        why_ = why;
        return answer::failed;
    }
    void withdraw() noexcept;

    source* source_;
    waker waker_;             // guarded by the source's lock_
    std::uint64_t asked_ = 0; // the signals that await_event() wants to see changed
    int number_ = 0;          // the errno of a registration that failed
    direction way_;
    failed_by why_ = failed_by::nothing;
    bool holding_ = false;
    std::atomic<bool> queued_{false}; // in a list of the source's; set under its lock_
};

// One descriptor. Made with `new`, owned by a source_ptr.
class alignas(64) source : public list_node {
public:
    // What becomes of the descriptor at the end.
    enum class at_end : std::uint8_t { close, keep };

    explicit source(os::unique_fd fd, at_end then = at_end::close) noexcept
        : fd_(std::move(fd)), then_(then) {}
    source(const source&) = delete;
    source& operator=(const source&) = delete;

    // Begins a use of the descriptor; false when the source is closed.
    [[nodiscard]] bool enter() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        do {
            if ((seen & closed) != 0) return false;
            // acquire: what the last user of the descriptor did; pairs with leave()
        } while (!word_.compare_exchange_weak(seen, seen + use, std::memory_order_acquire,
                                              std::memory_order_relaxed));
        return true;
    }
    void leave() noexcept {
        std::uint64_t seen = word_.load(std::memory_order_relaxed);
        // release: the use is over; acquire: those of the others; each pairs with the other's
        while ((seen & closed) == 0) {
            if (word_.compare_exchange_weak(seen, seen - use, std::memory_order_acq_rel,
                                            std::memory_order_relaxed)) {
                return;
            }
        }
        leave_closed();
    }
    // The descriptor, for who has entered.
    int fd() const noexcept { return fd_.get(); }
    bool is_closed() const noexcept {
        return (word_.load(std::memory_order_acquire) & closed) != 0; // pairs with close()
    }

    // Fails all that wait and all that will come, and closes the descriptor as soon as nobody uses
    // it. Any thread; the second call does nothing. False when it was closed already.
    bool close() noexcept;
    // Sets and takes back the mark that the deadline of a direction has passed. Whoever waits is
    // told of the mark by wake_waiting(), which is for callers without locks.
    void expire(direction way) noexcept;
    void unexpire(direction way) noexcept;
    void wake_waiting(direction way) noexcept;

    // The reactor's.
    void on_event(std::uint32_t events) noexcept;
    void orphan() noexcept;
    void release() noexcept;

protected:
    virtual ~source();

private:
    friend class io_operation;

    static constexpr std::uint64_t closed = 1, use = 2, uses = 0xffff'fffe, hold = 1ULL << 32;
    static constexpr std::uint64_t expired = 1, eager = 2, armed = 4, tick = 8;

    struct lane {
        std::atomic<std::uint64_t> signals{0}; // written under lock_
        std::atomic<std::uint64_t> drained{~std::uint64_t{0}};
        list<io_operation> waiting; // guarded by lock_

        // True when the kernel need not be asked.
        bool is_drained(std::uint64_t seen) const noexcept {
            return (seen & (expired | eager | armed)) == armed &&
                   drained.load(std::memory_order_relaxed) == seen;
        }
        void add(std::uint64_t bits) noexcept;
        void remove(std::uint64_t bits) noexcept;
    };

    lane& lane_of(direction way) noexcept {
        return way == direction::read ? read_lane_ : write_lane_;
    }
    // Registers with the reactor of the thread, unless that has been done; 0, or an errno value. Whoever calls it has entered.
    [[nodiscard]] int arm();
    // Has the present readiness reported once more. Whoever calls it has entered.
    void refresh() noexcept;
    // Under lock_, which they release.
    void wake(std::unique_lock<spin_lock>& guard, bool reading, bool writing) noexcept;
    static void wake_many(std::unique_lock<spin_lock>& guard, list<io_operation>& due) noexcept;
    void leave_closed() noexcept;
    void finish() noexcept;

    // Two cache lines have all that an operation needs.
    std::atomic<std::uint64_t> word_{use + hold};
    lane read_lane_;
    lane write_lane_;
    os::unique_fd fd_; // constant until finish()
    const at_end then_;
    spin_lock lock_;

    std::mutex home_lock_;
    std::shared_ptr<interest_list> home_; // guarded by home_lock_; null: not registered
};

// Closes and gives up.
struct source_deleter {
    void operator()(source* s) const noexcept {
        (void)s->close();
        s->release();
    }
};
using source_ptr = std::unique_ptr<source, source_deleter>;

template<class Fn>
io_operation::answer io_operation::drive(context& cx, Fn&& try_it) {
    source::lane& lane = source_->lane_of(way_);
    for (unsigned round = 0; round < rounds_max; ++round) {
        // acquire: pairs with the release in lane::add(): what the event was about
        const std::uint64_t seen = lane.signals.load(std::memory_order_acquire);
        if (!lane.is_drained(seen)) {
            if (!source_->enter()) return fail(failed_by::closed);
            if ((seen & source::expired) != 0) {
                source_->leave();
                return fail(failed_by::time);
            }
            const attempt found = try_it(source_->fd());
            source_->leave();
            // relaxed: says something about the kernel, not about memory
            if (found != attempt::done) lane.drained.store(seen, std::memory_order_relaxed);
            if (found != attempt::would_block) return answer::ready;
        }
        switch (park(cx, seen)) {
            case parked::pending:
                return answer::pending;
            case parked::failed:
                return answer::failed;
            case parked::again:
                break;
        }
    }
    cx.yield();
    return answer::pending;
}

} // namespace sennit::detail
