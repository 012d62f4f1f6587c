// Sennit in the comparison suite: each workload in both models.
#pragma once

#include "../common/suite.hpp"
#include <sennit/coro/task.hpp>
#include <sennit/runtime/runtime.hpp>

#include <vector>

namespace suite {

using fiber_work = outcome (*)(const request&);
using task_work = sennit::task<outcome> (*)(const request&);

// Runs the work of the variant asked for as the first flow of a runtime, again and again.
void run_in_runtime(const request& asked, fiber_work fibers, task_work tasks);

// A workload with both variants.
workload both_models(std::string name, std::vector<parameter> parameters, fiber_work fibers,
                     task_work tasks);

// One for each source file.
void add_fork_join(std::vector<workload>& all);
void add_channels(std::vector<workload>& all);
void add_turns(std::vector<workload>& all);
void add_timers(std::vector<workload>& all);
void add_standing_by(std::vector<workload>& all);
void add_servers(std::vector<workload>& all);

} // namespace suite
