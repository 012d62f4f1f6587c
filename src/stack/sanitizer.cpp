#include <sennit/stack/sanitizer.hpp>

#if SENNIT_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if SENNIT_TSAN
#include <sanitizer/tsan_interface.h>
#endif
#if __has_include(<valgrind/valgrind.h>) && !SENNIT_ASAN && !SENNIT_TSAN
#include <valgrind/valgrind.h>
#define SENNIT_VALGRIND 1
#else
#define SENNIT_VALGRIND 0
#endif

namespace sennit::sanitizer {

void register_stack([[maybe_unused]] stack& s) noexcept {
#if SENNIT_VALGRIND
    if (RUNNING_ON_VALGRIND) s.valgrind_id = VALGRIND_STACK_REGISTER(s.low(), s.top() - 1);
#endif
#if SENNIT_TSAN
    s.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void unregister_stack([[maybe_unused]] stack& s) noexcept {
#if SENNIT_VALGRIND
    if (RUNNING_ON_VALGRIND) VALGRIND_STACK_DEREGISTER(s.valgrind_id);
#endif
#if SENNIT_TSAN
    __tsan_destroy_fiber(s.sanitizer_fiber);
#endif
}

void forget_context([[maybe_unused]] stack& s) noexcept {
#if SENNIT_ASAN
    __asan_unpoison_memory_region(s.low(), s.size());
#endif
#if SENNIT_TSAN
    __tsan_destroy_fiber(s.sanitizer_fiber);
    s.sanitizer_fiber = __tsan_create_fiber(0);
#endif
}

void begin() noexcept {
#if SENNIT_ASAN
    __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

void adopt_native([[maybe_unused]] stack& native) noexcept {
#if SENNIT_TSAN
    native.sanitizer_fiber = __tsan_get_current_fiber();
#endif
}

} // namespace sennit::sanitizer
