// What few flows have, kept apart from the header: a name, a place in a stop tree, bounds in time, locals.
#pragma once

#include <sennit/base/spin_lock.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/core/options.hpp>
#include <sennit/core/stop_node.hpp>

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace sennit::detail {

// One `with_timeout` or `with_deadline` around the current code of a flow; they nest like frames.
//
// word_ holds the node that the bound stops, if there is one, and a mark for "expired". The owner puts the node in,
// with a reference for whoever expires the bound; the firing thread sets the mark and takes that reference with it, in
// one step. So either the firing thread finds the node and stops it, or the owner finds the mark and does.
class time_bound {
public:
    time_bound* outer = nullptr;
    std::uint64_t deadline_ns = stop_state::never; // constant

    bool is_expired() const noexcept {
        return (word_.load(std::memory_order_acquire) & expired) != 0; // pairs with expire()
    }
    // The firing thread's last access to the bound. The caller stops the node and releases it.
    [[nodiscard]] stop_state* expire() noexcept {
        // release: pairs with the owner's looks; acquire: the node
        return node_in(word_.fetch_or(expired, std::memory_order_acq_rel));
    }
    // The rest is the owner's. The node of the bound, below `above`, made on first use.
    stop_state& node_below(stop_state* above);
    bool has_node() const noexcept { return static_cast<bool>(node_); }
    stop_state* node() const noexcept { return node_.get(); }

protected:
    time_bound() noexcept = default;
    ~time_bound() = default;
    // Once it cannot expire any more.
    void release_node() noexcept {
        const std::uintptr_t seen = word_.load(std::memory_order_relaxed);
        if ((seen & expired) == 0 && seen != 0) node_in(seen)->release();
    }

private:
    static constexpr std::uintptr_t expired = 1;
    static stop_state* node_in(std::uintptr_t word) noexcept {
        return reinterpret_cast<stop_state*>(word & ~expired);
    }

    std::atomic<std::uintptr_t> word_{0};
    stop_ref node_;
};

// A chain of values of flow locals, see core/flow_local.hpp.
struct local_value;

struct flow_extras {
    std::array<char, flow_name_size_max + 1> name{};
    std::uint8_t name_size = 0;
    std::uint32_t shields = 0;       // nested `shielded` calls: stop and bounds are not looked at
    time_bound* innermost = nullptr; // owner only
    // The node that a flow started without a scope inherits; it holds a reference.
    stop_member inherited;
    // The flow's own node, above what it opens. Written by the flow under the lock, for request_stop.
    spin_lock own_lock;
    stop_state* own = nullptr;
    // Owner only; the first is handed on to children.
    local_value *locals_to_children = nullptr, *locals_alone = nullptr;
};

// The extras of `f`, made on first use. Only the flow itself, or whoever makes it, may call this.
flow_extras& extras_of(flow& f);
// Copies the options' name, if there is one.
void name_flow(flow& f, const flow_options& options);

// The flow's own node, made on first use; below the one that it was started in. For the flow itself.
stop_state& own_node(flow& me);
// The node that bounds the code that runs now: the innermost bound's, else the flow's own. Null when it is shielded.
stop_state* innermost_node(flow& me);
// A node for what the flow that runs here opens, below its innermost one. None when the flow is in no tree: it has
// neither inherited a node, nor a bound, nor been asked for its token; or when it is shielded.
stop_ref node_for_children();

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
