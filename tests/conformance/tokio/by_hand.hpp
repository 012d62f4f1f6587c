// A future that a test polls itself, step by step: is it pending, and was it woken since?
#pragma once

#include "core/support.hpp"

#include <utility>

namespace sennit::test {

/// Drives one future, which must outlive it.
///
/// ```cpp
/// event e;
/// event_future f = e.async_wait();
/// test::by_hand hand(f);
/// bool waits = hand.is_pending();  // true
/// e.set();
/// bool woken = hand.is_woken();    // true
/// hand.take();
/// ```
template<future F>
class by_hand {
public:
    explicit by_hand(F& f) : future_(f) {}

    /// Polls it; from now on only later wakes count.
    bool is_pending() {
        arm();
        answer_ = driver_.poll(future_);
        return !answer_.is_ready();
    }
    bool is_woken() const { return driver_.wakes() > seen_; }
    /// The value that the last poll found, or one more finds.
    future_output_t<F> take() {
        if (!answer_.is_ready()) answer_ = driver_.poll(future_);
        SENNIT_ASSERT(answer_.is_ready(), "the test expects a future that is ready");
        return std::exchange(answer_, pending).take();
    }

private:
    void arm() {
        if (is_armed_ && !is_woken()) return;
        while (!driver_.rearm()) {} // false once: a wake before the last poll
        is_armed_ = true;
        seen_ = driver_.wakes();
    }

    F& future_;
    test_support::driver driver_;
    sennit::poll<future_output_t<F>> answer_ = pending;
    int seen_ = 0;
    bool is_armed_ = false;
};

} // namespace sennit::test
