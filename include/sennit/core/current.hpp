// What the library keeps for each thread. Its definition (src/core/current.cpp) is the only place that says
// `thread_local`.
//
// A flow may leave a thread at every wait and come back on another. The compiler may keep the address of a `thread_local`
// across a call, since it knows no threads that change below it. So the address is read by an instruction that it cannot look
// into, or by a function that is never inlined, and nobody keeps the reference across anything that may wait.
#pragma once

#include <sennit/base/config.hpp>
#include <sennit/core/cell_pool.hpp>
#include <sennit/core/driver.hpp>
#include <sennit/core/executor.hpp>

#include <cstdint>
#include <exception>
#include <new>

namespace sennit {

class flow;
class stack;

namespace detail {

// How the current flow gives up the thread. Workers do it by switching stacks, plain threads by sleeping.
class parker {
public:
    virtual ~parker() = default;
    // Returns when the flow was woken. The caller has polled and found nothing.
    virtual void park(flow& self) noexcept = 0;
    // Returns when the other runnable flows had their turn.
    virtual void yield(flow& self) noexcept = 0;
    // Queues the current flow, whose step is over, behind the other runnable flows.
    virtual void requeue(flow& self) noexcept = 0;
    // Takes a child that has not started out of the queue, if it is here and this stack has room for it.
    virtual bool claim(flow& child) noexcept = 0;
    // `execute_new` and `execute` of the executor whose thread this is, without the way round through it.
    virtual void push_new(runnable& r) noexcept = 0;
    virtual void push_woken(runnable& r) noexcept = 0;
};

// Operations a flow may complete without waiting before it lets others run (tokio's figure).
inline constexpr std::uint32_t budget_per_resumption = 128;

struct thread_state {
    flow* current = nullptr;     // the flow that runs here; a plain thread's own once it waits
    flow* thread_flow = nullptr; // that one
    detail::parker* parker =
        nullptr;              // set while a worker or a foreign executor's stack runs flows here
    executor* home = nullptr; // the executor whose thread this is
    executor* runs_for = nullptr; // whose flows may run on this stack, which can be given away
    flow_counters* counters = nullptr;
    timer_driver* timers = nullptr;
    std::uint32_t budget = budget_per_resumption; // operations left in this resumption
    bool yield_requested = false; // the polled future asked for another turn, see context::yield
    std::uint64_t id_next = 0, id_end = 0;
    sennit::stack* stack =
        nullptr; // the switchable stack the thread stands on; null: its native one
    void* drop_scope =
        nullptr; // nested destructions of frames by the flow that runs here, see coro/promise.cpp
    std::exception_ptr* leaf_exception = nullptr; // from a leaf's poll to the frame that awaits it
    std::uint64_t random = 0;                     // of random_below(); 0: not seeded yet
    pool_cache pools;
    thread_state *next_thread = nullptr,
                 *previous_thread = nullptr; // of all threads, under the registry's lock
};

// For the first use of a thread, and for processors other than x86-64.
SENNIT_NOINLINE thread_state& this_thread_slowly() noexcept;

// A dozen of these lie on the way of a flow, so a call would be dear. `sennit_this_thread` is a thread-local pointer, null before
// the thread's first use, at a place that is fixed when the program is loaded (the initial-exec model of the ELF TLS ABI).
SENNIT_ALWAYS_INLINE thread_state& this_thread() noexcept {
#if defined(__x86_64__) && defined(__ELF__)
    thread_state* t;
    asm volatile(
        "movq sennit_this_thread@gottpoff(%%rip), %0\n\t"
        "movq %%fs:(%0), %0"
        : "=r"(t)
        :
        : "memory");
    if (t != nullptr) [[likely]]
        return *t;
#endif
    return this_thread_slowly();
}

// A number below `n`, which is not 0, for choices that have to be fair but need not be secret. Whoever wants the same
// choices again seeds `random` himself. (xorshift64*: Vigna, "An experimental exploration of Marsaglia's generators".)
inline std::uint32_t random_below(thread_state& t, std::uint32_t n) noexcept {
    std::uint64_t x = t.random;
    if (x == 0) [[unlikely]]
        x = (reinterpret_cast<std::uintptr_t>(&t) * 0x9e3779b97f4a7c15u) | 1;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    t.random = x;
    return static_cast<std::uint32_t>(((x * 0x2545f4914f6cdd1du) >> 32) * n >> 32);
}

// Calls `visit` for every thread that used the library and has not ended; threads cannot end meanwhile.
void for_each_thread(void (*visit)(thread_state&, void*), void* argument);

// The flow that runs here; makes one for a plain thread.
SENNIT_NOINLINE flow& make_thread_flow(thread_state& t);
inline flow& current_flow(thread_state& t) {
    if (t.current == nullptr) [[unlikely]]
        return make_thread_flow(t);
    return *t.current;
}

// The timers to use here: the worker's own, else its executor's, else the default runtime's.
timer_driver& current_timers(thread_state& t);
// The same for readiness.
io_driver& current_io(thread_state& t);

inline void* cell_allocate(std::size_t size) {
    return pool_take(this_thread().pools, pool_kind::cell, pool_class_of(size));
}
inline void cell_free(void* cell, std::size_t size) noexcept {
    pool_give(this_thread().pools, pool_kind::cell, pool_class_of(size), cell);
}
// Gives back a cell that never held a flow.
inline void cell_abandon(void* cell, std::size_t size) noexcept { cell_free(cell, size); }
// Frames of any size. Inline, since the size of a coroutine's frame is known where it is compiled.
inline void* frame_allocate(std::size_t size) {
    thread_state& t = this_thread();
#if SENNIT_ASAN
    ++t.pools.live[static_cast<std::size_t>(pool_kind::frame)];
    return ::operator new(size);
#else
    if (size > pooled_size_max) return ::operator new(size);
    return pool_take(t.pools, pool_kind::frame, pool_class_of(size));
#endif
}
inline void frame_free(void* frame, std::size_t size) noexcept {
    thread_state& t = this_thread();
#if SENNIT_ASAN
    --t.pools.live[static_cast<std::size_t>(pool_kind::frame)];
    ::operator delete(frame, size);
#else
    if (size > pooled_size_max) return ::operator delete(frame, size);
    pool_give(t.pools, pool_kind::frame, pool_class_of(size), frame);
#endif
}

} // namespace detail
} // namespace sennit
