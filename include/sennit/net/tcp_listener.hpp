// A TCP port that takes connections.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/io/source.hpp>
#include <sennit/net/address.hpp>
#include <sennit/net/tcp_stream.hpp>
#include <sennit/net/timed_source.hpp>

#include <string>
#include <utility>

namespace sennit {

/// The future of `tcp_listener::async_accept`.
///
/// Drop: no connection is lost. It has taken one only when it was ready.
class [[nodiscard]] tcp_accept_future : private detail::io_operation {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    /// Connections that died while they waited and are passed over in one poll before the other
    /// flows have their turn.
    static constexpr unsigned dead_max = 16;

    explicit tcp_accept_future(detail::timed_source& on) noexcept
        : io_operation(&on, detail::direction::read) {}
    tcp_accept_future(tcp_accept_future&&) noexcept = default;

    sennit::poll<result<tcp_stream>> poll(context& cx);
};

/// How a listener is made.
struct listen_options {
    /// How many connections wait for `accept`, at most; the system cuts it to net.core.somaxconn.
    int backlog = 4096;
    /// Lets several listeners of one user share the port; the kernel spreads connections over them.
    bool reuse_port = false;
};

/// Listens on a port. Move-only; destroying it closes it.
///
/// ```cpp
/// sennit::result<void> serve() {
///     auto listener = SENNIT_TRY(sennit::tcp_listener::bind("127.0.0.1:0"));
///     for (;;) {
///         auto stream = SENNIT_TRY(listener.accept());
///         sennit::go([s = std::move(stream)]() mutable { s.write_all("hello\n"); });
///     }
/// }
/// ```
class tcp_listener {
public:
    tcp_listener(tcp_listener&&) noexcept = default;
    tcp_listener& operator=(tcp_listener&&) noexcept = default;
    ~tcp_listener() = default;

    /// Listens on the first address of "host:port" that can be bound. Port 0 lets the kernel
    /// choose; an empty host means all addresses. A name is looked up first, and the calling flow
    /// waits for that.
    /// Errors: those of `lookup`; `address_in_use`, `address_not_available`, `permission_denied` (a
    /// port below 1024), `too_many_files_open`.
    ///
    /// ```cpp
    /// auto listener = sennit::tcp_listener::bind("127.0.0.1:0", {.reuse_port = true});
    /// if (!listener) std::puts(listener.error().message().c_str());
    /// ```
    [[nodiscard]] static result<tcp_listener> bind(std::string address,
                                                   listen_options options = {});
    /// The same for an address at hand; does not wait.
    [[nodiscard]] static result<tcp_listener> bind(const socket_address& address,
                                                   listen_options options = {});

    /// Takes the next connection; waits until there is one. Any number of flows may accept.
    ///
    /// Connections that were reset while they waited are passed over. Errors:
    /// `too_many_files_open`, `too_many_files_open_in_system`, `no_buffer_space`,
    /// `not_enough_memory`: the connection goes on waiting; close something, or pause, before the
    /// next call. `errc::closed`, `errc::timed_out`, `errc::stopped`.
    ///
    /// ```cpp
    /// sennit::task<sennit::result<sennit::tcp_stream>> one(sennit::tcp_listener& listener) {
    ///     co_return co_await listener.async_accept();
    /// }
    /// ```
    /// Cost: one accept4(2), and an allocation for the connection.
    [[nodiscard]] result<tcp_stream> accept() { return wait(async_accept()); }
    tcp_accept_future async_accept() noexcept { return tcp_accept_future(at()); }

    /// Stops listening, from any flow or thread. Whoever waits gets `errc::closed`; connections
    /// that nobody accepted are reset. The second call does nothing.
    void close() noexcept;
    bool is_closed() const noexcept { return at().is_closed(); }

    /// As `tcp_stream::set_read_deadline`, for `accept`.
    void set_deadline(tcp_stream::deadline when) noexcept;

    /// The address that is listened on, with the port that the kernel chose. Errors:
    /// `errc::closed`.
    ///
    /// ```cpp
    /// void log(const sennit::tcp_listener& listener) {
    ///     if (auto local = listener.local_address()) std::puts(local->to_string().c_str());
    /// }
    /// ```
    result<socket_address> local_address() const;

private:
    explicit tcp_listener(detail::timed_source_ptr source) noexcept : source_(std::move(source)) {}

    detail::timed_source& at() const noexcept {
        SENNIT_ASSERT(source_ != nullptr, "this tcp_listener was moved from");
        return *source_;
    }

    detail::timed_source_ptr source_;
};

} // namespace sennit
