// Driving and dropping chains of frames.
#include <sennit/coro/promise.hpp>

#include <memory>
#include <utility>

namespace sennit::detail {
namespace {

// A frame that never ran may hold other such frames in its arguments, and so on: beyond this depth they are queued up and
// destroyed by the outermost call.
constexpr std::uint32_t nested_drops_max = 64;

// Lives in the frame of the outermost call. A flow that waits in a destructor leaves its thread without it (worker::leave_flow):
// the next flow there begins its own, and so does this one where it goes on.
struct drop_scope {
    std::uint32_t depth;
    promise_base* put_off;
};

} // namespace

progress coro_root::resume(flow& driver) {
    const std::uintptr_t mark = word_ & bits;
    if (mark != 0) {
        promise_base* p = innermost();
        if (mark == at_leaf) {
            context cx{driver};
            leaf_answer answer = leaf_answer::resume;
            try {
                answer = poll_(p->leaf, cx);
            } catch (...) {
                // Thrown into the frame, right below.
                this_thread().leaf_exception = new std::exception_ptr(std::current_exception());
            }
            if (answer == leaf_answer::pending) return progress::waits;
            if (answer == leaf_answer::leave) {
                promise_base& over = outermost_over(*p);
                if (is_outermost(over)) {
                    set_done(over);
                    finish();
                    return progress::ended;
                }
                p = over.awaiter->parent();
            }
            p->root = this;
        }
        leave_to(*p);
    }
    driver_ = &driver;
    // Each round ends with a frame that waits, or the outermost that is done, or, where control is not transferred directly,
    // with the frame that is to go on.
    do {
        innermost()->handle().resume();
    } while ((word_ & bits) == 0);
    switch (word_ & bits) {
        case at_leaf:
            return progress::waits;
        case yielded:
            return progress::yields;
        default:
            finish();
            return progress::ended;
    }
}

promise_base& coro_root::outermost_over(promise_base& ended) noexcept {
    promise_base* over = &ended;
    while (over->awaiter->asks()) {
        promise_base& parent = *over->awaiter->parent();
        asking_leaf& leaf = *static_cast<asking_leaf*>(parent.leaf);
        parent.root = this;
        if (!leaf.leaves(leaf)) break;
        over = &parent;
    }
    return *over;
}

void coro_root::finish() noexcept {
    promise_base* outermost = innermost();
    word_ &= how_mask;
    destroy_over_frame(*outermost);
}

void coro_root::drop() noexcept {
    promise_base* p = innermost();
    if (p != nullptr) word_ = 0;
    while (p != nullptr) {
        awaiter_base* a = p->awaiter;
        promise_base* parent = nullptr;
        if (a != this) {
            parent = a->parent();
            static_cast<child_awaiter_base*>(a)->child = nullptr;
        }
        p->handle().destroy();
        p = parent;
    }
}

void rethrow_leaf_exception() {
    const std::unique_ptr<std::exception_ptr> e(
        std::exchange(this_thread().leaf_exception, nullptr));
    std::rethrow_exception(*e);
}

void destroy_idle_frame(promise_base& p) noexcept {
    if (auto* outer = static_cast<drop_scope*>(this_thread().drop_scope)) {
        if (outer->depth >= nested_drops_max) {
            // The root pointer of an idle frame is free to link it.
            p.root = reinterpret_cast<coro_root*>(outer->put_off);
            outer->put_off = &p;
            return;
        }
        ++outer->depth;
        p.handle().destroy();
        --outer->depth;
        return;
    }
    drop_scope mine{1, nullptr};
    this_thread().drop_scope = &mine;
    p.handle().destroy();
    // A destructor may have waited, and this may be another thread: it is asked again each time.
    while (promise_base* next = mine.put_off) {
        mine.put_off = reinterpret_cast<promise_base*>(next->root);
        this_thread().drop_scope = &mine;
        next->handle().destroy();
    }
    this_thread().drop_scope = nullptr;
}

} // namespace sennit::detail
