// The incremental, strict parser of requests.
//
// The grammar is Boost.Beast's. It was chosen because it is kept, packaged by the distribution,
// incremental, never allocates, and can be used alone, without Asio's sockets: http-parser, the
// other one packaged, has had no maintainer since 2022, and llhttp, its successor, is not packaged.
// Beast is hidden in the .cpp file: whoever includes this header compiles nothing of Boost.
//
// Beast 1.81 takes more than a server should, and it has no bound in places. These rules are our
// own, and stand in src/http/head_rules.cpp (what the fields may say) and request_parser.cpp (lines
// and limits):
//   - a line ends in CR LF, never in LF alone; no line is continued by a blank at the start of the
//     next (obs-fold);
//   - Transfer-Encoding is "chunked" or refused, never next to Content-Length and never in
//     HTTP/1.0; Beast ignores other codings (boostorg/beast#3098, #3096);
//   - Content-Length stands once and is made of digits; Beast takes lists and repetitions;
//   - HTTP/1.1 has exactly one Host; a target is a path, an http URL, or "*" with OPTIONS; CONNECT
//     is refused like the unknown methods;
//   - chunk lines, chunk extensions and trailers are bounded (boostorg/beast#3077) and hold no
//     control characters;
//   - Beast is only given whole lines, because an assertion of its own fails on a divided one
//     (boostorg/beast#2861).
//
// Always true: bytes behind the end of a request are never consumed, so pipelined requests wait in
// the caller's buffer. Of the current request, at most the limits' bytes are held. One flow at a
// time may use an object.
#pragma once

#include <sennit/http/limits.hpp>
#include <sennit/http/request.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sennit::http {

/// How far the request has got.
///
/// ```cpp
/// bool go_on = http::parse_state::need_more != http::parse_state::failed;
/// ```
enum class parse_state : std::uint8_t {
    need_more,    ///< every byte was consumed and the request is not complete
    headers_done, ///< the head is complete and a body follows: answer an Expect, or refuse
    complete,     ///< take() it
    failed,       ///< error() says why; the framing is lost, so close after the answer
};

/// What one call of feed did. Bytes from `consumed` on belong to the body that follows, or to the
/// next request: feed them again.
///
/// ```cpp
/// http::parse_result nothing{.consumed = 0, .state = http::parse_state::need_more};
/// ```
struct parse_result {
    std::size_t consumed = 0;
    parse_state state = parse_state::need_more;
};

/// Why a request was refused: the status to answer with, and a sentence for its body that lives as
/// long as the program.
///
/// ```cpp
/// http::parse_error error{400, "a header line has no colon"};
/// ```
struct parse_error {
    int status = 400;
    std::string_view what;
};

/// Reads one request after another from a connection's bytes, in whatever pieces they come.
///
/// Feeding costs time linear in the bytes, however they are divided. Once its buffers have grown, a
/// parser that keeps its requests (message, reset) or gets them back (recycle) reads without
/// allocating.
///
/// ```cpp
/// http::request_parser parser;
/// const std::string_view input = "GET /hello HTTP/1.1\r\nHost: here\r\n\r\n";
/// http::parse_result fed = parser.feed(input);
/// if (fed.state == http::parse_state::complete) {
///     http::request request = parser.take();
///     std::puts(std::string(request.path()).c_str());
///     parser.recycle(std::move(request));
/// }
/// ```
class request_parser {
public:
    explicit request_parser(const limits& bounds = {});
    request_parser(request_parser&&) noexcept;
    request_parser& operator=(request_parser&&) noexcept;
    ~request_parser();

    /// Reads on. Returns early at headers_done, which is told once for each request that has a
    /// body, and at complete. After complete call take() or reset(), after failed reset(); feeding
    /// before that is an assertion. A connection that ends while is_idle() is false has cut off a
    /// request.
    [[nodiscard]] parse_result feed(std::span<const std::byte> input);
    [[nodiscard]] parse_result feed(std::string_view input);

    /// The request being read: whole after complete, without its body after headers_done, else an
    /// assertion.
    [[nodiscard]] const request& current() const;

    /// The complete request, in its place: it stays there until reset(), which keeps its memory for
    /// the next one. Before complete an assertion.
    [[nodiscard]] request& message();

    /// The complete request, moved out. The parser is ready for the next one.
    [[nodiscard]] request take();

    /// Takes the memory of a request that is no longer needed for the next one. Large bodies are
    /// freed instead. Does nothing if the next request has begun.
    void recycle(request spent) noexcept;

    /// Forgets what was read of the current request, also after failed. A large body is freed.
    void reset();

    /// Why feed answered failed; an assertion otherwise.
    [[nodiscard]] const parse_error& error() const;

    /// Whether no byte of a request has been read since the last one. Empty lines between requests
    /// do not count.
    [[nodiscard]] bool is_idle() const noexcept;

private:
    struct impl;

    std::unique_ptr<impl> impl_;
};

} // namespace sennit::http
