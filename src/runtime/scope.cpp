// The untyped half of scope.
#include <sennit/runtime/scope.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/core/wait.hpp>

#include <mutex>
#include <string>
#include <system_error>
#include <typeinfo>

namespace sennit::detail {

scope_core::scope_core(std::size_t limit) {
    if (limit != 0) places_.emplace(limit, limit);
}

void scope_core::take_place() {
    if (places_) places_->acquire();
    count_.add(1, "");
}

bool scope_core::try_take_place() noexcept {
    if (places_ && !places_->try_acquire()) return false;
    count_.add(1, "");
    return true;
}

// The last access to the scope.
void scope_core::give_place_back() noexcept {
    if (places_) places_->release();
    count_.add(-1, "");
}

void scope_core::fail(std::exception_ptr why) noexcept {
    {
        std::lock_guard guard(lock_);
        if (exception_ == nullptr && !error_) exception_.swap(why);
    }
    children.request_stop();
}

void scope_core::fail(error why) noexcept {
    {
        std::lock_guard guard(lock_);
        if (exception_ == nullptr && !error_) std::swap(error_, why);
    }
    children.request_stop();
}

bool scope_core::has_failed() const noexcept {
    std::lock_guard guard(lock_);
    return exception_ != nullptr || static_cast<bool>(error_);
}

result<void> scope_core::take_failure() {
    std::exception_ptr exception;
    error e;
    {
        std::lock_guard guard(lock_);
        exception.swap(exception_);
        std::swap(e, error_);
    }
    if (exception != nullptr) std::rethrow_exception(exception);
    if (e) return std::unexpected(std::move(e));
    if (cancelled_.exchange(false, std::memory_order_relaxed) && children.is_stopped_from_above()) {
        throw_stopped(children.is_expired() ? pause_result::timed_out : pause_result::stopped);
    }
    return {};
}

void scope_core::finish(bool is_failing) noexcept {
    if (is_failing) children.request_stop();
    if (!count_.is_zero()) wait_shielded(async_end());
    if (is_failing || !has_failed()) return;
    std::string report =
        "a scope was left whose child had failed, and nobody asked: call join() or try_join(): ";
    try {
        const result<void> r = take_failure();
        report += r.error().message();
    } catch (const std::exception& e) {
        report += typeid(e).name();
        report += ": ";
        report += e.what();
    } catch (...) {
        report += "not a std::exception";
    }
    fatal(report);
}

void note_failure(running_child& child, scope_core& core) {
    try {
        throw;
    } catch (const stopped&) {
        throw;
    } catch (const flow_exit&) {
        throw;
    } catch (...) {
        child.self().delivered = true; // by the scope
        child.leave();
        core.fail(std::current_exception());
    }
}

void throw_error(const error& why) { throw std::system_error(why.code(), why.message()); }

} // namespace sennit::detail
