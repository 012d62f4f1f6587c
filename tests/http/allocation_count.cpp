// ThreadSanitizer brings an operator new that cannot be replaced: in its builds nothing is counted.
#include "allocation_count.hpp"

#include <sennit/base/config.hpp>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> allocations = 0;

} // namespace

namespace sennit::http {

std::size_t allocation_count::total() noexcept {
    return allocations.load(std::memory_order_relaxed);
}

} // namespace sennit::http

#if !SENNIT_TSAN

void* operator new(std::size_t size) {
    allocations.fetch_add(1, std::memory_order_relaxed); // a count that orders nothing
    if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
    throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

#endif
