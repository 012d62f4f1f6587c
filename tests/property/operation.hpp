// One step of a random program: any future, behind a virtual poll, so that fibers, tasks and threads wait for the same
// one. What is done with its value is part of it; dropping it drops the future.
#pragma once

#include <sennit/core/future.hpp>
#include <sennit/sync/channel_error.hpp>
#include <sennit/time/timeout.hpp>

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit::test {

class operation {
public:
    virtual ~operation() = default;
    virtual sennit::poll<void> poll(context& cx) = 0;
};
using operation_ptr = std::unique_ptr<operation>;

template<future F, class Fn>
class operation_of final : public operation {
public:
    operation_of(F f, Fn then) : future_(std::move(f)), then_(std::move(then)) {}
    sennit::poll<void> poll(context& cx) override {
        auto answer = future_.poll(cx);
        if (!answer.is_ready()) return pending;
        if constexpr (std::is_void_v<future_output_t<F>>) {
            then_();
        } else {
            then_(std::move(answer).take());
        }
        return sennit::poll<void>::ready();
    }

private:
    F future_;
    Fn then_;
};
template<future F, class Fn>
operation_ptr make_operation(F f, Fn then) {
    return std::make_unique<operation_of<F, Fn>>(std::move(f), std::move(then));
}

// The same, over when the channel is closed.
class until_closed final : public operation {
public:
    explicit until_closed(operation_ptr inner) : inner_(std::move(inner)) {}
    sennit::poll<void> poll(context& cx) override {
        try {
            return inner_->poll(cx);
        } catch (const channel_error&) {
            return sennit::poll<void>::ready();
        }
    }

private:
    operation_ptr inner_;
};

// Polled a few times and dropped in the middle.
class given_up final : public operation {
public:
    given_up(operation_ptr inner, unsigned polls) : inner_(std::move(inner)), left_(polls) {}
    sennit::poll<void> poll(context& cx) override {
        if (inner_->poll(cx).is_ready() || --left_ == 0) {
            inner_.reset();
            return sennit::poll<void>::ready();
        }
        cx.yield();
        return pending;
    }

private:
    operation_ptr inner_;
    unsigned left_;
};

// Dropped when its time is over.
class timed final : public operation {
public:
    timed(operation_ptr inner, std::chrono::nanoseconds limit)
        : inner_(std::move(inner)), bound_(timeout(limit, *inner_)) {}
    sennit::poll<void> poll(context& cx) override {
        if (!bound_.poll(cx).is_ready()) return pending;
        inner_.reset();
        return sennit::poll<void>::ready();
    }

private:
    operation_ptr inner_;
    timeout_future<operation&> bound_;
};

// Waits for the right to be inside, stays for some turns, and leaves when it is ready or dropped. `Inside` counts.
template<future F, class Inside>
class stay final : public operation {
public:
    stay(F f, Inside& inside, std::uint64_t weight, unsigned turns)
        : waiting_(std::in_place, std::move(f)), inside_(inside), weight_(weight), turns_(turns) {}
    ~stay() override {
        if (held_) inside_.leave(weight_);
    }
    sennit::poll<void> poll(context& cx) override {
        if (!held_) {
            auto answer = waiting_->poll(cx);
            if (!answer.is_ready()) return pending;
            held_.emplace(std::move(answer).take());
            waiting_.reset();
            inside_.enter(weight_);
        }
        if (turns_ == 0) return sennit::poll<void>::ready();
        --turns_;
        cx.yield();
        return pending;
    }

private:
    std::optional<F> waiting_;
    Inside& inside_;
    const std::uint64_t weight_;
    unsigned turns_;
    std::optional<future_output_t<F>> held_; // destroyed first
};

} // namespace sennit::test
