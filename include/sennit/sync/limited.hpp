// A future that is given up when a token is stopped or a moment comes: the bounded forms of every
// lock are this around the plain one.
//
// The inner future is polled first, so what is ready beats the clock and the token. When it is
// given up it is destroyed before the answer is seen, and whatever was granted to it passes on.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/stop_watch.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/time_wait.hpp>
#include <sennit/core/wait.hpp>

#include <expected>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

// A moment, a token, both or neither. The limit counts from the first poll that has to wait.
struct wait_limits {
    std::stop_token token = {};
    std::optional<time_limit> limit = {};
};

// Not a result: wait() lets a stop request of the flow itself throw, so that nobody takes it for a
// timeout and tries again for ever. The error is errc::stopped or errc::timed_out.
template<class T>
using limited = std::expected<T, errc>;

template<future F>
class [[nodiscard]] limited_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety_of<F>;

    using value = future_output_t<F>;

    limited_future(F f, wait_limits limits)
        : future_(std::in_place, std::move(f)), limits_(std::move(limits)) {}
    // Before the first poll only, as every future.
    limited_future(limited_future&& other)
        : future_(std::move(other.future_)), limits_(std::move(other.limits_)) {}
    limited_future& operator=(limited_future&&) = delete;

    sennit::poll<limited<value>> poll(context& cx) {
        auto answer = future_->poll(cx);
        if (answer.is_ready()) {
            if constexpr (std::is_void_v<value>) {
                return limited<value>();
            } else {
                return limited<value>(std::move(answer).take());
            }
        }
        if (limits_.token.stop_possible()) {
            if (!watch_) watch_.emplace(limits_.token);
            if (watch_->poll(cx)) return give_up(errc::stopped);
        }
        if (limits_.limit) {
            if (!clock_) clock_.emplace(*limits_.limit);
            if (clock_->poll(cx)) return give_up(errc::timed_out);
        }
        return pending;
    }

private:
    limited<value> give_up(errc why) {
        future_.reset();
        return std::unexpected(why);
    }

    std::optional<F> future_;
    wait_limits limits_;
    std::optional<stop_watch> watch_;
    std::optional<time_wait> clock_;
};

// True when `f` was ready in time; `keep` is told its value.
template<future F>
bool wait_within(F f, wait_limits limits) {
    auto answer = sennit::wait(limited_future<F>(std::move(f), std::move(limits)));
    if (!answer) return false;
    if constexpr (requires { answer->release(); }) answer->release();
    return true;
}

} // namespace detail

/// The future of the forms with a `std::stop_token`: a `result` of what the plain form yields, or
/// `errc::stopped` when the token is stopped first.
template<future F>
class [[nodiscard]] stoppable_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety_of<F>;

    using output = result<future_output_t<F>>;

    stoppable_future(F f, std::stop_token token, const char* operation)
        : inner_(std::move(f), {.token = std::move(token)}), operation_(operation) {}

    sennit::poll<output> poll(context& cx) {
        auto answer = inner_.poll(cx);
        if (!answer.is_ready()) return pending;
        auto value = std::move(answer).take();
        if (!value) return output(std::unexpect, error(value.error(), operation_));
        if constexpr (std::is_void_v<future_output_t<F>>) {
            return output();
        } else {
            return output(std::move(*value));
        }
    }

private:
    detail::limited_future<F> inner_;
    const char* operation_;
};

} // namespace sennit
