// What is lost when a future is dropped before it is ready: its cancel-safety class.
//
// A future says so with a static member `cancel_class`. `select` and `when_any` drop the futures that lose, and in
// a loop they do so again and again; so they look at the class and refuse what would lose progress in silence.
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

namespace sennit {

/// The classes, from harmless to harmful. Source: R-SEL-6, X-4.
enum class cancel_safety : std::uint8_t {
    /// Dropping it and trying again later is as if it had never been tried.
    lossless,
    /// Nothing is lost but a place in a queue: whoever tries again starts at its end.
    loses_place,
    /// Unknown, as for a coroutine task: what it did so far stays done, and its frame is destroyed.
    unknown,
    /// A part of the work may be done and nobody learns how much: bytes written, values taken.
    loses_progress,
};

/// The class of a future's type: its `cancel_class`, or `unknown` when it states none.
///
/// ```cpp
/// static_assert(sennit::cancel_safety_of<sennit::event_future> != sennit::cancel_safety::loses_progress);
/// ```
template<class F>
inline constexpr cancel_safety cancel_safety_of = [] {
    if constexpr (requires { std::remove_cvref_t<F>::cancel_class; }) {
        return std::remove_cvref_t<F>::cancel_class;
    } else {
        return cancel_safety::unknown;
    }
}();

/// Wraps a future of the class `loses_progress` so that `select` and `when_any` take it: the caller knows that
/// the work is given up for good when another case wins.
///
/// ```cpp
/// struct half_done {
///     static constexpr auto cancel_class = sennit::cancel_safety::loses_progress;
///     sennit::poll<int> poll(sennit::context&) { return 1; }
/// };
/// auto wrapped = sennit::abandonable(half_done{});
/// static_assert(sennit::cancel_safety_of<decltype(wrapped)> == sennit::cancel_safety::unknown);
/// ```
template<class F>
class [[nodiscard]] abandonable {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::unknown;

    explicit abandonable(F f) : future_(std::move(f)) {}
    decltype(auto) poll(auto& cx) { return future_.poll(cx); }

private:
    F future_;
};

} // namespace sennit
