#include <sennit/exec/injector.hpp>

#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

constexpr runnable_operations nothing{[](runnable&) noexcept {}};

struct item final : runnable {
    explicit item(int n = 0) : runnable(nothing), number(n) {}
    const int number;
    std::atomic<int> delivered{0};
};

std::vector<int> pop(injector& from, std::size_t most) {
    runnable_chain chain;
    const std::size_t count = from.pop(chain, most);
    std::vector<int> numbers;
    while (runnable* r = chain.pop_front())
        numbers.push_back(static_cast<item*>(r)->number);
    EXPECT_EQ(numbers.size(), count);
    return numbers;
}

TEST(injector, is_first_in_first_out_and_counts) {
    std::deque<item> items;
    injector in;
    EXPECT_EQ(in.size(), 0U);
    for (int i = 0; i < 5; ++i)
        in.push(items.emplace_back(i));
    EXPECT_EQ(in.size(), 5U);
    EXPECT_EQ(pop(in, 2), (std::vector{0, 1}));
    EXPECT_EQ(in.size(), 3U);
    EXPECT_EQ(pop(in, 100), (std::vector{2, 3, 4}));
    EXPECT_EQ(pop(in, 100), std::vector<int>());
    EXPECT_EQ(in.size(), 0U);
}

TEST(injector, takes_a_chain_at_once) {
    std::deque<item> items;
    injector in;
    runnable_chain chain;
    in.push(chain, 0);
    in.push(items.emplace_back(0));
    for (int i = 1; i < 4; ++i)
        chain.push_back(items.emplace_back(i));
    in.push(chain, 3);
    EXPECT_EQ(in.size(), 4U);
    EXPECT_EQ(pop(in, 4), (std::vector{0, 1, 2, 3}));
}

TEST(injector, delivers_everything_once_among_threads) {
    constexpr int producers = 2, consumers = 2;
    constexpr int each = SENNIT_TSAN || SENNIT_ASAN ? 20'000 : 100'000;
    std::vector<item> items(producers * each);
    injector in;
    std::atomic<int> delivered{0};
    std::vector<std::thread> threads;
    for (int p = 0; p < producers; ++p) {
        threads.emplace_back([&, p] {
            for (int i = 0; i < each; ++i)
                in.push(items[static_cast<std::size_t>(p * each + i)]);
        });
    }
    for (int c = 0; c < consumers; ++c) {
        threads.emplace_back([&] {
            while (delivered < producers * each) {
                if (in.size() == 0) {
                    std::this_thread::yield();
                    continue;
                }
                runnable_chain chain;
                delivered += static_cast<int>(in.pop(chain, 7));
                while (runnable* r = chain.pop_front())
                    ++static_cast<item*>(r)->delivered;
            }
        });
    }
    for (std::thread& t : threads)
        t.join();
    for (const item& i : items)
        ASSERT_EQ(i.delivered, 1);
    EXPECT_EQ(in.size(), 0U);
}

} // namespace
} // namespace sennit::detail
