#include "parse_all.hpp"
#include <sennit/http/request_parser.hpp>

#include <gtest/gtest.h>

#include <string>

namespace sennit::http {
namespace {

constexpr limits tight{.target_size_max = 20,
                       .header_size_max = 60,
                       .header_count_max = 4,
                       .body_size_max = 10,
                       .chunk_line_size_max = 16,
                       .chunk_extension_size_max = 12};

// The status that refuses the input, 0 if nothing does; the same in one piece and byte by byte.
int status_of(std::string_view input, const limits& bounds = tight) {
    const parsed whole = parse_all(input, ~std::size_t{0}, bounds);
    EXPECT_EQ(whole, parse_all(input, 1, bounds)) << input;
    EXPECT_EQ(whole, parse_all(input, 3, bounds)) << input;
    return whole.status;
}

std::string get(std::string_view target, std::string_view fields = "") {
    return "GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n";
}

std::string chunked(std::string_view chunks) {
    return "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(chunks);
}

TEST(request_parser_limits, the_target_may_be_as_long_as_it_says) {
    EXPECT_EQ(status_of(get("/" + std::string(19, 'a'))), 0);
    EXPECT_EQ(status_of(get("/" + std::string(20, 'a'))), 414);
    EXPECT_EQ(status_of(get("/" + std::string(1000, 'a'))), 414);
}

TEST(request_parser_limits, an_endless_target_is_refused_before_its_line_ends) {
    EXPECT_EQ(status_of("GET /" + std::string(100, 'a')), 414);
    EXPECT_EQ(status_of("OPTIONS /" + std::string(100, 'a')), 414);
}

TEST(request_parser_limits, an_endless_method_is_not_a_long_target) {
    EXPECT_EQ(status_of(std::string(100, 'A')), 501);
    EXPECT_EQ(status_of(std::string(40, 'A') + " / HTTP/1.1\r\n"), 501);
    EXPECT_EQ(status_of("GET" + std::string(100, '\\')), 400);
}

TEST(request_parser_limits, field_lines_count_whole) {
    // "Host: h\r\n" is 9 bytes, "A: ...\r\n" 5 more than its value.
    EXPECT_EQ(status_of(get("/", "A: " + std::string(46, 'v') + "\r\n")), 0);
    EXPECT_EQ(status_of(get("/", "A: " + std::string(47, 'v') + "\r\n")), 431);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nA: " + std::string(1000, 'v')), 431);
}

TEST(request_parser_limits, fields_are_counted) {
    EXPECT_EQ(status_of(get("/", "A:\r\nB:\r\nC:\r\n")), 0);
    EXPECT_EQ(status_of(get("/", "A:\r\nB:\r\nC:\r\nD:\r\n")), 431);
}

TEST(request_parser_limits, a_long_body_is_refused_by_its_announcement) {
    const limits bounds{.body_size_max = 10};
    EXPECT_EQ(status_of(get("/", "Content-Length: 10\r\n") + "0123456789", bounds), 0);
    EXPECT_EQ(status_of(get("/", "Content-Length: 11\r\n"), bounds), 413);
    EXPECT_EQ(status_of(get("/", "Content-Length: 18446744073709551615\r\n"), bounds), 413);
    EXPECT_EQ(status_of(get("/", "Content-Length: 18446744073709551616\r\n"), bounds), 400);
    EXPECT_EQ(status_of(get("/", "Content-Length: 99999999999999999999999\r\n"), bounds), 400);
}

TEST(request_parser_limits, chunks_are_added_up) {
    EXPECT_EQ(status_of(chunked("5\r\n01234\r\n5\r\n56789\r\n0\r\n\r\n")), 0);
    EXPECT_EQ(status_of(chunked("5\r\n01234\r\n6\r\n")), 413);
    EXPECT_EQ(status_of(chunked("b\r\n")), 413);
    EXPECT_EQ(status_of(chunked("fffffffffffff\r\n")), 413);
    EXPECT_EQ(status_of(chunked("1\r\n0\r\nfffffffffffff\r\n")), 413);
}

TEST(request_parser_limits, chunk_sizes_do_not_overflow) {
    EXPECT_EQ(status_of(chunked("10000000000000001\r\n"), {}), 400);
    EXPECT_EQ(status_of(chunked("fffffffffffffffff\r\n"), {}), 400);
    EXPECT_EQ(status_of(chunked("8000000000000000\r\n"), {}), 413);
    EXPECT_EQ(status_of(chunked("ffffffffffffffff\r\n"), {}), 413);
    EXPECT_EQ(status_of(chunked("1\r\n0\r\nffffffffffffffff\r\n"), {}), 413);
}

TEST(request_parser_limits, a_chunk_line_ends_somewhere) {
    EXPECT_EQ(status_of(chunked("00000000000001\r\na\r\n0\r\n\r\n")), 0); // 16 bytes
    EXPECT_EQ(status_of(chunked("000000000000001\r\n")), 400);
    EXPECT_EQ(status_of(chunked(std::string(1000, '0'))), 400);
    EXPECT_EQ(status_of(chunked("1;" + std::string(1000, 'e'))), 400);
}

TEST(request_parser_limits, chunk_extensions_are_added_up) {
    EXPECT_EQ(status_of(chunked("1;extend\r\na\r\n1;ext\r\nb\r\n0\r\n\r\n")), 0);
    EXPECT_EQ(status_of(chunked("1;extend\r\na\r\n1;exte\r\nb\r\n0;e\r\n\r\n")), 400);
}

TEST(request_parser_limits, trailers_have_the_limits_of_headers) {
    EXPECT_EQ(status_of(chunked("0\r\nA:\r\nB:\r\nC:\r\nD:\r\n\r\n")), 0);
    EXPECT_EQ(status_of(chunked("0\r\nA:\r\nB:\r\nC:\r\nD:\r\nE:\r\n\r\n")), 431);
    EXPECT_EQ(status_of(chunked("0\r\nA: " + std::string(1000, 'v'))), 431);
}

TEST(request_parser_limits, the_defaults_are_the_documented_ones) {
    const limits bounds;
    EXPECT_EQ(status_of(get("/" + std::string(bounds.target_size_max - 1, 'a')), {}), 0);
    EXPECT_EQ(status_of(get("/" + std::string(bounds.target_size_max, 'a')), {}), 414);
    std::string fields;
    for (std::size_t i = 1; i < bounds.header_count_max; ++i)
        fields += "A:\r\n";
    EXPECT_EQ(status_of(get("/", fields), {}), 0);
    EXPECT_EQ(status_of(get("/", fields + "A:\r\n"), {}), 431);
    EXPECT_EQ(status_of(get("/", "A: " + std::string(bounds.header_size_max, 'v')), {}), 431);
    EXPECT_EQ(status_of(get("/", "Content-Length: 1048577\r\n"), {}), 413);
}

} // namespace
} // namespace sennit::http
