#include <sennit/io/source.hpp>

#include "interest_list.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/io/reactor.hpp>
#include <sennit/os/epoll.hpp>

#include <cerrno>

namespace sennit::detail {
namespace {

// Wakers that are collected before the lock is released for them.
constexpr std::size_t wake_batch = 16;

} // namespace

source::~source() = default;

void source::lane::add(std::uint64_t bits) noexcept {
    const std::uint64_t seen = signals.load(std::memory_order_relaxed); // under lock_
    // release: pairs with the acquire in io_operation::drive()
    signals.store((seen + (bits & ~(tick - 1))) | (bits & (tick - 1)), std::memory_order_release);
}

void source::lane::remove(std::uint64_t bits) noexcept {
    const std::uint64_t seen = signals.load(std::memory_order_relaxed); // under lock_
    signals.store((seen & ~bits) + tick, std::memory_order_release);    // pairs as in add()
}

bool source::close() noexcept {
    {
        std::unique_lock guard(lock_);
        // release: what was done before the close; pairs with is_closed()
        if ((word_.fetch_or(closed, std::memory_order_release) & closed) != 0) return false;
        wake(guard, true, true);
    }
    leave_closed();
    return true;
}

// Takes a hold before the use is over, so that finish() has a source to stand on.
void source::leave_closed() noexcept {
    {
        const std::lock_guard guard(lock_);
        ++holds_;
    }
    // acq_rel: pairs with leave(), enter() and this, in the other users
    const std::uint64_t before = word_.fetch_sub(use, std::memory_order_acq_rel);
    if ((before & uses) == use) finish();
    release();
}

// Nobody uses the descriptor or will.
void source::finish() noexcept {
    std::shared_ptr<interest_list> home;
    {
        const std::lock_guard guard(lock_);
        home = std::move(home_);
        home_.reset();
    }
    if (home != nullptr) home->remove(*this, fd_.get());
    if (then_ == at_end::keep) {
        (void)fd_.release();
    } else {
        fd_.reset();
    }
}

// Whoever still uses a source without holds takes one when it leaves: then that one is the last.
bool source::drop_hold() noexcept {
    return --holds_ == 0 && (word_.load(std::memory_order_relaxed) & uses) == 0;
}

void source::release() noexcept {
    bool last = false;
    {
        const std::lock_guard guard(lock_);
        last = drop_hold();
    }
    if (last) delete this;
}

void source::expire(direction way) noexcept {
    const std::lock_guard guard(lock_);
    lane_of(way).add(tick | expired);
}

void source::wake_waiting(direction way) noexcept {
    std::unique_lock guard(lock_);
    wake(guard, way == direction::read, way == direction::write);
}

void source::unexpire(direction way) noexcept {
    const std::lock_guard guard(lock_);
    lane& l = lane_of(way);
    if ((l.signals.load(std::memory_order_relaxed) & expired) != 0) l.remove(expired);
}

void source::on_event(std::uint32_t events) noexcept {
    using os::epoll;
    constexpr std::uint32_t broken = epoll::error | epoll::hangup;
    constexpr std::uint32_t read_end = epoll::read_hangup | epoll::priority | broken;
    const bool reading = (events & (epoll::readable | read_end)) != 0;
    const bool writing = (events & (epoll::writable | broken)) != 0;

    std::unique_lock guard(lock_);
    if (reading) lane_of(direction::read).add(tick | ((events & read_end) != 0 ? eager : 0));
    if (writing) lane_of(direction::write).add(tick | ((events & broken) != 0 ? eager : 0));
    wake(guard, reading, writing);
}

// Without a reactor no event will come: whoever waits has to find another one.
void source::orphan() noexcept {
    std::unique_lock guard(lock_);
    home_.reset();
    for (lane& l : lanes_)
        l.remove(armed);
    wake(guard, true, true);
}

// Releases the lock, and touches nothing afterwards: a woken flow may end the source. The lists of
// those that are being woken are as good as the lanes for an operation that withdraws meanwhile.
void source::wake(std::unique_lock<spin_lock>& guard, bool reading, bool writing) noexcept {
    list<io_operation> due;
    if (reading) due.splice_back(std::move(lane_of(direction::read).waiting));
    if (writing) due.splice_back(std::move(lane_of(direction::write).waiting));
    while (io_operation* first = due.pop_front()) {
        const waker alone = first->waker_;
        if (due.empty()) [[likely]] {
            guard.unlock();
            return alone.wake();
        }
        std::array<waker, wake_batch> wakers{alone};
        std::size_t count = 1;
        while (count < wake_batch && !due.empty())
            wakers[count++] = due.pop_front()->waker_;
        const bool last = due.empty();
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (last) return;
        guard.lock();
    }
    guard.unlock();
}

// The only io_driver of the library is the reactor, and executors take their driver from the
// runtime.
int source::arm() noexcept {
    auto& here = static_cast<reactor&>(current_io(this_thread()));
    {
        const std::lock_guard guard(lock_);
        if (home_ != nullptr) return 0;
        home_ = here.interest_;
        ++holds_; // the registration's
    }
    const int failure = here.interest_->add(*this, fd_.get());
    std::unique_lock guard(lock_);
    if (failure == 0) {
        if (home_ == nullptr) return 0; // that reactor has ended already
        for (lane& l : lanes_)
            l.add(armed);
        return 0;
    }
    home_.reset(); // is not the last: the reactor has one
    --holds_;      // nor is this: whoever has entered may rely on the source
    wake(guard, true, true);
    return failure;
}

// ---- operations

// Under lock_.
void io_operation::link(context& cx) noexcept {
    waker_ = cx.waker();
    if (!is_linked()) source_->lane_of(way_).waiting.push_back(*this);
    if (holding_) return;
    holding_ = true;
    ++source_->holds_;
}

io_operation::parked io_operation::park(context& cx, std::uint64_t seen) {
    {
        const std::lock_guard guard(source_->lock_);
        if (source_->home_ != nullptr) [[likely]]
            return park_armed(cx, seen);
    }
    // A closed descriptor may be gone, so it is used while it is armed.
    if (!source_->enter()) {
        (void)fail(failed_by::closed);
        return parked::failed;
    }
    number_ = source_->arm();
    parked outcome = parked::again;
    if (number_ != 0) {
        (void)fail(failed_by::kernel);
        outcome = parked::failed;
    } else {
        const std::lock_guard guard(source_->lock_);
        // What came with the registration alone is no news.
        if (source_->home_ != nullptr) outcome = park_armed(cx, seen | source::armed);
    }
    source_->leave();
    return outcome;
}

// Under lock_, in a source that is registered or is being registered.
io_operation::parked io_operation::park_armed(context& cx, std::uint64_t seen) noexcept {
    if (source_->lane_of(way_).signals.load(std::memory_order_relaxed) != seen)
        return parked::again;
    if (source_->is_closed()) {
        (void)fail(failed_by::closed);
        return parked::failed;
    }
    link(cx);
    return parked::pending;
}

io_operation::answer io_operation::await_event(context& cx) {
    if (!source_->enter()) return fail(failed_by::closed);
    const answer outcome = await_entered(cx);
    source_->leave();
    return outcome;
}

// The first poll has the state reported anew, the later ones look whether that has happened.
io_operation::answer io_operation::await_entered(context& cx) {
    std::atomic<std::uint64_t>& signals = source_->lane_of(way_).signals;
    std::shared_ptr<interest_list> to_ask;
    {
        const std::lock_guard guard(source_->lock_);
        const bool first = !holding_;
        const std::uint64_t seen = signals.load(std::memory_order_relaxed);
        if ((seen & source::expired) != 0) return fail(failed_by::time);
        if (source_->is_closed()) return fail(failed_by::closed);
        if (source_->home_ != nullptr) {
            if (!first && ((seen ^ asked_) & ~source::armed) != 0) return answer::ready;
            asked_ = seen;
            link(cx);
            if (!first) return answer::pending;
            to_ask = source_->home_;
        } else {
            asked_ = seen;
        }
    }
    // A report that comes before the registration of somebody else does is not needed.
    if (to_ask != nullptr) {
        to_ask->refresh(*source_, source_->fd());
        return answer::pending;
    }
    if (number_ = source_->arm(); number_ != 0) return fail(failed_by::kernel);
    const std::lock_guard guard(source_->lock_);
    const std::uint64_t seen = signals.load(std::memory_order_relaxed);
    if ((seen & source::expired) != 0) return fail(failed_by::time);
    if (source_->is_closed()) return fail(failed_by::closed);
    if (source_->home_ == nullptr || ((seen ^ asked_) & ~source::armed) != 0) return answer::ready;
    link(cx);
    return answer::pending;
}

void io_operation::withdraw() noexcept {
    bool last = false;
    {
        const std::lock_guard guard(source_->lock_);
        if (is_linked()) source_->lane_of(way_).waiting.remove(*this);
        last = source_->drop_hold();
    }
    if (last) delete source_;
}

error io_operation::failure(const char* operation) const {
    switch (why_) {
        case failed_by::closed:
            return {errc::closed, operation};
        case failed_by::time:
            return {errc::timed_out, operation};
        case failed_by::kernel:
            return error::from_errno(number_, operation);
        case failed_by::nothing:
            break;
    }
    SENNIT_UNREACHABLE();
}

} // namespace sennit::detail
