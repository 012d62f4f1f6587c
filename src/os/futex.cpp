// futex(2), private to the process, with the monotonic clock that std::chrono::steady_clock reads.
#include <sennit/os/futex.hpp>

#include "last_error.hpp"
#include "timespec.hpp"
#include <sennit/base/assert.hpp>

#include <cerrno>
#include <climits>
#include <ctime>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sennit::os::futex {
namespace {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t));
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

constexpr std::uint32_t any_waker = FUTEX_BITSET_MATCH_ANY;

long call(const std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
          const timespec* deadline) noexcept {
    return ::syscall(SYS_futex, &word, operation, value, deadline, nullptr, any_waker);
}

// EAGAIN: the word had changed. EINTR: a signal. Both send the caller back to its loop. Anything
// else means that the word is no futex at all, and going on would turn the caller's loop into a
// busy one.
void assert_expected(int number) noexcept {
    SENNIT_ASSERT(number == EAGAIN || number == EINTR || number == ETIMEDOUT,
                  "wait on a word that stays alive and is naturally aligned");
}

// EFAULT is the documented case of a word that was unmapped between the change and the wake.
int wake(const std::atomic<std::uint32_t>& word, int count) noexcept {
    const long woken =
        call(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, static_cast<std::uint32_t>(count), nullptr);
    return woken < 0 ? 0 : static_cast<int>(woken);
}

} // namespace

void wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected) noexcept {
    if (call(word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, nullptr) < 0) {
        assert_expected(detail::last_error());
    }
}

// FUTEX_WAIT_BITSET because FUTEX_WAIT takes a relative time, which a signal would stretch.
bool wait_until(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                std::chrono::steady_clock::time_point deadline) noexcept {
    const timespec until = detail::to_timespec(deadline.time_since_epoch());
    if (call(word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, &until) == 0) return false;
    const int number = detail::last_error();
    assert_expected(number);
    return number == ETIMEDOUT;
}

int wake_one(const std::atomic<std::uint32_t>& word) noexcept { return wake(word, 1); }

int wake_all(const std::atomic<std::uint32_t>& word) noexcept { return wake(word, INT_MAX); }

} // namespace sennit::os::futex
