#include "support.hpp"

#include <thread>

namespace sennit {
namespace {

using namespace std::chrono_literals;
using test::with_runtime;
class spawning : public with_runtime {};
INSTANTIATE_TEST_SUITE_P(workers, spawning, testing::ValuesIn(test::settings), test::name_of);

TEST_P(spawning, go_moves_callable_and_arguments_in) {
    std::atomic<int> sum{0};
    run([&] {
        auto big = std::make_unique<int>(40);
        go([&sum, p = std::move(big)](int a, std::unique_ptr<int> b) { sum += *p + a + *b; }, 1,
           std::make_unique<int>(1));
    });
    rt_->wait_all();
    EXPECT_EQ(sum, 42);
}

TEST_P(spawning, arguments_die_with_the_call) {
    run([&] {
        auto h = spawn([c = test::counted()] { return 1; });
        h.join();
        EXPECT_EQ(test::counted::alive, 0);
    });
}

TEST_P(spawning, values_references_and_void_come_back) {
    run([&] {
        int x = 3;
        EXPECT_EQ(&spawn([&]() -> int& { return x; }).join(), &x);
        spawn([&] { x = 4; }).join();
        EXPECT_EQ(x, 4);
        EXPECT_EQ(*spawn([] { return std::make_unique<int>(9); }).join(), 9);
        EXPECT_EQ(spawn([](std::string s) { return s + "!"; }, "text").join(), "text!");
    });
}

struct alignas(16) wide {
    long number;
};
template<class T>
task<T> yielding(T value) {
    for (int i = 0; i < 3; ++i)
        co_await async_yield();
    co_return std::move(value);
}

TEST_P(spawning, values_of_every_size_come_back_from_tasks) {
    run([&] {
        EXPECT_EQ(spawn(yielding('x')).join(), 'x');
        EXPECT_EQ(*spawn(yielding(std::make_unique<int>(5))).join(), 5);
        EXPECT_EQ(spawn(yielding(std::string(100, 's'))).join(), std::string(100, 's'));
        EXPECT_EQ(spawn(yielding(wide{7})).join().number, 7);
        EXPECT_EQ(spawn([] { return wide{8}; }).join().number, 8);
    });
}

TEST_P(spawning, a_thousand_yielding_fibers_all_end) {
    std::atomic<int> ended{0};
    run([&] {
        for (int i = 0; i < 1000; ++i) {
            go([&, i] {
                for (int k = 0; k < i % 17; ++k)
                    this_flow::yield();
                ++ended;
            });
        }
    });
    rt_->wait_all();
    EXPECT_EQ(ended, 1000);
}

TEST_P(spawning, names_and_ids_are_seen_from_inside) {
    run([&] {
        auto h = spawn({.name = "reader"}, [] { return std::string(this_flow::name()); });
        EXPECT_EQ(h.join(), "reader");
        const std::uint64_t mine = this_flow::id();
        EXPECT_NE(mine, 0u);
        EXPECT_NE(spawn([] { return this_flow::id(); }).join(), mine);
        EXPECT_EQ(this_flow::id(), mine);
    });
}

// Deep enough that the default stack would not do.
int deep(int n) {
    volatile char page[1024];
    page[0] = static_cast<char>(n);
    return n == 0 ? page[0] : deep(n - 1) + (page[0] == static_cast<char>(n) ? 1 : 0);
}
TEST_P(spawning, stack_size_is_respected) {
    run([&] {
        EXPECT_EQ(spawn({.stack_size = 8_MiB}, deep, 3000).join(), 3000);
        // And it parks and comes back on that stack.
        auto h = spawn({.stack_size = 1_MiB}, [] {
            sleep_for(1ms);
            return deep(500);
        });
        EXPECT_EQ(h.join(), 500);
        EXPECT_EQ(on_big_stack([] { return deep(5000); }), 5000);
        EXPECT_EQ(on_big_stack([] {
                      sleep_for(1ms);
                      return deep(5000);
                  }),
                  5000);
        EXPECT_THROW(on_big_stack([]() -> int { throw std::runtime_error("up"); }),
                     std::runtime_error);
    });
}

TEST_P(spawning, exit_unwinds_and_reports_cancelled) {
    run([&] {
        auto h = spawn([]() -> int {
            test::counted c;
            this_flow::exit();
        });
        auto answer = h.try_join();
        ASSERT_FALSE(answer);
        EXPECT_TRUE(answer.error().is_cancelled());
        EXPECT_EQ(test::counted::alive, 0);
    });
}

TEST_P(spawning, from_a_plain_thread_into_the_runtime) {
    std::atomic<int> sum{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i)
                rt_->go([&] { ++sum; });
            sum += rt_->spawn([] { return 1; }).join();
        });
    }
    for (auto& t : threads)
        t.join();
    rt_->wait_all();
    EXPECT_EQ(sum, 303);
}

} // namespace
} // namespace sennit
