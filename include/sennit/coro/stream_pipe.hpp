// What the adaptors of streams share: how they hold a source, and how `source | adaptor` becomes `adaptor(source)`.
#pragma once

#include <sennit/coro/stream.hpp>

#include <concepts>
#include <type_traits>
#include <utility>

namespace sennit::streams::detail {

using sennit::detail::next_future_t;
using sennit::detail::next_of;

// A source given as an rvalue is moved into the adaptor. Of a named one that is a handle, as the ends of channels are,
// the adaptor has a copy; any other, as a `stream`, is referred to and must outlive the adaptor.
template<class S>
using held_t = std::conditional_t<std::is_lvalue_reference_v<S> &&
                                      !std::copy_constructible<std::remove_cvref_t<S>>,
                                  S, std::remove_cvref_t<S>>;

// A second source on its way through `|`.
template<class S>
class held {
public:
    explicit held(S&& s) : source_(std::forward<S>(s)) {}
    held_t<S>&& get() && noexcept { return static_cast<held_t<S>&&>(source_); }

private:
    held_t<S> source_;
};

// The right side of `|`: a call that lacks its first argument.
template<class Call>
struct pipe {
    Call call;

    template<stream_like S>
    friend auto operator|(S&& s, pipe p) {
        return std::move(p.call)(std::forward<S>(s));
    }
};
template<class Call>
pipe(Call) -> pipe<Call>;

} // namespace sennit::streams::detail
