// epoll(7) without its packed struct in a header.
#include <sennit/os/epoll.hpp>

#include "last_error.hpp"
#include "timespec.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/base/config.hpp>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sennit::os {
namespace {

static_assert(epoll::readable == EPOLLIN && epoll::priority == EPOLLPRI &&
              epoll::writable == EPOLLOUT);
static_assert(epoll::error == EPOLLERR && epoll::hangup == EPOLLHUP &&
              epoll::read_hangup == EPOLLRDHUP);
static_assert(epoll::exclusive == EPOLLEXCLUSIVE && epoll::one_shot == EPOLLONESHOT &&
              epoll::edge == EPOLLET);

using timeout_type = std::optional<std::chrono::nanoseconds>;

result<void> control(int list, int operation, int fd, std::uint32_t events, std::uint64_t data,
                     const char* name) {
    epoll_event wanted{};
    wanted.events = events;
    wanted.data.u64 = data;
    if (::epoll_ctl(list, operation, fd, &wanted) < 0) return detail::failed(name);
    return {};
}

int to_milliseconds(timeout_type timeout) noexcept {
    if (!timeout) return -1;
    const auto whole = std::chrono::ceil<std::chrono::milliseconds>(*timeout).count();
    return static_cast<int>(std::clamp<std::int64_t>(whole, 0, INT_MAX));
}

int wait_milliseconds(int list, epoll_event* events, int capacity, timeout_type timeout) noexcept {
    return ::epoll_wait(list, events, capacity, to_milliseconds(timeout));
}

// ENOSYS: an old kernel. EPERM: a container filter older than the call, which answers so for every
// number it does not know. Neither is remembered: the second try costs 80 ns before a sleep, a flag
// would cost a shared cache line and a state to reason about. The thread sanitizer of GCC 12 does
// not know epoll_pwait2 and would miss that a wait happens after the add() it reports, so under it
// the older call is used throughout.
int wait_kernel(int list, epoll_event* events, int capacity, timeout_type timeout) noexcept {
#if defined(SYS_epoll_pwait2) && !SENNIT_TSAN
    timespec limit{};
    if (timeout) limit = detail::to_timespec(*timeout);
    const long count =
        ::syscall(SYS_epoll_pwait2, list, events, capacity, timeout ? &limit : nullptr, nullptr, 0);
    if (count >= 0) return static_cast<int>(count);
    const int number = detail::last_error();
    if (number != ENOSYS && number != EPERM) return -1;
#endif
    return wait_milliseconds(list, events, capacity, timeout);
}

// The kernel's struct is packed on x86-64 (12 bytes) and ours is not (16), so the kernel fills the
// front of the caller's array and the events are spread out in place, from the last to the first.
// Reading through bytes keeps this defined.
void spread(std::span<epoll::event> events, std::size_t count) noexcept {
    static_assert(sizeof(epoll_event) <= sizeof(epoll::event));
    const auto* packed = reinterpret_cast<const std::byte*>(events.data());
    for (std::size_t i = count; i-- > 0;) {
        epoll_event source;
        std::memcpy(&source, packed + i * sizeof(epoll_event), sizeof(epoll_event));
        events[i] = {.events = source.events, .data = source.data.u64};
    }
}

} // namespace

result<epoll> epoll::create() {
    unique_fd fd{::epoll_create1(EPOLL_CLOEXEC)};
    if (!fd) return detail::failed("epoll_create");
    return epoll{std::move(fd)};
}

result<void> epoll::add(int fd, std::uint32_t events, std::uint64_t data) {
    return control(fd_.get(), EPOLL_CTL_ADD, fd, events, data, "epoll_add");
}

result<void> epoll::modify(int fd, std::uint32_t events, std::uint64_t data) {
    return control(fd_.get(), EPOLL_CTL_MOD, fd, events, data, "epoll_modify");
}

result<void> epoll::remove(int fd) {
    return control(fd_.get(), EPOLL_CTL_DEL, fd, 0, 0, "epoll_remove");
}

result<std::size_t> epoll::wait(std::span<event> events, timeout_type timeout) {
    SENNIT_ASSERT(!events.empty(), "give epoll::wait room for at least one event");
    const auto capacity =
        static_cast<int>(std::min<std::size_t>(events.size(), INT_MAX / sizeof(epoll_event)));
    const int count =
        wait_kernel(fd_.get(), reinterpret_cast<epoll_event*>(events.data()), capacity, timeout);
    if (count < 0) {
        if (detail::last_error() == EINTR) return std::size_t{0};
        return detail::failed("epoll_wait");
    }
    spread(events, static_cast<std::size_t>(count));
    return static_cast<std::size_t>(count);
}

} // namespace sennit::os
