// The typed cases of a select.
//
// A case owns what it needs while the select waits: the value to send, the slot for the one received, the future, the
// handler. A case made from a channel's handle, or from a future, that is an lvalue refers to it; made from an rvalue it owns
// it. How a case is decided stands in select_core.hpp.
#pragma once

#include <sennit/core/future.hpp>
#include <sennit/core/stop_watch.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/time_wait.hpp>
#include <sennit/sync/channel_future.hpp>
#include <sennit/sync/select_core.hpp>

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <type_traits>
#include <utility>

namespace sennit {

namespace detail {

struct no_handler {
    template<class... Args>
    void operator()(Args&&...) const noexcept {}
};

// Calls a handler with the value, or without when it takes none.
template<class Fn, class... Args>
decltype(auto) call_handler(Fn& f, Args&&... args) {
    if constexpr (requires { f(std::forward<Args>(args)...); }) {
        return f(std::forward<Args>(args)...);
    } else if constexpr (std::invocable<Fn&, Args...>) { // a pointer to a member
        return std::apply(f, std::forward_as_tuple(std::forward<Args>(args)...));
    } else {
        static_assert(std::invocable<Fn&>,
                      "the handler takes neither the case's value nor nothing");
        return f();
    }
}

// A case with a handler that is called with Args. What it returns is dropped, unless it is a future: that is polled
// to its end as a part of the select.
template<class Fn, class... Args>
class handled_case : public select_case {
    using returned = decltype(call_handler(std::declval<Fn&>(), std::declval<Args>()...));

public:
    static constexpr bool continues = future<returned>;
    static constexpr bool is_of_channel = false;

    handled_case(kind what, channel_core* core, bool enabled, Fn f)
        : select_case(what, core, enabled), handler_(std::move(f)) {}
    handled_case(handled_case&&) = default;

    bool poll_handler(context& cx) final {
        if constexpr (continues) {
            return continuation_->poll(cx).is_ready();
        } else {
            return true;
        }
    }

protected:
    bool call(context& cx, Args... args) {
        if constexpr (continues) {
            continuation_.emplace(call_handler(handler_, std::forward<Args>(args)...));
            return poll_handler(cx);
        } else {
            (void)cx;
            (void)call_handler(handler_, std::forward<Args>(args)...);
            return true;
        }
    }

private:
    struct empty {};

    [[no_unique_address]] Fn handler_;
    [[no_unique_address]] std::conditional_t<
        continues, std::optional<std::remove_cvref_t<returned>>, empty> continuation_;
};

// What is common to the cases: preconditions.
template<class Case>
class with_condition {
public:
    /// The case, disabled unless `condition` holds: as a nil channel it is never ready.
    Case when(bool condition) && {
        auto& self = static_cast<Case&>(*this);
        self.enable_case_if(condition);
        return std::move(self);
    }
};

} // namespace detail

/// A case that receives from a channel; made by `on_recv`.
template<class T, class Fn>
class recv_case final : public detail::handled_case<Fn, std::optional<T>>,
                        public detail::with_condition<recv_case<T, Fn>> {
    using base = detail::handled_case<Fn, std::optional<T>>;
    using cell_type = detail::channel_cell<T>;
    using stage = detail::channel_waiter::stage;

public:
    static constexpr bool is_of_channel = true;
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    recv_case(detail::channel_core* core, detail::channel_reference owner, Fn f)
        : base(detail::select_case::kind::receive, core, core != nullptr, std::move(f)),
          owner_(std::move(owner)) {
        this->cell = room_.address();
    }
    recv_case(recv_case&& other) : base(std::move(other)), owner_(std::move(other.owner_)) {
        this->cell = room_.address();
    }

    bool fire(context& cx) override {
        std::optional<T> value;
        if (this->look() == stage::done) {
            this->at.store(stage::idle, std::memory_order_relaxed); // its owner's again
            const detail::cell_guard<cell_type> at_end{*room_};
            value.emplace(detail::in_cell<T>(*room_));
        }
        return this->call(cx, std::move(value));
    }

private:
    friend detail::with_condition<recv_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }

    detail::channel_reference owner_; // nil when the handle was an lvalue
    detail::cell_room<cell_type> room_;
};

/// A case that sends to a channel; made by `on_send`.
template<class T, class Fn>
class send_case final : public detail::handled_case<Fn>,
                        public detail::with_condition<send_case<T, Fn>> {
    using base = detail::handled_case<Fn>;
    using cell_type = detail::channel_cell<T>;
    using stage = detail::channel_waiter::stage;

public:
    static constexpr bool is_of_channel = true;
    static constexpr cancel_safety cancel_class = cancel_safety::loses_place;

    send_case(detail::channel_core* core, detail::channel_reference owner, T&& value, Fn f)
        : base(detail::select_case::kind::send, core, core != nullptr, std::move(f)),
          owner_(std::move(owner)) {
        ::new (room_.address()) cell_type(detail::to_cell<T>(std::move(value)));
        this->cell = room_.address();
    }
    send_case(send_case&& other) : base(std::move(other)), owner_(std::move(other.owner_)) {
        ::new (room_.address()) cell_type(std::move(*other.room_));
        this->cell = room_.address();
    }
    ~send_case() override {
        if (this->look() != stage::done) (*room_).~cell_type();
    }

    bool fire(context& cx) override {
        if (this->look() == stage::closed)
            throw channel_error(channel_error::cause::send_on_closed);
        return this->call(cx);
    }

private:
    friend detail::with_condition<send_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }

    detail::channel_reference owner_; // nil when the handle was an lvalue
    detail::cell_room<cell_type> room_;
};

