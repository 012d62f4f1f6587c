#include <sennit/time/timer_queue.hpp>

#include <sennit/base/config.hpp>
#include <sennit/core/current.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <vector>

namespace sennit {
namespace {

using testing::ElementsAre;

constexpr std::uint64_t ms = 1'000'000;

// Runs a function when it fires.
template<class Fn>
struct calling_entry : timer_entry {
    explicit calling_entry(Fn f) : timer_entry(&call), function(std::move(f)) {}
    static void call(timer_entry& self) noexcept {
        static_cast<calling_entry&>(self).function(static_cast<calling_entry&>(self));
    }
    Fn function;
};

struct counting_entry : timer_entry {
    counting_entry() : timer_entry(&count) {}
    static void count(timer_entry& self) noexcept { ++static_cast<counting_entry&>(self).fired; }
    int fired = 0; // read after disarm() or fire(): no atomic on purpose, TSan watches
};

// A queue whose owner is the test's thread.
struct owned_queue {
    owned_queue() : before(detail::this_thread().timers) {
        detail::this_thread().timers = &timers;
        timers.set_alarm([](void* self) noexcept { ++static_cast<owned_queue*>(self)->alarms; },
                         this);
        now = timers.now_ns();
    }
    ~owned_queue() { detail::this_thread().timers = before; }
    timer_driver* before;
    timer_queue timers;
    std::atomic<int> alarms{0};
    std::uint64_t now;
};

// Calls `f` on a thread that is not the queue's.
template<class Fn>
void elsewhere(Fn f) {
    std::thread(f).join();
}

TEST(timer_queue, fires_each_due_entry_once_in_order) {
    owned_queue q;
    std::vector<int> order;
    auto make = [&](int n) { return [&order, n](timer_entry&) { order.push_back(n); }; };
    calling_entry first(make(1)), second(make(2)), third(make(3));
    third.arm(q.timers, q.now + 3 * ms);
    first.arm(q.timers, q.now + 1 * ms);
    second.arm(q.timers, q.now + 2 * ms);
    EXPECT_EQ(q.timers.fire(q.now), 0u);
    EXPECT_EQ(q.timers.fire(q.now + 2 * ms + timer_wheel::tick_ns), 2u);
    EXPECT_THAT(order, ElementsAre(1, 2));
    EXPECT_EQ(q.timers.fire(q.now + 4 * ms), 1u);
    EXPECT_EQ(q.timers.fire(q.now + 5 * ms), 0u);
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(timer_queue, clock_is_the_monotonic_one) {
    timer_queue timers;
    const auto before =
        static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
    EXPECT_GE(timers.now_ns(), before);
}

TEST(timer_queue, never_fires_early) {
    owned_queue q;
    counting_entry entry;
    const std::uint64_t deadline = q.now + 5 * ms;
    entry.arm(q.timers, deadline);
    q.timers.fire(deadline - 1);
    EXPECT_EQ(entry.fired, 0);
    q.timers.fire(deadline + timer_wheel::tick_ns);
    EXPECT_EQ(entry.fired, 1);
}

TEST(timer_queue, next_deadline_follows_the_first_timer) {
    owned_queue q;
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
    counting_entry near, far;
    far.arm(q.timers, q.now + 900 * ms);
    const std::uint64_t far_published = q.timers.next_deadline_ns();
    EXPECT_GE(far_published, q.now + 900 * ms);
    EXPECT_LT(far_published, q.now + 900 * ms + timer_wheel::tick_ns);
    near.arm(q.timers, q.now + 10 * ms);
    EXPECT_LT(q.timers.next_deadline_ns(), q.now + 10 * ms + timer_wheel::tick_ns);
    near.disarm();
    EXPECT_EQ(q.timers.next_deadline_ns(), far_published);
    far.disarm();
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
}

TEST(timer_queue, next_deadline_is_never_after_the_first_timer) {
    // Random insertions, removals and firings beside a model that is a sorted set.
    owned_queue q;
    constexpr int count = 200;
    std::array<counting_entry, count> entries;
    std::array<std::uint64_t, count> deadlines{};
    std::array<int, count> fired{};
    std::multiset<std::uint64_t> model;
    std::mt19937 random(1);
    std::uint64_t now = q.now;
    for (int step = 0; step < 20'000; ++step) {
        const int i = static_cast<int>(random() % count);
        if (entries[i].fired != fired[i]) {
            fired[i] = entries[i].fired;
            model.erase(model.find(deadlines[i]));
        } else if (entries[i].is_linked()) {
            entries[i].disarm();
            model.erase(model.find(deadlines[i]));
        } else {
            // Many share a slot, so that the wheel's answer moves to the start of a crowded one.
            deadlines[i] = now + random() % (random() % 4 == 0 ? 10'000 * ms : 20 * ms);
            entries[i].arm(q.timers, deadlines[i]);
            model.insert(deadlines[i]);
        }
        if (random() % 64 == 0) {
            now += random() % (4 * ms);
            q.timers.fire(now);
            for (int k = 0; k < count; ++k) {
                if (entries[k].fired == fired[k]) continue;
                ASSERT_LE(deadlines[k], now);
                fired[k] = entries[k].fired;
                model.erase(model.find(deadlines[k]));
            }
        }
        if (model.empty()) {
            ASSERT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
        } else {
            ASSERT_LT(q.timers.next_deadline_ns(), *model.begin() + timer_wheel::tick_ns);
        }
    }
    for (counting_entry& e : entries)
        e.disarm();
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
    EXPECT_EQ(q.alarms.load(), 0);
}

// ---- armed for a while from now

TEST(timer_queue, a_duration_counts_from_the_owners_next_look) {
    owned_queue q;
    counting_entry entry;
    entry.arm_after(q.timers, 500 * ms);
    EXPECT_EQ(q.timers.next_deadline_ns(), 0u) << "a look is due at once";
    const std::uint64_t before = q.timers.now_ns();
    EXPECT_EQ(q.timers.fire(before), 0u);
    const std::uint64_t after = q.timers.now_ns();
    const std::uint64_t deadline = q.timers.next_deadline_ns();
    EXPECT_GE(deadline, before + 500 * ms);
    EXPECT_LT(deadline, after + 500 * ms + timer_wheel::tick_ns);
    q.timers.fire(deadline - 1);
    EXPECT_EQ(entry.fired, 0);
    q.timers.fire(deadline);
    EXPECT_EQ(entry.fired, 1);
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
}

TEST(timer_queue, settling_is_a_look_that_fires_nothing) {
    owned_queue q;
    counting_entry due, entry;
    due.arm(q.timers, q.now);
    q.timers.settle();
    EXPECT_LT(q.timers.next_deadline_ns(), q.now + timer_wheel::tick_ns);
    entry.arm_after(q.timers, 5 * ms);
    EXPECT_EQ(q.timers.next_deadline_ns(), 0u);
    q.timers.settle();
    EXPECT_GE(q.timers.next_deadline_ns(), q.now) << "when the other one is due";
    EXPECT_EQ(due.fired, 0);
    EXPECT_EQ(q.timers.fire(q.now + 2 * timer_wheel::tick_ns), 1u);
    EXPECT_GE(q.timers.next_deadline_ns(), q.now + 5 * ms);
    entry.disarm();
}

TEST(timer_queue, disarmed_before_the_look_a_duration_never_counts) {
    owned_queue q;
    counting_entry first, second;
    first.arm_after(q.timers, 5 * ms);
    second.arm_after(q.timers, 7 * ms);
    first.disarm();
    EXPECT_EQ(q.timers.next_deadline_ns(), 0u) << "for the other one";
    q.timers.settle();
    EXPECT_GE(q.timers.next_deadline_ns(), q.now + 7 * ms);
    second.disarm();
    first.arm_after(q.timers, 0);
    first.disarm();
    EXPECT_EQ(q.timers.next_deadline_ns(), 0u) << "a look that finds nothing";
    q.timers.settle();
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
    EXPECT_EQ(q.timers.fire(q.timers.now_ns() + 100 * ms), 0u);
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
    EXPECT_EQ(first.fired + second.fired, 0);
}

TEST(timer_queue, durations_fire_in_order_and_among_deadlines) {
    owned_queue q;
    std::vector<int> order;
    auto make = [&](int n) { return [&order, n](timer_entry&) { order.push_back(n); }; };
    calling_entry first(make(1)), second(make(2)), third(make(3));
    third.arm_after(q.timers, 900 * ms);
    second.arm(q.timers, q.now + 500 * ms);
    first.arm_after(q.timers, 1 * ms);
    q.timers.settle();
    EXPECT_EQ(q.timers.fire(q.timers.now_ns() + 1'000 * ms), 3u);
    EXPECT_THAT(order, ElementsAre(1, 2, 3));
}

TEST(timer_queue, more_durations_than_a_piece_are_all_settled) {
    owned_queue q;
    std::array<counting_entry, timer_queue::piece_max * 2 + 1> entries;
    for (auto& each : entries)
        each.arm_after(q.timers, 1 * ms);
    q.timers.settle();
    EXPECT_EQ(q.timers.fire(q.timers.now_ns() + 2 * ms), entries.size());
    for (auto& each : entries)
        EXPECT_EQ(each.fired, 1);
}

TEST(timer_queue, what_fire_arms_for_a_while_is_left_for_the_next_look) {
    owned_queue q;
    counting_entry next;
    calling_entry entry([&](timer_entry&) { next.arm_after(q.timers, 1 * ms); });
    entry.arm(q.timers, q.now);
    EXPECT_EQ(q.timers.fire(q.now + 1 * ms), 1u);
    EXPECT_EQ(q.timers.next_deadline_ns(), 0u);
    EXPECT_EQ(q.timers.fire(q.now), 0u);
    EXPECT_GE(q.timers.next_deadline_ns(), q.now + 1 * ms);
    next.disarm();
}

// Nobody there will look soon.
TEST(timer_queue, a_duration_from_another_thread_counts_at_once) {
    owned_queue q;
    counting_entry entry;
    elsewhere([&] { entry.arm_after(q.timers, 5 * ms); });
    EXPECT_GE(q.timers.next_deadline_ns(), q.now + 5 * ms);
    EXPECT_EQ(q.alarms, 1);
    elsewhere([&] { entry.disarm(); });
    entry.arm_after(q.timers, 5 * ms); // and what the owner armed is disarmed from anywhere
    elsewhere([&] { entry.disarm(); });
    EXPECT_EQ(q.timers.fire(q.timers.now_ns() + 10 * ms), 0u);
}

TEST(timer_queue, alarm_sounds_when_another_thread_brings_the_deadline_forward) {
    owned_queue q;
    counting_entry first, later, earlier, own;
    elsewhere([&] { first.arm(q.timers, q.now + 500 * ms); });
    EXPECT_EQ(q.alarms.load(), 1);
    elsewhere([&] { later.arm(q.timers, q.now + 900 * ms); });
    EXPECT_EQ(q.alarms.load(), 1);
    elsewhere([&] { earlier.arm(q.timers, q.now + 100 * ms); });
    EXPECT_EQ(q.alarms.load(), 2);
    own.arm(q.timers, q.now + 10 * ms);
    EXPECT_EQ(q.alarms.load(), 2);
    for (auto* e : {&first, &later, &earlier, &own})
        e->disarm();
    EXPECT_EQ(q.alarms.load(), 2);
}

TEST(timer_queue, every_lowering_by_another_thread_sounds_the_alarm) {
    // The owner "sleeps" by what it read; another thread inserts and removes at random. Whenever
    // the published deadline is lower than what the owner sleeps by, the alarm must have sounded.
    owned_queue q;
    elsewhere([&] {
        std::array<counting_entry, 64> entries;
        std::mt19937 random(2);
        std::uint64_t slept_by = q.timers.next_deadline_ns();
        int heard = 0;
        for (int step = 0; step < 20'000; ++step) {
            counting_entry& e = entries[random() % entries.size()];
            if (e.is_linked()) {
                e.disarm();
            } else {
                e.arm(q.timers, q.now + 50 * ms + random() % (30 * ms));
            }
            if (q.alarms.load() != heard || random() % 16 == 0) { // woken, or awake anyway
                heard = q.alarms.load();
                slept_by = q.timers.next_deadline_ns();
            }
            ASSERT_GE(q.timers.next_deadline_ns(), slept_by);
        }
        for (counting_entry& e : entries)
            e.disarm();
    });
}

TEST(timer_queue, a_queue_without_an_alarm_accepts_timers_from_anywhere) {
    timer_queue timers;
    counting_entry entry;
    entry.arm(timers, 0);
    EXPECT_EQ(timers.fire(timers.now_ns()), 1u);
    entry.disarm();
}

TEST(timer_queue, fire_may_disarm_itself_and_others) {
    owned_queue q;
    counting_entry victim;
    calling_entry entry([&](timer_entry& self) {
        self.disarm(); // not linked any more, and this thread fires: returns at once
        victim.disarm();
    });
    entry.arm(q.timers, q.now);
    victim.arm(q.timers, q.now + ms);
    EXPECT_EQ(q.timers.fire(q.now + 5 * ms), 1u);
    EXPECT_EQ(victim.fired, 0);
}

TEST(timer_queue, fire_may_arm_again) {
    owned_queue q;
    int count = 0;
    calling_entry entry([&](timer_entry& self) {
        if (++count < 3) self.arm(*self.owner, self.deadline_ns + ms);
    });
    entry.arm(q.timers, q.now);
    for (int i = 0; i < 8; ++i)
        q.timers.fire(q.now + static_cast<std::uint64_t>(i) * 2 * ms);
    EXPECT_EQ(count, 3);
    EXPECT_EQ(q.timers.next_deadline_ns(), timer_driver::never);
}

TEST(timer_queue, fire_may_destroy_the_entry) {
    owned_queue q;
    struct dying : timer_entry {
        dying() : timer_entry([](timer_entry& e) noexcept { delete static_cast<dying*>(&e); }) {}
        ~dying() { disarm(); }
    };
    (new dying)->arm(q.timers, q.now);
    EXPECT_EQ(q.timers.fire(q.now + ms), 1u);
}

TEST(timer_queue, fire_ends_although_entries_arm_themselves_for_the_past) {
    owned_queue q;
    std::size_t calls = 0;
    auto again = [&](timer_entry& self) {
        ++calls;
        self.arm(q.timers, q.now);
    };
    std::vector<std::unique_ptr<calling_entry<decltype(again)>>> entries;
    for (std::size_t i = 0; i < 3 * timer_queue::piece_max; ++i) {
        entries.push_back(std::make_unique<calling_entry<decltype(again)>>(again));
        entries.back()->arm(q.timers, q.now);
    }
    const std::size_t fired = q.timers.fire(q.now + ms);
    EXPECT_EQ(fired, calls);
    EXPECT_GE(fired, entries.size());
    EXPECT_LE(q.timers.next_deadline_ns(), q.now + ms); // and it is not forgotten
    for (auto& e : entries)
        e->disarm();
}

TEST(timer_queue, only_one_fires_at_a_time) {
    owned_queue q;
    counting_entry other;
    std::size_t inner = 1, foreign = 1;
    calling_entry entry([&](timer_entry&) {
        inner = q.timers.fire(q.now + 10 * ms);
        elsewhere([&] { foreign = q.timers.fire(q.now + 10 * ms); });
    });
    entry.arm(q.timers, q.now);
    other.arm(q.timers, q.now + ms);
    EXPECT_EQ(q.timers.fire(q.now + 10 * ms), 2u);
    EXPECT_EQ(inner, 0u);
    EXPECT_EQ(foreign, 0u);
    EXPECT_EQ(other.fired, 1);
}

TEST(timer_queue, disarm_waits_for_an_entry_that_is_firing) {
    // `finished` is a plain variable: if disarm() returned before the other thread's `fire` did,
    // the expectation fails or ThreadSanitizer reports the race.
    timer_queue timers;
    for (int round = 0; round < 50; ++round) {
        std::atomic<bool> entered{false}, removing{false};
        bool finished = false;
        {
            calling_entry entry([&](timer_entry&) {
                entered.store(true, std::memory_order_relaxed);
                while (!removing.load(std::memory_order_relaxed))
                    std::this_thread::yield();
                for (int i = 0; i < 20; ++i)
                    std::this_thread::yield();
                finished = true;
            });
            entry.arm(timers, 0);
            std::thread firer([&] { timers.fire(timers.now_ns()); });
            while (!entered.load(std::memory_order_relaxed))
                std::this_thread::yield();
            removing.store(true, std::memory_order_relaxed);
            entry.disarm();
            EXPECT_TRUE(finished);
            firer.join();
        }
    }
}

TEST(timer_queue, an_entry_fires_or_is_disarmed_but_not_both) {
    // Owners arm and disarm on their own threads while two others fire. An entry's count is read
    // right after disarm(), when nobody else may touch it.
    timer_queue timers;
    std::atomic<bool> stop{false};
    std::atomic<std::size_t> fired_total{0};
    std::atomic<int> seen_total{0};
    constexpr int rounds = SENNIT_TSAN ? 3'000 : 20'000;
    std::vector<std::thread> threads;
    for (int firer = 0; firer < 2; ++firer) {
        threads.emplace_back([&] {
            while (!stop.load(std::memory_order_relaxed)) {
                fired_total += timers.fire(timers.now_ns());
                std::this_thread::yield();
            }
        });
    }
    std::vector<std::thread> owners;
    for (unsigned owner = 0; owner < 2; ++owner) {
        owners.emplace_back([&, owner] {
            std::mt19937 random(owner);
            int seen = 0;
            for (int i = 0; i < rounds; ++i) {
                auto entry = std::make_unique<counting_entry>(); // ASan sees a late access
                entry->arm(timers, timers.now_ns() + random() % 50'000);
                if (i % 8 == 0) std::this_thread::yield();
                entry->disarm();
                ASSERT_LE(entry->fired, 1);
                seen += entry->fired;
            }
            seen_total += seen;
        });
    }
    for (std::thread& t : owners)
        t.join();
    stop.store(true, std::memory_order_relaxed);
    for (std::thread& t : threads)
        t.join();
    EXPECT_EQ(fired_total.load(), static_cast<std::size_t>(seen_total.load()));
    EXPECT_EQ(timers.next_deadline_ns(), timer_driver::never);
}

TEST(timer_entry, disarm_of_an_entry_that_was_never_armed_does_nothing) {
    counting_entry entry;
    entry.disarm();
    EXPECT_EQ(entry.owner, nullptr);
}

} // namespace
} // namespace sennit
