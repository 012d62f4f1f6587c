// A TCP connection.
//
// The bytes go straight between the caller's memory and the kernel: nothing is buffered here and
// nothing is allocated for a read or a write. An operation asks the kernel at once; only when it
// says "not now" the connection is registered with a reactor, once.
//
// All operations may be used from several flows and threads at once. The kernel puts them in some
// order: two readers share the stream, two write_all may be mixed with each other.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/core/cancel_safety.hpp>
#include <sennit/core/future.hpp>
#include <sennit/core/wait.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/io/source.hpp>
#include <sennit/net/address.hpp>
#include <sennit/net/timed_source.hpp>

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace sennit {

class tcp_stream;

/// The future of `tcp_stream::async_read`.
///
/// Drop: no byte is lost. It has taken something from the stream only when it was ready.
class [[nodiscard]] tcp_read_future : private detail::io_operation {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    tcp_read_future(detail::timed_source& on, std::span<std::byte> buffer) noexcept
        : io_operation(&on, detail::direction::read), buffer_(buffer) {}
    tcp_read_future(tcp_read_future&&) noexcept = default;

    sennit::poll<result<std::size_t>> poll(context& cx);

private:
    std::span<std::byte> buffer_;
};

/// The future of `tcp_stream::async_write`.
///
/// Drop: nothing was sent unless it was ready.
class [[nodiscard]] tcp_write_future : private detail::io_operation {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::lossless;

    tcp_write_future(detail::timed_source& on, std::span<const std::byte> bytes) noexcept
        : io_operation(&on, detail::direction::write), bytes_(bytes) {}
    tcp_write_future(tcp_write_future&&) noexcept = default;

    sennit::poll<result<std::size_t>> poll(context& cx);

private:
    std::span<const std::byte> bytes_;
};

/// The future of `tcp_stream::async_write_all`.
///
/// Drop: a part may have been sent; `sent()` tells how much.
class [[nodiscard]] tcp_write_all_future : private detail::io_operation {
public:
    static constexpr cancel_safety cancel_class = cancel_safety::loses_progress;

    /// After so many calls of send(2) in one poll the other flows have their turn.
    static constexpr unsigned sends_max = 16;

    tcp_write_all_future(detail::timed_source& on, std::span<const std::byte> bytes) noexcept
        : io_operation(&on, detail::direction::write), bytes_(bytes) {}
    tcp_write_all_future(tcp_write_all_future&&) noexcept = default;

    sennit::poll<result<void>> poll(context& cx);
    /// How many bytes the kernel has taken so far.
    std::size_t sent() const noexcept { return sent_; }

private:
    std::span<const std::byte> bytes_;
    std::size_t sent_ = 0;
};

/// A connection. Move-only; destroying it closes it.
///
/// Made by `connect` and by `tcp_listener::accept`. Small writes are sent at once (no-delay), and a
/// silent peer is noticed after 150 s (keep-alive).
///
/// Errors of all operations: `errc::closed` after `close`, `errc::timed_out` after a deadline,
/// `errc::stopped` when the flow is asked to stop, and the kernel's: `connection_reset`,
/// `broken_pipe`, ….
///
/// ```cpp
/// sennit::result<std::string> ask(std::string_view question) {
///     auto stream = SENNIT_TRY(sennit::tcp_stream::connect("localhost:7"));
///     SENNIT_TRY(stream.write_all(question));
///     std::byte buffer[512];
///     const std::size_t size = SENNIT_TRY(stream.read(buffer));
///     return std::string(reinterpret_cast<const char*>(buffer), size);
/// }
/// ```
/// Cost: an open connection takes about 350 bytes.
class tcp_stream {
public:
    using deadline = std::optional<std::chrono::steady_clock::time_point>;

    tcp_stream(tcp_stream&&) noexcept = default;
    tcp_stream& operator=(tcp_stream&&) noexcept = default;
    ~tcp_stream() = default;

    /// Connects to "host:port": the addresses of the host one after the other, until one answers.
    /// Errors: those of `lookup`, and of the last address tried: `connection_refused`, `timed_out`,
    /// ….
    /// Drop: a connection under way is given up.
    ///
    /// ```cpp
    /// auto stream = sennit::tcp_stream::connect("127.0.0.1:1");
    /// if (!stream && is(stream.error(), std::errc::connection_refused)) std::puts("nobody there");
    /// ```
    [[nodiscard]] static result<tcp_stream> connect(std::string address) {
        return wait(async_connect(std::move(address)));
    }
    static task<result<tcp_stream>> async_connect(std::string address);
    /// The same for an address at hand.
    [[nodiscard]] static result<tcp_stream> connect(const socket_address& address) {
        return wait(async_connect(address));
    }
    static task<result<tcp_stream>> async_connect(socket_address address);

    /// Receives what is there, at least one byte, at most what `buffer` holds; waits until there is
    /// something. 0: the peer has ended its data, or `buffer` is empty; then it does not wait.
    /// `buffer` must stay until the future is destroyed.
    ///
    /// ```cpp
    /// sennit::result<std::size_t> count(sennit::tcp_stream& stream) {
    ///     std::byte buffer[4096];
    ///     std::size_t total = 0;
    ///     while (const std::size_t size = SENNIT_TRY(stream.read(buffer))) total += size;
    ///     return total;
    /// }
    /// ```
    /// Cost: one recv(2) when bytes are there. After a read that did not fill its buffer the next
    /// one waits without asking the kernel again.
    [[nodiscard]] result<std::size_t> read(std::span<std::byte> buffer) {
        return wait(async_read(buffer));
    }
    tcp_read_future async_read(std::span<std::byte> buffer) noexcept { return {at(), buffer}; }

    /// Sends what the kernel takes, at least one byte of a text that is not empty; waits while it
    /// takes nothing. The bytes must stay until the future is destroyed.
    [[nodiscard]] result<std::size_t> write(std::span<const std::byte> bytes) {
        return wait(async_write(bytes));
    }
    [[nodiscard]] result<std::size_t> write(std::string_view text) { return write(bytes_of(text)); }
    tcp_write_future async_write(std::span<const std::byte> bytes) noexcept {
        return {at(), bytes};
    }
    tcp_write_future async_write(std::string_view text) noexcept { return {at(), bytes_of(text)}; }

    /// Sends everything, with as many waits as that takes. After an error or a drop a part may have
    /// been sent.
    ///
    /// ```cpp
    /// sennit::task<sennit::result<void>> greet(sennit::tcp_stream& stream) {
    ///     co_return co_await stream.async_write_all("hello\n");
    /// }
    /// ```
    result<void> write_all(std::span<const std::byte> bytes) {
        return wait(async_write_all(bytes));
    }
    result<void> write_all(std::string_view text) { return write_all(bytes_of(text)); }
    tcp_write_all_future async_write_all(std::span<const std::byte> bytes) noexcept {
        return {at(), bytes};
    }
    tcp_write_all_future async_write_all(std::string_view text) noexcept {
        return {at(), bytes_of(text)};
    }

    /// Ends the sending direction: the peer reads the end of the data; reading goes on.
    /// Errors: `not_connected` (the peer has reset the connection), `errc::closed`.
    result<void> shutdown_write();

    /// Closes, from any flow or thread. Whoever waits gets `errc::closed`, now and later. What was
    /// written is still sent, unless bytes were received that nobody has read: then the peer sees a
    /// reset (RFC 2525, 2.17). The second call does nothing. Destroying the stream does the same,
    /// also to those that wait.
    void close() noexcept;
    bool is_closed() const noexcept { return at().is_closed(); }

    /// Reads and writes, pending and future, fail with `errc::timed_out` from `when` on, also where
    /// data is ready, until the deadline is moved or cleared (`std::nullopt`). From any flow or
    /// thread.
    ///
    /// The timer runs in the executor of the flow that calls: clear it, or close, before that
    /// executor ends.
    ///
    /// ```cpp
    /// sennit::result<std::size_t> read_soon(sennit::tcp_stream& s, std::span<std::byte> buffer) {
    ///     s.set_read_deadline(std::chrono::steady_clock::now() + std::chrono::seconds(5));
    ///     return s.read(buffer);
    /// }
    /// ```
    /// Cost: a timer armed or moved. Source: G-IO-3.
    void set_deadline(deadline when) noexcept;
    void set_read_deadline(deadline when) noexcept;
    void set_write_deadline(deadline when) noexcept;

    /// Whether small writes are sent at once (TCP_NODELAY); on by default.
    result<void> set_no_delay(bool on);

    /// The addresses of the two ends. Errors: `errc::closed`, `not_connected` (the peer is gone).
    ///
    /// ```cpp
    /// void log(const sennit::tcp_stream& stream) {
    ///     if (auto peer = stream.peer_address()) std::puts(peer->to_string().c_str());
    /// }
    /// ```
    result<socket_address> local_address() const;
    result<socket_address> peer_address() const;

private:
    friend class tcp_accept_future;
    friend class tcp_connect_future;

    explicit tcp_stream(detail::timed_source_ptr source) noexcept : source_(std::move(source)) {}

    static std::span<const std::byte> bytes_of(std::string_view text) noexcept {
        return std::as_bytes(std::span(text));
    }
    detail::timed_source& at() const noexcept {
        SENNIT_ASSERT(source_ != nullptr, "this tcp_stream was moved from");
        return *source_;
    }

    detail::timed_source_ptr source_;
};

} // namespace sennit
