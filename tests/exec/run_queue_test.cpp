#include <sennit/exec/run_queue.hpp>

#include <sennit/base/config.hpp>

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <deque>
#include <memory>
#include <span>
#include <thread>
#include <vector>

namespace sennit::detail {
namespace {

constexpr runnable_operations nothing{[](runnable&) noexcept {}};

struct item final : runnable {
    explicit item(int n) : runnable(nothing), number(n) {}
    const int number;
    std::atomic<int> delivered{0};
};

class run_queue_test : public testing::Test {
protected:
    item& make() { return items_.emplace_back(static_cast<int>(items_.size())); }
    void push(int count) {
        for (int i = 0; i < count; ++i)
            queue.push_back(make());
    }
    int pop() {
        runnable* r = queue.pop();
        return r == nullptr ? -1 : static_cast<item*>(r)->number;
    }
    using taking = run_queue::taking;
    std::vector<int> steal(taking what = taking::free) {
        std::array<runnable*, run_queue::steal_max * 2> loot;
        const std::size_t count = queue.steal(loot, what);
        std::vector<int> numbers;
        for (runnable* r : std::span(loot).first(count))
            numbers.push_back(static_cast<item*>(r)->number);
        return numbers;
    }
    std::vector<int> steal_all() {
        runnable_chain chain;
        const std::size_t count = queue.steal_all(chain);
        std::vector<int> numbers;
        while (runnable* r = chain.pop_front())
            numbers.push_back(static_cast<item*>(r)->number);
        EXPECT_EQ(numbers.size(), count);
        return numbers;
    }
    item& at(int number) { return items_[static_cast<std::size_t>(number)]; }

