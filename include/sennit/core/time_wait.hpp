// Waiting for a moment, for layers that do not know the timers.
//
// `sync` and `time` are siblings, and a lock with a deadline needs both. So the waist declares the
// wait, as opaque storage for a `sleep_future`, and the layer that owns the timers defines it
// (src/time/time_wait.cpp).
#pragma once

#include <sennit/core/time_limit.hpp>
#include <sennit/core/waker.hpp>

#include <cstddef>

namespace sennit::detail {

class time_wait {
public:
    explicit time_wait(time_limit limit) noexcept;
    // Disarms; nothing of it is running then.
    ~time_wait();
    time_wait(const time_wait&) = delete;
    time_wait& operator=(const time_wait&) = delete;

    // True when the moment has come; else the waker of this context will be woken then.
    [[nodiscard]] bool poll(context& cx) noexcept;

private:
    alignas(8) std::byte sleep_[64];
};

} // namespace sennit::detail
