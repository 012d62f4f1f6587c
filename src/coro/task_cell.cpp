// The step of every spawned task.
#include <sennit/coro/task_cell.hpp>

namespace sennit::detail {

void run_task_step(flow& self, coro_root& root, awaiter_base& result) noexcept {
    if (!self.begin()) return;
    for (;;) {
        if (self.state().is_stop_requested() ||
            self.home().stopping.load(std::memory_order_relaxed)) [[unlikely]] {
            root.drop();
            result.set_how(outcome::cancelled);
            self.how = outcome::cancelled;
            return self.end();
        }
        if (root.resume()) {
            self.how = result.how();
            return self.end();
        }
        // The step may have waited on a stack in between, here or on another thread.
        self.set_own_run();
        thread_state& t = this_thread();
        if (t.yield_requested) {
            t.yield_requested = false;
            t.current = nullptr;
            return self.home().execute_new(self); // to the back of the queue
        }
        t.current = nullptr;
        if (self.state().park() == flow_state::park_action::parked) return;
        if (t.budget <= 1) return self.home().execute_new(self);
        --t.budget;
        t.current = &self;
    }
}

} // namespace sennit::detail
