// Boost.Beast's grammar of requests, filling a request: the only file, with its .cpp, that knows
// Boost.
//
// Always true:
//   1. Beast is given whole lines, except inside bodies: the start line alone, then all field lines
//      at once, then chunk lines one after the other. It keeps pointers into none of them.
//   2. No line holds LF anywhere but behind CR at its end, and no line but the first starts with a
//      blank: the caller has checked that. So Beast's tolerance of obs-fold is never reached.
#pragma once

#include "head_rules.hpp"
#include <sennit/http/request_parser.hpp>

#include <boost/beast/http/basic_parser.hpp>

namespace sennit::http {

class beast_parser final : private boost::beast::http::basic_parser<true> {
public:
    // Both must outlive the parser.
    beast_parser(request& message, const limits& bounds);

    // Reads the start line. Null, or what is wrong with it.
    [[nodiscard]] const parse_error* start_line(std::string_view line);

    // Reads all field lines and the empty one behind them. Null, or what is wrong.
    [[nodiscard]] const parse_error* fields(std::string_view lines);

    // Reads bytes of a body with a Content-Length, or of a chunk. Returns how many belong to it.
    [[nodiscard]] std::size_t body(std::string_view bytes);

    // Reads the lines between two chunks, or from the last chunk to the end of the trailers.
    // `lines` grows line by line until they are read.
    enum class lines_state { need_more, read, failed };
    [[nodiscard]] lines_state chunk_lines(std::string_view lines, const parse_error*& error);

    [[nodiscard]] bool is_complete() const { return is_done(); }
    [[nodiscard]] bool has_chunks() const noexcept { return rules_.is_chunked(); }

    // The bytes of the current chunk that are still to come.
    [[nodiscard]] std::uint64_t chunk_left() const noexcept { return chunk_left_; }

private:
    using error_code = boost::beast::error_code;
    using string_view = boost::beast::string_view;
    using field = boost::beast::http::field;
    using verb = boost::beast::http::verb;

    const parse_error* error_of(const error_code& code) const;
    void fail(const parse_error* why, error_code& code);
    const parse_error* add_field(std::string_view name, std::string_view value);

    void on_request_impl(verb, string_view method, string_view target, int version,
                         error_code& code) override;
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(field, string_view name, string_view value, error_code& code) override;
    void on_header_impl(error_code& code) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& size, error_code&) override;
    std::size_t on_body_impl(string_view bytes, error_code&) override;
    void on_chunk_header_impl(std::uint64_t size, string_view extensions,
                              error_code& code) override;
    std::size_t on_chunk_body_impl(std::uint64_t left, string_view bytes, error_code&) override;
    void on_finish_impl(error_code&) override {}

    request& message_;
    const limits& bounds_;
    head_rules rules_;
    const parse_error* refused_ = nullptr; // what a callback did not like
    bool in_trailers_ = false;
    std::size_t field_count_ = 0;
    std::size_t extension_size_ = 0;
    std::uint64_t chunk_left_ = 0;
};

} // namespace sennit::http
