// A waker of one's own: turns wakes into calls of a function. The way to drive futures from foreign code.
#pragma once

#include <sennit/core/waker.hpp>

#include <functional>

namespace sennit {

class flow;

/// Owns a context whose waker calls `on_wake`. For callers that poll futures themselves: foreign executors,
/// adapters, tests.
///
/// `on_wake` runs on the waking thread, once for each wake after the last `rearm()` (further wakes collapse), and
/// must not throw or block. After the destructor returned it is not called again and is not running; so the
/// destructor must not run inside of it.
///
/// ```cpp
/// bool woken = false;
/// sennit::wake_callback driver([&] { woken = true; });
/// driver.rearm();
/// driver.context().waker().wake();
/// ```
class wake_callback {
public:
    explicit wake_callback(std::function<void()> on_wake);
    ~wake_callback();
    wake_callback(const wake_callback&) = delete;
    wake_callback& operator=(const wake_callback&) = delete;

    /// The context to poll with.
    sennit::context& context() noexcept { return context_; }
    /// Announces that the driver will sleep until the next wake. Returns false when a wake came since the last
    /// call: poll again instead of sleeping. To call it again before a wake comes changes nothing.
    bool rearm() noexcept;

private:
    flow* flow_;
    sennit::context context_;
};

} // namespace sennit
