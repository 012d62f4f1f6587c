// Starting a task without a handle, for the layers below the runtime.
#pragma once

#include <sennit/coro/task.hpp>
#include <sennit/coro/task_cell.hpp>

#include <source_location>

namespace sennit::detail {

// Starts `t` on the executor of the flow that runs here, else on the default one, and lets it go.
inline void launch_detached(task<void> t,
                            std::source_location site = std::source_location::current()) {
    thread_state& s = this_thread();
    const bool inside = s.current != nullptr && s.current->kind() != flow_kind::thread;
    executor& home = inside ? s.current->home() : default_executor();
    auto& cell = task_cell<void>::make(home, site, std::move(t));
    cell.set_detached();
    cell.launch();
}

} // namespace sennit::detail
