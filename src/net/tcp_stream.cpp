#include <sennit/net/tcp_stream.hpp>

#include "connect.hpp"
#include "socket_call.hpp"
#include <sennit/core/flow.hpp>
#include <sennit/coro/or_return.hpp>
#include <sennit/os/socket.hpp>

namespace sennit {

using detail::attempt;
using detail::direction;

poll<result<std::size_t>> tcp_read_future::poll(context& cx) {
    if (buffer_.empty()) return result<std::size_t>(0);
    os::io_result got;
    const answer outcome = drive(cx, [&](int fd) {
        got = os::recv(fd, buffer_);
        if (got.ok()) {
            const bool filled = static_cast<std::size_t>(got.value) == buffer_.size();
            // The end of the data is no event that will come again.
            return filled || got.value == 0 ? attempt::done : attempt::done_and_drained;
        }
        return os::would_block(got.error) ? attempt::would_block : attempt::done;
    });
    if (outcome == answer::pending) return pending;
    if (outcome == answer::failed) return result<std::size_t>(failure("read"));
    if (!got.ok()) return result<std::size_t>(error::from_errno(got.error, "read"));
    return result<std::size_t>(static_cast<std::size_t>(got.value));
}

namespace {

attempt try_send(int fd, std::span<const std::byte> bytes, os::io_result& put) noexcept {
    put = os::send(fd, bytes);
    return !put.ok() && os::would_block(put.error) ? attempt::would_block : attempt::done;
}

} // namespace

poll<result<std::size_t>> tcp_write_future::poll(context& cx) {
    if (bytes_.empty()) return result<std::size_t>(0);
    os::io_result put;
    const answer outcome = drive(cx, [&](int fd) { return try_send(fd, bytes_, put); });
    if (outcome == answer::pending) return pending;
    if (outcome == answer::failed) return result<std::size_t>(failure("write"));
    if (!put.ok()) return result<std::size_t>(error::from_errno(put.error, "write"));
    return result<std::size_t>(static_cast<std::size_t>(put.value));
}

poll<result<void>> tcp_write_all_future::poll(context& cx) {
    for (unsigned sends = 0; sent_ < bytes_.size(); ++sends) {
        if (sends == sends_max) {
            cx.yield();
            return pending;
        }
        os::io_result put;
        const auto rest = bytes_.subspan(sent_);
        const answer outcome = drive(cx, [&](int fd) { return try_send(fd, rest, put); });
        if (outcome == answer::pending) return pending;
        if (outcome == answer::failed) return result<void>(failure("write_all"));
        if (!put.ok()) return result<void>(error::from_errno(put.error, "write_all"));
        sent_ += static_cast<std::size_t>(put.value);
    }
    return result<void>();
}

task<result<tcp_stream>> tcp_stream::async_connect(std::string address) {
    const auto all = co_await or_return(async_lookup(std::move(address)));
    error last;
    for (const socket_address& each : all) {
        result<tcp_stream> made = co_await tcp_connect_future(each);
        if (made) co_return made;
        last = std::move(made).error();
    }
    co_return std::unexpected(std::move(last));
}

task<result<tcp_stream>> tcp_stream::async_connect(socket_address address) {
    co_return co_await tcp_connect_future(address);
}

result<void> tcp_stream::shutdown_write() {
    return detail::call_socket(at(), "shutdown_write",
                               [](int fd) { return os::shutdown(fd, os::shutdown_how::write); });
}

void tcp_stream::close() noexcept {
    if (source_ != nullptr) source_->end();
}

void tcp_stream::set_deadline(deadline when) noexcept {
    set_read_deadline(when);
    set_write_deadline(when);
}

void tcp_stream::set_read_deadline(deadline when) noexcept {
    at().set_deadline(direction::read, when);
}

void tcp_stream::set_write_deadline(deadline when) noexcept {
    at().set_deadline(direction::write, when);
}

result<void> tcp_stream::set_no_delay(bool on) {
    return detail::call_socket(at(), "set_no_delay",
                               [on](int fd) { return os::set_no_delay(fd, on); });
}

result<socket_address> tcp_stream::local_address() const {
    return detail::call_socket(at(), "local_address", &os::local_address);
}

result<socket_address> tcp_stream::peer_address() const {
    return detail::call_socket(at(), "peer_address", &os::peer_address);
}

} // namespace sennit
