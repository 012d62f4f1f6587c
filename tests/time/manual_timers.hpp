// Virtual time for tests on one thread: a driver whose clock stands still until it is told to go
// on, and that counts what is done with it.
#pragma once

#include <sennit/core/current.hpp>
#include <sennit/core/driver.hpp>
#include <sennit/time/timer_entry.hpp>
#include <sennit/time/timer_wheel.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace sennit::test {

// While it lives, the calling thread uses it for its timers.
class manual_timers final : public timer_driver {
public:
    static constexpr std::uint64_t start_ns = 1'000'000'000'000;

    manual_timers() : before_(detail::this_thread().timers) { detail::this_thread().timers = this; }
    ~manual_timers() override { detail::this_thread().timers = before_; }

    // Lets time pass and fires what became due.
    std::size_t pass(std::chrono::nanoseconds d) {
        now_ += static_cast<std::uint64_t>(d.count());
        return fire(now_, unlimited);
    }
    std::size_t armed() const { return wheel_.size(); }
    std::size_t inserted = 0;
    std::size_t removed = 0; // before they fired

    std::uint64_t now_ns() const noexcept override { return now_; }
    void insert(timer_node& node, std::uint64_t deadline_ns) noexcept override {
        ++inserted;
        wheel_.insert(node, deadline_ns);
    }
    void remove(timer_node& node) noexcept override { removed += wheel_.remove(node) ? 1 : 0; }
    std::uint64_t next_deadline_ns() const noexcept override { return wheel_.next_deadline_ns(); }
    void set_alarm(void (*)(void*) noexcept, void*) noexcept override {}
    std::size_t fire(std::uint64_t now_ns, std::size_t) noexcept override {
        std::size_t count = 0;
        timer_list due;
        wheel_.advance(now_ns, due);
        while (timer_node* node = due.pop_front()) {
            auto& entry = static_cast<timer_entry&>(*node);
            entry.fire(entry);
            ++count;
        }
        return count;
    }

private:
    timer_driver* const before_;
    std::uint64_t now_ = start_ns;
    timer_wheel wheel_{start_ns};
};

} // namespace sennit::test
