// A value that several flows look at and nobody changes, in a pooled cell with a count of references:
// what watch_channel and broadcast_channel hand round.
//
// References are taken under the channel's lock and given back after it, so no T is destroyed under it.
#pragma once

#include <sennit/sync/pooled.hpp>

#include <atomic>
#include <cstdint>
#include <utility>

namespace sennit::detail {

// The part that a core without types handles.
class shared_cell_base {
public:
    // relaxed: whoever adds one has one, or the lock under which one is kept
    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    // True for the last one, who destroys the cell.
    [[nodiscard]] bool drop_reference() noexcept {
        // release: what this flow read comes before the destruction; acquire: what the others read
        return references_.fetch_sub(1, std::memory_order_acq_rel) == 1;
    }
    // Then the caller is alone with it, and stays so. acquire: pairs with drop_reference()
    bool is_unique() const noexcept { return references_.load(std::memory_order_acquire) == 1; }

private:
    std::atomic<std::uint32_t> references_{1};
};

template<class T>
struct shared_cell : shared_cell_base {
    template<class... Args>
    explicit shared_cell(Args&&... args) : value(std::forward<Args>(args)...) {}
    T value;
};

// One reference, or none.
template<class T>
class shared_reference {
public:
    shared_reference() noexcept = default;
    // Takes over one that was counted.
    explicit shared_reference(shared_cell_base* cell) noexcept
        : cell_(static_cast<shared_cell<T>*>(cell)) {}
    shared_reference(const shared_reference& other) noexcept : cell_(other.cell_) {
        if (cell_ != nullptr) cell_->add_reference();
    }
    shared_reference(shared_reference&& other) noexcept
        : cell_(std::exchange(other.cell_, nullptr)) {}
    shared_reference& operator=(shared_reference other) noexcept {
        std::swap(cell_, other.cell_);
        return *this;
    }
    ~shared_reference() {
        if (cell_ != nullptr && cell_->drop_reference()) destroy_pooled(cell_);
    }

    shared_cell<T>* get() const noexcept { return cell_; }
    // It is somebody else's now.
    shared_cell<T>* release() noexcept { return std::exchange(cell_, nullptr); }

private:
    shared_cell<T>* cell_ = nullptr;
};

} // namespace sennit::detail
