// The step of every spawned task.
#include <sennit/coro/task_cell.hpp>

namespace sennit::detail {

// What a spawned task costs beside its frames; see the README.
static_assert(sizeof(task_cell<void>) <= 12 * sizeof(void*));

void run_task_step(flow& self, coro_root& root) noexcept {
    thread_state* t = self.begin();
    if (t == nullptr) return;
    for (;;) {
        if (self.hears_stop()) [[unlikely]] {
            root.drop();
            self.how = outcome::cancelled;
            return self.end();
        }
        const progress made = root.resume(self);
        if (made == progress::ended) {
            self.how = root.how();
            return self.end();
        }
        if (self.is_parked_on_stack()) [[unlikely]] {
            // The step has waited on a stack in between, and this may be another thread.
            self.clear_parked_on_stack();
            t = &this_thread();
        }
        t->current = nullptr;
        if (made == progress::yields || t->yield_requested) {
            t->yield_requested = false;
            return t->parker->requeue(self);
        }
        if (self.has_context() && !self.enter_context()) [[unlikely]] {
            t->current = &self;
            continue;
        }
        self.resumes_at = root.near();
        if (self.state().park() == flow_state::park_action::parked) return;
        if (t->budget <= 1) return t->parker->requeue(self);
        --t->budget;
        t->current = &self;
    }
}

} // namespace sennit::detail
