// future_set<F>: futures that run side by side in one flow, however many they are.
//
// Each child has a waker of its own: a relay flow in a pool cell (core/wake_callback.hpp has another kind). A wake
// pushes the child on the set's queue, and a poll of the set polls the children it finds there and no others. So a
// wake costs the same among ten children and among ten thousand.
//
// Who owns a child's flow:
//   active, in ready_ or polled       the set
//   active, in the queue              the set, which takes the whole queue at its next poll
//   parked                            nobody; whoever makes it active
//   active, on its way to the queue   the waker that made it active
// The child's future is the set's alone. When the set goes while a waker is on its way, the set destroys the future
// and leaves the cell to the waker, which finds the queue closed and frees it: nobody waits for anybody. The queue
// lives on the heap until the set and the last such waker are through with it.
//
// A set belongs to one flow at a time; only wakers come from elsewhere. The untyped core is in future_set.cpp.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/base/list.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/held_future.hpp>
#include <sennit/core/wait.hpp>

#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

namespace sennit {

/// Children that one poll of a `future_set` polls before it lets other flows run. Source: R-STR-4.
inline constexpr std::size_t future_set_polls_max = 32;

namespace detail {

class ready_queue;

// The untyped part of a child. Its future is gone before the cell is.
struct set_child : flow, list_node {
    set_child(const flow_operations& operations, ready_queue& queue) noexcept;
    // By the owner of the active flow.
    void free() noexcept {
        state().finish();
        destroy();
    }
    ready_queue* const home_queue;
};

// The set without its futures: who is alive and who is to be polled.
class set_core {
public:
    using destroy_future = void (*)(set_child&) noexcept;

    set_core() noexcept = default;
    set_core(set_core&& other) noexcept;
    set_core& operator=(set_core&&) = delete;
    ~set_core(); // there are no children any more

    std::size_t size() const noexcept { return size_; }
    // The queue for a new child.
    ready_queue& queue();
    // Adds a child, to be polled next; wakes the flow that waits for the set.
    void add(set_child& child) noexcept;

    // Collects who was woken; wakes go to this context's flow from now on. Returns how many are to be polled.
    std::size_t begin_poll(context& cx) noexcept;
    // The next one to be polled; there is one.
    set_child& next() noexcept;
    // It is pending: it waits, or queues behind the others when it was woken meanwhile.
    void wait(set_child& child) noexcept;
    // It is done and its future is gone.
    void remove(set_child& child) noexcept;
    // The poll ends with nothing to tell.
    void end_poll(context& cx) noexcept;
    // Drops all children.
    void clear(destroy_future destroy) noexcept;

private:
    ready_queue* queue_ = nullptr; // made with the first child
    list<set_child> children_;
    runnable_chain ready_;
    std::size_t size_ = 0;
    bool waited_for_ = false; // the last poll found nothing
};

// The flow that runs here has used up its turn.
inline bool is_budget_spent() noexcept { return this_thread().budget <= 1; }

template<class F>
class typed_child final : public set_child {
    // Cells are small and aligned to two words, and nothing may fail once there is a flow.
    static constexpr bool is_boxed = sizeof(F) > pooled_size_max / 2 || alignof(F) > 16 ||
                                     !std::is_nothrow_move_constructible_v<F>;
    using content = std::conditional_t<is_boxed, std::unique_ptr<F>, F>;

public:
    static typed_child& make(ready_queue& queue, F&& f) {
        if constexpr (is_boxed) {
            return make_with(queue, std::make_unique<F>(std::move(f)));
        } else {
            return make_with(queue, std::move(f));
        }
    }
    F& future() noexcept {
        if constexpr (is_boxed) {
            return *content_;
        } else {
            return content_;
        }
    }
    static void destroy_future(set_child& c) noexcept {
        std::destroy_at(std::addressof(static_cast<typed_child&>(c).content_));
    }

private:
    typed_child(ready_queue& queue, content&& c) noexcept
        : set_child(operations, queue), content_(std::move(c)) {}
    ~typed_child() {} // the future is gone

    static typed_child& make_with(ready_queue& queue, content&& c) {
        void* memory = cell_allocate(sizeof(typed_child));
        return *::new (memory) typed_child(queue, std::move(c));
    }
    static void never_run(runnable&) noexcept { fatal("a child of a future_set was run"); }
    static void destroy(flow& f) noexcept {
        auto& self = static_cast<typed_child&>(f);
        self.~typed_child();
        cell_free(&self, sizeof(typed_child));
    }
    static constexpr flow_operations operations{{&never_run}, flow_kind::relay, &destroy, nullptr};

