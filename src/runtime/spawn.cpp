#include <sennit/runtime/spawn.hpp>

#include <sennit/core/flow_extras.hpp>
#include <sennit/stack/stack.hpp>

#include <system_error>

namespace sennit::detail {

void refuse_fiber() {
    throw std::system_error(
        std::make_error_code(std::errc::resource_unavailable_try_again),
        std::string("sennit: no fiber can be started: ") + stack_pool::exhausted_reason());
}

void prepare_fiber(flow& f, const flow_options& options) {
    name_flow(f, options);
    if (options.stack_size == 0) return;
    SENNIT_ASSERT(options.stack_size <= stack_size_max,
                  "stack_size is at most stack_size_max (64 MiB)");
    f.stack_class = stack_pool::class_for(options.stack_size);
}

} // namespace sennit::detail
