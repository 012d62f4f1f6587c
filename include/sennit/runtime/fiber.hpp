// A fiber's cell: a flow that runs a callable on a stack.
#pragma once

#include <sennit/core/current.hpp>
#include <sennit/core/joinable.hpp>

#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

namespace sennit::detail {

template<class Fn, class... Args>
using fiber_result = std::invoke_result_t<std::decay_t<Fn>, std::decay_t<Args>...>;

// The callable, and its arguments if there are any: most often it is a lambda alone, and needs no tuple.
template<class Fn, class... Args>
struct fiber_call {
    std::tuple<Fn, Args...> parts;

    template<class F, class... As>
    explicit fiber_call(F&& f, As&&... args) noexcept(
        std::is_nothrow_constructible_v<std::tuple<Fn, Args...>, F&&, As&&...>)
        : parts(std::forward<F>(f), std::forward<As>(args)...) {}
    decltype(auto) run() {
        return [this]<std::size_t... I>(std::index_sequence<I...>) -> decltype(auto) {
            return std::apply(std::move(std::get<0>(parts)),
                              std::forward_as_tuple(std::move(std::get<I + 1>(parts))...));
        }(std::index_sequence_for<Args...>());
    }
};
template<class Fn>
struct fiber_call<Fn> {
    Fn f;

    template<class F>
    explicit fiber_call(F&& from) noexcept(std::is_nothrow_constructible_v<Fn, F&&>)
        : f(std::forward<F>(from)) {}
    decltype(auto) run() { return std::move(f)(); }
};

// The callable and its arguments are moved in and destroyed on the fiber as soon as the call is over.
template<class Fn, class... Args>
class fiber_cell final : public joinable<std::invoke_result_t<Fn, Args...>> {
    using result_type = std::invoke_result_t<Fn, Args...>;
    using base = joinable<result_type>;

public:
    template<class F, class... As>
    fiber_cell(executor& home, std::source_location site, F&& f, As&&... args)
        : base(operations, home, site), call_(std::forward<F>(f), std::forward<As>(args)...) {}
    ~fiber_cell() {}

    template<class F, class... As>
    static fiber_cell& make(executor& home, std::source_location site, F&& f, As&&... args) {
        constexpr std::size_t size = sizeof(fiber_cell);
        static_assert(
            size <= pooled_size_max,
            "the callable is too large for a cell: capture a std::unique_ptr to the data");
        static_assert(alignof(fiber_cell) <= 16,
                      "over-aligned callables are not kept in cells: capture a std::unique_ptr");
        void* memory = cell_allocate(size);
        if constexpr (std::is_nothrow_constructible_v<fiber_call<Fn, Args...>, F&&, As&&...>) {
            return *::new (memory)
                fiber_cell(home, site, std::forward<F>(f), std::forward<As>(args)...);
        } else {
            try {
                return *::new (memory)
                    fiber_cell(home, site, std::forward<F>(f), std::forward<As>(args)...);
            } catch (...) {
                cell_abandon(memory, size);
                throw;
            }
        }
    }

private:
    static void start(runnable& r) noexcept {
        auto& self = static_cast<fiber_cell&>(static_cast<flow&>(r));
        if (!self.begin()) return;
        try {
            self.result.new_slot().emplace_from(
                [&]() -> result_type { return static_cast<result_type>(self.call_.run()); });
            self.how = outcome::value;
        } catch (...) {
            self.how = record_exception(self.result.new_slot());
        }
        std::destroy_at(&self.call_);
        self.end();
    }
    static void destroy(flow& f) noexcept {
        auto& self = static_cast<fiber_cell&>(f);
        self.~fiber_cell();
        cell_free(&self, sizeof(fiber_cell));
    }

    static constexpr flow_operations operations{
        {&start}, flow_kind::fiber, &destroy, &base::exception_of};

    union {
        fiber_call<Fn, Args...> call_;
    };
};

} // namespace sennit::detail
