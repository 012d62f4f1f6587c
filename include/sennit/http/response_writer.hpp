// Turns a response into bytes: the head, then the body as the head has announced it.
//
// How a body is framed (RFC 9112, section 6) is decided here and nowhere else:
//   none      HEAD, 204 and 304: no byte follows the head, whatever the response holds
//   size      a fixed body, or a source with a size: Content-Length
//   chunks    a source without a size, to HTTP/1.1: Transfer-Encoding: chunked
//   close     the same to HTTP/1.0: the end of the connection is the end of the body
//
// The writer does no I/O and asks for no time: the caller gives both, and sends what is appended to
// its buffer. One flow at a time may use an object; one for each connection is meant.
#pragma once

#include <sennit/http/date.hpp>
#include <sennit/http/protocol.hpp>
#include <sennit/http/request.hpp>
#include <sennit/http/response.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sennit::http {

/// What a client that sent "Expect: 100-continue" waits for before it sends the body.
///
/// ```cpp
/// std::string out(http::continue_response);
/// ```
inline constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

/// What of a request decides how its response is written.
///
/// ```cpp
/// http::request request(http::method::head, "/");
/// http::exchange answered = http::exchange::of(request);
/// bool no_body = answered.is_head; // true
/// ```
struct exchange {
    http::version version = http::version::http_1_1;
    bool is_head = false;
    bool keep_alive = false;

    [[nodiscard]] static exchange of(const request& asked) noexcept {
        return {asked.version(), asked.method() == method::head, asked.keep_alive()};
    }
};

/// How far the response has got.
///
/// ```cpp
/// bool ended = http::write_state::complete != http::write_state::more;
/// ```
enum class write_state : std::uint8_t {
    complete, ///< all of it was appended
    more,     ///< send what was appended, then call next()
    failed, ///< the source gave fewer or more bytes than it had promised: close the connection now
};

/// Writes one response after another.
///
/// ```cpp
/// http::response_writer writer;
/// std::string out;
/// const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
/// auto state = writer.start(http::response::text(200, "hi\n"), {.keep_alive = true}, now, out);
/// while (state == http::write_state::more) {
///     // send out, and then writer.tail(), here
///     out.clear();
///     state = writer.next(out);
/// }
/// ```
class response_writer {
public:
    /// Bodies up to this size are copied behind the head, because one write costs less than two;
    /// larger ones are left in tail().
    static constexpr std::size_t copied_body_size_max = std::size_t{16} * 1024;

    /// Appends the head, and a small fixed body, to `out`. `now` becomes the Date, unless the
    /// response has one.
    [[nodiscard]] write_state start(response answer, const exchange& answered,
                                    std::chrono::sys_seconds now, std::string& out);

    /// What is to be sent behind `out` without having been copied there: a large fixed body, until
    /// the next call of start. The state counts it as written.
    [[nodiscard]] std::string_view tail() const noexcept { return tail_; }

    /// Pulls the source once and appends what it gave. An exception of the source passes through;
    /// the connection must be closed then.
    [[nodiscard]] write_state next(std::string& out);

    /// Whether the connection stays open after this response. Valid after start; a failure makes it
    /// false.
    [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }

private:
    enum class framing { none, size, chunks, close };

    [[nodiscard]] static framing framing_of(const response& answer, version spoken) noexcept;
    void append_head(const response& answer, const exchange& answered, std::chrono::sys_seconds now,
                     std::string& out);
    [[nodiscard]] bool append_piece(std::string& out);
    [[nodiscard]] write_state fail() noexcept;

    date_cache dates_;
    std::string body_; // owns tail_
    std::string_view tail_;
    std::string piece_; // what the source has just given
    body_source source_;
    std::uint64_t left_ = 0; // of a source with a size
    framing framing_ = framing::none;
    bool keep_alive_ = false;
};

} // namespace sennit::http
