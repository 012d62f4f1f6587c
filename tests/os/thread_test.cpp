#include <sennit/os/thread.hpp>

#include <sennit/os/futex.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <pthread.h>
#include <string>
#include <thread>
#include <unistd.h>

namespace sennit::os {
namespace {

std::string own_name() {
    char name[16] = {};
    ::pthread_getname_np(::pthread_self(), name, sizeof(name));
    return name;
}

TEST(set_name, names_the_calling_thread) {
    std::thread([] {
        set_name("sennit-0");
        EXPECT_EQ(own_name(), "sennit-0");
    }).join();
    EXPECT_NE(own_name(), "sennit-0");
}

TEST(set_name, cuts_a_long_name) {
    std::thread([] {
        set_name("a-name-that-is-too-long-for-the-kernel");
        EXPECT_EQ(own_name(), "a-name-that-is-");
        set_name("exactly-fifteen");
        EXPECT_EQ(own_name(), "exactly-fifteen");
    }).join();
}

TEST(set_name, takes_no_name) {
    std::thread([] {
        set_name(nullptr);
        EXPECT_EQ(own_name(), "");
    }).join();
}

TEST(gettid, is_the_process_on_the_main_thread_and_differs_elsewhere) {
    EXPECT_EQ(os::gettid(), ::getpid());
    std::int32_t other = 0;
    std::thread([&] { other = os::gettid(); }).join();
    EXPECT_NE(other, 0);
    EXPECT_NE(other, os::gettid());
}

TEST(yield, returns) { os::yield(); }

// Frame addresses, because under AddressSanitizer a local may live on a fake stack.
TEST(current_stack_bounds, contain_the_frame_of_the_caller) {
    const auto contains_own_frame = [] {
        const stack_bounds bounds = current_stack_bounds().value();
        return bounds.contains(__builtin_frame_address(0)) && !bounds.contains(bounds.high);
    };
    EXPECT_TRUE(contains_own_frame());
    bool other_contains = false;
    std::thread([&] { other_contains = contains_own_frame(); }).join();
    EXPECT_TRUE(other_contains);
}

TEST(current_stack_bounds, have_the_size_that_was_asked_for) {
    constexpr std::size_t size = 512 * 1024;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ASSERT_EQ(::pthread_attr_setstacksize(&attributes, size), 0);
    stack_bounds bounds;
    const auto ask = [](void* answer) -> void* {
        *static_cast<stack_bounds*>(answer) = current_stack_bounds().value();
        return nullptr;
    };
    pthread_t thread;
    ASSERT_EQ(::pthread_create(&thread, &attributes, ask, &bounds), 0);
    ::pthread_join(thread, nullptr);
    ::pthread_attr_destroy(&attributes);
    const auto extent = static_cast<char*>(bounds.high) - static_cast<char*>(bounds.low);
    EXPECT_GE(static_cast<std::size_t>(extent), size - 64 * 1024);
    EXPECT_LE(static_cast<std::size_t>(extent), size + 64 * 1024);
}

TEST(stack_bounds, contain_low_and_not_high) {
    char memory[16];
    const stack_bounds bounds{.low = memory + 4, .high = memory + 8};
    EXPECT_FALSE(bounds.contains(memory + 3));
    EXPECT_TRUE(bounds.contains(memory + 4));
    EXPECT_TRUE(bounds.contains(memory + 7));
    EXPECT_FALSE(bounds.contains(memory + 8));
}

// A thread that computes is runnable and uses its processor; one that sleeps in the kernel is neither.
TEST(thread, activity_tells_computing_from_waiting) {
    const auto before = activity_of(gettid()).value();
    EXPECT_TRUE(before.runnable);
    volatile unsigned sink = 0;
    while (activity_of(gettid()).value().cpu_ns == before.cpu_ns)
        sink = sink + 1;

    std::atomic<std::int32_t> tid{0};
    std::atomic<std::uint32_t> open{0};
    std::thread sleeper([&] {
        tid = gettid();
        while (open.load() == 0)
            futex::wait(open, 0);
    });
    while (tid == 0 || activity_of(tid).value().runnable)
        yield();
    open = 1;
    (void)futex::wake_all(open);
    sleeper.join();
    EXPECT_FALSE(activity_of(tid).has_value()) << "the thread is gone";
}

} // namespace
} // namespace sennit::os
