// A value that knows how many of its kind are alive, and one whose moves can be made to throw.
#pragma once

#include <atomic>
#include <stdexcept>
#include <utility>

namespace sennit::test {

class counted {
public:
    explicit counted(int value) : value_(value) { ++alive_; }
    counted(counted&& other) noexcept : value_(std::exchange(other.value_, -1)) { ++alive_; }
    counted(const counted& other) : value_(other.value_) { ++alive_; }
    counted& operator=(counted other) noexcept {
        value_ = other.value_;
        return *this;
    }
    ~counted() { --alive_; }

    int value() const { return value_; }
    static int alive() { return alive_.load(); }

private:
    static inline std::atomic<int> alive_{0};
    int value_;
};

// Throws when a move finds `fuse` at 1, and counts it down otherwise; 0 never throws.
struct fragile {
    static inline int fuse = 0;
    static inline int alive = 0;
    int value;

    explicit fragile(int v) : value(v) { ++alive; }
    fragile(fragile&& other) : value(other.value) {
        if (fuse != 0 && --fuse == 0) throw std::runtime_error("fragile");
        ++alive;
    }
    ~fragile() { --alive; }
};

} // namespace sennit::test
