// A relay flow: it is never run, its executor calls the owner's function.
#include <sennit/core/wake_callback.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow.hpp>

#include <atomic>
#include <new>
#include <thread>

namespace sennit {
namespace {

void never_run(runnable&) noexcept { fatal("a relay was run like a task"); }

struct relay final : flow {
    static const detail::flow_operations operations;
    std::function<void()> on_wake;
    // Each successful rearm() is followed by one call of on_wake, which may still be under way on its thread when the
    // driver has long armed the next: hence counts.
    std::uint32_t armed = 0;                 // owned by whoever owns the active flow
    std::atomic<std::uint32_t> delivered{0}; // calls that are over

    relay(executor& home, std::function<void()> f)
        : flow(operations, home, std::source_location()), on_wake(std::move(f)) {}
};
const detail::flow_operations relay::operations{
    {&never_run}, detail::flow_kind::relay, nullptr, nullptr};

class relay_executor final : public executor {
public:
    void execute(runnable& r) noexcept override {
        auto& self = static_cast<relay&>(static_cast<flow&>(r));
        self.on_wake();
        self.delivered.fetch_add(1,
                                 std::memory_order_release); // release: pairs with ~wake_callback
    }
};
relay_executor& relays() {
    alignas(relay_executor) static char memory[sizeof(relay_executor)];
    static auto* instance = new (memory) relay_executor;
    return *instance;
}

relay& make_relay(std::function<void()> f) {
    return *new (detail::cell_allocate(sizeof(relay))) relay(relays(), std::move(f));
}

} // namespace

wake_callback::wake_callback(std::function<void()> on_wake)
    : flow_(&make_relay(std::move(on_wake))), context_(*flow_) {}

wake_callback::~wake_callback() {
    auto& self = static_cast<relay&>(*flow_);
    if (self.state().wake() == flow_state::wake_action::submit)
        --self.armed; // that call will not come
    while (self.delivered.load(std::memory_order_acquire) != self.armed)
        std::this_thread::yield();
    self.state().finish();
    self.~relay();
    detail::cell_free(&self, sizeof(relay));
}

bool wake_callback::rearm() noexcept {
    auto& self = static_cast<relay&>(*flow_);
    detail::thread_state& t = detail::this_thread();
    if (t.runs_for == nullptr)
        t.budget = detail::budget_per_resumption; // no flow runs here that it would belong to
    // Armed already, and no wake came: the driver has polled again of its own accord.
    if (!self.state().is_active()) return true;
    ++self.armed; // before park(), which gives it away
    if (self.state().park() == flow_state::park_action::parked) return true;
    --self.armed;
    return false;
}

} // namespace sennit
