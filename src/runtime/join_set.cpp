#include <sennit/runtime/join_set.hpp>

#include <mutex>

namespace sennit::detail {

join_set_core::~join_set_core() {
    while (join_place* p = results_.pop_front())
        delete p;
}

void join_set_core::add() noexcept {
    running_.add(1, "");
    std::lock_guard guard(lock_);
    ++untaken_;
}

void join_set_core::end(std::unique_ptr<join_place> place) noexcept {
    {
        sync_guard guard(lock_);
        if (!abandoned_) {
            results_.push_back(*place.release());
            if (!waiters_.empty()) release_all(guard, waiters_);
        }
    }
    running_.add(-1, "");
}

std::unique_ptr<join_place> join_set_core::take_locked(bool& is_over) noexcept {
    std::unique_ptr<join_place> place(results_.pop_front());
    if (place != nullptr) --untaken_;
    is_over = place == nullptr && untaken_ == 0;
    return place;
}

std::unique_ptr<join_place> join_set_core::take(bool& is_over) noexcept {
    std::lock_guard guard(lock_);
    return take_locked(is_over);
}

std::unique_ptr<join_place> join_set_core::poll(sync_waiter& w, context& cx,
                                                bool& is_over) noexcept {
    std::lock_guard guard(lock_);
    auto place = take_locked(is_over);
    if (place == nullptr && !is_over) {
        w.enqueue(waiters_, cx);
    } else {
        w.withdraw(waiters_);
    }
    return place;
}

void join_set_core::withdraw(sync_waiter& w) noexcept {
    std::lock_guard guard(lock_);
    w.withdraw(waiters_);
}

std::size_t join_set_core::size() const noexcept {
    std::lock_guard guard(lock_);
    return untaken_;
}

void join_set_core::abandon() noexcept {
    list<join_place> unwanted;
    {
        std::lock_guard guard(lock_);
        abandoned_ = true;
        unwanted.splice_back(std::move(results_));
    }
    while (join_place* p = unwanted.pop_front())
        delete p;
}

void join_set_core::wait_for_all() noexcept {
    if (!running_.is_zero()) wait_shielded(countdown_future(running_));
}

} // namespace sennit::detail
