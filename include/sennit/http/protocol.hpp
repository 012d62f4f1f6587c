// The words of HTTP/1's start lines: methods, versions, status codes.
//
// Always true: the enumerations are dense and start at 0, so tables may be indexed by them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace sennit::http {

/// The methods that an origin server answers. CONNECT is left out, because it asks for a tunnel,
/// and so are the methods of WebDAV: a request with any other method is answered by 501 before a
/// handler sees it.
///
/// ```cpp
/// std::string_view name = http::to_string(http::method::delete_); // "DELETE"
/// ```
enum class method : std::uint8_t { get, head, post, put, delete_, patch, options, trace };

/// Every method, in the order of the enumeration.
///
/// ```cpp
/// for (http::method m : http::all_methods) std::puts(std::string(http::to_string(m)).c_str());
/// ```
inline constexpr std::array all_methods{method::get,     method::head,    method::post,
                                        method::put,     method::delete_, method::patch,
                                        method::options, method::trace};

/// The name on the wire. It lives as long as the program.
[[nodiscard]] std::string_view to_string(method value) noexcept;

/// The method of this name, which is case-sensitive (RFC 9110, section 9.1).
///
/// ```cpp
/// bool known = http::method_from("GET") == http::method::get; // true
/// bool lower = http::method_from("get").has_value();          // false
/// ```
[[nodiscard]] std::optional<method> method_from(std::string_view name) noexcept;

/// The two versions that this layer speaks.
///
/// ```cpp
/// std::string_view name = http::to_string(http::version::http_1_1); // "HTTP/1.1"
/// ```
enum class version : std::uint8_t { http_1_0, http_1_1 };

/// The version as it stands in a start line.
[[nodiscard]] std::string_view to_string(version value) noexcept;

/// The phrase of RFC 9110 for a status code; for a code without one, the name of its class.
///
/// ```cpp
/// std::string_view words = http::reason_phrase(404); // "Not Found"
/// ```
[[nodiscard]] std::string_view reason_phrase(int status) noexcept;

/// Whether responses with this status never have a body: 1xx, 204 and 304 (RFC 9112, section 6.3).
///
/// ```cpp
/// bool none = http::never_has_body(304); // true
/// ```
[[nodiscard]] constexpr bool never_has_body(int status) noexcept {
    return status < 200 || status == 204 || status == 304;
}

} // namespace sennit::http
