// The library's only `thread_local`, the registry of threads, and the flow of a plain thread.
#include <sennit/core/current.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/os/futex.hpp>

#include <mutex>
#include <new>
#include <thread>

namespace sennit::detail {
namespace {

struct thread_registry {
    std::mutex lock;
    thread_state* first = nullptr;
};
// Never destroyed: threads may end after static destruction began.
thread_registry& registry() {
    alignas(thread_registry) static char memory[sizeof(thread_registry)];
    static auto* instance = new (memory) thread_registry;
    return *instance;
}

// A plain thread as a flow: it parks by sleeping on its state word.
class sleeping_thread final : public parker, public executor {
public:
    // `queue_index` says that the waker has come this far. The state word would say so too early:
    // the thread could go on, end, and leave its cell to another flow, which would be executed.
    void execute(runnable& r) noexcept override {
        std::atomic<std::uint32_t>& arrived = r.queue_index;
        arrived.store(1, std::memory_order_release); // pairs with park()
        (void)os::futex::wake_all(arrived);          // uses nothing but the address
    }

    void park(flow& self) noexcept override {
        std::atomic<std::uint32_t>& arrived = self.queue_index;
        arrived.store(0, std::memory_order_relaxed);
        if (self.state().park() == flow_state::park_action::poll_again) return;
        while (arrived.load(std::memory_order_acquire) == 0)
            os::futex::wait(arrived, 0);
        this_thread().budget = budget_per_resumption;
    }
    void yield(flow&) noexcept override {
        std::this_thread::yield();
        this_thread().budget = budget_per_resumption;
    }
    void requeue(flow&) noexcept override { fatal("a plain thread was run like a task"); }
    bool claim(flow&) noexcept override { return false; }
    void push_new(runnable&) noexcept override { fatal("a plain thread was run like a worker"); }
    void push_woken(runnable&) noexcept override { fatal("a plain thread was run like a worker"); }
};
sleeping_thread& thread_parker() {
    alignas(sleeping_thread) static char memory[sizeof(sleeping_thread)];
    static auto* instance = new (memory) sleeping_thread;
    return *instance;
}

void never_run(runnable&) noexcept { fatal("a plain thread was run like a task"); }
constexpr flow_operations thread_operations{{&never_run}, flow_kind::thread, nullptr, nullptr};

// Enters the thread's state into the registry, and takes it out when the thread ends.
struct registration {
    thread_state& state;

    explicit registration(thread_state& t) : state(t) {
        thread_registry& r = registry();
        std::lock_guard guard(r.lock);
        t.next_thread = r.first;
        if (r.first) r.first->previous_thread = &t;
        r.first = &t;
    }
    ~registration() {
        if (state.thread_flow != nullptr) {
            state.thread_flow->state().finish();
            state.thread_flow->~flow();
            ++state.pools.live[static_cast<std::size_t>(pool_kind::cell)];
            pool_give(state.pools, pool_kind::cell, pool_class_of(sizeof(flow)), state.thread_flow);
        }
        pool_drain(state.pools);
        thread_registry& r = registry();
        std::lock_guard guard(r.lock);
        (state.previous_thread ? state.previous_thread->next_thread : r.first) = state.next_thread;
        if (state.next_thread) state.next_thread->previous_thread = state.previous_thread;
    }
};

constinit thread_local thread_state thread{};

SENNIT_NOINLINE void enter_thread(thread_state& t) noexcept;

} // namespace

// Named in assembly, so neither mangled nor dropped; of the model that the assembly expects.
extern "C" {
[[gnu::used, gnu::retain, gnu::tls_model("initial-exec")]]
constinit thread_local thread_state* sennit_this_thread = nullptr;
}

namespace {

void enter_thread(thread_state& t) noexcept {
    sennit_this_thread = &t;
    static thread_local registration entry(t);
}

} // namespace

thread_state& this_thread_slowly() noexcept {
    if (sennit_this_thread == nullptr) [[unlikely]]
        enter_thread(thread);
    asm volatile(""); // keeps the compiler from proving that two calls return the same
    return *sennit_this_thread;
}

void for_each_thread(void (*visit)(thread_state&, void*), void* argument) {
    thread_registry& r = registry();
    std::lock_guard guard(r.lock);
    for (thread_state* t = r.first; t != nullptr; t = t->next_thread)
        visit(*t, argument);
}

flow& make_thread_flow(thread_state& t) {
    SENNIT_ASSERT(t.parker == nullptr,
                  "a wait outside any flow on a thread that runs flows: wait inside a fiber or a "
                  "task instead");
    if (t.thread_flow == nullptr) {
        void* memory = pool_take(t.pools, pool_kind::cell, pool_class_of(sizeof(flow)));
        --t.pools
              .live[static_cast<std::size_t>(pool_kind::cell)]; // not a spawned flow: not counted
        t.thread_flow =
            new (memory) flow(thread_operations, thread_parker(), std::source_location());
    }
    t.parker = &thread_parker();
    t.current = t.thread_flow;
    return *t.current;
}

timer_driver& current_timers(thread_state& t) {
    if (t.timers != nullptr) return *t.timers;
    if (executor* e = t.runs_for ? t.runs_for : t.home) {
        if (timer_driver* timers = e->timers()) return *timers;
    }
    return *default_executor().timers();
}

io_driver& current_io(thread_state& t) {
    if (executor* e = t.runs_for ? t.runs_for : t.home) {
        if (io_driver* io = e->io()) return *io;
    }
    return *default_executor().io();
}

} // namespace sennit::detail
