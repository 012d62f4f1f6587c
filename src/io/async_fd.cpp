#include <sennit/io/async_fd.hpp>

#include <sennit/base/assert.hpp>

namespace sennit {

poll<result<void>> readiness_future::poll(context& cx) {
    switch (await_event(cx)) {
        case answer::pending:
            return pending;
        case answer::ready:
            return result<void>();
        case answer::failed:
            break;
    }
    return result<void>(failure("async_fd"));
}

async_fd::async_fd(int fd, ownership who)
    : source_(new detail::source(os::unique_fd(fd), who == ownership::owned
                                                        ? detail::source::at_end::close
                                                        : detail::source::at_end::keep)) {}

readiness_future async_fd::async_readable() {
    SENNIT_ASSERT(source_ != nullptr, "this async_fd was moved from");
    return {*source_, detail::direction::read};
}

readiness_future async_fd::async_writable() {
    SENNIT_ASSERT(source_ != nullptr, "this async_fd was moved from");
    return {*source_, detail::direction::write};
}

void async_fd::close() noexcept {
    if (source_ != nullptr) (void)source_->close();
}

int async_fd::fd() const noexcept {
    if (source_ == nullptr || source_->is_closed()) return -1;
    return source_->fd();
}

} // namespace sennit
