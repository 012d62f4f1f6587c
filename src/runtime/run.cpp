#include <sennit/runtime/run.hpp>

#include <sennit/runtime/runtime.hpp>

#include <exception>
#include <memory>
#include <utility>

namespace sennit::detail {

executor& executor_of(runtime& rt) noexcept { return rt.executor(); }

single_run::single_run() : single_run(runtime_options{}) {}

single_run::single_run(runtime_options options)
    : runtime_(std::make_unique<runtime>(std::move(options))),
      exceptions_(std::uncaught_exceptions()) {}

single_run::~single_run() {
    if (std::uncaught_exceptions() == exceptions_) runtime_->wait_all();
}

} // namespace sennit::detail
