#include "connect.hpp"

#include "socket_call.hpp"
#include <sennit/core/flow.hpp>

#include <utility>

namespace sennit {

using detail::attempt;

poll<result<tcp_stream>> tcp_connect_future::poll(context& cx) {
    if (source_ == nullptr) {
        const result<os::connect_status> begun = start();
        if (!begun) return result<tcp_stream>(begun.error());
        if (*begun == os::connect_status::connected) return finish();
        handshake_.begin(*source_);
    }
    auto answer = handshake_.poll(cx);
    if (!answer.is_ready()) return pending;
    const result<void> made = std::move(answer).take();
    if (!made) return result<tcp_stream>(made.error());
    return finish();
}

result<os::connect_status> tcp_connect_future::start() {
    os::unique_fd fd = SENNIT_TRY(os::socket(to_.family()));
    SENNIT_TRY(detail::apply_defaults(fd.get()));
    const int number = fd.get();
    source_.reset(new detail::timed_source(std::move(fd)));
    return os::connect(number, to_);
}

// A port of this machine that nobody listens on may be the very one that the kernel gave to this
// socket; then TCP connects it to itself. To the caller nobody is there (Go's selfConnect).
result<tcp_stream> tcp_connect_future::finish() {
    const auto local = os::local_address(source_->fd());
    if (local && *local == to_) return error(std::errc::connection_refused, "connect");
    return tcp_stream(std::move(source_));
}

// Directly after connect(2) there is nothing to ask.
poll<result<void>> tcp_connect_future::handshake::poll(context& cx) {
    result<os::connect_status> status;
    const answer outcome = drive(cx, [&](int fd) {
        if (!std::exchange(asked_, true)) return attempt::would_block;
        status = os::connect_result(fd);
        const bool under_way = status && *status == os::connect_status::in_progress;
        return under_way ? attempt::would_block : attempt::done;
    });
    if (outcome == answer::pending) return pending;
    if (outcome == answer::failed) return result<void>(failure("connect"));
    if (!status) return result<void>(status.error());
    return result<void>();
}

} // namespace sennit
