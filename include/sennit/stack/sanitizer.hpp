// What AddressSanitizer, ThreadSanitizer and Valgrind have to be told about stacks. Empty in ordinary builds.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/stack/stack.hpp>
#include <sennit/stack/switch.hpp>

#if SENNIT_ASAN
#include <sanitizer/common_interface_defs.h>
#endif
#if SENNIT_TSAN
#include <sanitizer/tsan_interface.h>
#endif

namespace sennit::sanitizer {

// A stack was carved; it is taken back whole, if at all.
void register_stack(stack& s) noexcept;
void unregister_stack(stack& s) noexcept;
// The stack's suspended context is thrown away; its memory may be given back.
void forget_context(stack& s) noexcept;

// Brackets of a switch: `leave` before, `arrive` after it, on the stack that is come back to.
struct departure {
    void* fake_stack = nullptr;
};
// Inlined: ThreadSanitizer keeps a stack of calls for each fiber, and a function that is entered on one and left on another
// would unbalance both.
SENNIT_ALWAYS_INLINE void leave([[maybe_unused]] departure& d,
                                [[maybe_unused]] const stack* target) noexcept {
#if SENNIT_ASAN
    __sanitizer_start_switch_fiber(&d.fake_stack, target->low(), target->size());
#endif
#if SENNIT_TSAN
    __tsan_switch_to_fiber(target->sanitizer_fiber, 0);
#endif
}
SENNIT_ALWAYS_INLINE void arrive([[maybe_unused]] departure& d) noexcept {
#if SENNIT_ASAN
    __sanitizer_finish_switch_fiber(d.fake_stack, nullptr, nullptr);
#endif
}
// The first thing on a fresh stack.
void begin() noexcept;
// Fills in the descriptor of the calling thread's own stack.
void adopt_native(stack& native) noexcept;

} // namespace sennit::sanitizer

namespace sennit::detail {

// switch_stack with the tools told. `target` is the stack that `sp` lies on; only they look at it. Null: one of the pool's.
SENNIT_ALWAYS_INLINE void* switch_to(void** save, const stack* target, void* sp,
                                     void* message) noexcept {
#if SENNIT_ASAN || SENNIT_TSAN
    if (target == nullptr) target = stack_pool::find(sp);
    sanitizer::departure d;
    sanitizer::leave(d, target);
    void* answer = switch_stack(save, sp, message);
    sanitizer::arrive(d);
    return answer;
#else
    (void)target;
    return switch_stack(save, sp, message);
#endif
}
SENNIT_ALWAYS_INLINE void* switch_to(void** save, const stack& target, void* sp,
                                     void* message) noexcept {
    return switch_to(save, &target, sp, message);
}

} // namespace sennit::detail
