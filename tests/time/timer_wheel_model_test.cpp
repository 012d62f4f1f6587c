// The wheel against a model, a std::multimap ordered by tick and then by insertion: both must agree
// after every step of thousands of seeded programs.
#include <sennit/time/timer_wheel.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <list>
#include <map>
#include <random>
#include <vector>

namespace sennit {
namespace {

constexpr std::uint64_t never_ns = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t tick_ns = timer_wheel::tick_ns;
constexpr std::uint64_t never_tick = never_ns / tick_ns + 1;

constexpr std::uint64_t tick_of_deadline(std::uint64_t ns) {
    return ns / tick_ns + (ns % tick_ns != 0);
}

constexpr std::uint64_t ns_of_tick(std::uint64_t tick) {
    return tick >= never_tick ? never_ns : tick * tick_ns;
}

constexpr std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) {
    return a > never_ns - b ? never_ns : a + b;
}

// A wheel and its model, driven by one seed.
class program {
public:
    explicit program(std::uint64_t seed)
        : random_{seed},
          bits_max_{static_cast<unsigned>(8 + random_() % 57)},
          now_ns_{any_size()},
          now_tick_{now_ns_ / tick_ns},
          wheel_{now_ns_},
          timers_(1 + random_() % 40) {}

    ~program() {
        for (model_timer& timer : timers_) {
            wheel_.remove(timer);
        }
    }

    void run(int steps) {
        for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
            switch (random_() % 8) {
                case 0:
                case 1:
                case 2:
                    insert();
                    break;
                case 3:
                case 4:
                    remove();
                    break;
                case 5:
                case 6:
                    advance();
                    break;
                default:
                    pop();
            }
            check();
        }
        advance_to(never_ns);
        pop_rest();
    }

private:
    enum class where { idle, pending, expired };

    struct model_timer : timer_node {
        where state = where::idle;
        std::multimap<std::uint64_t, model_timer*>::iterator pending;
        std::list<model_timer*>::iterator expired;
    };

    // All magnitudes are equally likely.
    std::uint64_t any_size() {
        const auto bits = static_cast<unsigned>(random_() % (bits_max_ + 1));
        return bits == 0 ? 0 : random_() >> (64 - bits);
    }

    // Up to one tick and one nanosecond beside the next border of some level or slot.
    std::uint64_t beside_a_border() {
        const auto shift = static_cast<unsigned>(random_() % 51);
        const std::uint64_t border = ((now_tick_ >> shift) + 1) << shift;
        const std::uint64_t tick = border + random_() % 3 - 1;
        return add_saturated(ns_of_tick(tick), random_() % 3) - (tick != 0 ? random_() % 2 : 0);
    }

    std::uint64_t any_deadline() {
        switch (random_() % 8) {
            case 0:
                return beside_a_border();
            case 1:
                return pending_.empty() ? now_ns_ : ns_of_tick(pending_.begin()->first);
            case 2:
                return pending_.empty() ? now_ns_ : ns_of_tick(pending_.rbegin()->first);
            case 3:
                return now_ns_ - std::min(now_ns_, any_size());
            case 4:
                return random_() % 8 != 0 ? now_ns_ : random_() % 2 != 0 ? never_ns : 0;
            default:
                return add_saturated(now_ns_, any_size());
        }
    }

    void insert() {
        model_timer& timer = any_timer();
        if (timer.state != where::idle) {
            return;
        }
        const std::uint64_t deadline = any_deadline();
        wheel_.insert(timer, deadline);
        // A multimap keeps equal keys in the order of insertion, as the wheel promises to do.
        timer.pending = pending_.emplace(std::max(tick_of_deadline(deadline), now_tick_), &timer);
        timer.state = where::pending;
    }

    void remove() {
        model_timer& timer = any_timer();
        EXPECT_EQ(wheel_.remove(timer), timer.state != where::idle);
        EXPECT_FALSE(timer.is_linked());
        if (timer.state == where::pending) {
            pending_.erase(timer.pending);
        } else if (timer.state == where::expired) {
            expired_.erase(timer.expired);
        }
        timer.state = where::idle;
    }

    void advance() {
        switch (random_() % 8) {
            case 0:
                return advance_to(beside_a_border());
            case 1:
            case 2:
                return advance_to(
                    wheel_.next_deadline_ns() == never_ns ? now_ns_ : wheel_.next_deadline_ns());
            case 3:
                return advance_to(now_ns_ - std::min(now_ns_, any_size()));
            case 4:
                return advance_to(pending_.empty() ? now_ns_
                                                   : ns_of_tick(pending_.begin()->first) - 1);
            default:
                return advance_to(add_saturated(now_ns_, any_size()));
        }
    }

    void advance_to(std::uint64_t ns) {
        if (random_() % 4 != 0) {
            wheel_.advance(ns, due_);
        } else {
            while (!wheel_.advance_some(ns, due_, 1 + random_() % 8)) {
                remove();
            }
        }
        now_ns_ = std::max(now_ns_, ns);
        now_tick_ = now_ns_ / tick_ns;
        while (!pending_.empty() && pending_.begin()->first <= now_tick_) {
            model_timer* timer = pending_.begin()->second;
            pending_.erase(pending_.begin());
            timer->expired = expired_.insert(expired_.end(), timer);
            timer->state = where::expired;
        }
    }

    void pop() {
        timer_node* node = due_.pop_front();
        if (expired_.empty()) {
            EXPECT_EQ(node, nullptr);
            return;
        }
        EXPECT_EQ(node, expired_.front());
        EXPECT_FALSE(expired_.front()->is_linked());
        expired_.front()->state = where::idle;
        expired_.pop_front();
    }

    void pop_rest() {
        while (!expired_.empty() && !testing::Test::HasFailure()) {
            pop();
        }
        EXPECT_TRUE(testing::Test::HasFailure() || due_.empty());
    }

    void check() {
        ASSERT_EQ(wheel_.size(), pending_.size());
        ASSERT_EQ(due_.empty(), expired_.empty());
        const std::uint64_t next = wheel_.next_deadline_ns();
        if (pending_.empty()) {
            ASSERT_EQ(next, never_ns);
            return;
        }
        const std::uint64_t first_tick = pending_.begin()->first;
        ASSERT_LE(next, ns_of_tick(first_tick));
        if (pending_.size() <= timer_wheel::scan_max || first_tick / 128 == now_tick_ / 128) {
            ASSERT_EQ(next, ns_of_tick(first_tick));
        }
        // It names a tick that is still to come, unless something is due already.
        ASSERT_TRUE(next == never_ns || next / tick_ns > now_tick_ || first_tick == now_tick_);
        for (const model_timer& timer : timers_) {
            ASSERT_EQ(timer.is_linked(), timer.state != where::idle);
        }
    }

    model_timer& any_timer() { return timers_[random_() % timers_.size()]; }

    std::mt19937_64 random_;
    unsigned bits_max_;
    std::uint64_t now_ns_;
    std::uint64_t now_tick_;
    timer_wheel wheel_;
    timer_list due_;
    std::vector<model_timer> timers_;
    std::multimap<std::uint64_t, model_timer*> pending_;
    std::list<model_timer*> expired_;
};

TEST(timer_wheel_model, agrees_with_a_multimap_on_random_programs) {
    for (std::uint64_t seed = 0; seed < 4'000 && !HasFailure(); ++seed) {
        SCOPED_TRACE(testing::Message() << "seed " << seed);
        program{seed}.run(200);
    }
}

} // namespace
} // namespace sennit
