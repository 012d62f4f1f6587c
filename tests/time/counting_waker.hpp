// A context for polling futures by hand, which counts the wakes.
#pragma once

#include <sennit/core/future.hpp>
#include <sennit/core/wake_callback.hpp>

#include <atomic>

namespace sennit::test {

class counting_waker {
public:
    template<future F>
    auto poll(F& f) {
        // A wake from here on is counted. An earlier one that was not awaited is consumed.
        if (!armed_.exchange(true, std::memory_order_acq_rel)) {
            while (!callback_.rearm()) {}
        }
        return f.poll(callback_.context());
    }
    template<future F>
    bool is_ready(F& f) {
        return poll(f).is_ready();
    }
    // Between two polls several count as one.
    int wakes() const { return wakes_.load(std::memory_order_relaxed); }

private:
    std::atomic<int> wakes_{0};
    std::atomic<bool> armed_{false};
    wake_callback callback_{[this] {
        wakes_.fetch_add(1, std::memory_order_relaxed);
        armed_.store(false, std::memory_order_release); // pairs with poll()
    }};
};

} // namespace sennit::test
