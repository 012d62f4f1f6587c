// What a future answers when it is polled: pending, or ready with a value.
//
// A poll<T> is a short-lived return value: it is looked at once and taken apart. poll<void> says only
// whether, poll<T&> carries a reference.
#pragma once

#include <memory>
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
/// Cost: that of a `T` and a `bool`. Source: R-FUT-2.
template<class T>
class [[nodiscard]] poll {
    static constexpr bool is_trivially_assignable =
        std::is_trivially_move_assignable_v<T> && std::is_trivially_copyable_v<T>;

public:
    using value_type = T;

    poll(pending_t) noexcept {}
    // The kinds that are refused come first: asked about itself, a T that is made of anything (std::any) asks back.
    template<class U = T>
        requires(!std::is_same_v<std::remove_cvref_t<U>, poll>) &&
                    (!std::is_same_v<std::remove_cvref_t<U>, pending_t>) &&
                    std::is_constructible_v<T, U&&>
    poll(U&& value) : ready_(true), value_(std::forward<U>(value)) {}
    // As trivial as T is, so that small answers are returned in registers.
    poll(const poll&)
        requires std::is_trivially_copy_constructible_v<T>
    = default;
    poll(const poll& other)
        requires(std::is_copy_constructible_v<T> && !std::is_trivially_copy_constructible_v<T>)
        : ready_(other.ready_) {
        if (ready_) std::construct_at(&value_, other.value_);
    }
    poll(poll&&)
        requires std::is_trivially_move_constructible_v<T>
    = default;
    poll(poll&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires(!std::is_trivially_move_constructible_v<T>)
        : ready_(other.ready_) {
        if (ready_) std::construct_at(&value_, std::move(other.value_));
    }
    poll& operator=(const poll&)
        requires is_trivially_assignable
    = default;
    poll& operator=(poll&&)
        requires is_trivially_assignable
    = default;
    // A T need not be assignable: whoever keeps the latest answer assigns.
    poll& operator=(poll&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
        requires(!is_trivially_assignable)
    {
        if (this == &other) return *this;
        if (std::exchange(ready_, false)) std::destroy_at(&value_);
        if (other.ready_) {
            std::construct_at(&value_, std::move(other.value_));
            ready_ = true;
        }
        return *this;
    }
    ~poll()
        requires std::is_trivially_destructible_v<T>
    = default;
    ~poll()
        requires(!std::is_trivially_destructible_v<T>)
    {
        if (ready_) std::destroy_at(&value_);
    }

    /// True when a value is there.
    bool is_ready() const noexcept { return ready_; }
    /// The value, moved out. Call it once, and only when `is_ready()`.
    T take() && { return std::move(value_); }

private:
    bool ready_ = false;
    union { // not an optional: every future has a poll of its own, and this is what it costs the compiler
        T value_;
    };
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
