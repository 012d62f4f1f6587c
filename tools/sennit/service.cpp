#include "service.hpp"

#include "live_page.hpp"
#include "status.hpp"
#include <sennit/coro/task.hpp>
#include <sennit/runtime/spawn.hpp>
#include <sennit/time/sleep.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cli {
namespace {

namespace http = sennit::http;
using clock = std::chrono::steady_clock;

constexpr int children = 100;
constexpr int nap_max_ms = 20;

http::response greeting(std::string_view name) {
    if (name.empty()) return http::response::text(200, "Hello, world!\n");
    return http::response::text(200, "Hello, " + std::string(name) + "!\n");
}

http::response echo_of(http::request& asked) {
    const std::string type(asked.header("Content-Type").value_or("application/octet-stream"));
    http::response answer(200);
    answer.set_header("Content-Type", type);
    answer.set_body(std::move(asked.body()));
    return answer;
}

// Between 1 and nap_max_ms, so that the children end in another order than they were started.
std::chrono::milliseconds nap_of(int child) {
    return std::chrono::milliseconds(1 + child * 7 % nap_max_ms);
}

http::response gathered(const char* model, const std::vector<int>& results,
                        clock::time_point from) {
    const std::chrono::duration<double, std::milli> taken = clock::now() - from;
    int naps = 0;
    for (int child = 0; child < children; ++child)
        naps += static_cast<int>(nap_of(child).count());
    const nlohmann::json answer{{"model", model},
                                {"children", results.size()},
                                {"elapsed_ms", taken.count()},
                                {"naps_ms", naps},
                                {"results", results}};
    return http::response::json(200, answer.dump() + "\n");
}

// The routes as plain functions, which may block.
namespace fiber {

http::response hello(http::request&) { return greeting({}); }
http::response hello_name(http::request& asked) { return greeting(asked.param("name")); }
http::response echo(http::request& asked) { return echo_of(asked); }

http::response fanout(http::request&) {
    const clock::time_point from = clock::now();
    std::vector<sennit::join_handle<int>> started;
    started.reserve(children);
    for (int child = 0; child < children; ++child) {
        started.push_back(sennit::spawn([child] {
            sennit::sleep_for(nap_of(child));
            return child * child;
        }));
    }
    std::vector<int> results;
    for (auto& child : started)
        results.push_back(child.join());
    return gathered("fiber", results, from);
}

} // namespace fiber

// The same routes as coroutines.
namespace task {

sennit::task<http::response> hello(http::request&) { co_return greeting({}); }
sennit::task<http::response> hello_name(http::request& asked) {
    co_return greeting(asked.param("name"));
}
sennit::task<http::response> echo(http::request& asked) { co_return echo_of(asked); }

sennit::task<int> square_later(int child) {
    co_await sennit::async_sleep_for(nap_of(child));
    co_return child* child;
}

sennit::task<http::response> fanout(http::request&) {
    const clock::time_point from = clock::now();
    std::vector<sennit::join_handle<int>> started;
    started.reserve(children);
    for (int child = 0; child < children; ++child)
        started.push_back(sennit::spawn(square_later(child)));
    std::vector<int> results;
    for (auto& child : started)
        results.push_back(co_await child.async_join());
    co_return gathered("task", results, from);
}

} // namespace task
} // namespace

http::router make_routes(const service& about, http::static_files files) {
    http::router routes;
    routes.get("/fiber/hello", fiber::hello);
    routes.get("/fiber/hello/{name}", fiber::hello_name);
    routes.post("/fiber/echo", fiber::echo);
    routes.get("/fiber/fanout", fiber::fanout);
    routes.get("/fiber/files/{path...}",
               [files](http::request& asked) { return files.serve(asked, asked.param("path")); });

    routes.get("/task/hello", task::hello);
    routes.get("/task/hello/{name}", task::hello_name);
    routes.post("/task/echo", task::echo);
    routes.get("/task/fanout", task::fanout);
    routes.get("/task/files/{path...}",
               [files](http::request& asked) -> sennit::task<http::response> {
                   co_return files.serve(asked, asked.param("path"));
               });

    routes.get("/status", [&about](http::request&) {
        http::response answer = http::response::json(200, status_json(about));
        answer.set_header("Cache-Control", "no-store");
        return answer;
    });
    routes.get("/", [](http::request&) {
        http::response answer = http::response::html(200, std::string(live_page));
        answer.set_header("Cache-Control", "no-cache");
        return answer;
    });
    return routes;
}

} // namespace cli
