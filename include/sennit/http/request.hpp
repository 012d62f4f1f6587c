// One request: what the parser has read, and what the router has found in its path.
//
// The request owns all its bytes. Every view it hands out stays valid until the request is changed,
// moved or destroyed. One flow at a time may use an object.
//
// Always true: path() and query_string() lie inside target(). target() is valid: a request is made
// by the parser, which refuses malformed targets, or by a program, whose malformed target is an
// assertion.
#pragma once

#include <sennit/http/header_map.hpp>
#include <sennit/http/protocol.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sennit::http {

/// A request of HTTP/1.0 or 1.1 with its whole body.
///
/// ```cpp
/// http::response greet(http::request& request) {
///     const std::string who = request.query("who").value_or("you");
///     return http::response::text(200, "Hello, " + who + "!\n");
/// }
/// ```
class request {
public:
    /// GET / of HTTP/1.1, without fields and body.
    request() = default;

    /// A request for tests and for calling handlers directly. `target` is a path with or without a
    /// query, an absolute http URL, or, for OPTIONS, "*"; anything else is an assertion.
    ///
    /// ```cpp
    /// http::request request(http::method::get, "/hello/world?greeting=hi");
    /// ```
    explicit request(http::method method, std::string_view target, std::string body = {});

    [[nodiscard]] http::method method() const noexcept { return method_; }
    [[nodiscard]] std::string_view method_name() const noexcept { return to_string(method_); }
    [[nodiscard]] http::version version() const noexcept { return version_; }

    /// The target as it was sent: usually path and query, from a proxy's client a whole URL (where
    /// "/" is added if it has no path), with OPTIONS perhaps "*".
    [[nodiscard]] std::string_view target() const noexcept { return target_; }

    /// The path, still percent-encoded: it starts with "/", or is "*" if the target is.
    [[nodiscard]] std::string_view path() const noexcept { return view(path_); }

    /// What follows the first "?", still encoded; empty without one.
    [[nodiscard]] std::string_view query_string() const noexcept { return view(query_); }

    /// The decoded value of the first query parameter of this name. Linear in the query.
    [[nodiscard]] std::optional<std::string> query(std::string_view name) const;

    /// The decoded values of every query parameter of this name.
    [[nodiscard]] std::vector<std::string> query_all(std::string_view name) const;

    /// The host and port that the client asked for: from an absolute target, else from the Host
    /// field; "" without both.
    [[nodiscard]] std::string_view host() const noexcept;

    /// The first field of this name, without regard to case.
    [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept {
        return headers_.get(name);
    }
    [[nodiscard]] const header_map& headers() const noexcept { return headers_; }
    [[nodiscard]] header_map& headers() noexcept { return headers_; }

    /// The fields behind a chunked body. They are kept apart from the others, because they come too
    /// late to be trusted with the meaning of those (RFC 9110, section 6.5.1).
    [[nodiscard]] const header_map& trailers() const noexcept { return trailers_; }
    [[nodiscard]] header_map& trailers() noexcept { return trailers_; }

    [[nodiscard]] const std::string& body() const noexcept { return body_; }
    [[nodiscard]] std::string& body() noexcept { return body_; }

    /// The decoded piece of the path that stands in the place of "{name}" in the route's pattern.
    /// Throws std::out_of_range, which a server answers with 500, when the pattern has no such
    /// name.
    [[nodiscard]] std::string_view param(std::string_view name) const;

    /// Whether the client lets the connection stay open after the response (RFC 9112, section 9.3).
    [[nodiscard]] bool keep_alive() const noexcept;

    /// Whether the client waits for "100 Continue" before it sends the body (RFC 9110, section
    /// 10.1.1).
    [[nodiscard]] bool expects_continue() const noexcept;

    /// Sets method and version, and the target if it is well-formed for the method; else returns
    /// false and changes nothing.
    [[nodiscard]] bool set_start_line(http::method method, std::string_view target,
                                      http::version version);

    /// Adds what a route has found in the path; `value` is decoded.
    void add_param(std::string_view name, std::string value);
    void clear_params() noexcept { params_.clear(); }

    /// Makes this equal to request() and keeps the memory for the next one.
    void clear() noexcept;

private:
    // A part of target_.
    struct part {
        std::uint32_t start = 0;
        std::uint32_t size = 0;
    };
    struct target_parts {
        part authority;
        part path;
        part query;
    };

    [[nodiscard]] static std::optional<target_parts> split(http::method method,
                                                           std::string_view target) noexcept;
    [[nodiscard]] std::string_view view(part p) const noexcept {
        return std::string_view(target_).substr(p.start, p.size);
    }

    std::string target_ = "/";
    part authority_;
    part path_{0, 1};
    part query_;
    http::method method_ = http::method::get;
    http::version version_ = http::version::http_1_1;
    header_map headers_;
    header_map trailers_;
    std::string body_;
    std::vector<std::pair<std::string, std::string>> params_;
};

} // namespace sennit::http
