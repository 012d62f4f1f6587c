// Signal masks and signalfd(2).
#include <sennit/os/signal.hpp>

#include "last_error.hpp"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <pthread.h>
#include <sys/signalfd.h>

namespace sennit::os {
namespace {

// What a thread does to itself must reach it, and a profiler's tick means the thread it interrupts.
constexpr int never_blocked[] = {SIGSEGV, SIGBUS, SIGFPE,  SIGILL,
                                 SIGTRAP, SIGSYS, SIGABRT, SIGPROF};

result<sigset_t> make_set(std::span<const int> signals, const char* operation) {
    sigset_t set;
    ::sigemptyset(&set);
    for (const int signal : signals) {
        if (::sigaddset(&set, signal) < 0) return detail::failed(operation);
    }
    return set;
}

} // namespace

result<void> block_signals(std::span<const int> signals) {
    const sigset_t set = SENNIT_TRY(make_set(signals, "block_signals"));
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    return {};
}

all_signals_blocked::all_signals_blocked() noexcept {
    static_assert(sizeof(sigset_t) == sizeof(earlier_));
    sigset_t all;
    ::sigfillset(&all);
    for (const int signal : never_blocked)
        ::sigdelset(&all, signal);
    sigset_t earlier;
    ::pthread_sigmask(SIG_BLOCK, &all, &earlier);
    std::memcpy(earlier_.data(), &earlier, sizeof(earlier));
}

all_signals_blocked::~all_signals_blocked() {
    sigset_t earlier;
    std::memcpy(&earlier, earlier_.data(), sizeof(earlier));
    ::pthread_sigmask(SIG_SETMASK, &earlier, nullptr);
}

// Blocked first: a signal that arrives in between stays pending and is the descriptor's first.
result<signal_fd> signal_fd::create(std::span<const int> signals) {
    const sigset_t set = SENNIT_TRY(make_set(signals, "signal_fd"));
    ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
    unique_fd fd{::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC)};
    if (!fd) return detail::failed("signal_fd");
    return signal_fd{std::move(fd)};
}

std::optional<int> signal_fd::read_one() noexcept {
    signalfd_siginfo info{};
    const io_result got = read(fd_.get(), std::as_writable_bytes(std::span{&info, 1}));
    if (got.value != static_cast<std::int64_t>(sizeof(info))) return std::nullopt;
    return static_cast<int>(info.ssi_signo);
}

} // namespace sennit::os
