// Slots, permits, ends that come and go. The invariants stand in the header.
#include <sennit/sync/mpsc_core.hpp>

#include <sennit/base/assert.hpp>

#include <array>

namespace sennit::detail {
namespace {

using stage = slot_waiter::stage;

} // namespace

mpsc_core::~mpsc_core() {
    if (retired_ != nullptr) destroy_pooled(retired_);
}

void mpsc_core::leave(sync_guard& guard) noexcept {
    const bool last = nobody();
    guard.unlock();
    if (last) destroy();
}

// Senders.

// Under the lock. After `done` the slots are reserved, and the waiter's.
mpsc_core::claim mpsc_core::ask(slot_waiter& w, context& cx) noexcept {
    if (w.at == stage::granted) return claim::done;
    if (closed_) {
        w.entered = false;
        return claim::closed;
    }
    if (w.at == stage::idle && waiting_.empty() && free_ >= w.count) {
        free_ -= w.count;
        reserved_ += w.count;
        w.at = stage::granted;
        w.entered = true;
        return claim::done;
    }
    w.wake = cx.waker();
    w.entered = true;
    if (w.at == stage::idle) {
        w.at = stage::queued;
        waiting_.push_back(w);
    }
    return claim::pending;
}

void mpsc_core::bring_block(sync_guard& guard) {
    guard.unlock();
    block_queue::block* b = block_queue::make_block();
    guard.lock();
    b = queue_.give_spare(b);
    if (b == nullptr) return;
    guard.unlock(); // somebody else brought one
    destroy_pooled(b);
    guard.lock();
}

mpsc_core::claim mpsc_core::poll_reserve(slot_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    const claim answer = ask(w, cx);
    if (answer == claim::done) {
        w.at = stage::idle;
        w.entered = false;
    }
    return answer;
}

mpsc_core::claim mpsc_core::try_reserve(std::size_t count) noexcept {
    std::lock_guard guard(lock_);
    if (closed_) return claim::closed;
    if (free_ < count || !waiting_.empty()) return claim::full;
    free_ -= count;
    reserved_ += count;
    return claim::done;
}

void mpsc_core::give_back(std::size_t count) noexcept {
    if (count == 0) return;
    sync_guard guard(lock_);
    reserved_ -= count;
    free_ += count;
    const waker receiver = ended() ? std::exchange(receiver_, {}) : waker();
    if (!waiting_.empty()) {
        ++visits_; // the slots were all that kept the core for us
        grant(guard);
        guard.lock();
        --visits_;
    }
    leave(guard);
    if (receiver) receiver.wake();
}

void mpsc_core::drop(slot_waiter& w) noexcept {
    sync_guard guard(lock_);
    const stage was = std::exchange(w.at, stage::idle);
    if (was == stage::granted) {
        guard.unlock();
        give_back(w.count);
    } else if (was == stage::queued) {
        waiting_.remove(w);
        grant(guard); // those behind may want less
    }
}

bool mpsc_core::poll_closed(sync_waiter& w, context& cx) noexcept {
    std::lock_guard guard(lock_);
    if (closed_) {
        w.withdraw(closing_);
        return true;
    }
    w.enqueue(closing_, cx);
    return false;
}

void mpsc_core::drop(sync_waiter& w) noexcept {
    std::lock_guard guard(lock_);
    w.withdraw(closing_);
}

void mpsc_core::grant(sync_guard& guard) noexcept {
    for (bool more = true; more;) {
        std::array<waker, wake_batch> wakers;
        std::size_t count = 0;
        slot_waiter* first = waiting_.front();
        for (; first != nullptr && free_ >= first->count && count < wakers.size();
             first = waiting_.front()) {
            waiting_.remove(*first);
            free_ -= first->count;
            reserved_ += first->count;
            first->at = stage::granted;
            wakers[count++] = first->wake;
        }
        more = first != nullptr && free_ >= first->count;
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        if (more) guard.lock(); // whoever calls keeps the core
    }
}

// The receiver.

// Under the lock: what to answer when nothing is buffered.
mpsc_core::found mpsc_core::nothing(waker w) noexcept {
    if (ended()) return found::ended;
    if (w) receiver_ = w;
    return found::pending;
}

// Under the lock, which is released. So many elements were taken.
void mpsc_core::free_slots(sync_guard& guard, std::size_t count,
                           block_queue::block* emptied) noexcept {
    if (buffered_ == 0) queue_.rewind();
    if (emptied != nullptr) [[unlikely]]
        emptied = queue_.give_spare(emptied);
    free_ += count;
    if (waiting_.empty()) [[likely]] {
        guard.unlock();
    } else {
        grant(guard);
    }
    if (emptied != nullptr) [[unlikely]]
        destroy_pooled(emptied);
}

bool mpsc_core::refill_view(waker w, found& otherwise) noexcept {
    std::lock_guard guard(lock_);
    if (retired_ != nullptr && queue_.give_spare(retired_) == nullptr) retired_ = nullptr;
    if (buffered_ == 0) {
        queue_.rewind();
        otherwise = nothing(w);
        return false;
    }
    view_ = std::exchange(buffered_, 0);
    return true;
}

void mpsc_core::retire(block_queue::block* emptied) noexcept {
    if (retired_ == nullptr) {
        retired_ = emptied;
    } else {
        destroy_pooled(emptied);
    }
}

void mpsc_core::forget_receiver() noexcept {
    std::lock_guard guard(lock_);
    receiver_ = {};
}

void mpsc_core::close() noexcept {
    sync_guard guard(lock_);
    if (closed_) return;
    closed_ = true;
    // Nobody comes after them.
    while (!waiting_.empty()) {
        std::array<waker, wake_batch> wakers;
        std::size_t count = 0;
        for (; count < wakers.size() && !waiting_.empty(); ++count) {
            slot_waiter& w = *waiting_.pop_front();
            w.at = stage::idle;
            wakers[count] = w.wake;
        }
        guard.unlock();
        for (std::size_t i = 0; i < count; ++i)
            wakers[i].wake();
        guard.lock();
    }
    release_all(guard, closing_);
}

std::pair<block_queue, bool> mpsc_core::receiver_leaves() noexcept {
    close();
    std::lock_guard guard(lock_);
    receiver_gone_ = true;
    receiver_ = {};
    if (is_bounded()) free_ += buffered_;
    buffered_ = view_ = 0;
    return {std::move(queue_), nobody()};
}

// Handles.

void mpsc_core::add_sender() noexcept {
    std::lock_guard guard(lock_);
    ++senders_;
}
void mpsc_core::drop_sender() noexcept {
    sync_guard guard(lock_);
    --senders_;
    const waker receiver = ended() ? std::exchange(receiver_, {}) : waker();
    leave(guard);
    if (receiver) receiver.wake();
}
void mpsc_core::add_weak() noexcept {
    std::lock_guard guard(lock_);
    ++weak_;
}
void mpsc_core::drop_weak() noexcept {
    sync_guard guard(lock_);
    --weak_;
    leave(guard);
}
bool mpsc_core::upgrade() noexcept {
    std::lock_guard guard(lock_);
    if (senders_ == 0 && reserved_ == 0) return false;
    ++senders_;
    return true;
}

std::size_t mpsc_core::free() const noexcept {
    std::lock_guard guard(lock_);
    return free_;
}
bool mpsc_core::is_closed_for_senders() const noexcept {
    std::lock_guard guard(lock_);
    return closed_;
}
bool mpsc_core::is_closed_for_receiver() const noexcept {
    std::lock_guard guard(lock_);
    return closed_ || (senders_ == 0 && reserved_ == 0);
}
std::size_t mpsc_core::senders() const noexcept {
    std::lock_guard guard(lock_);
    return senders_;
}
std::size_t mpsc_core::weak_senders() const noexcept {
    std::lock_guard guard(lock_);
    return weak_;
}
std::size_t mpsc_core::len() const noexcept {
    std::lock_guard guard(lock_);
    return buffered_ + view_;
}

} // namespace sennit::detail
