// select: waits for several things at once, and does exactly one of them.
//
// This file holds the typed cases and the two verbs; how a case is decided stands in select_core.hpp. A case owns what
// it needs while the select waits: the value to send, the slot for the one received, the future, the handler. A case made
// from a channel's handle, or from a future, that is an lvalue refers to it; made from an rvalue it owns it.
//
// What is evaluated (G-SEL-1): all operands, once, in the order of the program, when the cases are made, also of
// those that are not chosen. Handlers are called by the poll that finds the decision, when all other cases are out of their
// queues and all other futures are destroyed.
#pragma once

#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/stop_watch.hpp>
#include <sennit/core/time_limit.hpp>
#include <sennit/core/time_wait.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/sync/channel.hpp>
#include <sennit/sync/select_core.hpp>

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sennit {

/// The type of `biased`.
struct biased_t {
    explicit biased_t() = default;
};
/// As the first argument of a select: among several that are ready, the first is chosen.
///
/// ```cpp
/// auto urgent = sennit::make_chan<int>(1), other = sennit::make_chan<int>(1);
/// other.send(1);
/// urgent.send(1);
/// const std::size_t which = sennit::select(sennit::biased, sennit::on_recv(urgent), sennit::on_recv(other));  // 0
/// ```
/// Source: R-SEL-1.
inline constexpr biased_t biased{};

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

/// Satisfied by what `on_recv`, `on_send`, `on`, `on_timeout`, `on_stop` and `otherwise` return.
///
/// ```cpp
/// static_assert(sennit::select_alternative<decltype(sennit::on_timeout(std::chrono::seconds(1)))>);
/// ```
template<class C>
concept select_alternative = std::derived_from<std::remove_cvref_t<C>, detail::select_case>;

namespace detail {

template<class C>
concept channel_receiver = requires(const std::remove_cvref_t<C>& c) {
    typename std::remove_cvref_t<C>::value_type;
    { c.async_recv() } -> std::same_as<recv_future<typename std::remove_cvref_t<C>::value_type>>;
};
template<class C>
concept channel_sender = requires(const std::remove_cvref_t<C>& c) {
    typename std::remove_cvref_t<C>::value_type;
    requires std::derived_from<std::remove_cvref_t<C>,
                               channel_handle<typename std::remove_cvref_t<C>::value_type>>;
    c.close();
};

// The handle, if the case has to keep it.
template<class C>
channel_reference owner_of(C&& c) noexcept {
    if constexpr (std::is_lvalue_reference_v<C>) {
        return {};
    } else {
        return std::move(c).reference();
    }
}

template<class F>
inline constexpr bool is_otherwise = false;
template<class Fn>
inline constexpr bool is_otherwise<otherwise_case<Fn>> = true;

} // namespace detail

/// A case of any future: `f` is called with its value, if it has one. Given as an lvalue the future is referred to, is
/// still there when another case wins, and may be selected again. A future of the class `cancel_safety::loses_progress`
/// is accepted only as an lvalue or wrapped in `abandonable`.
///
/// ```cpp
/// sennit::event done;
/// done.set();
/// sennit::select(sennit::on(done.async_wait(), [] { std::puts("done"); }),
///                sennit::on_timeout(std::chrono::seconds(1), [] { std::puts("late"); }));
/// ```
template<future F, class Fn = detail::no_handler>
[[nodiscard]] future_case<F, std::decay_t<Fn>> on(F&& future, Fn&& f = {}) {
    return {std::forward<F>(future), std::forward<Fn>(f)};
}

/// A case that receives. `f` is called with a `std::optional<T>`, empty when the channel is closed and drained. A nil
/// channel is never ready. Anything else with an `async_recv()` is accepted too: then `f` gets what that yields.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// c.send(7);
/// sennit::select(sennit::on_recv(c, [](std::optional<int> v) { std::printf("%d\n", v.value_or(0)); }));
/// ```
/// Source: G-SEL-2, G-SEL-5.
template<class C, class Fn = detail::no_handler>
[[nodiscard]] auto on_recv(C&& source, Fn&& f = {}) {
    if constexpr (detail::channel_receiver<C>) {
        detail::channel_core* core = source.core();
        return recv_case<typename std::remove_cvref_t<C>::value_type, std::decay_t<Fn>>(
            core, detail::owner_of(std::forward<C>(source)), std::forward<Fn>(f));
    } else {
        static_assert(std::is_lvalue_reference_v<C>, "the receiver has to outlive the select");
        return on(source.async_recv(), std::forward<Fn>(f));
    }
}

/// A case that sends `value`, which the case holds: it is destroyed with the case when another one wins. `f` is called
/// when it was sent. Throws `channel_error` from the select when the channel is closed. A nil channel is never ready.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// sennit::select(sennit::on_send(c, 42, [] { std::puts("sent"); }), sennit::otherwise());
/// ```
/// Source: G-SEL-1, G-SEL-5, G-SEL-7.
template<detail::channel_sender C, class V, class Fn = detail::no_handler>
    requires std::constructible_from<typename std::remove_cvref_t<C>::value_type, V>
[[nodiscard]] auto on_send(C&& channel, V&& value, Fn&& f = {}) {
    using T = typename std::remove_cvref_t<C>::value_type;
    detail::channel_core* core = channel.core();
    return send_case<T, std::decay_t<Fn>>(core, detail::owner_of(std::forward<C>(channel)),
                                          T(std::forward<V>(value)), std::forward<Fn>(f));
}

/// A case that is ready when `d` has passed since the select began to wait. What is ready beats the clock.
///
/// ```cpp
/// sennit::select(sennit::on_timeout(std::chrono::milliseconds(1), [] { std::puts("late"); }));
/// ```
template<class Rep, class Period, class Fn = detail::no_handler>
[[nodiscard]] timeout_case<std::decay_t<Fn>> on_timeout(std::chrono::duration<Rep, Period> d,
                                                        Fn&& f = {}) {
    return {detail::limit_of(d), std::forward<Fn>(f)};
}
/// The same at a point of the steady or of the system clock.
template<class Clock, class Duration, class Fn = detail::no_handler>
    requires detail::is_known_clock<Clock>
[[nodiscard]] timeout_case<std::decay_t<Fn>> on_timeout(std::chrono::time_point<Clock, Duration> t,
                                                        Fn&& f = {}) {
    return {detail::limit_of(t), std::forward<Fn>(f)};
}

/// A case that is ready when `token` is stopped.
///
/// ```cpp
/// std::stop_source source;
/// source.request_stop();
/// sennit::select(sennit::on_stop(source.get_token(), [] { std::puts("stopped"); }));
/// ```
template<class Fn = detail::no_handler>
[[nodiscard]] stop_case<std::decay_t<Fn>> on_stop(std::stop_token token, Fn&& f = {}) {
    return {std::move(token), std::forward<Fn>(f)};
}

/// The case for when no other is ready: the select does not wait. The channels are looked at in one moment.
///
/// ```cpp
/// auto c = sennit::make_chan<int>();
/// sennit::select(sennit::on_recv(c), sennit::otherwise([] { std::puts("nobody sends"); }));
/// ```
/// Source: G-SEL-4.
template<class Fn = detail::no_handler>
[[nodiscard]] otherwise_case<std::decay_t<Fn>> otherwise(Fn&& f = {}) {
    return otherwise_case<std::decay_t<Fn>>(std::forward<Fn>(f));
}

/// The future of `async_select`. Yields the index of the case that fired, when its handler is done.
///
/// Dropping it withdraws every case. A value that was granted to it goes back to its channel; one that was already taken
/// from it stays sent.
///
/// ```cpp
/// auto c = sennit::make_chan<int>(1);
/// auto selecting = sennit::async_select(sennit::on_recv(c), sennit::on_timeout(std::chrono::seconds(1)));
/// c.send(1);
/// const std::size_t which = sennit::wait(selecting);  // 0
/// ```
template<select_alternative... Cases>
class [[nodiscard]] select_future {
    static_assert((0 + ... + int{detail::is_otherwise<std::remove_cvref_t<Cases>>}) <= 1,
                  "a select has at most one otherwise()");

public:
    static constexpr cancel_safety cancel_class =
        ((std::remove_cvref_t<Cases>::continues ||
          std::remove_cvref_t<Cases>::cancel_class == cancel_safety::unknown) ||
         ...)
            ? cancel_safety::unknown
            : cancel_safety::loses_place;

    explicit select_future(bool in_order, Cases&&... cases)
        : cases_(std::forward<Cases>(cases)...), in_order_(in_order) {}
    select_future(select_future&& other)
        : cases_(std::move(other.cases_)), in_order_(other.in_order_) {
        SENNIT_DEBUG_ASSERT(!other.core_, "a future is moved after it was polled");
    }
    select_future& operator=(select_future&&) = delete;
    ~select_future() {
        if (core_) core_->leave();
    }

    sennit::poll<std::size_t> poll(context& cx) {
        if (!core_) start();
        if (!core_->poll(cx)) return pending;
        return core_->fired();
    }

private:
    void start() {
        std::apply([this](auto&... each) { pointers_ = {&each...}; }, cases_);
        core_.emplace(std::span<detail::select_case*>(pointers_.data(), sizeof...(Cases)),
                      scratch_.data(), in_order_);
    }

    std::tuple<Cases...> cases_;
    const bool in_order_;
    std::array<detail::select_case*, sizeof...(Cases)> pointers_;
    std::array<std::uint32_t, 3 * sizeof...(Cases)> scratch_;
    std::optional<detail::select_core> core_;
};

/// A future that waits for the cases and does exactly one of them: see `select`. A handler may return a future, a task
/// for example, which is then polled to its end as a part of this one.
///
/// ```cpp
/// sennit::task<void> relay(sennit::recv_chan<int> in, sennit::send_chan<int> out) {
///     co_await sennit::async_select(
///         sennit::on_recv(in, [&](std::optional<int> v) { return out.async_send(v.value_or(0)); }),
///         sennit::on_timeout(std::chrono::seconds(1)));
/// }
/// ```
template<select_alternative... Cases>
select_future<Cases...> async_select(Cases&&... cases) {
    return select_future<Cases...>(false, std::forward<Cases>(cases)...);
}
/// The same, preferring earlier cases.
template<select_alternative... Cases>
select_future<Cases...> async_select(biased_t, Cases&&... cases) {
    return select_future<Cases...>(true, std::forward<Cases>(cases)...);
}

/// Waits until one of the cases is ready, does it, calls its handler and returns its index. Of several that are ready
/// one is chosen at random, with equal chances; after `biased`, the first. With `otherwise` it never waits. A case that
/// is disabled (`.when(false)`), or whose channel is nil, is never ready; with no case at all it waits for ever.
///
/// Handlers run in the calling flow, when every other case is withdrawn. What a handler throws passes through, as does
/// `stopped` when the flow is asked to stop before a case was ready.
///
/// ```cpp
/// auto numbers = sennit::make_chan<int>();
/// auto results = sennit::make_chan<int>(1);
/// const std::size_t which = sennit::select(
///     sennit::on_recv(numbers, [](std::optional<int> v) { std::printf("%d\n", v.value_or(-1)); }),
///     sennit::on_send(results, 42, [] { std::puts("sent"); }),
///     sennit::on_timeout(std::chrono::seconds(1), [] { std::puts("late"); }));  // 1
/// ```
/// Cost: O(cases); the lock of each channel once or twice. Nothing is allocated but boxes.
/// Source: G-SEL-1 to G-SEL-11, R-SEL-1 to R-SEL-5.
template<select_alternative... Cases>
std::size_t select(Cases&&... cases) {
    return wait(select_future<Cases&...>(false, cases...)); // they stay where they are
}
/// The same, preferring earlier cases.
template<select_alternative... Cases>
std::size_t select(biased_t, Cases&&... cases) {
    return wait(select_future<Cases&...>(true, cases...));
}

} // namespace sennit
