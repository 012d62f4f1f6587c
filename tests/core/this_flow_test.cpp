// The current flow as a plain thread sees it. Fibers and tasks: tests/runtime.
#include <sennit/core/this_flow.hpp>

#include "core/support.hpp"
#include <sennit/core/current.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using test_support::signal;

flow& this_flow_header() { return detail::current_flow(detail::this_thread()); }

void on_a_new_thread(auto f) { std::thread(f).join(); }

TEST(this_flow, of_a_thread_that_never_waited_is_nobody) {
    on_a_new_thread([] {
        EXPECT_EQ(this_flow::id(), 0U);
        EXPECT_EQ(this_flow::name(), "");
        EXPECT_FALSE(this_flow::stop_requested());
        this_flow::yield();
    });
}

TEST(this_flow, id_is_different_for_each_thread_and_stays) {
    std::set<std::uint64_t> ids;
    for (int i = 0; i < 20; ++i) {
        on_a_new_thread([&] {
            wait(async_yield());
            const std::uint64_t id = this_flow::id();
            EXPECT_NE(id, 0U);
            wait(async_yield());
            EXPECT_EQ(this_flow::id(), id);
            ids.insert(id);
        });
    }
    EXPECT_EQ(ids.size(), 20U);
}

TEST(this_flow, name_is_that_of_the_options) {
    on_a_new_thread([] {
        detail::name_flow(this_flow_header(), {.name = "reader"});
        EXPECT_EQ(this_flow::name(), "reader");
    });
}

TEST(this_flow, long_name_is_cut) {
    on_a_new_thread([] {
        const std::string text(100, 'x');
        detail::name_flow(this_flow_header(), {.name = text});
        EXPECT_EQ(this_flow::name(), text.substr(0, flow_name_size_max));
    });
}

TEST(this_flow, stop_token_follows_a_request) {
    on_a_new_thread([] {
        const std::stop_token token = this_flow::stop_token();
        EXPECT_TRUE(token.stop_possible());
        EXPECT_FALSE(token.stop_requested());
        int calls = 0;
        const std::stop_callback callback(token, [&] { ++calls; });
        this_flow_header().request_stop();
        EXPECT_TRUE(token.stop_requested());
        EXPECT_TRUE(this_flow::stop_requested());
        EXPECT_TRUE(this_flow::stop_token() == token);
        EXPECT_EQ(calls, 1);
    });
}

TEST(this_flow, stop_token_made_after_the_request_is_stopped) {
    on_a_new_thread([] {
        this_flow_header().request_stop();
        EXPECT_TRUE(this_flow::stop_token().stop_requested());
    });
}

// One thread asks for its token while another asks it to stop: whichever comes first, the token is stopped.
TEST(this_flow, stop_token_and_request_may_meet) {
    for (int round = 0; round < 300; ++round) {
        std::atomic<flow*> header{nullptr};
        std::atomic<bool> requested{false};
        std::thread asked([&] {
            header.store(&this_flow_header());
            const std::stop_token token = this_flow::stop_token();
            while (!token.stop_requested())
                std::this_thread::yield();
            // The header is this thread's: it has to outlive the call that the other thread makes on it.
            while (!requested.load())
                std::this_thread::yield();
        });
        while (header.load() == nullptr)
            std::this_thread::yield();
        header.load()->request_stop();
        requested.store(true);
        asked.join();
    }
}

TEST(this_flow, exit_on_a_plain_thread_is_refused_with_advice) {
    EXPECT_DEATH(this_flow::exit(), "a plain thread returns instead");
}

TEST(async_yield, is_pending_once) {
    test_support::driver d;
    auto y = async_yield();
    EXPECT_FALSE(d.poll(y).is_ready());
    EXPECT_TRUE(d.poll(y).is_ready());
}

// Nobody wakes a future that yields: rearm() itself says "poll again".
TEST(async_yield, tells_a_driver_by_hand_to_poll_again) {
    test_support::driver d;
    auto y = async_yield();
    ASSERT_FALSE(d.poll(y).is_ready());
    EXPECT_FALSE(d.rearm());
    EXPECT_TRUE(d.poll(y).is_ready());
    EXPECT_TRUE(d.rearm());
}

TEST(shielded, returns_what_the_function_returns) {
    EXPECT_EQ(shielded([] { return 4; }), 4);
    int object = 0;
    EXPECT_EQ(&shielded([&]() -> int& { return object; }), &object);
    EXPECT_THROW(shielded([]() -> int { throw 1; }), int);
}

} // namespace
} // namespace sennit
