// Small objects from the pools of core/cell_pool.hpp: a few nanoseconds each, on any thread.
#pragma once

#include <sennit/core/current.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace sennit::detail {

// The pools' objects are multiples of 16 bytes side by side.
inline constexpr std::size_t pooled_alignment = 16;

// Values up to this size travel through channels by themselves, larger and non-trivial ones in a pooled box.
inline constexpr std::size_t unboxed_size_max = 32;
template<class T>
inline constexpr bool is_unboxed =
    std::is_trivially_copyable_v<T> && std::is_trivially_copy_constructible_v<T> &&
    sizeof(T) <= unboxed_size_max && alignof(T) <= pooled_alignment;

template<class T>
void* pooled_allocate() {
    if constexpr (alignof(T) > pooled_alignment) {
        return ::operator new(sizeof(T), std::align_val_t(alignof(T)));
    } else {
        return frame_allocate(sizeof(T));
    }
}
template<class T>
void pooled_free(void* memory) noexcept {
    if constexpr (alignof(T) > pooled_alignment) {
        ::operator delete(memory, std::align_val_t(alignof(T)));
    } else {
        frame_free(memory, sizeof(T));
    }
}

template<class T, class... Args>
T* make_pooled(Args&&... args) {
    struct owner {
        void* memory = pooled_allocate<T>();
        ~owner() {
            if (memory != nullptr) pooled_free<T>(memory);
        }
    } raw;
    T* object = ::new (raw.memory) T(std::forward<Args>(args)...);
    raw.memory = nullptr;
    return object;
}
template<class T>
void destroy_pooled(T* object) noexcept {
    std::destroy_at(object);
    pooled_free<T>(object);
}

} // namespace sennit::detail
