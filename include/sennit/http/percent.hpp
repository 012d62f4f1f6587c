// Percent-encoding of URLs (RFC 3986, section 2.1) and of queries as browsers send them (the form
// encoding of WHATWG).
//
// All functions are pure and may be called from any thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sennit::http {

/// `text` with each "%XX" replaced by its byte, or nothing when a percent sign is not followed by
/// two hexadecimal digits. The result may hold any byte, also "/" and NUL: decode after splitting,
/// and check before use.
///
/// ```cpp
/// std::optional<std::string> name = http::percent_decode("caf%C3%A9"); // "café"
/// ```
[[nodiscard]] std::optional<std::string> percent_decode(std::string_view text);

/// `text` with every byte but unreserved ones (letters, digits, "-._~") written as "%XX".
///
/// ```cpp
/// std::string link = "/hello/" + http::percent_encode("a b/c"); // "/hello/a%20b%2Fc"
/// ```
[[nodiscard]] std::string percent_encode(std::string_view text);

/// The decoded value of the first parameter with this decoded name in "a=1&b=two+words". A
/// parameter without "=" has the value "". "+" means a space, and a percent sign that encodes
/// nothing stands for itself, as in browsers. Linear in the query.
///
/// ```cpp
/// std::optional<std::string> b = http::query_value("a=1&b=two+words", "b"); // "two words"
/// ```
[[nodiscard]] std::optional<std::string> query_value(std::string_view query, std::string_view name);

/// The decoded values of every parameter with this name, in order.
///
/// ```cpp
/// std::vector<std::string> tags = http::query_values("tag=a&tag=b", "tag"); // {"a", "b"}
/// ```
[[nodiscard]] std::vector<std::string> query_values(std::string_view query, std::string_view name);

} // namespace sennit::http
