// select: waits for several things at once, and does exactly one of them.
//
// The typed cases stand in select_case.hpp; how one of them is decided, in select_core.hpp.
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
#include <sennit/sync/select_case.hpp>
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
        detail::select_core& core = core_.emplace(scratch_.data(), sizeof...(Cases), in_order_);
        std::uint32_t index = 0;
        const auto add = [&]<class Case>(Case& one) {
            if constexpr (Case::is_of_channel) {
                core.add_channel(one, index++);
            } else {
                core.add_other(one, index++);
            }
        };
        std::apply([&](auto&... each) { (add(each), ...); }, cases_);
    }

    std::tuple<Cases...> cases_;
    const bool in_order_;
    std::array<detail::select_case*, 3 * sizeof...(Cases)> scratch_;
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
