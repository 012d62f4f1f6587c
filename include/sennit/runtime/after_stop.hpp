// after_stop: a flow that starts when something is asked to stop.
//
// The callback on the node's token only starts a fiber, so whoever asks is not held up by what there is to do. Who comes
// first, the request or cancel(), is decided by one exchange.
#pragma once

#include <sennit/base/assert.hpp>
#include <sennit/core/stop_node.hpp>
#include <sennit/runtime/spawn.hpp>

#include <atomic>
#include <exception>
#include <stop_token>
#include <string>
#include <utility>

namespace sennit {

/// Starts `f()` as a fiber, as `go` does, when the node is stopped, or at once if it is already. It runs on the executor of
/// whoever made this object. The destructor cancels; a fiber that was started goes on by itself.
///
/// ```cpp
/// sennit::stop_node request;
/// sennit::event cleaned;
/// {
///     sennit::after_stop clean(request, [&] { cleaned.set(); });
///     request.request_stop();
/// }
/// cleaned.wait();
/// ```
/// Cost: a token of the node, and a spawn when it is stopped. Source: G-CX-5.
template<class Fn>
class after_stop {
public:
    after_stop(const stop_node& node, Fn f)
        : home_(&detail::spawn_executor()),
          f_(std::move(f)),
          callback_(node.token(), starter{this}) {}
    after_stop(const after_stop&) = delete;
    after_stop& operator=(const after_stop&) = delete;
    ~after_stop() { cancel(); }

    /// True when it prevented the start; false when the fiber was started, or it was cancelled before.
    bool cancel() noexcept { return !decided_.exchange(true, std::memory_order_relaxed); }

private:
    struct starter {
        after_stop* self;
        void operator()() const noexcept {
            if (!self->cancel()) return; // relaxed: the token orders this after the constructor
            try {
                detail::go_on(*self->home_, {}, std::move(self->f_));
            } catch (const std::exception& e) {
                fatal(std::string("after_stop: its fiber cannot be started: ") + e.what());
            }
        }
    };

    executor* home_;
    Fn f_;
    std::atomic<bool> decided_{false};
    std::stop_callback<starter>
        callback_; // last: it uses the others, and its destructor waits for the callback
};

} // namespace sennit
