#include "beast_parser.hpp"

#include <sennit/base/assert.hpp>

#include <algorithm>
#include <limits>

namespace sennit::http {
namespace {

namespace beast = boost::beast::http;

constexpr parse_error method_unknown{501, "this method is not known here"};
constexpr parse_error method_malformed{400, "the method is malformed"};
constexpr parse_error target_malformed{400, "the request target is malformed"};
constexpr parse_error target_too_long{414, "the request target is too long"};
constexpr parse_error version_unknown{505, "the versions known here are HTTP/1.0 and HTTP/1.1"};
constexpr parse_error start_line_malformed{400, "the request line is malformed"};
constexpr parse_error name_malformed{400, "the name of a header field is malformed"};
constexpr parse_error value_malformed{400, "the value of a header field is malformed"};
constexpr parse_error length_malformed{400, "Content-Length is malformed"};
constexpr parse_error coding_malformed{
    400, "Transfer-Encoding is malformed, or stands beside Content-Length"};
constexpr parse_error too_many_fields{431, "there are too many header fields"};
constexpr parse_error body_too_large{413, "the body is too large"};
constexpr parse_error chunk_malformed{400, "a chunk of the body is malformed"};
constexpr parse_error extensions_too_large{400, "the chunk extensions are too large"};
constexpr parse_error line_malformed{400, "a line of the request is malformed"};

// A body's memory is reserved up to here when its length is announced; what is larger grows as it
// comes.
constexpr std::uint64_t reserved_body_size_max = std::uint64_t{64} * 1024;

std::string_view view(boost::beast::string_view text) { return {text.data(), text.size()}; }

boost::asio::const_buffer buffer(std::string_view bytes) { return {bytes.data(), bytes.size()}; }

// Whether the line is three words, the last a version, so that only its number was the reason to
// refuse it.
bool ends_in_version(std::string_view line) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (line.size() < 11 || std::ranges::count(line, ' ') != 2) return false;
    const std::string_view word = line.substr(line.size() - 11, 9);
    return word.starts_with(" HTTP/") && is_digit(word[6]) && word[7] == '.' && is_digit(word[8]);
}

} // namespace

beast_parser::beast_parser(request& message, const limits& bounds)
    : message_(message), bounds_(bounds) {
    header_limit(std::numeric_limits<std::uint32_t>::max()); // the caller counts the bytes itself
    body_limit(bounds.body_size_max);
}

const parse_error* beast_parser::start_line(std::string_view line) {
    error_code code;
    put(buffer(line), code);
    if (code == beast::error::need_more) return nullptr;
    if (code == beast::error::bad_version) {
        return ends_in_version(line) ? &version_unknown : &start_line_malformed;
    }
    return error_of(code);
}

const parse_error* beast_parser::fields(std::string_view lines) {
    error_code code;
    put(buffer(lines), code);
    return error_of(code);
}

std::size_t beast_parser::body(std::string_view bytes) {
    error_code code;
    const std::size_t taken = put(buffer(bytes), code);
    SENNIT_DEBUG_ASSERT(!code, "Beast refused bytes of a body, which no body can cause");
    return taken;
}

beast_parser::lines_state beast_parser::chunk_lines(std::string_view lines,
                                                    const parse_error*& error) {
    error_code code;
    put(buffer(lines), code);
    if (code == beast::error::need_more) return lines_state::need_more;
    error = error_of(code);
    return error == nullptr ? lines_state::read : lines_state::failed;
}

const parse_error* beast_parser::error_of(const error_code& code) const {
    if (!code) return nullptr;
    if (refused_ != nullptr) return refused_;
    if (code == beast::error::bad_method) return &method_malformed;
    if (code == beast::error::bad_target) return &target_malformed;
    if (code == beast::error::bad_field) return &name_malformed;
    if (code == beast::error::bad_value) return &value_malformed;
    if (code == beast::error::bad_content_length) return &length_malformed;
    if (code == beast::error::multiple_content_length) return &length_malformed;
    if (code == beast::error::bad_transfer_encoding) return &coding_malformed;
    if (code == beast::error::bad_chunk) return &chunk_malformed;
    if (code == beast::error::bad_chunk_extension) return &chunk_malformed;
    if (code == beast::error::body_limit) return &body_too_large;
    return &line_malformed;
}

// Beast must be given some error to stop; ours is the one that is told.
void beast_parser::fail(const parse_error* why, error_code& code) {
    if (why == nullptr) return;
    refused_ = why;
    code = beast::error::bad_value;
}

void beast_parser::on_request_impl(verb, string_view method, string_view target, int version,
                                   error_code& code) {
    const std::optional<http::method> known = method_from(view(method));
    if (!known) return fail(&method_unknown, code);
    if (target.size() > bounds_.target_size_max) return fail(&target_too_long, code);
    const auto spoken = version == 10 ? version::http_1_0 : version::http_1_1;
    if (!message_.set_start_line(*known, view(target), spoken)) fail(&target_malformed, code);
}

const parse_error* beast_parser::add_field(std::string_view name, std::string_view value) {
    if (++field_count_ > bounds_.header_count_max) return &too_many_fields;
    if (in_trailers_) {
        message_.trailers().add(name, value);
        return nullptr;
    }
    message_.headers().add(name, value);
    return rules_.see(name, value);
}

void beast_parser::on_field_impl(field, string_view name, string_view value, error_code& code) {
    fail(add_field(view(name), view(value)), code);
}

void beast_parser::on_header_impl(error_code& code) {
    in_trailers_ = true; // every field from here on stands behind the body
    field_count_ = 0;
    fail(rules_.verdict(message_.version()), code);
    SENNIT_DEBUG_ASSERT(code || chunked() == rules_.is_chunked(),
                        "Beast and head_rules read the transfer coding differently");
}

void beast_parser::on_body_init_impl(const boost::optional<std::uint64_t>& size, error_code&) {
    if (size) message_.body().reserve(std::min(*size, reserved_body_size_max));
}

std::size_t beast_parser::on_body_impl(string_view bytes, error_code&) {
    message_.body().append(bytes.data(), bytes.size());
    return bytes.size();
}

void beast_parser::on_chunk_header_impl(std::uint64_t size, string_view extensions,
                                        error_code& code) {
    chunk_left_ = size;
    extension_size_ += extensions.size();
    if (extension_size_ > bounds_.chunk_extension_size_max) fail(&extensions_too_large, code);
}

std::size_t beast_parser::on_chunk_body_impl(std::uint64_t, string_view bytes, error_code&) {
    chunk_left_ -= bytes.size();
    message_.body().append(bytes.data(), bytes.size());
    return bytes.size();
}

} // namespace sennit::http
