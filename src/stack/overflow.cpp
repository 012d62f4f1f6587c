#include <sennit/stack/overflow.hpp>

#include <sennit/core/flow.hpp>
#include <sennit/os/memory.hpp>
#include <sennit/os/signal_safe_text.hpp>
#include <sennit/stack/stack.hpp>

#include <cstdint>

namespace sennit::detail {
namespace {

constexpr int standard_error = 2;
// A frame may reach past the guard page before it touches memory: faults this far below count too.
constexpr std::size_t reach = 64 * 1024;

bool report(void* address, void*) {
    // Runs in a signal handler: only reads memory that keeps its type.
    const auto* a = static_cast<const char*>(address);
    const stack* s = stack_pool::find(a);
    if (s == nullptr || a >= s->low()) {
        s = stack_pool::find(
            reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(a) + reach));
    }
    const thread_state& t = this_thread();
    if (s == nullptr || t.stack != s || a >= s->low()) return false;
    os::signal_safe_text text;
    text.append("sennit: fatal: stack overflow in the flow ");
    if (const flow* f = t.current) {
        if (!f->name().empty()) text.append("\"").append(f->name()).append("\" ");
        text.append("(id ")
            .append_decimal(f->id())
            .append(", started at ")
            .append(f->site().file_name());
        text.append(":").append_decimal(f->site().line()).append(")");
    } else {
        text.append("(none)");
    }
    text.append(": its stack of ").append_decimal((s->size() + os::page_size()) / 1024);
    text.append(
        " KiB is used up; start it with a larger stack_size, or call the deep part through "
        "on_big_stack\n");
    text.write(standard_error);
    return false; // and die of the signal
}

} // namespace

overflow_watch::overflow_watch() {
    [[maybe_unused]] static const bool installed = os::install_fault_handler(&report).has_value();
    auto made = os::alternate_stack::install();
    if (made) alternate_.emplace(std::move(*made));
}

} // namespace sennit::detail
