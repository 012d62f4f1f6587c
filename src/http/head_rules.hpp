// What the fields of a request's head may say about its framing: our own checks, on top of those of
// the grammar.
//
// The rules are those of RFC 9112, section 6, wherever they leave a choice in the stricter reading:
// two parties that read one message differently are how requests are smuggled. Nothing of Boost is
// known here.
//
// A head_rules object sees each field once, in order, and then is asked for the verdict.
#pragma once

#include <sennit/http/request_parser.hpp>

#include <string_view>

namespace sennit::http {

class head_rules {
public:
    // The error that this field makes, or null. The name and the value are well-formed.
    [[nodiscard]] const parse_error* see(std::string_view name, std::string_view value) noexcept;

    // The error that the fields make together, or null.
    [[nodiscard]] const parse_error* verdict(version spoken) const noexcept;

    // After a good verdict: whether the body is chunked.
    [[nodiscard]] bool is_chunked() const noexcept { return codings_ == codings::chunked; }

private:
    // What the Transfer-Encoding fields, read as one list, have named so far.
    enum class codings { none, other, chunked, other_then_chunked, chunked_not_last };

    [[nodiscard]] const parse_error* see_length(std::string_view value) noexcept;
    [[nodiscard]] const parse_error* see_codings(std::string_view value) noexcept;
    [[nodiscard]] const parse_error* see_host(std::string_view value) noexcept;

    codings codings_ = codings::none;
    bool has_length_ = false;
    bool has_host_ = false;
};

} // namespace sennit::http
