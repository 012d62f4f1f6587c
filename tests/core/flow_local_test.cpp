// flow_local on plain threads; fibers and tasks: tests/runtime/flow_local_test.cpp.
#include <sennit/core/flow_local.hpp>

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <thread>

namespace sennit {
namespace {

flow_local<int> number{7};
flow_local<std::string, inherit::yes> text;

void on_a_new_thread(auto f) { std::thread(f).join(); }

TEST(flow_local, begins_with_its_initial_value) {
    on_a_new_thread([] {
        EXPECT_EQ(number.get(), 7);
        EXPECT_EQ(text.get(), "");
    });
}

TEST(flow_local, set_and_reset) {
    on_a_new_thread([] {
        number.set(1);
        text.set("one");
        number.set(2);
        EXPECT_EQ(number.get(), 2);
        EXPECT_EQ(text.get(), "one");
        number.reset();
        EXPECT_EQ(number.get(), 7);
        number.reset();
        EXPECT_EQ(text.get(), "one");
        on_a_new_thread([] { EXPECT_EQ(text.get(), "") << "threads inherit nothing"; });
    });
}

// tokio's task_local.rs: the value of before is back after the scope, also when it is left by an exception.
TEST(flow_local, with_puts_the_old_value_back) {
    on_a_new_thread([] {
        EXPECT_EQ(number.with(1, [] { return number.get(); }), 1);
        EXPECT_EQ(number.get(), 7);
        number.set(2);
        EXPECT_THROW(number.with(3,
                                 [] {
                                     text.set("kept");
                                     EXPECT_EQ(number.with(4, [] { return number.get(); }), 4);
                                     EXPECT_EQ(number.get(), 3);
                                     throw std::runtime_error("out");
                                 }),
                     std::runtime_error);
        EXPECT_EQ(number.get(), 2);
        EXPECT_EQ(text.get(), "kept");
    });
}

struct counted {
    static inline int alive = 0;
    counted() { ++alive; }
    counted(const counted&) { ++alive; }
    counted(counted&&) noexcept { ++alive; }
    ~counted() { --alive; }
};

TEST(flow_local, values_go_when_replaced_and_when_the_thread_ends) {
    static flow_local<counted> local; // itself one
    const int before = counted::alive;
    on_a_new_thread([&] {
        local.set(counted());
        local.set(counted());
        EXPECT_EQ(counted::alive, before + 1);
    });
    EXPECT_EQ(counted::alive, before);
}

TEST(flow_local, many_variables_do_not_disturb_each_other) {
    on_a_new_thread([] {
        flow_local<int> a{1}, b{2}, c{3};
        for (int round = 0; round < 10; ++round) {
            a.set(round);
            b.set(round * 2);
            c.set(round * 3);
            a.set(round + 100);
            EXPECT_EQ(a.get(), round + 100);
            EXPECT_EQ(b.get(), round * 2);
            EXPECT_EQ(c.get(), round * 3);
        }
        b.reset();
        EXPECT_EQ(a.get(), 109);
        EXPECT_EQ(b.get(), 2);
        EXPECT_EQ(c.get(), 27);
    });
}

TEST(flow_local, outlived_values_are_not_those_of_the_next_variable) {
    on_a_new_thread([] {
        for (int round = 0; round < 3; ++round) {
            flow_local<int> fresh{-1};
            EXPECT_EQ(fresh.get(), -1);
            fresh.set(round);
        }
    });
}

} // namespace
} // namespace sennit
