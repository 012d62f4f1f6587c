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
// A frame never holds its result: it constructs it in its awaiter, which lives in the caller's frame, or is the root.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/core/coro_root.hpp>
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

// A nested task that is awaited through or_return; lives in the frame that awaits it.
struct asking_leaf {
    // It is done: has it left an error, and has that error become the result of the frame that awaits?
    bool (*leaves)(asking_leaf& self) noexcept;
};

// The awaiter of a nested task also owns the child's frame.
struct child_awaiter_base : awaiter_base {
    promise_base* child = nullptr; // null once the frame is gone
};

struct promise_base {
    union {
        coro_root* root = nullptr; // while the frame runs or waits for a nested task
        void* leaf; // while it waits for a future, or (asking_leaf) for a task whose error ends it
    };
    awaiter_base* awaiter = nullptr; // of the outermost frame: the root

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

inline void coro_root::begin(promise_base& outermost) noexcept {
    outermost.awaiter = this;
    enter(outermost);
}
inline void coro_root::enter(promise_base& p) noexcept {
    p.root = this;
    set(p, 0);
}
inline void coro_root::wait_for(promise_base& p, void* leaf, poll_function poll) noexcept {
    p.leaf = leaf;
    poll_ = poll;
    set(p, at_leaf);
}

// Of a frame that runs, or is over.
inline bool is_outermost(const promise_base& p) noexcept { return p.awaiter == p.root; }

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
    if (over.awaiter == &root) {
        root.set_done(over);
        return transfer<Symmetric>::to_driver();
    }
    promise_base& parent = *over.awaiter->parent();
    root.leave_to(parent);
    return transfer<Symmetric>::to(root, parent.handle());
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
// The same for a frame that has left its result. One that has come to its end has only its arguments left.
inline void destroy_over_frame(promise_base& p) noexcept {
    const std::coroutine_handle<promise_base> frame = p.handle();
    frame.done() ? frame.destroy() : destroy_idle_frame(p);
}

} // namespace sennit::detail
