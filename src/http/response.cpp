#include <sennit/http/response.hpp>

#include <sennit/base/assert.hpp>
#include <sennit/http/field.hpp>
#include <sennit/http/protocol.hpp>

#include <stdexcept>

namespace sennit::http {
namespace {

void check_status(int status) {
    if (status >= 200 && status <= 599) return;
    throw std::invalid_argument("http::response: " + std::to_string(status) +
                                " is no status of a final response; give one from 200 to 599");
}

void check_field(std::string_view name, std::string_view value) {
    if (!is_token(name)) {
        throw std::invalid_argument("http::response: \"" + std::string(name) +
                                    "\" is no name of a header field");
    }
    if (!is_field_value(value)) {
        throw std::invalid_argument("http::response: the value of " + std::string(name) +
                                    " holds a control character; encode what comes from outside");
    }
    for (const std::string_view framing : {"Content-Length", "Transfer-Encoding", "Connection"}) {
        if (!equals_ignoring_case(name, framing)) continue;
        throw std::invalid_argument(
            "http::response: " + std::string(framing) +
            " is written by the server; use set_body, stream or close_connection");
    }
}

} // namespace

response::response(int status) : status_(status) { check_status(status); }

response response::text(int status, std::string body) {
    return typed(status, "text/plain; charset=utf-8", std::move(body));
}

response response::html(int status, std::string body) {
    return typed(status, "text/html; charset=utf-8", std::move(body));
}

response response::json(int status, std::string body) {
    return typed(status, "application/json", std::move(body));
}

response response::status_page(int status, std::string_view detail) {
    std::string body = std::to_string(status);
    body.append(" ").append(reason_phrase(status)).append("\n");
    if (!detail.empty()) body.append(detail).append("\n");
    return text(status, std::move(body)).set_header("X-Content-Type-Options", "nosniff");
}

response response::redirect(int status, std::string_view location) {
    return status_page(status).set_header("Location", location);
}

response response::stream(int status, std::string_view content_type, body_source source,
                          std::optional<std::uint64_t> size) {
    SENNIT_ASSERT(source, "give the stream a source to pull its body from");
    response made(status);
    made.set_header("Content-Type", content_type);
    made.source_ = std::move(source);
    made.source_size_ = size;
    return made;
}

response response::typed(int status, std::string_view content_type, std::string body) {
    response made(status);
    made.headers_.add("Content-Type", content_type);
    made.body_ = std::move(body);
    return made;
}

response& response::set_status(int status) & {
    check_status(status);
    status_ = status;
    return *this;
}

response& response::set_header(std::string_view name, std::string_view value) & {
    check_field(name, value);
    headers_.set(name, value);
    return *this;
}

response& response::add_header(std::string_view name, std::string_view value) & {
    check_field(name, value);
    headers_.add(name, value);
    return *this;
}

response& response::set_body(std::string body) & {
    body_ = std::move(body);
    source_ = nullptr;
    source_size_.reset();
    return *this;
}

} // namespace sennit::http
