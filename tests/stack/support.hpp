// A suspended context on a pooled stack and the way there and back, told to the sanitizers.
#pragma once

#include <sennit/os/thread.hpp>
#include <sennit/stack/sanitizer.hpp>
#include <sennit/stack/stack.hpp>
#include <sennit/stack/switch.hpp>

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <utility>

namespace sennit::test_support {

/// Runs a function on a stack of the pool. visit() goes there, back() returns from there.
class context {
public:
    using function = std::function<void(context&, std::uintptr_t first)>;

    explicit context(function f, std::uint8_t size_class = 0)
        : function_(std::move(f)), native_(make_native()), stack_(stack_pool::acquire(size_class)) {
        if (stack_ == nullptr) throw std::bad_alloc();
        if (std::exchange(stack_->primed, false)) sanitizer::forget_context(*stack_);
        sanitizer::adopt_native(native_);
        there_ = detail::prepare_stack(stack_->top(), &begin);
    }
    context(const context&) = delete;
    context& operator=(const context&) = delete;
    ~context() {
        sanitizer::forget_context(*stack_);
        stack_pool::release(*stack_);
    }

    std::uintptr_t visit(std::uintptr_t message = 0) {
        const std::pair<context*, std::uintptr_t> first(this, message);
        void* sent = std::exchange(started_, true)
                         ? reinterpret_cast<void*>(message)
                         : const_cast<void*>(static_cast<const void*>(&first));
        return reinterpret_cast<std::uintptr_t>(detail::switch_to(&here_, *stack_, there_, sent));
    }
    std::uintptr_t back(std::uintptr_t message = 0) {
        return reinterpret_cast<std::uintptr_t>(
            detail::switch_to(&there_, native_, here_, reinterpret_cast<void*>(message)));
    }
    sennit::stack& stack() { return *stack_; }
    bool is_over() const { return over_; }

private:
    static sennit::stack make_native() {
        const auto bounds = os::current_stack_bounds().value();
        return {static_cast<char*>(bounds.low), static_cast<char*>(bounds.high)};
    }
    static void begin(void* message) {
        sanitizer::begin();
        const auto [self, first] =
            *static_cast<const std::pair<context*, std::uintptr_t>*>(message);
        self->function_(*self, first);
        self->over_ = true;
        for (;;)
            self->back();
    }

    function function_;
    sennit::stack native_;
    sennit::stack* stack_;
    void* here_ = nullptr;
    void* there_ = nullptr;
    bool started_ = false;
    bool over_ = false;
};

} // namespace sennit::test_support
