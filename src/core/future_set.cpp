// The queue of woken children, and the set's half of the bargain about who frees a cell.
#include <sennit/core/future_set.hpp>

#include <sennit/core/executor.hpp>

#include <atomic>
#include <utility>

namespace sennit::detail {

// Woken children, last first: many push, the set takes all at once.
//
// Why no wake is lost: begin_poll() writes `owner_` and then exchanges the head; a pusher exchanges the head and then
// reads `owner_`. If the push comes first, the poll gets the child; if the poll does, the push has acquired what it
// wrote and wakes the flow of that poll. Only the push that finds the queue empty has somebody to wake.
class ready_queue {
public:
    // By the waker that has just made the child active.
    void push(set_child& child) noexcept {
        bool pinned = false;
        runnable* seen = head_.load(std::memory_order_acquire);
        do {
            if (seen == closed()) {
                child.free();
                return release(pinned ? 2 : 1);
            }
            if (seen == nullptr && !pinned) {
                // Once pushed the child belongs to the set, and the set may go: this keeps the queue.
                users_.fetch_add(1, std::memory_order_relaxed);
                pinned = true;
            }
            child.next = seen;
            // release: gives the child to the set; acquire: the flow of the poll that emptied the queue
        } while (!head_.compare_exchange_weak(seen, &child, std::memory_order_acq_rel,
                                              std::memory_order_acquire));
        if (seen == nullptr) wake_owner();
        if (pinned) release(1);
    }

    // By the set: all that was pushed, first come first.
    runnable* take_all(waker owner) noexcept {
        owner_.store(owner.target(), std::memory_order_relaxed);
        // release: publishes the owner; acquire: the children
        return reversed(head_.exchange(nullptr, std::memory_order_acq_rel));
    }
    void wake_owner() const noexcept {
        if (flow* f = owner_.load(std::memory_order_relaxed)) waker(*f).wake();
    }

    // The set goes. `strays` children are owned by wakers that will push them, or have done so.
    void close(std::size_t strays) noexcept {
        users_.fetch_add(strays, std::memory_order_relaxed);
        runnable* r = head_.exchange(closed(), std::memory_order_acq_rel); // as in take_all
        std::size_t taken = 0;
        while (r != nullptr) {
            auto& child = static_cast<set_child&>(static_cast<flow&>(*r));
            r = r->next;
            ++taken;
            child.free();
        }
        release(taken + 1);
    }

private:
    // A head that no child can have.
    runnable* closed() noexcept { return reinterpret_cast<runnable*>(&head_); }

    void release(std::size_t count) noexcept {
        // acq_rel: whoever is last sees what all others did
        if (users_.fetch_sub(count, std::memory_order_acq_rel) == count) delete this;
    }
    static runnable* reversed(runnable* r) noexcept {
        runnable* first = nullptr;
        while (r != nullptr) {
            runnable* rest = std::exchange(r->next, first);
            first = std::exchange(r, rest);
        }
        return first;
    }

    std::atomic<runnable*> head_{nullptr};
    std::atomic<flow*> owner_{nullptr}; // who polled the set last
    std::atomic<std::size_t> users_{1}; // the set, wakers that are pushing, and strays
};

namespace {

class set_executor final : public executor {
public:
    void execute(runnable& r) noexcept override {
        auto& child = static_cast<set_child&>(static_cast<flow&>(r));
        child.home_queue->push(child);
    }
};
set_executor& relays() {
    alignas(set_executor) static char memory[sizeof(set_executor)];
    static auto* instance = new (memory) set_executor;
    return *instance;
}

} // namespace

set_child::set_child(const flow_operations& operations, ready_queue& q) noexcept
    : flow(operations, relays(), std::source_location()), home_queue(&q) {}

set_core::set_core(set_core&& other) noexcept
    : queue_(std::exchange(other.queue_, nullptr)),
      children_(std::move(other.children_)),
      ready_(std::exchange(other.ready_, runnable_chain())),
      size_(std::exchange(other.size_, 0)) {}

set_core::~set_core() {
    SENNIT_DEBUG_ASSERT(size_ == 0, "the typed set clears before it goes");
    if (queue_ != nullptr) queue_->close(0);
}

ready_queue& set_core::queue() {
    if (queue_ == nullptr) queue_ = new ready_queue;
    return *queue_;
}

void set_core::add(set_child& child) noexcept {
    children_.push_back(child);
    ready_.push_back(child);
    ++size_;
    if (std::exchange(waited_for_, false)) queue_->wake_owner();
}

std::size_t set_core::begin_poll(context& cx) noexcept {
    waited_for_ = false;
    if (queue_ == nullptr) return 0;
    for (runnable* r = queue_->take_all(cx.waker()); r != nullptr;) {
        runnable* rest = r->next;
        ready_.push_back(*r);
        r = rest;
    }
    std::size_t count = 0;
    for (runnable* r = ready_.front(); r != nullptr && count <= future_set_polls_max; r = r->next)
        ++count;
    return count;
}

set_child& set_core::next() noexcept {
    return static_cast<set_child&>(static_cast<flow&>(*ready_.pop_front()));
}

void set_core::wait(set_child& child) noexcept {
    if (child.state().park() == flow_state::park_action::poll_again) ready_.push_back(child);
}

void set_core::remove(set_child& child) noexcept {
    children_.remove(child);
    --size_;
    child.free();
}

void set_core::end_poll(context& cx) noexcept {
    waited_for_ = size_ != 0;
    if (!ready_.empty()) cx.yield();
}

void set_core::clear(destroy_future destroy) noexcept {
    if (size_ == 0) return;
    // First those in ready_: they are active, like strays, but the set's own.
    runnable_chain ready = std::exchange(ready_, runnable_chain());
    while (!ready.empty()) {
        auto& child = static_cast<set_child&>(static_cast<flow&>(*ready.pop_front()));
        destroy(child);
        remove(child);
    }
    std::size_t strays = 0;
    while (set_child* child = children_.pop_front()) {
        destroy(*child);
        --size_;
        if (child->state().wake() == flow_state::wake_action::submit) {
            child->free();
        } else {
            ++strays; // in the queue, or on its way there
        }
    }
    std::exchange(queue_, nullptr)->close(strays);
}

} // namespace sennit::detail
