// The untyped life of a flow: birth, meeting with its handle, end, and the report of an exception nobody joins.
#include <sennit/core/flow.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/flow_extras.hpp>

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <typeinfo>

namespace sennit {
namespace {

constexpr std::uint64_t id_block = 1 << 16; // ids a thread takes at a time
std::atomic<std::uint64_t> next_id_block{1};

std::uint64_t next_id(detail::thread_state& t) noexcept {
    if (t.id_next == t.id_end) [[unlikely]] {
        t.id_next = next_id_block.fetch_add(id_block, std::memory_order_relaxed);
        t.id_end = t.id_next + id_block;
    }
    return t.id_next++;
}

} // namespace

flow::flow(const detail::flow_operations& operations, executor& home,
           std::source_location site) noexcept
    : runnable(operations.run), home_(&home), operations_(&operations), site_(site) {
    id_.store(next_id(detail::this_thread()), std::memory_order_relaxed);
    state_.start();
}

void waker::wake() const noexcept {
    if (flow_ != nullptr) flow_->wake();
}

void context::yield() noexcept {
    // Whoever polls by hand does not know the thread's mark, so a relay is told as by any event.
    if (flow_->kind() == detail::flow_kind::relay) [[unlikely]]
        return flow_->wake();
    detail::this_thread().yield_requested = true;
}

flow::~flow() {
    if (extras.load(std::memory_order_relaxed) == nullptr) [[likely]]
        return;
    // seq_cst, with flow_report: either the report finds no extras, or we find the report and wait for it
    const detail::flow_extras* e = extras.exchange(nullptr, std::memory_order_seq_cst);
    if (detail::flow_report::under_way.load(std::memory_order_seq_cst)) {
        std::lock_guard guard(detail::flow_report::lock);
    }
    delete e;
}

std::string_view flow::name() const noexcept {
    const detail::flow_extras* e = extras.load(std::memory_order_acquire); // pairs with extras_of
    return e ? std::string_view(e->name.data(), e->name_size) : std::string_view();
}

void flow::launch() noexcept {
    detail::thread_state& t = detail::this_thread();
    executor& home = this->home();
    if (t.home == &home) {
        t.counters->spawned.add();
    } else {
        home.foreign_counters.spawned.add_shared();
    }
    if (t.current != nullptr && t.current->state().is_stop_requested()) [[unlikely]] {
        (void)state_.request_stop(); // active already, so there is nothing to submit
    }
    home.execute_new(*this);
}

void flow::request_stop() noexcept {
    const flow_state::wake_action todo = state_.request_stop();
    if (detail::flow_extras* e = extras.load(std::memory_order_acquire)) { // pairs with extras_of
        std::optional<std::stop_source> source;
        {
            std::lock_guard guard(e->stop_lock);
            source = e->stop_source;
        }
        if (source) source->request_stop();
    }
    if (todo == flow_state::wake_action::submit) home().execute(*this);
}

void flow::end() noexcept {
    if (state_.is_throwing() && how != detail::outcome::cancelled) [[unlikely]] {
        std::string report = "sennit::stopped was swallowed by the flow ";
        report += describe(*this);
        report += ": it went on to its normal end; let stopped pass, or rethrow it";
        fatal(report);
    }
    executor& home = this->home();
    state_.finish();
    if (in_place) {
        join_.store(join_done, std::memory_order_relaxed);
    } else if (join_.load(std::memory_order_acquire) ==
               join_detached) { // pairs with detach(), whose handle may have written
        report_if_failed();
        destroy();
    } else {
        // acq_rel: publishes the result to the joiner; pairs with poll_done and detach
        const std::uintptr_t waiting = join_.exchange(join_done, std::memory_order_acq_rel);
        if (waiting == join_detached) {
            report_if_failed();
            destroy();
        } else if (waiting != join_none) {
            reinterpret_cast<flow*>(waiting)->wake();
        }
    }
    detail::thread_state& t = detail::this_thread();
    if (t.home == &home) {
        t.counters->finished.add_release();
    } else {
        home.foreign_counters.finished.add_shared();
    }
    if (home.draining.load(std::memory_order_seq_cst)) [[unlikely]]
        home.flow_finished();
}

bool flow::poll_done(waker joiner) noexcept {
    std::uintptr_t seen = join_.load(std::memory_order_acquire); // pairs with end()
    const auto mine = reinterpret_cast<std::uintptr_t>(joiner.target());
    while (seen != join_done) {
        if (seen == mine) return false;
        // release: what the joiner wrote before comes before its wake; acquire: the result
        if (join_.compare_exchange_weak(seen, mine, std::memory_order_acq_rel,
                                        std::memory_order_acquire)) {
            return false;
        }
    }
    return true;
}

void flow::forget_joiner(waker joiner) noexcept {
    auto mine = reinterpret_cast<std::uintptr_t>(joiner.target());
    join_.compare_exchange_strong(mine, join_none, std::memory_order_relaxed);
}

void flow::detach() noexcept {
    // acq_rel: pairs with end(): whoever comes second frees the cell and sees all of it
    if (join_.exchange(join_detached, std::memory_order_acq_rel) == join_done) {
        report_if_failed();
        destroy();
    }
}

void flow::report_if_failed() noexcept {
    if (how == detail::outcome::exception && !delivered)
        home().uncaught_exception(*this, operations_->exception(*this));
}

void flow::run_in_place(flow& joiner) noexcept {
    // A fiber's run ends with the fiber, even if it waits meanwhile: its stack lies on ours. A task's may end earlier.
    in_place = kind() == detail::flow_kind::fiber;
    run();
    detail::this_thread().current = &joiner;
}

std::string describe(const flow& f) {
    std::string text;
    if (!f.name().empty()) {
        text += '"';
        text += f.name();
        text += "\" ";
    }
    text += "(id " + std::to_string(f.id()) + ", started at " + f.site().file_name() + ":" +
            std::to_string(f.site().line()) + ")";
    return text;
}

void executor::uncaught_exception(flow& f, std::exception_ptr exception) noexcept {
    std::string report = "an exception left the flow ";
    report += describe(f);
    report += ", which nobody joins: ";
    try {
        std::rethrow_exception(exception);
    } catch (const std::exception& e) {
        report += typeid(e).name();
        report += ": ";
        report += e.what();
    } catch (...) {
        report += "not a std::exception";
    }
    fatal(report);
}

namespace detail {

std::atomic<bool> flow_report::under_way{false};
std::mutex flow_report::lock;

void flow_report::visit(executor* home, void (*each)(flow&, void*), void* argument) {
    std::lock_guard guard(lock);
    under_way.store(true, std::memory_order_seq_cst);
    struct visitor {
        executor* home;
        void (*each)(flow&, void*);
        void* argument;
    } v{home, each, argument};
    for_each_cell(
        [](void* cell, void* a) {
            auto& self = *static_cast<visitor*>(a);
            // Free cells hold the header of their last flow, or zeros; both read as "not alive".
            auto& f = *static_cast<flow*>(static_cast<runnable*>(cell));
            if (f.state().is_alive() && (self.home == nullptr || &f.home() == self.home))
                self.each(f, self.argument);
            return true;
        },
        &v);
    under_way.store(false, std::memory_order_seq_cst);
}

void name_flow(flow& f, const flow_options& options) {
    if (options.name.empty()) return;
    flow_extras& e = extras_of(f);
    e.name_size = static_cast<std::uint8_t>(std::min(options.name.size(), flow_name_size_max));
    std::memcpy(e.name.data(), options.name.data(), e.name_size);
}

flow_extras& extras_of(flow& f) {
    flow_extras* e = f.extras.load(std::memory_order_relaxed);
    if (e == nullptr) {
        e = new flow_extras;
        f.extras.store(
            e, std::memory_order_release); // release: publishes it to request_stop and to reports
    }
    return *e;
}

} // namespace detail
} // namespace sennit
