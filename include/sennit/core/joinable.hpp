// Results: where a frame or a flow leaves its value or its exception, and the flow that a join handle holds.
#pragma once

#include <sennit/core/flow.hpp>
#include <sennit/core/stop.hpp>

#include <cstdint>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sennit::detail {

// Storage for a value of `R` or an exception; which of them is there, `flow::how` knows.
template<class R>
class result_slot {
    using stored = std::conditional_t<
        std::is_void_v<R>, char,
        std::conditional_t<std::is_reference_v<R>, std::remove_reference_t<R>*, R>>;

public:
    result_slot() noexcept {}
    ~result_slot() {}

    template<class Fn>
    void emplace_from(Fn&& f) {
        if constexpr (std::is_void_v<R>) {
            std::forward<Fn>(f)();
        } else if constexpr (std::is_reference_v<R>) {
            value_ = std::addressof(std::forward<Fn>(f)());
        } else {
            ::new (static_cast<void*>(std::addressof(value_))) R(std::forward<Fn>(f)());
        }
    }
    void emplace_exception(std::exception_ptr e) noexcept {
        std::construct_at(&exception_, std::move(e));
    }
    std::exception_ptr exception() const noexcept { return exception_; }

    // Only with outcome::value.
    auto& value() noexcept { return value_; }
    // Moves the value out, or rethrows.
    R take(outcome how) {
        if (how == outcome::exception) std::rethrow_exception(exception_);
        if constexpr (std::is_reference_v<R>) {
            return static_cast<R>(*value_);
        } else if constexpr (!std::is_void_v<R>) {
            return std::move(value_);
        }
    }
    void destroy(outcome how) noexcept {
        if (how == outcome::exception) {
            std::destroy_at(&exception_);
        } else if constexpr (!std::is_void_v<R> && !std::is_reference_v<R>) {
            if (how == outcome::value) std::destroy_at(std::addressof(value_));
        }
    }

private:
    union {
        stored value_;
        std::exception_ptr exception_;
    };
};

struct promise_base;

// Where a frame puts its result, and who goes on then. One word: the parent, how the child ended, and whether the parent goes on
// only if the result is not an error.
class awaiter_base {
public:
    // Null: the driver of the root.
    promise_base* parent() const noexcept {
        return reinterpret_cast<promise_base*>(word_ & ~(how_mask | asks_bit));
    }
    outcome how() const noexcept { return static_cast<outcome>(word_ & how_mask); }
    void set_parent(promise_base* p) noexcept {
        word_ = reinterpret_cast<std::uintptr_t>(p) | (word_ & (how_mask | asks_bit));
    }
    // With a parent only: its leaf is asked before the parent goes on; see coro/or_return.hpp.
    bool asks() const noexcept { return (word_ & asks_bit) != 0; }
    void set_asks() noexcept { word_ |= asks_bit; }
    void set_how(outcome how) noexcept {
        word_ = (word_ & ~how_mask) | static_cast<std::uintptr_t>(how);
    }

private:
    static constexpr std::uintptr_t how_mask = 3, asks_bit = 4;
    std::uintptr_t word_ = 0;
};

// The outermost awaiter, and the nested one, with room for the child's result.
template<class T, class Base>
class result_awaiter : public Base {
public:
    result_slot<T> slot;

    result_awaiter() noexcept = default;
    result_awaiter(const result_awaiter&) = delete;
    result_awaiter& operator=(const result_awaiter&) = delete;
    ~result_awaiter() { slot.destroy(this->how()); }

    T take() {
        if (this->how() == outcome::cancelled) throw stopped();
        return slot.take(this->how());
    }
};

template<class R>
class joinable : public flow {
public:
    using flow::flow;
    result_awaiter<R, awaiter_base> result;

protected:
    static std::exception_ptr exception_of(flow& f) noexcept {
        return static_cast<joinable&>(f).result.slot.exception();
    }
};

// The outcome of the exception that is being handled; keeps it in the slot if it is the user's.
template<class R>
outcome record_exception(result_slot<R>& slot) noexcept {
    try {
        throw;
    } catch (const stopped&) {
        return outcome::cancelled;
    } catch (const flow_exit&) {
        return outcome::cancelled;
    } catch (...) {
        slot.emplace_exception(std::current_exception());
        return outcome::exception;
    }
}

} // namespace sennit::detail
