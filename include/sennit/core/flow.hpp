// A flow: what runs, waits and is woken. Fibers, coroutine tasks and plain threads that wait share this header.
//
// A flow's life: made (active, queued) -> runs -> parks and is woken, any number of times -> ends. It is run by one
// thread at a time: whoever took it from a queue. Its memory is a pool cell (core/cell_pool.hpp) that is given back by
// the last of two parties, the flow itself and its handle, which meet in `join_`:
//
//   join_ value     meaning
//   none (0)        running, nobody waits
//   done (1)        ended; the handle owns the cell
//   detached (2)    no handle; the flow frees its cell when it ends
//   otherwise       the flow that waits for the end
//
// All other fields are owned by whoever owns the active flow (core/flow_state.hpp), but for `id_`, which reports may
// read at any time.
#pragma once

#include <sennit/core/current.hpp>
#include <sennit/core/flow_state.hpp>
#include <sennit/core/options.hpp>
#include <sennit/core/runnable.hpp>
#include <sennit/core/waker.hpp>

#include <atomic>
#include <cstdint>
#include <exception>
#include <source_location>
#include <string_view>

namespace sennit {

class flow;

/// Runs a flow that was handed to a thread whose own stack cannot be given away: on a pooled stack, returning when the
/// flow waits or ends. Defined by the layer that owns stacks.
void run_on_pooled_stack(flow& f) noexcept;

namespace detail {

struct flow_extras;
struct stop_member;
class stop_state;

enum class flow_kind : std::uint8_t { fiber, task, thread, relay };

// What the typed cell knows and the header does not. What is run is the flow's own step: the start of a fiber, the
// resumption of a task.
struct flow_operations : runnable_operations {
    flow_kind kind;
    // Destroys the result, and the callable if it never ran, and frees the cell.
    void (*destroy)(flow&) noexcept;
    // The exception of a flow that ended with one.
    std::exception_ptr (*exception)(flow&) noexcept;
};

// How a flow ended, for its joiner.
enum class outcome : std::uint8_t { none, value, exception, cancelled };

} // namespace detail

/// The header of every flow. Users meet it through wakers and handles only.
class flow : public runnable {
    flow_state state_; // first: it stands at the same offset in free memory

public:
    static constexpr std::uintptr_t join_none = 0, join_done = 1, join_detached = 2;

    /// Prepares an active flow; the caller hands it to `home` (`launch`) or runs it itself.
    flow(const detail::flow_operations& operations, executor& home,
         std::source_location site) noexcept
        : runnable(operations), home_(&home), site_(site) {
        id_.store(next_id(detail::this_thread()), std::memory_order_relaxed);
        state_.start();
    }
    ~flow() {
        if (has_context()) [[unlikely]]
            free_extras();
    }

    detail::flow_kind kind() const noexcept { return operations().kind; }
    std::uint64_t id() const noexcept { return id_.load(std::memory_order_relaxed); }
    /// The name given at the start, or "".
    std::string_view name() const noexcept;
    std::source_location site() const noexcept { return site_.load(std::memory_order_relaxed); }
    executor& home() const noexcept { return *home_.load(std::memory_order_relaxed); }
    flow_state& state() noexcept { return state_; }

    /// Counts and queues a flow that was just made.
    void launch() noexcept;
    /// Wakes: see `waker::wake`.
    void wake() noexcept {
        if (state_.wake() == flow_state::wake_action::submit) submit();
    }
    /// Asks the flow to stop: fibers find `stopped` at their next wait, tasks are dropped at their next suspension.
    void request_stop() noexcept;
    /// True when this flow, its executor or a bound around it was asked to stop.
    bool is_stop_requested() noexcept;
    /// True when this flow, its executor or what it was started in was asked to stop: a task is dropped then.
    bool hears_stop() noexcept {
        return state_.is_stop_requested() || home().stopping.load(std::memory_order_relaxed) ||
               (has_context() && is_context_stopped());
    }
    /// False for a flow that belongs to no node of a stop tree, has no name, no locals and no bounds.
    bool has_context() const noexcept { return extras.load(std::memory_order_relaxed) != nullptr; }
    /// Before `launch`: the flow belongs to this node.
    void start_below(detail::stop_state& node);
    /// The node that it was started in; null when there is none. For the flow itself, and whoever makes it.
    detail::stop_member* membership() noexcept;
    /// Before it parks: from now on it is woken when its node is asked to stop. False when that has happened.
    [[nodiscard]] bool enter_context() noexcept;

    /// Set by a joiner that runs the flow in place: nobody else can see it, so its end needs no synchronisation.
    bool in_place = false;
    /// True once it has run; a flow that has not started owns no stack.
    std::atomic<bool> started{false};
    detail::outcome how = detail::outcome::none;
    /// A joiner was told how it ended: an exception is not reported again.
    bool delivered = false;

    /// Called by the running flow's own code, first and last. `begin` returns this thread's state, or null when the flow was run
    /// elsewhere instead, because this thread's stack cannot be given away: return at once. `end` may free the cell.
    [[nodiscard]] detail::thread_state* begin() noexcept {
        detail::thread_state& t = detail::this_thread();
        if (t.runs_for != &home()) [[unlikely]] {
            run_on_pooled_stack(*this);
            return nullptr;
        }
        t.current = this;
        t.budget = detail::budget_per_resumption;
        started.store(true, std::memory_order_relaxed);
        return &t;
    }
    void end() noexcept;

    /// The handle's side of the meeting. `poll_done` is true when the flow has ended; else it leaves the waker.
    bool poll_done(waker joiner) noexcept;
    bool is_done() const noexcept { return join_.load(std::memory_order_acquire) == join_done; }
    /// Before `launch`: there will be no handle.
    void set_detached() noexcept { join_.store(join_detached, std::memory_order_relaxed); }
    /// Gives the flow up; frees the cell if it has ended.
    void detach() noexcept;
    void destroy() noexcept { operations().destroy(*this); }
    /// The joiner withdraws its waker.
    void forget_joiner(waker joiner) noexcept;
    /// A joiner that owns the handle and has claimed the flow from its queue runs it on its own stack.
    void run_in_place(flow& joiner) noexcept;

    /// From now on `run` resumes the stack that the flow stands on, until further notice.
    void set_parked_on_stack() noexcept { parked_on_stack_.store(true, std::memory_order_relaxed); }
    /// `run` is the flow's own step again.
    void clear_parked_on_stack() noexcept {
        parked_on_stack_.store(false, std::memory_order_relaxed);
    }

    /// Made by the flow itself when first needed, freed with the cell.
    std::atomic<detail::flow_extras*> extras{nullptr};

private:
    static std::uint64_t next_id(detail::thread_state& t) noexcept {
        if (t.id_next == t.id_end) [[unlikely]]
            take_ids(t);
        return t.id_next++;
    }
    static void take_ids(detail::thread_state& t) noexcept;
    void submit() noexcept;
    void free_extras() noexcept;
    const detail::flow_operations& operations() const noexcept {
        return static_cast<const detail::flow_operations&>(*operations_);
    }
    void report_if_failed() noexcept;
    bool is_context_stopped() noexcept;
    void inherit_from(flow& parent);
    void leave_context() noexcept;

    std::atomic<executor*> home_; // constant while alive; atomic for reports that read free cells
    std::atomic<std::uintptr_t> join_{join_none};
    std::atomic<std::uint64_t> id_{0};
    std::atomic<std::source_location> site_;
};

} // namespace sennit
