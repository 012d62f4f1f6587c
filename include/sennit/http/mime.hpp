// Media types by the ending of a file's name.
#pragma once

#include <string_view>

namespace sennit::http {

/// The media type for a file's name or path, by its last extension, without regard to case; text
/// carries "charset=utf-8". "application/octet-stream" for an unknown extension and for none. Lives
/// as long as the program.
///
/// ```cpp
/// std::string_view type = http::mime_type("site/main.css"); // "text/css; charset=utf-8"
/// ```
[[nodiscard]] std::string_view mime_type(std::string_view path) noexcept;

} // namespace sennit::http
