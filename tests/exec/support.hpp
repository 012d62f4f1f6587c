// A scheduler with threads for tests of the exec layer: no runtime around it.
#pragma once

#include "core/support.hpp"
#include <sennit/exec/scheduler.hpp>
#include <sennit/time/timer_queue.hpp>

#include <memory>
#include <utility>

namespace sennit::test_support {

class workers {
public:
    explicit workers(unsigned count, sennit::detail::scheduler_parts parts = {})
        : scheduler_(with_timers(std::move(parts)), count) {
        scheduler_.start_threads();
    }
    workers(const workers&) = delete;
    workers& operator=(const workers&) = delete;
    ~workers() {
        scheduler_.wait_drained(timer_driver::never);
        scheduler_.stop_threads();
    }

    sennit::detail::scheduler& scheduler() { return scheduler_; }
    template<class Fn>
    auto spawn(Fn f) {
        return spawn_on(scheduler_, std::move(f));
    }
    template<class Fn>
    void go(Fn f) {
        go_on(scheduler_, std::move(f));
    }
    void drain() { scheduler_.wait_drained(timer_driver::never); }

private:
    static sennit::detail::scheduler_parts with_timers(sennit::detail::scheduler_parts parts) {
        parts.make_timers = [] { return std::make_unique<timer_queue>(); };
        return parts;
    }

    sennit::detail::scheduler scheduler_;
};

} // namespace sennit::test_support
