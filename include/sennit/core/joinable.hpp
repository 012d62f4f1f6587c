// Results: where a frame or a flow leaves its value or its exception, and the flow that a join handle holds.
#pragma once

#include <sennit/core/coro_root.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/stop.hpp>

#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sennit::detail {

// Storage for a value of `R` or an exception; which of them is there, whoever holds it knows.
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

// A root with room for the result of its chain, which takes the place of the root's second word if it fits. The result of a
// fiber lies there, too.
template<class T>
class rooted_result : public coro_root {
    using slot_type = result_slot<T>;
    static constexpr bool fits =
        sizeof(slot_type) <= storage_size && alignof(slot_type) <= alignof(void*);
    struct nothing {};

public:
    // For whoever leaves the result.
    slot_type& new_slot() noexcept {
        if constexpr (fits) {
            return *::new (static_cast<void*>(storage_)) slot_type;
        } else {
            return slot_;
        }
    }
    slot_type& slot() noexcept {
        if constexpr (fits) {
            return *std::launder(reinterpret_cast<slot_type*>(storage_));
        } else {
            return slot_;
        }
    }

private:
    [[no_unique_address]] std::conditional_t<fits, nothing, slot_type> slot_;
};

template<class R>
class joinable : public flow {
public:
    using flow::flow;
    ~joinable() { result.slot().destroy(how); }

    rooted_result<R> result;

protected:
    static std::exception_ptr exception_of(flow& f) noexcept {
        return static_cast<joinable&>(f).result.slot().exception();
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
