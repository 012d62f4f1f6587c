#include <sennit/runtime/child_registry.hpp>

#include <sennit/core/current.hpp>
#include <sennit/core/flow_extras.hpp>

#include <array>
#include <cstddef>
#include <mutex>
#include <optional>
#include <stop_token>
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
    std::lock_guard guard(lock_);
    return stopping_;
}

void child_registry::request_stop() noexcept {
    for (bool more = true; more;) {
        runnable_chain woken;
        std::array<std::optional<std::stop_source>, asked_at_a_time> sources;
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
                    std::lock_guard stop_guard(e->stop_lock);
                    sources[count] = e->stop_source;
                }
                ++count;
            }
            more = !running_.empty();
        }
        for (std::size_t i = 0; i < count; ++i) {
            if (sources[i]) sources[i]->request_stop();
        }
        while (runnable* r = woken.pop_front())
            static_cast<flow*>(r)->home().execute(*r);
    }
}

} // namespace sennit::detail
