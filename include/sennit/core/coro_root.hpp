// Where a coroutine frame puts its result, and who goes on then; and the root that drives a chain of frames.
//
// Flows hold a root, so it stands here; its bodies are in coro/promise.hpp and coro/promise.cpp, which know frames.
#pragma once

#include <sennit/core/flow.hpp>

#include <cstddef>
#include <cstdint>

namespace sennit::detail {

struct promise_base;

// One word. Of the awaiter in a parent's frame: the parent, how the child ended, and whether the parent goes on only if the
// result is not an error. Of the outermost, the root: see there.
class awaiter_base {
public:
    // Not of a root.
    promise_base* parent() const noexcept {
        return reinterpret_cast<promise_base*>(word_ & ~(how_mask | asks_bit));
    }
    outcome how() const noexcept { return static_cast<outcome>(word_ & how_mask); }
    void set_parent(promise_base* p) noexcept {
        word_ = reinterpret_cast<std::uintptr_t>(p) | (word_ & (how_mask | asks_bit));
    }
    // With a parent only: its leaf is asked before the parent goes on; see coro/or_return.hpp.
    bool asks() const noexcept { return (word_ & asks_bit) != 0; }
    void set_asks() noexcept { word_ |= asks_bit; }
    void set_how(outcome how) noexcept {
        word_ = (word_ & ~how_mask) | static_cast<std::uintptr_t>(how);
    }

protected:
    static constexpr std::uintptr_t how_mask = 3, asks_bit = 4;
    std::uintptr_t word_ = 0;
};

// What became of a step of a chain.
enum class progress : std::uint8_t {
    waits,  // for the innermost frame's leaf
    yields, // the innermost frame lets others run first
    ended,  // the outermost frame is done: its result is in its awaiter and the frame is gone
};

// The answer of a leaf, the pending future that a suspended frame awaits.
enum class leaf_answer : std::uint8_t {
    pending,
    resume, // the frame goes on
    leave, // the frame, which was entered again, has left its result and is over; see coro/or_return.hpp
};

// The root of a chain, and the awaiter of its outermost frame.
//
// Its first word holds the innermost frame, and in the low bits
//   0         that frame runs
//   1, 2, 3   the outermost frame is over, and how (`outcome`); the frame is null once it is gone
//   at_leaf   the frame waits for its leaf
//   yielded   the frame lets others run
// Its second word is used in turns: it holds the driver while the frames run, the leaf's poll function while they wait,
// and the result, or the beginning of it, when they are over.
class coro_root : public awaiter_base {
public:
    using poll_function = leaf_answer (*)(void* leaf, context& cx);

    coro_root() noexcept {}
    coro_root(const coro_root&) = delete;
    coro_root& operator=(const coro_root&) = delete;

    // The chain begins with this frame, and with the next `resume`.
    void begin(promise_base& outermost) noexcept;
    // Polls the leaf, if the chain waits for one, and runs the chain on. Leaf futures get the driver's waker.
    [[nodiscard]] progress resume(flow& driver);
    // Destroys all frames of the chain, if there are any, innermost first.
    void drop() noexcept;

    // What resume() touches first.
    void* near() const noexcept { return innermost(); }

    // From the frames.
    flow& driver() const noexcept { return *driver_; }
    void wait_for(promise_base& p, void* leaf, poll_function poll) noexcept;
    void yield_from(promise_base& p) noexcept { set(p, yielded); }
    void enter(promise_base& p) noexcept;
    void leave_to(promise_base& parent) noexcept { set(parent, 0); }
    // The outermost frame that is over because `ended` is: itself, or one that awaits it through or_return.
    promise_base& outermost_over(promise_base& ended) noexcept;
    // How it is over, `set_how` has said.
    void set_done(promise_base& outermost) noexcept { set(outermost, word_ & how_mask); }

protected:
    static constexpr std::size_t storage_size = sizeof(void*);

    union {
        flow* driver_;
        poll_function poll_;
        alignas(void*) std::byte storage_[storage_size]; // for a result that fits
    };

private:
    static constexpr std::uintptr_t at_leaf = 4, yielded = 5, bits = 7;

    void finish() noexcept;
    promise_base* innermost() const noexcept {
        return reinterpret_cast<promise_base*>(word_ & ~bits);
    }
    void set(promise_base& p, std::uintptr_t mark) noexcept {
        word_ = reinterpret_cast<std::uintptr_t>(&p) | mark;
    }
};

} // namespace sennit::detail
