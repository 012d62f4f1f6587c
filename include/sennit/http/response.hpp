// One response: what a handler answers.
//
// The body is either a string or a source that is pulled while the response is being sent. How it
// is framed is not the handler's business: Content-Length, Transfer-Encoding and Connection are
// written by the response_writer, and setting them is refused, so a response cannot contradict
// itself.
//
// Always true: every field has a valid name and value, so nothing that a client sent can break out
// of a header line.
#pragma once

#include <sennit/http/header_map.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace sennit::http {

/// Gives a body piece by piece. It is called with an empty string, puts the next piece into it and
/// returns true; it returns false with the last piece, which may be empty. It may block its flow.
/// An exception ends the connection, because the status has been sent already.
///
/// ```cpp
/// http::body_source countdown = [n = 3](std::string& piece) mutable {
///     piece = std::to_string(n) + "\n";
///     return --n > 0;
/// };
/// ```
using body_source = std::move_only_function<bool(std::string& piece)>;

/// A status from 200 to 599, fields and a body. Move-only.
///
/// Wrong statuses, field names and values throw std::invalid_argument where they are set, in the
/// handler that is to blame; a server answers that with 500.
///
/// ```cpp
/// http::response created = http::response::json(201, R"({"id":7})");
/// created.set_header("Location", "/things/7");
/// ```
class response {
public:
    /// 200 without a body.
    response() = default;

    /// Without fields and body.
    explicit response(int status);

    response(response&&) = default;
    response& operator=(response&&) = default;
    ~response() = default;

    /// A body of the given type; "charset=utf-8" is added for the first two.
    static response text(int status, std::string body);
    static response html(int status, std::string body);
    static response json(int status, std::string body);

    /// A short text that names the status: "404 Not Found", and `detail` on a second line. `detail`
    /// goes out as plain text, so it may quote the client.
    ///
    /// ```cpp
    /// http::response sorry = http::response::status_page(503, "The database is being restarted.");
    /// ```
    static response status_page(int status, std::string_view detail = {});

    /// Sends the client to `location`, a valid URL or path.
    ///
    /// ```cpp
    /// http::response moved = http::response::redirect(308, "/new/place");
    /// ```
    static response redirect(int status, std::string_view location);

    /// A body of unknown length, sent in chunks as it comes, or, to a client of HTTP/1.0, until the
    /// connection closes. With `size`, the source must give exactly so many bytes, and the client
    /// knows how many to expect.
    ///
    /// ```cpp
    /// http::response log = http::response::stream(200, "text/plain", [](std::string& piece) {
    ///     piece = "all is well\n";
    ///     return false;
    /// });
    /// ```
    static response stream(int status, std::string_view content_type, body_source source,
                           std::optional<std::uint64_t> size = std::nullopt);

    [[nodiscard]] int status() const noexcept { return status_; }
    response& set_status(int status) &;
    response&& set_status(int status) && { return std::move(set_status(status)); }

    [[nodiscard]] const header_map& headers() const noexcept { return headers_; }

    /// Replaces the fields of this name by one, or adds one more. Throws std::invalid_argument for
    /// a name that is no token, a value with control characters, and Content-Length,
    /// Transfer-Encoding and Connection.
    response& set_header(std::string_view name, std::string_view value) &;
    response&& set_header(std::string_view name, std::string_view value) && {
        return std::move(set_header(name, value));
    }
    response& add_header(std::string_view name, std::string_view value) &;
    response&& add_header(std::string_view name, std::string_view value) && {
        return std::move(add_header(name, value));
    }

    /// The fixed body; empty for a stream.
    [[nodiscard]] const std::string& body() const noexcept { return body_; }

    /// Makes `body` the fixed body and drops a source.
    response& set_body(std::string body) &;
    response&& set_body(std::string body) && { return std::move(set_body(std::move(body))); }

    /// Closes the connection after this response, whatever the client would like.
    response& close_connection() & noexcept {
        closes_ = true;
        return *this;
    }
    response&& close_connection() && noexcept { return std::move(close_connection()); }
    [[nodiscard]] bool closes_connection() const noexcept { return closes_; }

    [[nodiscard]] bool is_stream() const noexcept { return static_cast<bool>(source_); }
    [[nodiscard]] std::optional<std::uint64_t> stream_size() const noexcept { return source_size_; }

    /// Takes the source or the body out, for whoever sends them.
    [[nodiscard]] body_source take_source() noexcept { return std::exchange(source_, nullptr); }
    [[nodiscard]] std::string take_body() noexcept { return std::move(body_); }

private:
    static response typed(int status, std::string_view content_type, std::string body);

    int status_ = 200;
    bool closes_ = false;
    header_map headers_;
    std::string body_;
    body_source source_;
    std::optional<std::uint64_t> source_size_;
};

} // namespace sennit::http
