#include <sennit/net/tcp_listener.hpp>

#include "socket_call.hpp"
#include <sennit/core/flow.hpp>
#include <sennit/os/socket.hpp>

#include <cerrno>

namespace sennit {

using detail::attempt;
using detail::direction;

namespace {

// Errors of a connection that died while it waited, as opposed to those of the listener
// (accept(2)).
bool is_of_the_connection(int number) noexcept {
    switch (number) {
        case ECONNABORTED:
        case EPROTO:
        case ENOPROTOOPT:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET:
            return true;
        default:
            return false;
    }
}

} // namespace

poll<result<tcp_stream>> tcp_accept_future::poll(context& cx) {
    os::accepted got;
    for (unsigned dead = 0; dead < dead_max; ++dead) {
        const answer outcome = drive(cx, [&](int fd) {
            got = os::accept(fd);
            return os::would_block(got.error) ? attempt::would_block : attempt::done;
        });
        if (outcome == answer::pending) return pending;
        if (outcome == answer::failed) return result<tcp_stream>(failure("accept"));
        if (is_of_the_connection(got.error)) continue;
        if (got.error != 0) return result<tcp_stream>(error::from_errno(got.error, "accept"));
        return result<tcp_stream>(
            tcp_stream(detail::timed_source_ptr(new detail::timed_source(std::move(got.fd)))));
    }
    cx.yield();
    return pending;
}

result<tcp_listener> tcp_listener::bind(std::string address, listen_options options) {
    const auto all = SENNIT_TRY(lookup(address, true));
    error last;
    for (const socket_address& each : all) {
        auto made = bind(each, options);
        if (made) return made;
        last = std::move(made).error();
    }
    return std::unexpected(std::move(last).context(address));
}

result<tcp_listener> tcp_listener::bind(const socket_address& address, listen_options options) {
    os::unique_fd fd = SENNIT_TRY(os::socket(address.family()));
    SENNIT_TRY(os::set_reuse_address(fd.get(), true));
    if (options.reuse_port) SENNIT_TRY(os::set_reuse_port(fd.get(), true));
    SENNIT_TRY(detail::apply_defaults(fd.get()));
    SENNIT_TRY(os::bind(fd.get(), address));
    SENNIT_TRY(os::listen(fd.get(), options.backlog));
    return tcp_listener(detail::timed_source_ptr(new detail::timed_source(std::move(fd))));
}

void tcp_listener::close() noexcept {
    if (source_ != nullptr) source_->end();
}

void tcp_listener::set_deadline(tcp_stream::deadline when) noexcept {
    at().set_deadline(direction::read, when);
}

result<socket_address> tcp_listener::local_address() const {
    return detail::call_socket(at(), "local_address", &os::local_address);
}

} // namespace sennit
