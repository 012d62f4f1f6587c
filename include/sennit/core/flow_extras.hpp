// What few flows have, kept apart from the header: a name, a stop source that somebody asked for, bounds in time.
#pragma once

#include <sennit/core/flow.hpp>
#include <sennit/core/options.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

namespace sennit::detail {

// One `with_timeout` or `with_deadline` around the current code of a flow; they nest like frames.
struct time_bound {
    std::atomic<bool> expired{false};
    time_bound* outer = nullptr;
};

struct flow_extras {
    std::array<char, flow_name_size_max + 1> name{};
    std::uint8_t name_size = 0;
    std::uint32_t shields = 0;       // nested `shielded` calls: stop and bounds are not looked at
    time_bound* innermost = nullptr; // owner only
    std::mutex stop_lock;            // guards the creation of stop_source against request_stop
    std::optional<std::stop_source> stop_source;
    // Hands a shutdown of the executor on to stop_source.
    struct forward_stop {
        flow_extras* extras;
        void operator()() const noexcept { extras->stop_source->request_stop(); }
    };
    std::optional<std::stop_callback<forward_stop>> on_shutdown;
};

// The extras of `f`, made on first use. Only the flow itself, or whoever makes it, may call this.
flow_extras& extras_of(flow& f);
// Copies the options' name, if there is one.
void name_flow(flow& f, const flow_options& options);

// Looks at all flows alive, while they run. A flow that ends meanwhile keeps its extras until the report is over.
struct flow_report {
    static std::atomic<bool> under_way;
    static std::mutex lock;
    // Calls `each` for every flow of `home` (null: of all). `each` may read the header and the extras, wake the flow, and ask it
    // to stop; it must not wait.
    static void visit(executor* home, void (*each)(flow&, void*), void* argument);
};

} // namespace sennit::detail

namespace sennit {

/// `"name" (id 7, started at main.cpp:12)`: a flow for people.
std::string describe(const flow& f);

} // namespace sennit
