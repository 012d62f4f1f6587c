// Every test that installs a handler does so in a child process, which it then ends by a fault or
// by _Exit.
#include <sennit/os/fault.hpp>

#include <sennit/base/config.hpp>
#include <sennit/os/memory.hpp>
#include <sennit/os/signal_safe_text.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <pthread.h>
#include <signal.h>
#include <thread>
#include <type_traits>
#include <unistd.h>

namespace sennit::os {
namespace {

static_assert(!std::is_copy_constructible_v<alternate_stack>);
static_assert(std::is_nothrow_move_constructible_v<alternate_stack>);

char* guarded_page = nullptr;

/// A page that cannot be touched, and a handler.
void prepare(fault_handler handler) {
    guarded_page = static_cast<char*>(reserve(page_size(), page_size()).value());
    if (!install_guard(guarded_page, page_size(), guard_kind::mprotect)) std::_Exit(100);
    if (!install_fault_handler(handler)) std::_Exit(101);
}

void touch(volatile char* address) { *address = 1; }

bool not_ours(void*, void*) { return false; }

/// How the default ends a faulting process: by the signal, or by a report where a sanitizer was
/// there before us.
bool died_of_the_fault(int status) {
    if (SENNIT_ASAN || SENNIT_TSAN) return !::testing::ExitedWithCode(0)(status);
    return ::testing::KilledBySignal(SIGSEGV)(status);
}

constexpr const char* default_report = SENNIT_ASAN   ? "AddressSanitizer: SEGV"
                                       : SENNIT_TSAN ? "ThreadSanitizer: SEGV"
                                                     : "";

stack_t current_alternate_stack() {
    stack_t stack{};
    ::sigaltstack(nullptr, &stack);
    return stack;
}

TEST(fault_handler, repairs_and_the_instruction_runs_again) {
    const auto run = [] {
        prepare([](void* address, void* context) {
            if (address != guarded_page + 5 || context == nullptr) return false;
            errno = ENOTTY;
            return remove_guard(guarded_page, page_size(), guard_kind::mprotect).has_value();
        });
        errno = EXDEV;
        touch(guarded_page + 5);
        std::_Exit(guarded_page[5] == 1 && errno == EXDEV ? 0 : 1);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

TEST(fault_handler, what_is_not_ours_dies_as_before) {
    const auto run = [] {
        prepare(not_ours);
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), died_of_the_fault, default_report);
}

TEST(fault_handler, null_is_asked_for_nothing) {
    const auto run = [] {
        prepare(nullptr);
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), died_of_the_fault, default_report);
}

TEST(fault_handler, the_last_one_counts) {
    const auto run = [] {
        prepare([](void*, void*) -> bool { std::_Exit(1); });
        prepare([](void*, void*) -> bool { std::_Exit(3); });
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(3), "");
}

TEST(fault_handler, an_earlier_handler_with_information_is_called) {
    const auto run = [] {
        struct sigaction earlier = {};
        earlier.sa_flags = SA_SIGINFO;
        earlier.sa_sigaction = [](int signal, siginfo_t* info, void* context) {
            const bool told =
                signal == SIGSEGV && info->si_addr == guarded_page && context != nullptr;
            std::_Exit(told ? 7 : 1);
        };
        ::sigaction(SIGSEGV, &earlier, nullptr);
        prepare(not_ours);
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(7), "");
}

TEST(fault_handler, an_earlier_plain_handler_is_called) {
    const auto run = [] {
        ::signal(SIGSEGV, [](int signal) { std::_Exit(signal == SIGSEGV ? 8 : 1); });
        prepare(not_ours);
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(8), "");
}

TEST(fault_handler, an_ignored_fault_still_dies) {
    const auto run = [] {
        ::signal(SIGSEGV, SIG_IGN);
        prepare(not_ours);
        touch(guarded_page);
    };
    EXPECT_EXIT(run(), ::testing::KilledBySignal(SIGSEGV), "");
}

// A signal that somebody sends is no fault: the handler is not asked, and what was there before
// decides.
TEST(fault_handler, is_not_asked_about_a_sent_signal) {
    const auto ask_nobody = [](void*, void*) -> bool { std::_Exit(1); };
    const auto run = [=] {
        prepare(ask_nobody);
        ::raise(SIGSEGV);
    };
    EXPECT_EXIT(run(), died_of_the_fault, default_report);
    const auto run_ignored = [=] {
        ::signal(SIGSEGV, SIG_IGN);
        prepare(ask_nobody);
        ::raise(SIGSEGV);
        std::_Exit(5);
    };
    EXPECT_EXIT(run_ignored(), ::testing::ExitedWithCode(5), "");
}

TEST(fault_handler, serves_bus_errors_too) {
    const auto run = [] {
        prepare([](void*, void*) -> bool { std::_Exit(1); });
        struct sigaction ours = {};
        ::sigaction(SIGBUS, nullptr, &ours);
        std::_Exit((ours.sa_flags & SA_ONSTACK) != 0 && (ours.sa_flags & SA_SIGINFO) != 0 ? 0 : 2);
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(0), "");
}

#if defined(__clang__)
#pragma clang diagnostic ignored "-Winfinite-recursion"
#else
#pragma GCC diagnostic ignored "-Winfinite-recursion"
#endif

/// Never returns; not a tail call, so each turn takes stack.
[[gnu::noinline]] int exhaust_stack(volatile int* above) {
    volatile int here[64] = {};
    here[0] = *above + exhaust_stack(&here[1]);
    return here[0];
}

// The thread runs out of stack; only on a stack of its own can the handler tell.
TEST(fault_handler, runs_when_the_stack_ran_out) {
    const auto run = [] {
        prepare([](void*, void*) -> bool {
            signal_safe_text text;
            text.append("stack ran out\n").write(2);
            std::_Exit(9);
        });
        std::thread([] {
            const auto handlers = alternate_stack::install();
            volatile int start = 0;
            exhaust_stack(&start);
        }).join();
    };
    EXPECT_EXIT(run(), ::testing::ExitedWithCode(9), "stack ran out");
}

TEST(alternate_stack, is_installed_and_the_earlier_one_comes_back) {
    std::thread([] {
        const stack_t before = current_alternate_stack();
        {
            const auto outer = alternate_stack::install();
            ASSERT_TRUE(outer.has_value());
            const stack_t first = current_alternate_stack();
            EXPECT_EQ(first.ss_flags & SS_DISABLE, 0);
            EXPECT_GE(first.ss_size, alternate_stack::size_default);
            EXPECT_NE(first.ss_sp, before.ss_sp);
            {
                const auto inner = alternate_stack::install(1);
                ASSERT_TRUE(inner.has_value());
                EXPECT_NE(current_alternate_stack().ss_sp, first.ss_sp);
                EXPECT_GE(current_alternate_stack().ss_size,
                          static_cast<std::size_t>(::sysconf(_SC_MINSIGSTKSZ)));
            }
            EXPECT_EQ(current_alternate_stack().ss_sp, first.ss_sp);
        }
        EXPECT_EQ(current_alternate_stack().ss_sp, before.ss_sp);
        EXPECT_EQ(current_alternate_stack().ss_flags, before.ss_flags);
    }).join();
}

TEST(alternate_stack, has_a_guard_below) {
    const auto run = [] {
        const auto handlers = alternate_stack::install();
        touch(static_cast<char*>(current_alternate_stack().ss_sp));
        touch(static_cast<char*>(current_alternate_stack().ss_sp) - 1);
    };
    EXPECT_DEATH(run(), "");
}

TEST(alternate_stack, moves_its_ownership) {
    std::thread([] {
        auto first = alternate_stack::install();
        ASSERT_TRUE(first.has_value());
        void* const place = current_alternate_stack().ss_sp;
        {
            const alternate_stack second = std::move(*first);
            EXPECT_EQ(current_alternate_stack().ss_sp, place);
        }
        EXPECT_NE(current_alternate_stack().ss_sp, place);
    }).join();
}

} // namespace
} // namespace sennit::os