    run_queue queue;

private:
    std::deque<item> items_;
};

TEST_F(run_queue_test, is_first_in_first_out) {
    EXPECT_EQ(pop(), -1);
    push(5);
    EXPECT_EQ(queue.size_hint(), 5U);
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(pop(), i);
    EXPECT_EQ(pop(), -1);
    EXPECT_EQ(queue.size_hint(), 0U);
}

TEST_F(run_queue_test, wraps_and_grows) {
    constexpr int rounds = 50;
    int next = 0, last = -1;
    for (int round = 0; round < rounds; ++round) {
        push(100);
        for (int i = 0; i < 60; ++i) {
            const int n = pop();
            EXPECT_EQ(n, last + 1);
            last = n;
        }
        next += 100;
    }
    while (last + 1 < next)
        EXPECT_EQ(pop(), ++last);
    EXPECT_EQ(pop(), -1);
}

TEST_F(run_queue_test, gives_a_large_ring_back_when_it_is_empty) {
    push(20'000);
    queue.shrink();
    for (int i = 0; i < 20'000; ++i)
        ASSERT_EQ(pop(), i);
    queue.shrink();
    push(300);
    for (int i = 0; i < 300; ++i)
        ASSERT_EQ(pop(), 20'000 + i);
}

TEST_F(run_queue_test, what_was_woken_last_comes_next) {
    push(2);
    queue.push_next(make());
    EXPECT_EQ(pop(), 2);
    EXPECT_EQ(pop(), 0);
    queue.push_next(make());
    queue.push_next(make());
    EXPECT_EQ(pop(), 4);
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(pop(), 3) << "the earlier one moved to the back";
}

TEST_F(run_queue_test, the_slot_lets_the_ring_have_its_turn) {
    push(1);
    std::vector<int> order;
    for (std::uint32_t i = 0; i <= run_queue::slot_uses_max; ++i) {
        queue.push_next(make());
        order.push_back(pop());
    }
    EXPECT_EQ(order, (std::vector{1, 2, 3, 0}));
    EXPECT_EQ(pop(), 4);
    EXPECT_EQ(pop(), -1);
}

TEST_F(run_queue_test, a_ping_pong_alone_keeps_the_slot) {
    for (int i = 0; i < 20; ++i) {
        queue.push_next(make());
        EXPECT_EQ(pop(), i);
    }
}

// How many go in quickly depends on the machine, too: without membarrier it is none.
TEST_F(run_queue_test, what_does_not_go_in_quickly_has_not_gone_in) {
    int pushed = 0;
    while (queue.push_again_quickly(make()))
        ++pushed;
    EXPECT_EQ(queue.size_hint(), static_cast<unsigned>(pushed));
    queue.push_next(make()); // the slot was free
    EXPECT_FALSE(queue.push_next_quickly(make())) << "no room for whom it would displace";
    EXPECT_EQ(pop(), pushed + 1);
    for (int i = 0; i < pushed; ++i)
        EXPECT_EQ(pop(), i);
    EXPECT_EQ(pop(), -1);
    EXPECT_EQ(queue.push_next_quickly(at(0)), pushed != 0);
    EXPECT_EQ(pop(), pushed != 0 ? 0 : -1);
}

TEST_F(run_queue_test, takes_a_child_out_of_the_middle_once) {
    push(5);
    EXPECT_TRUE(queue.take(at(2)));
    EXPECT_FALSE(queue.take(at(2)));
    EXPECT_TRUE(queue.take(at(4))) << "the last one";
    EXPECT_TRUE(queue.take(at(0))) << "the first one";
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(pop(), 3);
    EXPECT_EQ(pop(), -1);
    EXPECT_FALSE(queue.take(at(3)));
}

TEST_F(run_queue_test, holes_at_the_ends_take_no_room) {
    push(6);
    EXPECT_TRUE(queue.take(at(1)));
    EXPECT_TRUE(queue.take(at(4)));
    EXPECT_EQ(queue.size_hint(), 6U);
    EXPECT_TRUE(queue.take(at(0)));
    EXPECT_EQ(queue.size_hint(), 4U) << "2, 3, a hole, 5";
    EXPECT_TRUE(queue.take(at(5)));
    EXPECT_EQ(queue.size_hint(), 2U);
    EXPECT_EQ(queue.free_hint(), 2U);
    EXPECT_EQ(pop(), 2);
    EXPECT_TRUE(queue.take(at(3)));
    EXPECT_EQ(queue.size_hint(), 0U);
    EXPECT_EQ(pop(), -1);
}

TEST_F(run_queue_test, takes_nothing_that_is_elsewhere) {
    run_queue other;
    item& elsewhere = make();
    item& in_slot = make();
    item& nowhere = make();
    other.push_back(elsewhere);
    queue.push_next(in_slot);
    push(1);
    EXPECT_FALSE(queue.take(elsewhere));
    EXPECT_FALSE(queue.take(in_slot));
    EXPECT_FALSE(queue.take(nowhere));
    EXPECT_EQ(other.pop(), &elsewhere);
}

TEST_F(run_queue_test, thief_takes_the_older_half_and_not_the_slot) {
    push(7);
    queue.push_next(make());
    EXPECT_EQ(steal(), (std::vector{0, 1, 2, 3}));
    EXPECT_EQ(steal(), (std::vector{4, 5}));
    EXPECT_EQ(steal(), (std::vector{6}));
    EXPECT_EQ(steal(), std::vector<int>());
    EXPECT_EQ(pop(), 7);
}

TEST_F(run_queue_test, thief_takes_a_bounded_number) {
    constexpr unsigned count = run_queue::steal_max * 4;
    push(count);
    EXPECT_EQ(steal().size(), run_queue::steal_max);
    EXPECT_EQ(queue.size_hint(), count - run_queue::steal_max);
}

TEST_F(run_queue_test, thief_takes_no_more_than_it_has_room_for) {
    push(10);
    std::array<runnable*, 3> loot;
    EXPECT_EQ(queue.steal(loot, taking::free), 3U);
    EXPECT_EQ(queue.size_hint(), 7U);
    EXPECT_EQ(pop(), 3);
}

TEST_F(run_queue_test, what_was_taken_is_queued_elsewhere_in_order_and_free) {
    queue.push_next(make()); // 0
    queue.push_next(make()); // 1
    push(20);
    std::array<runnable*, 16> loot;
    ASSERT_EQ(queue.steal(loot, taking::bound_too), 11U);
    run_queue other;
    other.push_back(std::span(loot).first(11));
    EXPECT_EQ(other.free_hint(), 11U);
    EXPECT_TRUE(other.take(at(2))) << "the second";
    EXPECT_FALSE(queue.take(at(3)));
    EXPECT_EQ(other.pop(), &at(0));
    for (int i = 3; i < 12; ++i)
        EXPECT_EQ(other.pop(), &at(i));
    EXPECT_EQ(other.pop(), nullptr);
}

TEST_F(run_queue_test, thief_of_a_stuck_owner_takes_everything) {
    push(5'000); // the ring has grown
    ASSERT_TRUE(queue.take(at(7)));
    queue.push_next(make());
    const std::vector<int> taken = steal_all();
    ASSERT_EQ(taken.size(), 5'000U);
    EXPECT_EQ(taken[6], 6);
    EXPECT_EQ(taken[7], 8);
    EXPECT_EQ(taken.back(), 5'000) << "the slot is the last";
    EXPECT_EQ(queue.size_hint(), 0U);
    EXPECT_EQ(queue.free_hint(), 0U);
    EXPECT_EQ(pop(), -1);
}

TEST_F(run_queue_test, what_was_all_taken_is_not_found_any_more) {
    push(10);
    EXPECT_EQ(steal_all().size(), 10U);
    push(10); // in the same places
    for (int i = 0; i < 10; ++i)
        EXPECT_FALSE(queue.take(at(i)));
    for (int i = 10; i < 20; ++i)
        EXPECT_TRUE(queue.take(at(i)));
    EXPECT_EQ(steal_all(), std::vector<int>());
}

TEST_F(run_queue_test, thief_skips_holes) {
    push(5);
    ASSERT_TRUE(queue.take(at(1)));
    ASSERT_TRUE(queue.take(at(2)));
    EXPECT_EQ(queue.size_hint(), 5U);
    EXPECT_EQ(queue.free_hint(), 3U);
    EXPECT_EQ(steal(), (std::vector{0, 3})) << "half of what is there";
    EXPECT_EQ(pop(), 4);
}

TEST_F(run_queue_test, thief_leaves_what_was_woken_here) {
    push(1);
    queue.push_next(make()); // 1
    queue.push_next(make()); // 2: 1 moves to the ring
    push(3);                 // 3, 4, 5
    EXPECT_EQ(queue.size_hint(), 5U);
    EXPECT_EQ(queue.free_hint(), 4U);
    EXPECT_EQ(steal(), (std::vector{0, 3}));
    EXPECT_EQ(steal(), (std::vector{4}));
    EXPECT_EQ(queue.free_hint(), 1U);
    EXPECT_EQ(pop(), 2) << "the slot";
    EXPECT_EQ(steal(), (std::vector{5}));
    EXPECT_EQ(steal(), std::vector<int>());
    EXPECT_EQ(queue.free_hint(), 0U);
    EXPECT_EQ(pop(), 1);
    EXPECT_EQ(pop(), -1);
}

TEST_F(run_queue_test, thief_of_a_backlog_takes_the_older_half_of_all) {
    push(1);
    queue.push_next(make()); // 1
    queue.push_next(make()); // 2
    push(1);                 // 3
    EXPECT_EQ(steal(taking::bound_too), (std::vector{0, 1}));
    EXPECT_EQ(queue.free_hint(), 1U);
    EXPECT_EQ(steal(taking::bound_too), (std::vector{3}));
    EXPECT_EQ(queue.free_hint(), 0U);
    EXPECT_EQ(pop(), 2);
}

TEST_F(run_queue_test, who_yields_is_as_bound_as_before) {
    item& woken = make();
    item& fresh = make();
    queue.push_next(woken);
    queue.push_back(fresh);
    EXPECT_EQ(pop(), 0);
    EXPECT_EQ(pop(), 1);
    queue.push_again(woken);
    queue.push_again(fresh);
    EXPECT_EQ(queue.free_hint(), 1U);
    EXPECT_EQ(steal(), (std::vector{1}));
    EXPECT_EQ(pop(), 0);
    queue.push_back(woken); // by a timer
    EXPECT_EQ(queue.free_hint(), 1U);
}

// The owner pushes, pops and takes while three thieves steal: each item is delivered once.
TEST_F(run_queue_test, delivers_everything_once_among_threads) {
    constexpr int rounds = SENNIT_TSAN || SENNIT_ASAN ? 2'000 : 30'000;
    constexpr int batch = 8;
    std::atomic<bool> over{false};
    std::atomic<int> stolen{0};
    std::vector<std::thread> thieves;
    // The monitor's theft, which exchanges the ring.
    thieves.emplace_back([&] {
        while (!over) {
            runnable_chain chain;
            stolen += static_cast<int>(queue.steal_all(chain));
            while (runnable* r = chain.pop_front())
                ++static_cast<item*>(r)->delivered;
            for (int i = 0; i < 10 && !over; ++i)
                std::this_thread::yield();
        }
    });
    for (int i = 0; i < 2; ++i) {
        thieves.emplace_back([&, i] {
            while (!over) {
                std::array<runnable*, 8> loot;
                const std::size_t count =
                    queue.steal(loot, i == 0 ? taking::free : taking::bound_too);
                for (runnable* r : std::span(loot).first(count))
                    ++static_cast<item*>(r)->delivered;
                stolen += static_cast<int>(count);
                std::this_thread::yield();
            }
        });
    }
    std::vector<std::unique_ptr<item>> all;
    int taken = 0;
    for (int round = 0; round < rounds; ++round) {
        for (int i = 0; i < batch; ++i) {
            all.push_back(std::make_unique<item>(round * batch + i));
            if (i == 3) {
                queue.push_next(*all.back());
            } else {
                queue.push_back(*all.back());
            }
        }
        item& child = *all[all.size() - 3];
        if (queue.take(child)) {
            ++taken;
            ++child.delivered;
        }
        for (int i = 0; i < batch - 2; ++i) {
            if (runnable* r = queue.pop()) ++static_cast<item*>(r)->delivered;
        }
    }
    while (runnable* r = queue.pop())
        ++static_cast<item*>(r)->delivered;
    over = true;
    for (std::thread& t : thieves)
        t.join();
    EXPECT_GT(taken, 0);
    for (const auto& one : all)
        ASSERT_EQ(one->delivered, 1) << one->number;
    RecordProperty("stolen", stolen.load());
}

} // namespace
} // namespace sennit::detail
