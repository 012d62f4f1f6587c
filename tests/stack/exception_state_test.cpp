#include <sennit/stack/exception_state.hpp>

#include "stack/support.hpp"

#include <gtest/gtest.h>

#include <exception>
#include <stdexcept>
#include <string>
#include <thread>

namespace sennit::detail {
namespace {

using test_support::context;

// What a flow does with the thread's words when it leaves, and when it is back.
std::uintptr_t leave(context& self) {
    const exception_globals saved = this_thread_exceptions();
    this_thread_exceptions() = {};
    const std::uintptr_t message = self.back();
    this_thread_exceptions() = saved;
    return message;
}

TEST(exception_state, is_empty_outside_of_handlers) {
    EXPECT_TRUE(this_thread_exceptions().empty());
    try {
        throw 1;
    } catch (int) {
        EXPECT_FALSE(this_thread_exceptions().empty());
    }
    EXPECT_TRUE(this_thread_exceptions().empty());
}

TEST(exception_state, is_not_empty_while_an_exception_passes) {
    bool empty = true;
    struct looks {
        bool& empty;
        ~looks() { empty = this_thread_exceptions().empty(); }
    };
    try {
        const looks l{empty};
        throw 1;
    } catch (int) {}
    EXPECT_FALSE(empty);
}

TEST(exception_state, belongs_to_the_thread) {
    const exception_globals* other = nullptr;
    std::thread([&] { other = &this_thread_exceptions(); }).join();
    EXPECT_NE(other, &this_thread_exceptions());
}

// Two contexts sit in their handlers at the same time and rethrow in the order in which they came.
TEST(exception_state, a_handler_may_leave_and_rethrow_later) {
    std::string caught[2];
    const auto body = [&](std::size_t i) {
        return [&caught, i](context& self, std::uintptr_t) {
            try {
                try {
                    throw std::runtime_error(i == 0 ? "first" : "second");
                } catch (const std::runtime_error&) {
                    leave(self);
                    throw;
                }
            } catch (const std::exception& e) {
                caught[i] = e.what();
            }
        };
    };
    context first(body(0)), second(body(1));
    first.visit();
    EXPECT_TRUE(this_thread_exceptions().empty());
    EXPECT_EQ(std::current_exception(), nullptr);
    second.visit();
    first.visit();
    second.visit();
    EXPECT_EQ(caught[0], "first");
    EXPECT_EQ(caught[1], "second");
    EXPECT_TRUE(first.is_over() && second.is_over());
}

TEST(exception_state, a_destructor_may_leave_while_an_exception_passes) {
    int uncaught = -1;
    bool caught = false;
    context c([&](context& self, std::uintptr_t) {
        struct leaves {
            context& self;
            int& uncaught;
            ~leaves() {
                leave(self);
                uncaught = std::uncaught_exceptions();
            }
        };
        try {
            const leaves l{self, uncaught};
            throw std::runtime_error("pass");
        } catch (const std::runtime_error&) {
            caught = true;
        }
    });
    c.visit();
    EXPECT_EQ(std::uncaught_exceptions(), 0);
    c.visit();
    EXPECT_EQ(uncaught, 1);
    EXPECT_TRUE(caught);
}

} // namespace
} // namespace sennit::detail
