// What the authority of a URL and the Host field may contain.
#pragma once

#include <string_view>

namespace sennit::http {

// Whether `text` is made of the characters of a host and a port: no user information, no path, no
// blanks. Empty is allowed (RFC 9112, section 3.2).
[[nodiscard]] bool is_host(std::string_view text) noexcept;

} // namespace sennit::http