    union {
        content content_;
    };
};

} // namespace detail

template<future F>
class future_set;

/// The future of `future_set::async_next`. Dropping it loses nothing: the children stay in the set, which must
/// outlive it.
template<future F>
class [[nodiscard]] set_next_future {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    explicit set_next_future(future_set<F>& set) noexcept : set_(&set) {}
    auto poll(context& cx) { return set_->poll_next(cx); }

private:
    future_set<F>* set_;
};

/// A set of futures of one type that are polled side by side by the flow that waits for the set. Their values come in
/// the order in which they are ready; what a value belongs to, the value has to tell.
///
/// Only children that were woken are polled, each at most once for a wake or a push, and at most
/// `future_set_polls_max` before other flows get their turn. A child runs only while the set is waited for. Its future
/// is destroyed as soon as it is ready. What a child's poll throws leaves the child dropped and passes through the wait;
/// the set goes on. Destroying the set drops all children. A set may be moved while nobody waits for it.
///
/// ```cpp
/// sennit::event a, b;
/// sennit::future_set<sennit::event_future> set;
/// set.push(a.async_wait());
/// set.push(b.async_wait());
/// b.set();
/// set.next();  // b
/// std::size_t left = set.size();  // 1
/// ```
/// Cost: a cell for each child; O(1) for each push, wake and value. Source: R-STR-4, futures' FuturesUnordered.
template<future F>
class future_set {
    static_assert(!std::is_reference_v<F>, "a set owns its futures");

public:
    /// The values: of the futures, a `std::monostate` for those without one, a `std::reference_wrapper` for references.
    using value_type = detail::stored_output_t<F>;

    future_set() noexcept = default;
    future_set(future_set&&) noexcept = default;
    future_set& operator=(future_set&& other) noexcept {
        if (this != &other) {
            std::destroy_at(this);
            std::construct_at(this, std::move(other));
        }
        return *this;
    }
    ~future_set() { clear(); }

    /// Adds a future, which is polled for the first time when the set is. If the set's own flow waits for it
    /// already, as one of several things, it is woken.
    void push(F f) { core_.add(child::make(core_.queue(), std::move(f))); }

    /// The next value; empty when no child is left. Throws what a child throws, and `stopped`.
    std::optional<value_type> next() { return wait(async_next()); }
    /// The future of it. Another push makes a set that was empty go on.
    set_next_future<F> async_next() noexcept { return set_next_future<F>(*this); }

    /// Children that are not done.
    std::size_t size() const noexcept { return core_.size(); }
    bool empty() const noexcept { return core_.size() == 0; }
    /// Drops all children.
    void clear() noexcept { core_.clear(&child::destroy_future); }

    /// What `async_next` polls.
    sennit::poll<std::optional<value_type>> poll_next(context& cx) {
        std::optional<value_type> found;
        poll_each(cx, [&found](value_type&& value) {
            found.emplace(std::move(value));
            return false;
        });
        if (found || empty()) return found;
        return pending;
    }

    /// For combinators: polls children that were woken and hands each value to `each`, until `each` returns false or
    /// the poll's bound is reached; then the context is asked for another turn.
    template<class Each>
    void poll_each(context& cx, Each&& each) {
        std::size_t count = core_.begin_poll(cx);
        if (count > future_set_polls_max) count = future_set_polls_max;
        for (; count != 0; --count) {
            set_child& c = core_.next();
            std::optional<value_type> value = poll_child(static_cast<child&>(c));
            if (value && !each(std::move(*value))) return;
            if (detail::is_budget_spent()) break;
        }
        core_.end_poll(cx);
    }

private:
    using set_child = detail::set_child;
    using child = detail::typed_child<F>;

    // Takes the child out when its poll throws.
    struct removal {
        detail::set_core* core;
        child* c;
        ~removal() {
            if (c != nullptr) now();
        }
        void now() noexcept {
            child::destroy_future(*c);
            core->remove(*std::exchange(c, nullptr));
        }
    };
    std::optional<value_type> poll_child(child& c) {
        removal gone{&core_, &c};
        context cx{c};
        auto answer = c.future().poll(cx);
        std::optional<value_type> value;
        if (!answer.is_ready()) {
            gone.c = nullptr;
            core_.wait(c);
            return value;
        }
        detail::take_into(value, std::move(answer));
        gone.now();
        return value;
    }

    detail::set_core core_;
};

} // namespace sennit
