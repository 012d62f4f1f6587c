#include <sennit/stack/exception_state.hpp>

#include <cxxabi.h>

namespace sennit::detail {

exception_globals& this_thread_exceptions() noexcept {
    asm volatile(
        ""); // __cxa_get_globals is declared const: without this two calls may be folded across a switch
    return *reinterpret_cast<exception_globals*>(abi::__cxa_get_globals());
}

} // namespace sennit::detail
