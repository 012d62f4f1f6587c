// What a reactor and its sources share: the epoll descriptor, the list of registered sources, and
// those that the poll under way may still know.
//
// Always true while lock_ is free:
//   1. sources_ holds what is registered with epoll_; each has one hold for it.
//   2. retired_ is empty unless polling_: a source that was unregistered while a poll is under
//      way, whose events that poll may have fetched. Its hold is given up at the end of that poll.
//      A poll that begins after the unregistration cannot fetch its events: epoll(7) forgets them.
//   3. After close() nothing is registered.
// It lives as long as the reactor or any source that was registered, so a source may outlive its
// reactor.
// Locks: lock_ is a leaf; sources are called after it is released.
#pragma once

#include <sennit/base/list.hpp>
#include <sennit/base/result.hpp>
#include <sennit/io/source.hpp>
#include <sennit/os/epoll.hpp>
#include <sennit/os/eventfd.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <optional>
#include <utility>

namespace sennit::detail {

class interest_list {
public:
    // Fetched at a time. More would leave the nearer caches before their flows have run.
    static constexpr std::size_t events_max = 64;

    interest_list(os::epoll list, os::eventfd alarm) noexcept
        : epoll_(std::move(list)), alarm_(std::move(alarm)) {}

    // Watches the alarm.
    [[nodiscard]] result<void> start();
    // 0, or the errno value that says why not. The caller has added a hold for the registration.
    [[nodiscard]] int add(source& s, int fd) noexcept;
    // Has the present readiness of a registered source reported once more.
    void refresh(source& s, int fd) noexcept;
    // Gives up the registration and its hold, when there is one.
    void remove(source& s, int fd) noexcept;
    std::size_t poll(std::optional<std::chrono::nanoseconds> timeout) noexcept;
    void interrupt() noexcept { alarm_.signal(); }
    bool empty() const noexcept { return count_.load(std::memory_order_relaxed) == 0; }
    // The reactor ends: sets all sources free; their waiters look for another one.
    void close() noexcept;

private:
    void begin_poll() noexcept;
    void end_poll() noexcept;

    os::epoll epoll_;
    os::eventfd alarm_;
    std::array<os::epoll::event, events_max> events_; // who polls

    std::mutex lock_;
    bool polling_ = false;
    list<source> sources_;
    list<source> retired_;

    std::atomic<std::size_t> count_{0}; // of sources_; written under lock_
};

} // namespace sennit::detail
