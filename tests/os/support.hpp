// What the tests of the os layer share: text as bytes, and a signal that interrupts system calls.
#pragma once

#include <atomic>
#include <cstddef>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <span>
#include <string>
#include <string_view>

namespace sennit::os::test_support {

inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span{text});
}

inline std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// While one lives, SIGUSR1 does nothing but interrupt a system call and count.
class interruptions {
public:
    interruptions() {
        count = 0;
        struct sigaction counting = {};
        counting.sa_handler = [](int) { count.fetch_add(1); };
        ::sigaction(SIGUSR1, &counting, &earlier_);
    }
    interruptions(const interruptions&) = delete;
    interruptions& operator=(const interruptions&) = delete;
    ~interruptions() { ::sigaction(SIGUSR1, &earlier_, nullptr); }

    /// Interrupts `thread` until `enough` says so.
    template<class Enough>
    static void send_until(pthread_t thread, Enough enough) {
        while (!enough()) {
            ::pthread_kill(thread, SIGUSR1);
            ::sched_yield();
        }
    }

    static inline std::atomic<int> count = 0;

private:
    struct sigaction earlier_ = {};
};

} // namespace sennit::os::test_support
