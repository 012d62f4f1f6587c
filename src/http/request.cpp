#include <sennit/http/request.hpp>

#include "host.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/http/field.hpp>
#include <sennit/http/percent.hpp>

#include <algorithm>
#include <stdexcept>

namespace sennit::http {
namespace {

// No blank, no control character, and no "#": a fragment is the client's own business and is never
// sent. Bytes that are not ASCII should be encoded, but are harmless, and curl sends them as they
// are typed.
bool is_target_byte(char c) noexcept {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte != 0x7f && byte != '#';
}

// Where the authority of an absolute URL starts, or 0 when it is none of http or https.
std::size_t authority_start(std::string_view target) noexcept {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (equals_ignoring_case(target.substr(0, scheme.size()), scheme)) return scheme.size();
    }
    return 0;
}

} // namespace

request::request(http::method method, std::string_view target, std::string body)
    : body_(std::move(body)) {
    const bool valid = set_start_line(method, target, http::version::http_1_1);
    SENNIT_ASSERT(valid,
                  "a target is a path that starts with '/', or an http URL, or, for OPTIONS, '*'; "
                  "percent-encode spaces, control characters and '#'");
}

std::optional<std::string> request::query(std::string_view name) const {
    return query_value(query_string(), name);
}

std::vector<std::string> request::query_all(std::string_view name) const {
    return query_values(query_string(), name);
}

std::string_view request::host() const noexcept {
    if (authority_.size != 0) return view(authority_);
    return headers_.get("Host").value_or("");
}

std::string_view request::param(std::string_view name) const {
    for (const auto& [key, value] : params_) {
        if (key == name) return value;
    }
    throw std::out_of_range("the route's pattern has no {" + std::string(name) + "}");
}

bool request::keep_alive() const noexcept {
    if (headers_.has_element("Connection", "close")) return false;
    return version_ == http::version::http_1_1 || headers_.has_element("Connection", "keep-alive");
}

bool request::expects_continue() const noexcept {
    return version_ == http::version::http_1_1 && headers_.has_element("Expect", "100-continue");
}

bool request::set_start_line(http::method method, std::string_view target, http::version version) {
    const std::optional<target_parts> parts = split(method, target);
    if (!parts) return false;
    target_.assign(target);
    authority_ = parts->authority;
    path_ = parts->path;
    query_ = parts->query;
    // The path of "http://host" is "/", which its target does not contain.
    if (path_.size == 0) {
        target_.insert(path_.start, 1, '/');
        path_.size = 1;
        ++query_.start;
    }
    method_ = method;
    version_ = version;
    return true;
}

void request::add_param(std::string_view name, std::string value) {
    params_.emplace_back(name, std::move(value));
}

void request::clear() noexcept {
    // Assigning one character never allocates.
    target_.assign(1, '/');
    authority_ = {};
    path_ = {0, 1};
    query_ = {};
    method_ = http::method::get;
    version_ = http::version::http_1_1;
    headers_.clear();
    trailers_.clear();
    body_.clear();
    params_.clear();
}

std::optional<request::target_parts> request::split(http::method method,
                                                    std::string_view target) noexcept {
    const auto part_of = [](std::size_t start, std::size_t end) {
        return part{static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(end - start)};
    };
    if (!std::ranges::all_of(target, is_target_byte)) return std::nullopt;
    if (target == "*" && method == http::method::options)
        return target_parts{{}, part_of(0, 1), {}};

    target_parts parts;
    std::size_t path_start = 0;
    if (!target.starts_with('/')) {
        const std::size_t start = authority_start(target);
        if (start == 0) return std::nullopt;
        path_start = std::min(target.find_first_of("/?", start), target.size());
        const std::string_view authority = target.substr(start, path_start - start);
        if (authority.empty() || !is_host(authority)) return std::nullopt;
        parts.authority = part_of(start, path_start);
    }
    const std::size_t path_end = std::min(target.find('?', path_start), target.size());
    parts.path = part_of(path_start, path_end);
    parts.query = part_of(std::min(path_end + 1, target.size()), target.size());
    return parts;
}

} // namespace sennit::http