namespace detail {

template<class Fn, class T>
struct future_case_base {
    using type = handled_case<Fn, T>;
};
template<class Fn>
struct future_case_base<Fn, void> {
    using type = handled_case<Fn>;
};

// A future that is owned, when F is an object type, or referred to.
template<class F>
class selected_future {
public:
    explicit selected_future(F&& f) : future_(std::in_place, std::move(f)) {}
    F& operator*() noexcept { return *future_; }
    void reset() noexcept { future_.reset(); }

private:
    std::optional<F> future_;
};
template<class F>
class selected_future<F&> {
public:
    explicit selected_future(F& f) noexcept : future_(&f) {}
    F& operator*() noexcept { return *future_; }
    void reset() noexcept {}

private:
    F* future_;
};

} // namespace detail

/// A case of any future; made by `on`.
template<class F, class Fn>
class future_case final : public detail::future_case_base<Fn, future_output_t<F>>::type,
                          public detail::with_condition<future_case<F, Fn>> {
    using output = future_output_t<F>;
    using base = typename detail::future_case_base<Fn, output>::type;

    static_assert(
        std::is_lvalue_reference_v<F> || cancel_safety_of<F> != cancel_safety::loses_progress,
        "when another case wins this future is dropped, and what it has done so far is lost in "
        "silence. Select on an lvalue of it, which stays as it is, or say that this is what you "
        "want: on(abandonable(future), handler)");

public:
    static constexpr cancel_safety cancel_class =
        std::is_lvalue_reference_v<F> ? cancel_safety::lossless : cancel_safety_of<F>;

    future_case(F&& f, Fn handler)
        : base(detail::select_case::kind::future, nullptr, true, std::move(handler)),
          future_(std::forward<F>(f)) {}
    future_case(future_case&&) = default;

    bool poll(context& cx) override {
        auto answer = (*future_).poll(cx);
        if (!answer.is_ready()) return false;
        answer_.emplace(std::move(answer));
        return true;
    }
    void drop() noexcept override { future_.reset(); }
    bool fire(context& cx) override {
        if constexpr (std::is_void_v<output>) {
            return this->call(cx);
        } else {
            sennit::poll<output> answer = std::move(*answer_);
            return this->call(cx, std::move(answer).take());
        }
    }

private:
    friend detail::with_condition<future_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }

    detail::selected_future<F> future_;
    std::optional<sennit::poll<output>> answer_;
};

/// A case that is ready when a time has passed; made by `on_timeout`.
template<class Fn>
class timeout_case final : public detail::handled_case<Fn>,
                           public detail::with_condition<timeout_case<Fn>> {
    using base = detail::handled_case<Fn>;

public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    timeout_case(detail::time_limit limit, Fn f)
        : base(detail::select_case::kind::bound, nullptr, true, std::move(f)), limit_(limit) {}
    timeout_case(timeout_case&& other) : base(std::move(other)), limit_(other.limit_) {}

    bool poll(context& cx) override {
        if (!clock_) clock_.emplace(limit_);
        return clock_->poll(cx);
    }
    void drop() noexcept override { clock_.reset(); }
    bool fire(context& cx) override { return this->call(cx); }

private:
    friend detail::with_condition<timeout_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }

    detail::time_limit limit_;
    std::optional<detail::time_wait> clock_;
};

/// A case that is ready when a token is stopped; made by `on_stop`.
template<class Fn>
class stop_case final : public detail::handled_case<Fn>,
                        public detail::with_condition<stop_case<Fn>> {
    using base = detail::handled_case<Fn>;

public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    stop_case(std::stop_token token, Fn f)
        : base(detail::select_case::kind::stop, nullptr, true, std::move(f)),
          token_(std::move(token)) {}
    stop_case(stop_case&& other) : base(std::move(other)), token_(std::move(other.token_)) {}

    bool glance() override { return token_.stop_requested(); }
    bool poll(context& cx) override {
        if (!watch_) watch_.emplace(token_);
        return watch_->poll(cx);
    }
    void drop() noexcept override { watch_.reset(); }
    bool fire(context& cx) override { return this->call(cx); }

private:
    friend detail::with_condition<stop_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }

    std::stop_token token_;
    std::optional<detail::stop_watch> watch_;
};

/// The case for when no other is ready; made by `otherwise`.
template<class Fn>
class otherwise_case final : public detail::handled_case<Fn>,
                             public detail::with_condition<otherwise_case<Fn>> {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit otherwise_case(Fn f)
        : detail::handled_case<Fn>(detail::select_case::kind::otherwise, nullptr, true,
                                   std::move(f)) {}
    otherwise_case(otherwise_case&&) = default;

    bool fire(context& cx) override { return this->call(cx); }

private:
    friend detail::with_condition<otherwise_case>;
    void enable_case_if(bool condition) noexcept { this->enable_if(condition); }
};

} // namespace sennit
