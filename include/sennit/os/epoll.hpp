// epoll(7): one descriptor that tells which of many are ready.
//
// Always true: an epoll owns its descriptor, and the kernel keeps the registrations. A registration
// belongs to the open file description: it goes away when the last descriptor of that description
// is closed, not earlier. Events that the kernel has already handed out are not taken back by
// remove(); whoever gives `data` a meaning deals with stale ones. add, modify, remove and wait may
// run in several threads at once; moving and destroying may not.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/fd.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace sennit::os {

/// An interest list and its ready list. Move-only.
///
/// ```cpp
/// os::epoll poller = SENNIT_TRY(os::epoll::create());
/// const int standard_input = 0;
/// SENNIT_TRY(poller.add(standard_input, os::epoll::readable | os::epoll::edge, 42));
/// os::epoll::event events[64];
/// const std::size_t count = SENNIT_TRY(poller.wait(events, 10ms));
/// if (count > 0) std::printf("ready: %d\n", static_cast<int>(events[0].data)); // 42
/// ```
class epoll {
public:
    // The bits of an event mask. error and hangup are always reported, asked for or not.

    static constexpr std::uint32_t readable = 0x001;
    static constexpr std::uint32_t writable = 0x004;
    /// Out-of-band data.
    static constexpr std::uint32_t priority = 0x002;
    /// An error waits in the socket, or a pipe has lost its reader.
    static constexpr std::uint32_t error = 0x008;
    /// Both directions are closed.
    static constexpr std::uint32_t hangup = 0x010;
    /// The peer has closed its writing direction.
    static constexpr std::uint32_t read_hangup = 0x2000;
    /// Of several lists that watch the descriptor one wakes up; only with add().
    static constexpr std::uint32_t exclusive = 1U << 28;
    /// Is disarmed after one event, until modify().
    static constexpr std::uint32_t one_shot = 1U << 30;
    /// Report changes, not states.
    static constexpr std::uint32_t edge = 1U << 31;

    /// One ready descriptor: what happened, and the `data` it was registered with.
    struct event {
        std::uint32_t events = 0;
        std::uint64_t data = 0;
    };

    /// A new interest list, close-on-exec. Errors: EMFILE, ENFILE, ENOMEM.
    [[nodiscard]] static result<epoll> create();

    /// Starts to watch `fd`. What is ready already is reported too, also in edge mode.
    /// Errors: EEXIST, EPERM (regular files and directories), ENOSPC (the user's limit of watches).
    [[nodiscard]] result<void> add(int fd, std::uint32_t events, std::uint64_t data);

    /// Replaces mask and data of a watched `fd`, and reports again what is ready now. Errors:
    /// ENOENT.
    [[nodiscard]] result<void> modify(int fd, std::uint32_t events, std::uint64_t data);

    /// Stops watching `fd`. Errors: ENOENT.
    [[nodiscard]] result<void> remove(int fd);

    /// Waits for at least one event, at most `timeout` (none: for ever; zero or less: not at all),
    /// and returns how many of `events` it filled, from the front. 0 means that time was up or that
    /// a signal interrupted the wait. `events` must not be empty.
    ///
    /// Where the kernel has no epoll_pwait2 (before 5.11, and in some containers) the timeout is
    /// rounded up to whole milliseconds; it never ends early.
    [[nodiscard]] result<std::size_t> wait(
        std::span<event> events, std::optional<std::chrono::nanoseconds> timeout = std::nullopt);

    /// The descriptor of the list itself; readable while an event waits, so that another loop can
    /// watch this one.
    [[nodiscard]] int fd() const noexcept { return fd_.get(); }

private:
    explicit epoll(unique_fd fd) noexcept : fd_(std::move(fd)) {}

    unique_fd fd_;
};

} // namespace sennit::os
