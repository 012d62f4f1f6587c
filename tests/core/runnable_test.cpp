#include <sennit/core/runnable.hpp>

#include <gtest/gtest.h>

#include <vector>

namespace sennit {
namespace {

struct counted final : runnable {
    explicit counted(int n = 0) : runnable(operations), number(n) {}
    int number;
    int runs = 0;

    static void step(runnable& r) noexcept { ++static_cast<counted&>(r).runs; }
    static constexpr runnable_operations operations{&step};
};

std::vector<int> drain(runnable_chain& chain) {
    std::vector<int> order;
    while (runnable* r = chain.pop_front())
        order.push_back(static_cast<counted*>(r)->number);
    return order;
}

TEST(runnable, runs_its_function) {
    counted r;
    r.run();
    r.run();
    EXPECT_EQ(r.runs, 2);
    r.run_here();
    EXPECT_EQ(r.runs, 3);
    EXPECT_FALSE(r.is_parked_on_stack());
}

TEST(runnable_chain, is_empty_at_first) {
    runnable_chain chain;
    EXPECT_TRUE(chain.empty());
    EXPECT_EQ(chain.front(), nullptr);
    EXPECT_EQ(chain.pop_front(), nullptr);
}

TEST(runnable_chain, is_first_in_first_out) {
    counted a(1), b(2), c(3);
    runnable_chain chain;
    for (counted* r : {&a, &b, &c})
        chain.push_back(*r);
    EXPECT_EQ(chain.front(), &a);
    EXPECT_EQ(drain(chain), (std::vector{1, 2, 3}));
    EXPECT_TRUE(chain.empty());
}

TEST(runnable_chain, can_be_used_again_after_it_was_emptied) {
    counted a(1), b(2);
    runnable_chain chain;
    chain.push_back(a);
    EXPECT_EQ(chain.pop_front(), &a);
    chain.push_back(b);
    chain.push_back(a);
    EXPECT_EQ(drain(chain), (std::vector{2, 1}));
}

TEST(runnable_chain, append_moves_the_other_to_the_back) {
    counted a(1), b(2), c(3), d(4);
    runnable_chain left, right;
    left.append(right);
    EXPECT_TRUE(left.empty());
    right.push_back(a);
    right.push_back(b);
    left.append(right);
    EXPECT_TRUE(right.empty());
    right.push_back(c);
    left.append(right);
    left.push_back(d);
    EXPECT_EQ(drain(left), (std::vector{1, 2, 3, 4}));
}

} // namespace
} // namespace sennit
