#include <sennit/core/current.hpp>

#include <sennit/core/flow.hpp>
#include <sennit/core/this_flow.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace sennit::detail {
namespace {

std::set<thread_state*> registered() {
    std::set<thread_state*> states;
    for_each_thread(
        [](thread_state& t, void* argument) {
            static_cast<std::set<thread_state*>*>(argument)->insert(&t);
        },
        &states);
    return states;
}

TEST(this_thread, is_the_threads_own_and_stays) {
    thread_state* const mine = &this_thread();
    EXPECT_EQ(&this_thread(), mine);
    thread_state* other = nullptr;
    std::thread([&] { other = &this_thread(); }).join();
    EXPECT_NE(other, mine);
}

TEST(this_thread, is_registered_while_the_thread_lives) {
    (void)this_thread();
    const std::size_t before = registered().size();
    std::thread([&] {
        thread_state* const mine = &this_thread();
        EXPECT_TRUE(registered().contains(mine));
        EXPECT_EQ(registered().size(), before + 1);
    }).join();
    EXPECT_EQ(registered().size(), before);
}

TEST(current_flow, of_a_plain_thread_is_made_once_and_goes_with_it) {
    const std::int64_t before = pool_stats().cells;
    waker outdated;
    std::thread([&] {
        EXPECT_EQ(this_thread().current, nullptr);
        flow& mine = current_flow(this_thread());
        EXPECT_EQ(mine.kind(), flow_kind::thread);
        EXPECT_EQ(&current_flow(this_thread()), &mine);
        outdated = waker(mine);
    }).join();
    outdated.wake();
    EXPECT_EQ(pool_stats().cells, before);
}

} // namespace
} // namespace sennit::detail
