// What one client may ask a server to hold in memory.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sennit::http {

/// The limits of one request, in bytes unless the name says otherwise. Crossing one fails the
/// request with the status that stands beside it, as early as it is known; a Content-Length that is
/// too large fails before any of the body is read.
///
/// ```cpp
/// http::limits uploads{.body_size_max = 64 << 20};
/// ```
struct limits {
    /// 414: the request target, such as "/hello?name=you". Eight kilobytes are what RFC 9112 asks
    /// every server to take.
    std::size_t target_size_max = 8 * 1024;

    /// 431: all field lines of the header section together, line ends included; and again those of
    /// the trailer section.
    std::size_t header_size_max = 16 * 1024;

    /// 431: the number of fields in the header section, and again in the trailer section.
    std::size_t header_count_max = 100;

    /// 413: the body after the transfer coding is removed.
    std::uint64_t body_size_max = 1024 * 1024;

    /// 400: the line that states the size of a chunk, with its extensions, which nobody uses.
    std::size_t chunk_line_size_max = 256;

    /// 400: all chunk extensions of one body together, so that a body of tiny chunks costs its
    /// sender something, too.
    std::size_t chunk_extension_size_max = 4 * 1024;
};

} // namespace sennit::http
