// What combinators hold: futures that are owned or referred to, and the values of futures of every kind.
#pragma once

#include <sennit/core/future.hpp>

#include <functional>
#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace sennit::detail {

// A future's output as something that can be stored.
template<class T>
struct stored {
    using type = T;
};
template<>
struct stored<void> {
    using type = std::monostate;
};
template<class T>
struct stored<T&> {
    using type = std::reference_wrapper<T>;
};
template<class T>
using stored_t = typename stored<T>::type;
template<class F>
using stored_output_t = stored_t<future_output_t<F>>;

// Takes the value of an answer that is ready.
template<class T>
stored_t<T> take_stored(poll<T>&& answer) {
    if constexpr (std::is_void_v<T>) {
        return {};
    } else {
        return std::move(answer).take();
    }
}
template<class T>
void take_into(std::optional<stored_t<T>>& place, poll<T>&& answer) {
    place.emplace(take_stored(std::move(answer)));
}

// A future given as an rvalue is owned, one given as an lvalue is referred to and must live as long as the holder.
template<class F>
class held_future {
public:
    explicit held_future(F&& f) : future_(std::in_place, std::move(f)) {}
    F& operator*() noexcept { return *future_; }
    bool has_value() const noexcept { return future_.has_value(); }
    void reset() noexcept { future_.reset(); }

private:
    std::optional<F> future_;
};
template<class F>
class held_future<F&> {
public:
    explicit held_future(F& f) noexcept : future_(&f) {}
    F& operator*() noexcept { return *future_; }
    bool has_value() const noexcept { return future_ != nullptr; }
    void reset() noexcept { future_ = nullptr; }

private:
    F* future_;
};

} // namespace sennit::detail
