// What a future answers when it is polled: pending, or ready with a value.
//
// A poll<T> is a short-lived return value: it is looked at once and taken apart. poll<void> says only
// whether, poll<T&> carries a reference.
#pragma once

#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

/// The type of `pending`.
struct pending_t {
    explicit pending_t() = default;
};

/// The answer "not yet": the future has put the context's waker where its event will find it.
inline constexpr pending_t pending{};

/// What a future answers to `poll(context&)`: `pending`, or ready with a `T`.
///
/// ```cpp
/// sennit::poll<int> p = 42;
/// if (p.is_ready()) std::printf("%d\n", std::move(p).take());
/// ```
/// Cost: that of `std::optional<T>`. Source: R-FUT-2.
template<class T>
class [[nodiscard]] poll {
public:
    using value_type = T;

    poll(pending_t) noexcept {}
    // The kinds that are refused come first: asked about itself, a T that is made of anything (std::any) asks back.
    template<class U = T>
        requires(!std::is_same_v<std::remove_cvref_t<U>, poll>) &&
                (!std::is_same_v<std::remove_cvref_t<U>, pending_t>) &&
                std::is_constructible_v<T, U&&>
    poll(U&& value) : value_(std::in_place, std::forward<U>(value)) {}
    poll(const poll&) = default;
    poll(poll&&) = default;
    poll& operator=(const poll&) = default;
    poll& operator=(poll&&) = default;
    // A T need not be assignable: whoever keeps the latest answer assigns.
    poll& operator=(poll&& other)
        requires(!std::is_move_assignable_v<T>)
    {
        if (this == &other) return *this;
        value_.reset();
        if (other.value_) value_.emplace(std::move(*other.value_));
        return *this;
    }

    /// True when a value is there.
    bool is_ready() const noexcept { return value_.has_value(); }
    /// The value, moved out. Call it once, and only when `is_ready()`.
    T take() && { return std::move(*value_); }

private:
    std::optional<T> value_;
};

/// The answer of a future without a value: `poll<void>::ready()` or `pending`.
template<>
class [[nodiscard]] poll<void> {
public:
    using value_type = void;

    poll(pending_t) noexcept {}
    /// The answer "done".
    static poll ready() noexcept { return poll(true); }

    bool is_ready() const noexcept { return ready_; }
    void take() && noexcept {}

private:
    explicit poll(bool ready) noexcept : ready_(ready) {}
    bool ready_ = false;
};

/// The answer of a future whose value is a reference.
template<class T>
class [[nodiscard]] poll<T&> {
public:
    using value_type = T&;

    poll(pending_t) noexcept {}
    poll(T& value) noexcept : value_(&value) {}

    bool is_ready() const noexcept { return value_ != nullptr; }
    T& take() && noexcept { return *value_; }

private:
    T* value_ = nullptr;
};

} // namespace sennit
