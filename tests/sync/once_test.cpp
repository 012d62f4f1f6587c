// The rules of sync.Once and of tokio's OnceCell.
#include "support.hpp"

#include <stdexcept>

namespace sennit {
namespace {

using test::driver;

class once_pairs : public test::paired {};
INSTANTIATE_TEST_SUITE_P(all, once_pairs, testing::ValuesIn(test::all_pairings()),
                         test::name_of_pairing);

task<void> call_once(once& o, std::atomic<int>& calls, std::atomic<int>& early) {
    auto future = o.async_call([&] {
        this_flow::yield();
        ++calls;
    });
    co_await future;
    early += calls == 0 ? 1 : 0;
}

// go: TestOnce: once, and nobody returns before it has ended
TEST_P(once_pairs, runs_once_and_everybody_waits_for_it) {
    for (int round = 0; round < test::rounds_scaled(200); ++round) {
        once o;
        std::atomic<int> calls{0}, early{0};
        for (int i = 0; i < 4; ++i) {
            start(
                kind_of(i),
                [&] {
                    o.call([&] {
                        this_flow::yield();
                        ++calls;
                    });
                    early += calls == 0 ? 1 : 0;
                },
                [&] { return call_once(o, calls, early); });
        }
        join();
        EXPECT_EQ(calls, 1);
        EXPECT_EQ(early, 0);
    }
}

TEST(once, a_call_that_throws_counts) { // go: TestOncePanic
    once o;
    EXPECT_THROW(o.call([] { throw std::runtime_error("first"); }), std::runtime_error);
    EXPECT_TRUE(o.is_done());
    o.call([] { FAIL() << "a second call"; });
}

TEST(once, a_dropped_run_does_not_count) {
    once o;
    event never;
    driver d, other;
    {
        auto run = o.async_call([&] { return never.async_wait(); });
        EXPECT_FALSE(d.poll(run).is_ready());
        EXPECT_FALSE(o.is_done());
    }
    bool ran = false;
    o.call([&] { ran = true; });
    EXPECT_TRUE(ran);
}

// tokio: sync_once_cell get_or_init, get_or_init_panic, set_while_initializing
TEST(once_cell, keeps_the_first_value) {
    once_cell<std::unique_ptr<int>> cell;
    EXPECT_EQ(cell.get(), nullptr);
    EXPECT_THROW((void)cell.get_or_init(
                     []() -> std::unique_ptr<int> { throw std::runtime_error("not yet"); }),
                 std::runtime_error);
    EXPECT_EQ(cell.get(), nullptr);
    EXPECT_EQ(*cell.get_or_init([] { return std::make_unique<int>(1); }), 1);
    EXPECT_FALSE(cell.set(std::make_unique<int>(2)));
    ASSERT_NE(cell.get(), nullptr);
    EXPECT_EQ(**cell.get(), 1);
}

TEST(once_cell, the_next_one_tries_when_the_first_is_dropped) {
    once_cell<int> cell;
    event never;
    driver a, b, c;
    auto slow = [&] {
        return [](event& e) -> task<int> {
            co_await e.async_wait();
            co_return 1;
        }(never);
    };
    std::optional first(cell.async_get_or_init(slow));
    EXPECT_FALSE(a.poll(*first).is_ready());
    std::optional second(cell.async_get_or_init([] { return 2; }));
    auto third = cell.async_get_or_init([] { return 3; });
    EXPECT_FALSE(b.poll(*second).is_ready());
    EXPECT_FALSE(c.poll(third).is_ready());
    EXPECT_TRUE(b.rearm());
    EXPECT_TRUE(c.rearm());
    first.reset();
    EXPECT_EQ(b.wakes(), 1);
    EXPECT_EQ(c.wakes(), 0);
    second.reset(); // its turn passes on
    EXPECT_EQ(c.wakes(), 1);
    auto answer = c.poll(third);
    ASSERT_TRUE(answer.is_ready());
    EXPECT_EQ(std::move(answer).take(), 3);
}

} // namespace
} // namespace sennit
