// Rules for header fields: what a name and a value may contain, and lists of tokens (RFC 9110,
// section 5.6).
//
// All functions are pure and may be called from any thread. They never allocate.
#pragma once

#include <string_view>

namespace sennit::http {

/// Whether two ASCII strings are the same without regard to case.
///
/// ```cpp
/// bool same = http::equals_ignoring_case("Keep-Alive", "keep-alive"); // true
/// ```
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept;

/// Whether `text` is a token: not empty, and nothing but letters, digits and "!#$%&'*+-.^_`|~".
/// Names of fields and methods are tokens.
///
/// ```cpp
/// bool fine = http::is_token("X-Request-Id"); // true
/// bool bad = http::is_token("Host ");         // false
/// ```
[[nodiscard]] bool is_token(std::string_view text) noexcept;

/// Whether `text` may stand as the value of a field: no control character but the tabulator, so no
/// CR, LF or NUL.
///
/// ```cpp
/// bool injected = http::is_field_value("a\r\nSet-Cookie: b"); // false
/// ```
[[nodiscard]] bool is_field_value(std::string_view text) noexcept;

/// `text` without spaces and tabulators at both ends.
///
/// ```cpp
/// std::string_view bare = http::trim("\t chunked "); // "chunked"
/// ```
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;

/// Takes the first element off a comma-separated list and returns it trimmed; `rest` keeps what
/// follows the comma. Commas inside quoted strings do not separate. An element may be empty.
///
/// ```cpp
/// std::string_view rest = "gzip, chunked";
/// std::string_view first = http::next_element(rest); // "gzip"; rest is now " chunked"
/// ```
[[nodiscard]] std::string_view next_element(std::string_view& rest) noexcept;

/// Whether a comma-separated list has this element, without regard to case.
///
/// ```cpp
/// bool closes = http::has_element("Upgrade, close", "close"); // true
/// ```
[[nodiscard]] bool has_element(std::string_view list, std::string_view element) noexcept;

} // namespace sennit::http
