#include <sennit/io/source.hpp>

#include "interest_list.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/io/reactor.hpp>
#include <sennit/os/epoll.hpp>

#include <array>
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

// The use becomes a hold, so that finish() has a source to stand on.
void source::leave_closed() noexcept {
    // acq_rel: pairs with leave(), enter() and this, in the other users
    const std::uint64_t before = word_.fetch_add(hold - use, std::memory_order_acq_rel);
    if ((before & uses) == use) finish();
    release();
}

// Nobody uses the descriptor or will.
void source::finish() noexcept {
    std::shared_ptr<interest_list> home;
    {
        const std::lock_guard guard(home_lock_);
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

void source::release() noexcept {
    // acq_rel: the last one sees what all others have done before they gave up
    const std::uint64_t before = word_.fetch_sub(hold, std::memory_order_acq_rel);
    if ((before - hold) / use == 0) delete this;
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
    {
        const std::lock_guard home_guard(home_lock_);
        home_.reset();
        const std::lock_guard guard(lock_);
        read_lane_.remove(armed);
        write_lane_.remove(armed);
    }
    std::unique_lock guard(lock_);
    wake(guard, true, true);
}

// Releases the lock, and touches nothing afterwards: a woken flow may end the source. The lists of
// those that are being woken are as good as the lanes for an operation that withdraws meanwhile.
void source::wake(std::unique_lock<spin_lock>& guard, bool reading, bool writing) noexcept {
    io_operation* first = reading ? read_lane_.waiting.pop_front() : nullptr;
    if (first == nullptr && writing) first = write_lane_.waiting.pop_front();
    if ((reading && !read_lane_.waiting.empty()) || (writing && !write_lane_.waiting.empty()))
        [[unlikely]] {
        list<io_operation> due;
        due.push_back(*first);
        if (reading) due.splice_back(std::move(read_lane_.waiting));
        if (writing) due.splice_back(std::move(write_lane_.waiting));
        return wake_many(guard, due);
    }
    const waker only = first != nullptr ? first->take_waker() : waker();
    guard.unlock();
    only.wake();
}

void source::wake_many(std::unique_lock<spin_lock>& guard, list<io_operation>& due) noexcept {
    for (;;) {
        std::array<waker, wake_batch> wakers;
        std::size_t count = 0;
        while (count < wake_batch) {
            io_operation* next = due.pop_front();
            if (next == nullptr) break;
            wakers[count++] = next->take_waker();
        }
        const bool last = due.empty();
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (last) return;
        guard.lock();
    }
}

// The only io_driver of the library is the reactor, and executors take their driver from the
// runtime.
int source::arm() {
    const std::lock_guard home_guard(home_lock_);
    if (home_ != nullptr) return 0;
    auto& here = static_cast<reactor&>(current_io(this_thread()));
    word_.fetch_add(hold, std::memory_order_relaxed); // the registration's; we hold one ourselves
    const int failure = here.interest_->add(*this, fd_.get());
    if (failure != 0) {
        word_.fetch_sub(hold, std::memory_order_relaxed);
        return failure;
    }
    home_ = here.interest_;
    const std::lock_guard guard(lock_);
    read_lane_.add(armed);
    write_lane_.add(armed);
    return 0;
}

void source::refresh() noexcept {
    const std::lock_guard home_guard(home_lock_);
    if (home_ != nullptr) home_->refresh(*this, fd_.get());
}

// ---- operations

void io_operation::link(context& cx) noexcept {
    waker_ = cx.waker();
    if (!is_linked()) {
        source_->lane_of(way_).waiting.push_back(*this);
        queued_.store(true, std::memory_order_relaxed);
    }
    if (holding_) return;
    holding_ = true;
    source_->word_.fetch_add(source::hold, std::memory_order_relaxed); // the owner holds one
}

io_operation::parked io_operation::park(context& cx, std::uint64_t seen) {
    if ((seen & source::armed) == 0) {
        // A closed descriptor may be gone, so it is used while it is armed.
        if (!source_->enter()) {
            (void)fail(failed_by::closed);
            return parked::failed;
        }
        number_ = source_->arm();
        source_->leave();
        if (number_ != 0) {
            (void)fail(failed_by::kernel);
            return parked::failed;
        }
        seen |= source::armed;
    }
    const std::lock_guard guard(source_->lock_);
    if (source_->lane_of(way_).signals.load(std::memory_order_relaxed) != seen)
        return parked::again;
    if (source_->is_closed()) {
        (void)fail(failed_by::closed);
        return parked::failed;
    }
    link(cx);
    return parked::pending;
}

// The first poll has the state reported anew, by the registration or by a refresh, and the later ones look whether that has
// happened. An event may come between the registration and the entry into the lane: then the signals tell.
io_operation::answer io_operation::await_event(context& cx) {
    if (!source_->enter()) return fail(failed_by::closed);
    std::atomic<std::uint64_t>& signals = source_->lane_of(way_).signals;
    const std::uint64_t before = signals.load(std::memory_order_relaxed);
    const bool was_armed = (before & source::armed) != 0;
    const bool has_asked = holding_ && was_armed;
    const bool asks_now = !holding_ && was_armed;
    answer outcome = answer::pending;
    if (number_ = source_->arm(); number_ != 0) {
        outcome = fail(failed_by::kernel);
    } else {
        const std::lock_guard guard(source_->lock_);
        const std::uint64_t seen = signals.load(std::memory_order_relaxed);
        const std::uint64_t unchanged = has_asked ? asked_ : before | source::armed;
        if ((seen & source::expired) != 0) {
            outcome = fail(failed_by::time);
        } else if (source_->is_closed()) {
            outcome = fail(failed_by::closed);
        } else if (seen != unchanged && !asks_now) {
            outcome = answer::ready;
        } else {
            asked_ = seen;
            link(cx);
        }
    }
    if (outcome == answer::pending && asks_now) source_->refresh();
    source_->leave();
    return outcome;
}

void io_operation::withdraw() noexcept {
    if (queued_.load(std::memory_order_acquire)) { // pairs with take_waker()
        const std::lock_guard guard(source_->lock_);
        if (is_linked()) source_->lane_of(way_).waiting.remove(*this);
    }
    source_->release();
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
