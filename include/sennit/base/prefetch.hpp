// prefetch: asks for memory that will be used soon, so that it is near by then.
//
// Any address will do, null and past the end of what is there too: the processor ignores what it cannot reach.
#pragma once

#include <sennit/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace sennit::detail {

inline constexpr std::size_t cache_line = 64;

// As many cache lines as that, from `begin` on.
SENNIT_ALWAYS_INLINE void prefetch(const void* begin, std::size_t lines) noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(begin);
    for (std::size_t i = 0; i < lines; ++i)
        __builtin_prefetch(reinterpret_cast<const void*>(address + i * cache_line));
}

} // namespace sennit::detail
