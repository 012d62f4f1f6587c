// The demonstration service: a few real routes, each written twice, once in each model.
#pragma once

#include <sennit/http/router.hpp>
#include <sennit/http/server.hpp>
#include <sennit/http/static_files.hpp>
#include <sennit/runtime/runtime.hpp>

#include <chrono>
#include <optional>

namespace cli {

// What /status reports on. The routes refer to it, so it must outlive the runtime, in which they run.
struct service {
    sennit::runtime* runtime = nullptr;
    std::optional<sennit::http::server> server; // there once it has the routes
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

sennit::http::router make_routes(const service& about, sennit::http::static_files files);

} // namespace cli
