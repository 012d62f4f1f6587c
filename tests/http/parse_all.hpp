// Feeds a parser in pieces and collects what it reads, as text that two runs can compare.
#pragma once

#include <sennit/http/request_parser.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sennit::http {

// What a stream of bytes was read as.
struct parsed {
    std::vector<std::string> requests; // described, in order
    int status = 0;                    // of the error that ended it, or 0
    std::string_view what;
    bool is_idle = true; // whether the input ended between two requests

    friend bool operator==(const parsed&, const parsed&) = default;
};

inline std::string describe(const request& asked) {
    std::string text(asked.method_name());
    text.append(" ").append(asked.target()).append(" ").append(to_string(asked.version()));
    for (const header_field f : asked.headers()) {
        text.append("\n").append(f.name).append(": ").append(f.value);
    }
    text.append("\n\n").append(asked.body());
    for (const header_field f : asked.trailers()) {
        text.append("\n+").append(f.name).append(": ").append(f.value);
    }
    return text;
}

// Feeds one piece whole, again after each request that it completes. Returns false after an error.
inline bool feed_piece(request_parser& parser, std::string_view piece, parsed& result) {
    while (!piece.empty()) {
        const parse_result fed = parser.feed(piece);
        piece.remove_prefix(fed.consumed);
        switch (fed.state) {
            case parse_state::failed:
                result.status = parser.error().status;
                result.what = parser.error().what;
                return false;
            case parse_state::complete: {
                request done = parser.take();
                result.requests.push_back(describe(done));
                parser.recycle(std::move(done));
                break;
            }
            case parse_state::headers_done:
                break;
            case parse_state::need_more:
                if (!piece.empty())
                    return false; // must not happen: the caller's test fails on is_idle
                break;
        }
    }
    return true;
}

// Feeds `input` in pieces of `piece_size` bytes each.
inline parsed parse_all(std::string_view input, std::size_t piece_size = ~std::size_t{0},
                        const limits& bounds = {}) {
    request_parser parser(bounds);
    parsed result;
    while (!input.empty()) {
        const std::string_view piece = input.substr(0, piece_size);
        input.remove_prefix(piece.size());
        // A copy of its own lets AddressSanitizer see a view that outlives the piece.
        if (!feed_piece(parser, std::string(piece), result)) break;
    }
    result.is_idle = parser.is_idle();
    return result;
}

} // namespace sennit::http
