// What coroutine frames of tasks have in common, untyped: how they are driven, chained and dropped.
//
// A *root* drives a chain of frames: the outermost task, the task it awaits, and so on inwards. The root remembers the
// innermost suspended frame and the pending leaf future that it awaits. Waking the root polls that leaf and resumes that frame,
// in constant time however deep the chain is; the frames in between are not visited.
//
// Transfer of control from frame to frame is symmetric where the compiler makes a tail call of it (Clang always, GCC when it
// optimises and no sanitizer is on). Elsewhere the frame returns, and a loop in the driver resumes whichever frame is innermost
// now unless that one waits, so that a loop of a million awaits never grows the stack. Which of the two, each file decides as it is compiled:
// frames of both kinds may meet under one root, as when a program is compiled without optimisation and the library with it.
//
// Dropping a suspended chain destroys frames from the innermost outwards, in a loop: that is the order of destructors, and a
// chain of a million frames needs no recursion. A frame that is destroyed tells its awaiter, so it is not destroyed twice.
//
// A frame never holds its result: it constructs it in its awaiter, which lives in the caller's frame.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/joinable.hpp>
#include <sennit/core/waker.hpp>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <utility>

namespace sennit::detail {

// Not `inline`: it may differ from file to file, so whatever depends on it is a template that takes it as an argument.
#if defined(__clang__) || (defined(__OPTIMIZE__) && !SENNIT_ASAN && !SENNIT_TSAN)
constexpr bool symmetric_transfer = true;
#else
constexpr bool symmetric_transfer = false;
#endif

struct promise_base;
class coro_root;

// The pending future that a suspended frame awaits; lives in that frame.
enum class leaf_answer : std::uint8_t {
    pending,
    resume, // the frame goes on
    leave,  // the frame has left its result and is over, see coro/or_return.hpp
};
// One word: until the frame is suspended nobody polls it from outside, and afterwards it needs its frame no more.
struct leaf_base {
    using poll_function = leaf_answer (*)(leaf_base& self, context& cx);
    // For a nested task that is done: has it left an error, and has that error become the result of the frame that awaits?
    using leaves_function = bool (*)(leaf_base& self) noexcept;
    union {
        promise_base* frame;
        poll_function poll;
        leaves_function leaves;
    };
    explicit leaf_base(promise_base& awaiting) noexcept : frame(&awaiting) {}
};

// The awaiter of a nested task also owns the child's frame.
struct child_awaiter_base : awaiter_base {
    promise_base* child = nullptr; // null once the frame is gone
};

struct promise_base {
    union {
        coro_root* root = nullptr; // while the frame runs or waits for a nested task
        leaf_base* leaf; // while it waits for a future, or for a nested task whose error ends it
    };
    awaiter_base* awaiter = nullptr;

    static void* operator new(std::size_t size) { return frame_allocate(size); }
    static void operator delete(void* memory, std::size_t size) noexcept {
        frame_free(memory, size);
    }

    std::suspend_always initial_suspend() noexcept { return {}; }

    // The promise is the first thing after the frame's two words and no more aligned than they are; see task.hpp.
    std::coroutine_handle<promise_base> handle() noexcept {
        return std::coroutine_handle<promise_base>::from_promise(*this);
    }
};

// What became of a step of a chain.
enum class progress : std::uint8_t {
    waits,  // for the innermost frame's leaf
    yields, // the innermost frame lets others run first
    ended,  // the outermost frame is done: its result is in its awaiter and the frame is gone
};

class coro_root {
public:
    coro_root(flow& driver, promise_base& outermost, awaiter_base& result) noexcept
        : driver_(&driver) {
        outermost.root = this;
        outermost.awaiter = &result;
        set(outermost, 0);
    }
    coro_root(const coro_root&) = delete;
    coro_root& operator=(const coro_root&) = delete;
    ~coro_root() { drop(); }

    // Whose waker leaf futures get.
    flow& driver() const noexcept { return *driver_; }
    void set_driver(flow& f) noexcept { driver_ = &f; }

    // Polls the leaf, if the chain waits for one, and runs the chain on.
    [[nodiscard]] progress resume();
    // Destroys all frames of the chain, innermost first.
    void drop() noexcept;

    // From the frames.
    void wait_for(promise_base& p, leaf_base& leaf, leaf_base::poll_function poll) noexcept {
        leaf.poll = poll;
        p.leaf = &leaf;
        set(p, at_leaf);
    }
    void yield_from(promise_base& p) noexcept { set(p, yielded); }
    void enter(promise_base& child) noexcept {
        child.root = this;
        set(child, 0);
    }
    void leave_to(promise_base& parent) noexcept { set(parent, 0); }
    // The outermost frame that is over because `ended` is: itself, or one that awaits it through or_return.
    promise_base& outermost_over(promise_base& ended) noexcept;
    void set_done(promise_base& outermost) noexcept { set(outermost, done); }

private:
    static constexpr std::uintptr_t done = 1, at_leaf = 2, yielded = 3, bits = 3;

    void finish() noexcept;
    promise_base* innermost() const noexcept {
        return reinterpret_cast<promise_base*>(word_ & ~bits);
    }
    void set(promise_base& p, std::uintptr_t mark) noexcept {
        word_ = reinterpret_cast<std::uintptr_t>(&p) | mark;
    }

    flow* driver_;
    std::uintptr_t word_ = 0; // the innermost frame and what it does; 0 when there is none
};

// What an awaiter's await_suspend returns, and how it names who goes on.
template<bool Symmetric>
struct transfer {
    using type = std::coroutine_handle<>;
    static type to(coro_root&, std::coroutine_handle<> h) noexcept { return h; }
    static type to_driver() noexcept { return std::noop_coroutine(); }
};
template<>
struct transfer<false> {
    using type = void;
    static void to(coro_root&, std::coroutine_handle<>) noexcept {
    } // the driver resumes the root's innermost frame
    static void to_driver() noexcept {}
};

// The end of a frame that has left its result: back to the frame that awaits it, or to the driver.
template<bool Symmetric>
typename transfer<Symmetric>::type leave_frame(promise_base& self) noexcept {
    coro_root& root = *self.root;
    promise_base& over = self.awaiter->asks() ? root.outermost_over(self) : self;
    promise_base* parent = over.awaiter->parent();
    if (parent == nullptr) {
        root.set_done(over);
        return transfer<Symmetric>::to_driver();
    }
    root.leave_to(*parent);
    return transfer<Symmetric>::to(root, parent->handle());
}

struct final_awaiter {
    bool await_ready() const noexcept { return false; }
    template<class Promise, bool Symmetric = symmetric_transfer>
    typename transfer<Symmetric>::type await_suspend(std::coroutine_handle<Promise> h) noexcept {
        return leave_frame<Symmetric>(h.promise());
    }
    void await_resume() const noexcept {}
};

// Throws what the leaf's last poll threw into the frame that awaits it.
[[noreturn]] void rethrow_leaf_exception();

// Destroys a frame that was never started or is done; bounded recursion, see promise.cpp.
void destroy_idle_frame(promise_base& p) noexcept;

} // namespace sennit::detail
