// What decay() gives back, how much at a time, and what stays. A stack that went back is known by its first page: there nothing is
// left of what was written. Only a slab that is in use as well gives back stack by stack, so one of each is held.
#include <sennit/stack/stack.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

namespace sennit::stack_pool {
namespace {

constexpr std::size_t little = 64; // stays in any case

std::size_t less_an_eighth(std::size_t count) { return count - (count + 7) / 8; }

class stack_decay : public testing::TestWithParam<std::uint8_t> {
protected:
    stack_decay() { trim(); }
    ~stack_decay() override {
        give(held_);
        trim();
    }

    std::vector<stack*> take(std::size_t count) {
        std::vector<stack*> all;
        for (std::size_t i = 0; i < count; ++i)
            all.push_back(acquire(GetParam()));
        return all;
    }
    static void give(const std::vector<stack*>& all) {
        for (stack* s : all)
            release(*s);
    }

    // So many come into the pool, which has none, and leave a mark.
    void fill(std::size_t count, bool holds_slabs = true) {
        std::set<std::uint32_t> slabs;
        std::vector<stack*> given;
        while (given.size() < count) {
            stack* const s = acquire(GetParam());
            ASSERT_NE(s, nullptr);
            if (slabs.insert(s->slab).second && holds_slabs) {
                held_.push_back(s);
                continue;
            }
            *(s->top() - 1) = 1;
            given.push_back(s);
            places_.push_back({s->top(), s->slab});
        }
        give(given);
        decay(); // all were needed until now
        ASSERT_EQ(kept(), count);
    }
    bool is_kept(std::size_t i) const { return *(places_[i].top - 1) == 1; }
    std::size_t kept() const {
        std::size_t count = 0;
        for (std::size_t i = 0; i < places_.size(); ++i)
            count += is_kept(i);
        return count;
    }
    // The slabs that have kept ones, or that have others.
    std::set<std::uint32_t> slabs_of(bool kept) const {
        std::set<std::uint32_t> found;
        for (std::size_t i = 0; i < places_.size(); ++i) {
            if (is_kept(i) == kept) found.insert(places_[i].slab);
        }
        return found;
    }

private:
    // Of the stack there is nothing left to look at when its slab went back.
    struct place {
        const char* top;
        std::uint32_t slab;
    };
    std::vector<place> places_;
    std::vector<stack*> held_;
};

INSTANTIATE_TEST_SUITE_P(size_class, stack_decay,
                         testing::Values(stack::default_class, class_for(std::size_t{1} << 20)));

TEST_P(stack_decay, gives_an_eighth_of_the_unneeded_back_at_a_time) {
    fill(1'000);
    for (std::size_t left = 1'000; left > little;) {
        left = less_an_eighth(left);
        decay();
        ASSERT_EQ(kept(), left);
    }
}

TEST_P(stack_decay, a_few_stay) {
    fill(little + 1);
    decay();
    const std::size_t left = less_an_eighth(little + 1);
    EXPECT_EQ(kept(), left);
    for (int i = 0; i < 10; ++i)
        decay();
    EXPECT_EQ(kept(), left);
}

// What went out since the last call, if only for a moment, counts as needed; an eighth of the others goes.
TEST_P(stack_decay, what_was_needed_meanwhile_stays) {
    fill(500);
    give(take(300));
    decay();
    EXPECT_EQ(kept(), 500 - 200 / 8);
    give(take(475 - little));
    decay();
    EXPECT_EQ(kept(), 475U) << "too few were not needed";
    decay();
    EXPECT_EQ(kept(), less_an_eighth(475)) << "the need was before the last call";
}

TEST_P(stack_decay, what_comes_back_was_not_unneeded) {
    fill(200);
    const auto out = take(150);
    decay();
    give(out);
    decay();
    EXPECT_EQ(kept(), 200U) << "50 were there all the time, which are few";
    decay();
    EXPECT_EQ(kept(), less_an_eighth(200));
}

TEST_P(stack_decay, the_highest_slabs_give_first) {
    fill(600);
    ASSERT_GT(slabs_of(true).size(), 1U);
    for (int i = 0; i < 5; ++i) {
        decay();
        const auto giving = slabs_of(false), keeping = slabs_of(true);
        EXPECT_LE(*keeping.rbegin(), *giving.begin()) << "one at most has given only some";
    }
}

// One of which no stack is in use: then it is as if none had been carved from it.
TEST_P(stack_decay, a_slab_goes_back_as_a_whole) {
    constexpr std::size_t count = 600;
    fill(count, false);
    const auto before = slabs_of(true);
    const std::size_t made = stats().made;
    decay();
    const std::size_t gone = count - kept();
    EXPECT_GE(gone, count / 8);
    EXPECT_EQ(stats().made, made - gone);
    const auto keeping = slabs_of(true), giving = slabs_of(false);
    EXPECT_EQ(keeping.size() + giving.size(), before.size()) << "none has given only some";
    EXPECT_LT(*keeping.rbegin(), *giving.begin());
}

} // namespace
} // namespace sennit::stack_pool
