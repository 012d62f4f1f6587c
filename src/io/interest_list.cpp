#include "interest_list.hpp"

#include <sennit/base/assert.hpp>
#include <sennit/base/prefetch.hpp>

#include <span>

namespace sennit::detail {
namespace {

// Urgent data is watched for only because reads stop short in front of it (source.hpp, `eager`).
constexpr std::uint32_t all_events = os::epoll::readable | os::epoll::writable |
                                     os::epoll::read_hangup | os::epoll::priority | os::epoll::edge;

// A source comes closer while those before it are told of their events.
constexpr std::size_t prefetched = 2;

std::uint64_t data_of(source& s) noexcept { return reinterpret_cast<std::uintptr_t>(&s); }
source* source_of(const os::epoll::event& e) noexcept {
    return reinterpret_cast<source*>(static_cast<std::uintptr_t>(e.data)); // null: the alarm
}

} // namespace

// Edge-triggered: each signal is an event, and nobody has to drain the counter.
result<void> interest_list::start() {
    return epoll_.add(alarm_.fd(), os::epoll::readable | os::epoll::edge, 0);
}

int interest_list::add(source& s, int fd) noexcept {
    const std::lock_guard guard(lock_);
    const result<void> added = epoll_.add(fd, all_events, data_of(s));
    if (!added) return added.error().code().value();
    sources_.push_back(s);
    count_.fetch_add(1, std::memory_order_relaxed);
    return 0;
}

void interest_list::refresh(source& s, int fd) noexcept {
    (void)epoll_.modify(fd, all_events, data_of(s)); // cannot fail for what is registered
}

void interest_list::remove(source& s, int fd) noexcept {
    {
        const std::lock_guard guard(lock_);
        if (!s.is_linked()) return; // close() was faster, and has the hold
        (void)epoll_.remove(fd);
        sources_.remove(s);
        count_.fetch_sub(1, std::memory_order_relaxed);
        if (polling_) return retired_.push_back(s);
    }
    s.release();
}

std::size_t interest_list::poll(std::optional<std::chrono::nanoseconds> timeout) noexcept {
    begin_poll();
    const result<std::size_t> count = epoll_.wait(events_, timeout);
    if (!count) fatal("the reactor cannot wait: " + count.error().message());
    std::size_t delivered = 0;
    const std::span happened(events_.data(), *count);
    for (std::size_t i = 0; i < happened.size(); ++i) {
        if (i + prefetched < happened.size()) prefetch(source_of(happened[i + prefetched]), 2);
        source* s = source_of(happened[i]);
        if (s == nullptr) continue;
        ++delivered;
        s->on_event(happened[i].events);
    }
    end_poll();
    return delivered;
}

void interest_list::begin_poll() noexcept {
    const std::lock_guard guard(lock_);
    SENNIT_DEBUG_ASSERT(!polling_, "one thread polls a reactor at a time");
    polling_ = true;
}

void interest_list::end_poll() noexcept {
    list<source> passed;
    {
        const std::lock_guard guard(lock_);
        polling_ = false;
        passed.splice_back(std::move(retired_));
    }
    while (source* s = passed.pop_front())
        s->release();
}

void interest_list::close() noexcept {
    for (;;) {
        source* s = nullptr;
        {
            const std::lock_guard guard(lock_);
            SENNIT_DEBUG_ASSERT(!polling_, "a reactor is not destroyed while somebody polls it");
            s = sources_.pop_front();
            if (s == nullptr) return;
            count_.fetch_sub(1, std::memory_order_relaxed);
        }
        s->orphan();
        s->release();
    }
}

} // namespace sennit::detail
