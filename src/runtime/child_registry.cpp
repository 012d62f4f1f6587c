#include <sennit/runtime/child_registry.hpp>

#include <sennit/core/current.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/core/stop_node.hpp>

#include <array>
#include <cstddef>
#include <mutex>
#include <utility>

namespace sennit::detail {

namespace {

constexpr std::size_t asked_at_a_time = 16;

} // namespace

running_child::running_child(child_registry& registry) noexcept
    : registry_(&registry), self_(&current_flow(this_thread())) {
    if (registry_->enter(*this)) self_->request_stop();
}

void running_child::leave() noexcept {
    if (registry_ != nullptr) std::exchange(registry_, nullptr)->leave(*this);
}

bool child_registry::enter(running_child& child) noexcept {
    std::lock_guard guard(lock_);
    (stopping_ ? asked_ : running_).push_back(child);
    return stopping_;
}

void child_registry::leave(running_child& child) noexcept {
    std::lock_guard guard(lock_);
    running_.remove(child); // from whichever list it is in
}

bool child_registry::is_stop_requested() const noexcept {
    if (node_ && node_->is_stopped()) return true;
    std::lock_guard guard(lock_);
    return stopping_;
}

void child_registry::request_stop() noexcept {
    if (!is_stopped_from_above()) asked_itself_.store(true, std::memory_order_relaxed);
    if (node_) node_->request_stop({errc::stopped, "scope"});
    for (bool more = true; more;) {
        runnable_chain woken;
        std::array<stop_ref, asked_at_a_time> nodes;
        std::size_t count = 0;
        {
            std::lock_guard guard(lock_);
            stopping_ = true;
            while (count < asked_at_a_time && !running_.empty()) {
                running_child& child = *running_.pop_front();
                asked_.push_back(child);
                flow& f = child.self();
                if (f.state().request_stop() == flow_state::wake_action::submit) woken.push_back(f);
                if (flow_extras* e =
                        f.extras.load(std::memory_order_acquire)) { // pairs with extras_of
                    std::lock_guard own_guard(e->own_lock);
                    nodes[count] = stop_ref::share(e->own);
                }
                ++count;
            }
            more = !running_.empty();
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (nodes[i]) nodes[i]->request_stop({errc::stopped, "scope"});
        }
        while (runnable* r = woken.pop_front())
            static_cast<flow*>(r)->home().execute(*r);
    }
}

} // namespace sennit::detail
