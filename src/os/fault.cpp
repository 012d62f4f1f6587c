// Memory faults: the alternate stacks, and one handler in front of whatever was there before.
#include <sennit/os/fault.hpp>

#include "last_error.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/os/memory.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

namespace sennit::os {
namespace {

std::atomic<fault_handler> current_handler = nullptr;
static_assert(std::atomic<fault_handler>::is_always_lock_free);

// Written once, before our handler is installed.
struct sigaction earlier_segv;
struct sigaction earlier_bus;

struct sigaction& earlier_of(int signal) noexcept {
    return signal == SIGSEGV ? earlier_segv : earlier_bus;
}

void restore_default(int signal) noexcept {
    struct sigaction fallback{};
    fallback.sa_handler = SIG_DFL;
    ::sigaction(signal, &fallback, nullptr);
}

// A fault of our own making happens again as soon as we return, now under the default, which leaves
// a core that shows the faulting instruction. One that somebody sent with kill() has to be sent
// again; it is blocked until we return.
void die_by_default(int signal, bool sent) noexcept {
    restore_default(signal);
    if (sent) ::syscall(SYS_tgkill, ::getpid(), ::syscall(SYS_gettid), signal);
}

void call_earlier(int signal, siginfo_t* info, void* ucontext) noexcept {
    const struct sigaction& earlier = earlier_of(signal);
    const bool sent = info->si_code <= 0;
    if ((earlier.sa_flags & SA_SIGINFO) != 0) return earlier.sa_sigaction(signal, info, ucontext);
    if (earlier.sa_handler == SIG_IGN && sent) return;
    if (earlier.sa_handler == SIG_IGN || earlier.sa_handler == SIG_DFL)
        return die_by_default(signal, sent);
    earlier.sa_handler(signal);
}

// acquire: pairs with the release in install_fault_handler(), for what the handler reads.
void on_fault(int signal, siginfo_t* info, void* ucontext) {
    const int saved = detail::last_error();
    const fault_handler handler = current_handler.load(std::memory_order_acquire);
    const bool resolved =
        info->si_code > 0 && handler != nullptr && handler(info->si_addr, ucontext);
    if (!resolved) call_earlier(signal, info, ucontext);
    detail::set_last_error(saved);
}

result<void> install(int signal) {
    if (::sigaction(signal, nullptr, &earlier_of(signal)) < 0)
        return detail::failed("install_fault_handler");
    struct sigaction ours{};
    ours.sa_sigaction = on_fault;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    ::sigfillset(&ours.sa_mask);
    if (::sigaction(signal, &ours, nullptr) < 0) return detail::failed("install_fault_handler");
    return {};
}

result<void> install_both() {
    SENNIT_TRY(install(SIGSEGV));
    return install(SIGBUS);
}

std::size_t round_to_pages(std::size_t size) noexcept {
    return (size + page_size() - 1) / page_size() * page_size();
}

} // namespace

result<alternate_stack> alternate_stack::install(std::size_t size) {
    static_assert(sizeof(stack_t) == sizeof(earlier_));
    const auto least = static_cast<std::size_t>(std::max(::sysconf(_SC_MINSIGSTKSZ), 0L));
    const std::size_t usable = round_to_pages(std::max(size, least));
    void* const memory = SENNIT_TRY(reserve(page_size() + usable, page_size()));
    alternate_stack made{memory, page_size() + usable};
    // A stack for each thread, not for each fiber: the few mappings do not matter here.
    SENNIT_TRY(install_guard(memory, page_size(), guard_kind::mprotect));

    stack_t stack{};
    stack.ss_sp = static_cast<std::byte*>(memory) + page_size();
    stack.ss_size = usable;
    stack_t earlier{};
    if (::sigaltstack(&stack, &earlier) < 0) return detail::failed("alternate_stack");
    std::memcpy(made.earlier_.data(), &earlier, sizeof(earlier));
    made.installed_ = true;
    return made;
}

alternate_stack::alternate_stack(alternate_stack&& other) noexcept
    : memory_(std::exchange(other.memory_, nullptr)),
      size_(other.size_),
      installed_(std::exchange(other.installed_, false)),
      earlier_(other.earlier_) {}

alternate_stack::~alternate_stack() {
    if (memory_ == nullptr) return;
    if (installed_) {
        stack_t earlier;
        std::memcpy(&earlier, earlier_.data(), sizeof(earlier));
        ::sigaltstack(&earlier, nullptr);
    }
    const bool released = release(memory_, size_).has_value();
    SENNIT_DEBUG_ASSERT(released, "the alternate stack was unmapped by somebody else");
}

result<void> install_fault_handler(fault_handler handler) {
    // release: pairs with the acquire in on_fault().
    current_handler.store(handler, std::memory_order_release);
    static const result<void> installed = install_both();
    return installed;
}

} // namespace sennit::os
