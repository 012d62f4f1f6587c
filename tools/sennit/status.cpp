#include "status.hpp"

#include <sennit/core/cell_pool.hpp>
#include <sennit/os/process_memory.hpp>
#include <sennit/stack/stack.hpp>
#include <sennit/version.hpp>

#include <nlohmann/json.hpp>

#include <chrono>

namespace cli {
namespace {

using nlohmann::ordered_json;

ordered_json workers_json(const sennit::runtime_statistics& seen) {
    ordered_json workers = ordered_json::array();
    for (const auto& worker : seen.workers) {
        workers.push_back({{"polls", worker.polls},
                           {"switches", worker.switches},
                           {"steals", worker.steals},
                           {"stolen", worker.stolen},
                           {"queued", worker.queued},
                           {"asleep", worker.asleep}});
    }
    return workers;
}

ordered_json flows_json(const sennit::runtime_statistics& seen) {
    return {{"live", seen.live},       {"fibers", seen.fibers},
            {"tasks", seen.tasks},     {"active", seen.active},
            {"parked", seen.parked},   {"parked_on_stack", seen.parked_on_stack},
            {"spawned", seen.spawned}, {"finished", seen.finished}};
}

ordered_json server_json(const sennit::http::server_statistics& seen) {
    return {
        {"connections", {{"open", seen.connections_open}, {"accepted", seen.connections_accepted}}},
        {"requests", seen.requests},
        {"responses",
         {{"2xx", seen.responses[2]},
          {"3xx", seen.responses[3]},
          {"4xx", seen.responses[4]},
          {"5xx", seen.responses[5]}}},
        {"bytes", {{"received", seen.bytes_received}, {"sent", seen.bytes_sent}}}};
}

ordered_json memory_json() {
    const sennit::stack_statistics stacks = sennit::stack_pool::stats();
    const sennit::pool_statistics pools = sennit::pool_stats();
    return {{"resident_bytes", sennit::os::resident_bytes().value_or(0)},
            {"page_table_bytes", sennit::os::page_table_bytes().value_or(0)},
            {"stacks",
             {{"made", stacks.made},
              {"in_use", stacks.in_use},
              {"reserved_bytes", stacks.reserved_bytes},
              {"lightweight_guards", stacks.lightweight_guards}}},
            {"pools",
             {{"reserved_bytes", pools.reserved_bytes},
              {"chunk_bytes", pools.chunk_bytes},
              {"cells", pools.cells},
              {"frames", pools.frames}}}};
}

} // namespace

std::string status_json(const service& about) {
    const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - about.started;
    const sennit::runtime_statistics runtime = about.runtime->stats();
    ordered_json all{{"version", sennit::version}, {"uptime_s", uptime.count()}, {"io", "epoll"}};
    all.update(server_json(about.server->statistics()));
    all["flows"] = flows_json(runtime);
    all["workers"] = workers_json(runtime);
    all["workers_asked"] = about.runtime->workers();
    all["spares"] = runtime.spares;
    all["stuck_events"] = runtime.stuck_events;
    all["memory"] = memory_json();
    return all.dump() + "\n";
}

} // namespace cli
