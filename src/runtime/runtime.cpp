// Putting a runtime together, and taking it apart.
#include <sennit/runtime/runtime.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow_extras.hpp>
#include <sennit/exec/scheduler.hpp>
#include <sennit/io/reactor.hpp>
#include <sennit/os/cpu.hpp>
#include <sennit/time/timer_queue.hpp>
#include <sennit/time/virtual_clock.hpp>

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace sennit {
namespace {

constexpr unsigned workers_max = 1024;

unsigned choose_workers(const runtime_options& o) {
    if (o.current_thread) return 1;
    if (o.workers != 0) {
        SENNIT_ASSERT(o.workers <= workers_max, "a runtime has at most 1024 workers");
        return o.workers;
    }
    if (const char* text = std::getenv("SENNIT_WORKERS"); text != nullptr && *text != '\0') {
        char* end = nullptr;
        const unsigned long n = std::strtoul(text, &end, 10);
        if (*end != '\0' || n == 0 || n > workers_max) {
            fatal(std::string("SENNIT_WORKERS must be a number from 1 to 1024, not \"") + text +
                  "\"");
        }
        return static_cast<unsigned>(n);
    }
    return os::available_cpus();
}

bool choose_migration(const runtime_options& o) {
    const char* text = std::getenv("SENNIT_MIGRATE");
    if (text == nullptr || *text == '\0') return o.force_migration;
    return std::string_view(text) != "0";
}

io_driver& make_reactor(std::unique_ptr<reactor>& place) {
    auto made = reactor::create();
    if (!made) fatal("no reactor can be made: " + made.error().message());
    place = std::move(*made);
    return *place;
}

// Its next wait sees executor::stopping. What its node has to tell may be a user's code, so that comes later.
void ask_to_stop(flow& f, void* nodes) {
    f.wake();
    detail::flow_extras* e = f.extras.load(std::memory_order_seq_cst); // pairs with own_node()
    if (e == nullptr) return;
    detail::stop_ref own;
    {
        std::lock_guard guard(e->own_lock);
        own = detail::stop_ref::share(e->own);
    }
    if (own) static_cast<std::vector<detail::stop_ref>*>(nodes)->push_back(std::move(own));
}

void describe_into(flow& f, void* list) {
    static_cast<std::vector<std::string>*>(list)->push_back(describe(f));
}

} // namespace

struct runtime::parts {
    explicit parts(const runtime_options& o)
        : options(o),
          scheduler({.make_timers = [this] { return make_timers(); },
                     .io = &make_reactor(io),
                     .on_uncaught = o.on_uncaught,
                     .on_stuck = o.on_stuck,
                     .force_migration = choose_migration(o)},
                    choose_workers(o)) {}

    std::unique_ptr<timer_driver> make_timers() {
        if (!options.virtual_time) return std::make_unique<timer_queue>();
        SENNIT_ASSERT(options.current_thread, "virtual time needs a current_thread runtime");
        return std::make_unique<timer_queue>(clock);
    }

    const runtime_options options;
    detail::virtual_clock clock; // for timers that live by it
    std::unique_ptr<reactor> io;
    detail::scheduler scheduler;
};

runtime::runtime(runtime_options options) : parts_(std::make_unique<parts>(options)) {
    if (!options.current_thread) parts_->scheduler.start_threads();
}

runtime::~runtime() {
    const std::vector<std::string> left = shutdown(parts_->options.grace);
    if (left.empty()) {
        parts_->scheduler.stop_threads();
        return;
    }
    std::string report = "a runtime is destroyed while flows do not stop:";
    for (const std::string& one : left)
        report += "\n  " + one;
    fatal(report);
}

void detail::drive(runtime& rt, bool (*until)(void*), void* argument) {
    if (!rt.parts_->options.current_thread) return;
    rt.parts_->scheduler.run_here(until, argument);
}

void runtime::wait_all() {
    detail::scheduler& s = parts_->scheduler;
    if (parts_->options.current_thread) {
        s.run_here([](void* self) { return static_cast<detail::scheduler*>(self)->live() == 0; },
                   &s);
    } else {
        (void)s.wait_drained(timer_driver::never);
    }
}

std::vector<std::string> runtime::shutdown(std::chrono::nanoseconds grace) {
    detail::scheduler& s = parts_->scheduler;
    // By the clock that the workers compare it with; for those with threads that is the monotonic one.
    const std::uint64_t now = s.timers()->now_ns();
    const std::uint64_t deadline =
        now + static_cast<std::uint64_t>(std::max(grace, std::chrono::nanoseconds::zero()).count());
    if (s.live() != 0) {
        s.stopping.store(true, std::memory_order_seq_cst);
        s.shutdown_source.request_stop();
        // A flow that is about to park is active and gets the mark `notified`; one that is parked is woken. Nobody is missed.
        std::vector<detail::stop_ref> nodes;
        detail::flow_report::visit(&s, &ask_to_stop, &nodes);
        for (const detail::stop_ref& node : nodes)
            node->request_stop({errc::shut_down, "runtime::shutdown"});
        if (parts_->options.current_thread) {
            s.run_here(
                [](void* self) { return static_cast<detail::scheduler*>(self)->live() == 0; }, &s,
                deadline);
        } else {
            (void)s.wait_drained(deadline);
        }
    }
    std::vector<std::string> left;
    if (s.live() != 0) detail::flow_report::visit(&s, &describe_into, &left);
    return left;
}

runtime_statistics runtime::stats() const {
    detail::scheduler& s = parts_->scheduler;
    runtime_statistics r{};
    for (unsigned i = 0; i < s.slots_in_use(); ++i) {
        detail::worker& w = s.worker_at(i);
        const detail::flow_counters& c = w.counters;
        r.workers.push_back(
            {c.polls.get(), c.switches.get(), c.steals.get(), c.stolen.get(), w.queue().size_hint(),
             w.asleep.load(std::memory_order_relaxed) || w.left.load(std::memory_order_relaxed)});
        r.finished += c.finished.get();
        r.spawned += c.spawned.get();
    }
    r.finished += s.foreign_counters.finished.get();
    r.spawned += s.foreign_counters.spawned.get();
    r.spares = s.spare_count.load(std::memory_order_relaxed);
    r.stuck_events = s.stuck_events.get();
    detail::flow_report::visit(
        &s,
        [](flow& f, void* a) {
            auto& sum = *static_cast<runtime_statistics*>(a);
            ++sum.live;
            (f.kind() == detail::flow_kind::task ? sum.tasks : sum.fibers) += 1;
            if (f.state().is_active()) {
                ++sum.active;
            } else {
                ++sum.parked;
                sum.parked_on_stack += f.is_parked_on_stack() ? 1 : 0;
            }
        },
        &r);
    return r;
}

unsigned runtime::workers() const noexcept { return parts_->scheduler.worker_count(); }
executor& runtime::executor() noexcept { return parts_->scheduler; }

executor& default_executor() {
    // Never destroyed: threads may use it until the process is gone.
    alignas(runtime) static char memory[sizeof(runtime)];
    static auto* instance = new (memory) runtime;
    return instance->executor();
}

} // namespace sennit
