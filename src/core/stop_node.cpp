// Marking a subtree, and telling it.
#include <sennit/core/stop_node.hpp>

#include <sennit/core/flow.hpp>

#include <mutex>

namespace sennit {
namespace detail {

// One request on its way down. Every node is in at most one chain of each kind in its life: it is put into the first
// when its parent is marked, and into the second when it is marked itself.
class stop_wave {
public:
    stop_wave(error cause, bool expired) noexcept : cause_(std::move(cause)), expired_(expired) {}

    // False when the node was stopped before. The caller holds a reference.
    bool mark(stop_state& node) noexcept {
        std::lock_guard guard(node.lock_);
        if (node.stopped_.load(std::memory_order_relaxed)) return false;
        node.cause_ = cause_;
        node.expired_ = expired_;
        // release: publishes the cause; pairs with is_stopped()
        node.stopped_.store(true, std::memory_order_release);
        while (stop_state* child = node.children_.pop_front()) {
            if (!child->try_retain()) continue; // it is being destroyed, and finds itself taken out
            child->next_to_mark_ = to_mark_;
            to_mark_ = child;
        }
        while (stop_member* member = node.members_.pop_front()) {
            if (member->self->state().request_stop() == flow_state::wake_action::submit)
                to_run_.push_back(*member->self); // ours until we submit it, so it cannot end
        }
        if (node.source_.stop_possible()) {
            node.retain();
            node.next_to_fire_ = to_fire_;
            to_fire_ = &node;
        }
        return true;
    }
    void mark_those_below() noexcept {
        while (stop_state* node = to_mark_) {
            to_mark_ = node->next_to_mark_;
            mark(*node);
            node->release();
        }
    }
    void tell() noexcept {
        while (runnable* r = to_run_.pop_front())
            static_cast<flow*>(r)->home().execute(*r);
        while (stop_state* node = to_fire_) {
            to_fire_ = node->next_to_fire_;
            node->source_.request_stop();
            node->release();
        }
    }

private:
    const error cause_;
    const bool expired_;
    stop_state *to_mark_ = nullptr, *to_fire_ = nullptr; // each holds a reference
    runnable_chain to_run_;
};

stop_state::stop_state(stop_state* parent, std::uint64_t deadline_ns) noexcept
    : parent_(parent),
      deadline_ns_(parent != nullptr && parent->deadline_ns_ < deadline_ns ? parent->deadline_ns_
                                                                           : deadline_ns) {
    if (parent == nullptr) return;
    parent->retain();
    std::lock_guard guard(parent->lock_);
    if (!parent->stopped_.load(std::memory_order_relaxed)) {
        parent->children_.push_back(*this);
        return;
    }
    cause_ = parent->cause_;
    expired_ = parent->expired_;
    stopped_.store(true, std::memory_order_release);
}

stop_state::~stop_state() {
    if (parent_ == nullptr) return;
    std::lock_guard guard(parent_->lock_);
    if (is_linked()) parent_->children_.remove(*this);
}

bool stop_state::try_retain() noexcept {
    std::uint32_t seen = references_.load(std::memory_order_relaxed);
    while (seen != 0) {
        if (references_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed))
            return true;
    }
    return false;
}

void stop_state::release() noexcept {
    // A long chain of nodes that hold each other goes in a loop.
    stop_state* node = this;
    // acq_rel: whoever is last sees what all others did
    while (node != nullptr && node->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        stop_state* parent = node->parent_;
        delete node;
        node = parent;
    }
}

bool stop_state::request_stop(error cause, bool expired) noexcept {
    if (is_stopped()) return false;
    stop_wave wave(std::move(cause), expired);
    if (!wave.mark(*this)) return false;
    if (parent_ != nullptr) {
        std::lock_guard guard(parent_->lock_);
        if (is_linked()) parent_->children_.remove(*this);
    }
    wave.mark_those_below();
    wave.tell();
    return true;
}

std::stop_token stop_state::token() {
    std::stop_source source(std::nostopstate);
    {
        std::lock_guard guard(lock_);
        source = source_;
    }
    if (!source.stop_possible()) {
        std::stop_source made; // not under the lock: it allocates
        std::lock_guard guard(lock_);
        if (!source_.stop_possible()) source_.swap(made);
        source = source_;
    }
    // A request that came before the source was there did not find it.
    if (is_stopped()) source.request_stop();
    return source.get_token();
}

bool stop_state::enter(stop_member& member, flow& self) noexcept {
    // Entered already: whoever stops the node from now on finds the member, and wakes the flow.
    if (member.self != nullptr && !stopped_.load(std::memory_order_relaxed)) return true;
    std::lock_guard guard(lock_);
    if (stopped_.load(std::memory_order_relaxed)) return false;
    if (!member.is_linked()) {
        member.self = &self;
        members_.push_back(member);
    }
    return true;
}

void stop_state::leave(stop_member& member) noexcept {
    if (member.self == nullptr) return;
    std::lock_guard guard(lock_);
    if (member.is_linked()) members_.remove(member);
}

std::optional<std::chrono::steady_clock::time_point> time_of_deadline(std::uint64_t ns) noexcept {
    if (ns == timer_driver::never) return std::nullopt;
    return std::chrono::steady_clock::time_point(
        std::chrono::nanoseconds(static_cast<std::int64_t>(ns)));
}

namespace {

// A node that follows a token of somebody else's.
class following_state final : public stop_state {
public:
    explicit following_state(std::stop_token token) : stop_state(nullptr) {
        callback_.emplace(std::move(token), stop_it{this});
    }

private:
    struct stop_it {
        following_state* self;
        void operator()() const noexcept {
            following_state* node = self;    // the last reference may go in here, and this with it
            if (!node->try_retain()) return; // the destructor waits for us
            node->request_stop({errc::stopped, "std::stop_token"});
            node->release();
        }
    };
    std::optional<std::stop_callback<stop_it>> callback_;
};

} // namespace
} // namespace detail

stop_node::stop_node(std::stop_token token)
    : node_(new detail::following_state(std::move(token))) {}

} // namespace sennit
