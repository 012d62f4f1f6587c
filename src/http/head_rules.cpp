#include "head_rules.hpp"

#include "host.hpp"
#include <sennit/http/field.hpp>

#include <algorithm>

namespace sennit::http {
namespace {

constexpr parse_error length_twice{400, "Content-Length stands more than once"};
constexpr parse_error length_malformed{400, "Content-Length is not a decimal number"};
constexpr parse_error length_and_coding{400,
                                        "Content-Length and Transfer-Encoding exclude each other"};
constexpr parse_error coding_malformed{400, "Transfer-Encoding is malformed"};
constexpr parse_error coding_order{400, "chunked must stand once in Transfer-Encoding, at the end"};
constexpr parse_error coding_in_1_0{400, "HTTP/1.0 has no Transfer-Encoding"};
constexpr parse_error coding_unknown{501, "the only transfer coding known here is chunked"};
constexpr parse_error host_twice{400, "Host stands more than once"};
constexpr parse_error host_missing{400, "HTTP/1.1 needs a Host field"};
constexpr parse_error host_malformed{400, "Host is malformed"};
constexpr parse_error expectation_unknown{417, "the only expectation known here is 100-continue"};

} // namespace

const parse_error* head_rules::see(std::string_view name, std::string_view value) noexcept {
    // The length tells nearly every other field apart without comparing a letter.
    switch (name.size()) {
        case 4:
            return equals_ignoring_case(name, "Host") ? see_host(value) : nullptr;
        case 6:
            if (!equals_ignoring_case(name, "Expect")) return nullptr;
            return equals_ignoring_case(value, "100-continue") ? nullptr : &expectation_unknown;
        case 14:
            return equals_ignoring_case(name, "Content-Length") ? see_length(value) : nullptr;
        case 17:
            return equals_ignoring_case(name, "Transfer-Encoding") ? see_codings(value) : nullptr;
        default:
            return nullptr;
    }
}

const parse_error* head_rules::see_length(std::string_view value) noexcept {
    if (has_length_) return &length_twice;
    has_length_ = true;
    const bool digits =
        !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    return digits ? nullptr : &length_malformed;
}

const parse_error* head_rules::see_codings(std::string_view value) noexcept {
    if (value.empty()) return &coding_malformed;
    while (!value.empty()) {
        const bool comma_last = value.ends_with(',');
        const std::string_view coding = next_element(value);
        if (!is_token(coding) || (value.empty() && comma_last)) return &coding_malformed;
        const bool chunked = equals_ignoring_case(coding, "chunked");
        switch (codings_) {
            case codings::none:
                codings_ = chunked ? codings::chunked : codings::other;
                break;
            case codings::other:
                if (chunked) codings_ = codings::other_then_chunked;
                break;
            case codings::chunked:
            case codings::other_then_chunked:
            case codings::chunked_not_last:
                codings_ = codings::chunked_not_last;
                break;
        }
    }
    return nullptr;
}

const parse_error* head_rules::see_host(std::string_view value) noexcept {
    if (has_host_) return &host_twice;
    has_host_ = true;
    return is_host(value) ? nullptr : &host_malformed;
}

const parse_error* head_rules::verdict(version spoken) const noexcept {
    if (spoken == version::http_1_1 && !has_host_) return &host_missing;
    if (codings_ == codings::none) return nullptr;
    if (has_length_) return &length_and_coding;
    if (spoken == version::http_1_0) return &coding_in_1_0;
    if (codings_ == codings::chunked_not_last) return &coding_order;
    return codings_ == codings::chunked ? nullptr : &coding_unknown;
}

} // namespace sennit::http
