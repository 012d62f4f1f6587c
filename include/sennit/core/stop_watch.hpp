// Waiting for a std::stop_token, as one part of a future.
//
// The callback holds a copy of the waker that it wakes. A poll with another waker makes a new
// callback, and the old one's destructor waits until it is not running, so a wake never goes
// astray. `poll` looks at the token after the callback is in place: a stop before that is seen, one
// after it wakes.
#pragma once

#include <sennit/core/waker.hpp>

#include <optional>
#include <stop_token>
#include <utility>

namespace sennit::detail {

class stop_watch {
public:
    explicit stop_watch(std::stop_token token) noexcept : token_(std::move(token)) {}
    stop_watch(const stop_watch&) = delete;
    stop_watch& operator=(const stop_watch&) = delete;

    // True when the token is stopped; else the waker of this context will be woken then.
    [[nodiscard]] bool poll(context& cx) {
        if (token_.stop_requested()) return true;
        if (!token_.stop_possible()) return false;
        if (!callback_ || !waker_.will_wake(cx.waker())) {
            waker_ = cx.waker();
            callback_.emplace(token_, wake_flow{waker_});
        }
        return token_.stop_requested();
    }

private:
    struct wake_flow {
        waker target;
        void operator()() const noexcept { target.wake(); }
    };

    std::stop_token token_;
    waker waker_;
    std::optional<std::stop_callback<wake_flow>> callback_;
};

} // namespace sennit::detail
