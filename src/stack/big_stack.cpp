#include <sennit/stack/big_stack.hpp>

#include <sennit/base/config.hpp>
#include <sennit/core/current.hpp>
#include <sennit/os/thread.hpp>
#include <sennit/stack/sanitizer.hpp>

#include <string>
#include <system_error>

namespace sennit::detail {
namespace {

struct call_frame {
    void (*f)(void*) noexcept;
    void* argument;
    stack* lower;
    void* lower_sp;
    stack* upper;
};

void enter(void* message) {
    sanitizer::begin();
    auto* call = static_cast<call_frame*>(message);
    call->f(call->argument);
    this_thread().stack = call->lower; // asked again: `f` may have waited and come back elsewhere
    switch_to(&call->upper->sp, *call->lower, call->lower_sp, nullptr);
    SENNIT_UNREACHABLE();
}

} // namespace

void call_on_stack(std::size_t size, void (*f)(void*) noexcept, void* argument) {
    stack* upper = stack_pool::acquire(stack_pool::class_for(size));
    if (upper == nullptr) {
        throw std::system_error(
            std::make_error_code(std::errc::resource_unavailable_try_again),
            std::string("sennit: on_big_stack: ") + stack_pool::exhausted_reason());
    }
    if (upper->primed) {
        sanitizer::forget_context(*upper);
        upper->primed = false;
    }
    thread_state& t = this_thread();
    stack* const before = t.stack;
    stack native(nullptr, nullptr);
    if (before == nullptr) {
        if (auto bounds = os::current_stack_bounds()) {
            native = stack(static_cast<char*>(bounds->low), static_cast<char*>(bounds->high));
        }
        sanitizer::adopt_native(native);
    }
    call_frame call{f, argument, before ? before : &native, nullptr, upper};
    t.stack = upper;
    switch_to(&call.lower_sp, *upper, prepare_stack(upper->start(), &enter), &call);
    this_thread().stack = before;
    sanitizer::forget_context(*upper);
    stack_pool::release(*upper);
}

} // namespace sennit::detail
