// Counts the calls of operator new: allocation_count.cpp replaces it for the whole test program.
// It counts those of all threads.
#pragma once

#include <cstddef>

namespace sennit::http {

// How many allocations were made since this object was.
class allocation_count {
public:
    allocation_count() noexcept : start_(total()) {}
    [[nodiscard]] std::size_t so_far() const noexcept { return total() - start_; }

private:
    [[nodiscard]] static std::size_t total() noexcept;

    std::size_t start_;
};

} // namespace sennit::http
