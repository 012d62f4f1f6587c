// Requests that two servers could read differently, and requests that are not HTTP at all: each is
// refused with its status, in one piece and in many, and nothing behind it is read.
#include "parse_all.hpp"
#include <sennit/http/request_parser.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sennit::http {
namespace {

using namespace std::string_view_literals;

// The status that refuses the input; 0 when a request was read.
int status_of(std::string_view input) {
    const std::string with_next = std::string(input) + "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
    const parsed whole = parse_all(with_next);
    EXPECT_EQ(whole, parse_all(with_next, 1)) << input;
    EXPECT_EQ(whole, parse_all(with_next, 7)) << input;
    EXPECT_TRUE(whole.status == 0 || whole.requests.empty()) << input;
    return whole.status;
}

// A request with these fields besides Host, and the body behind them.
int fields_status(std::string_view fields, std::string_view body = "") {
    return status_of("POST / HTTP/1.1\r\nHost: h\r\n" + std::string(fields) + "\r\n" +
                     std::string(body));
}

int chunks_status(std::string_view chunks) {
    return fields_status("Transfer-Encoding: chunked\r\n", chunks);
}

TEST(smuggling, length_and_coding_exclude_each_other) {
    const std::string_view body = "5\r\nhello\r\n0\r\n\r\n";
    EXPECT_EQ(fields_status("Content-Length: 15\r\nTransfer-Encoding: chunked\r\n", body), 400);
    EXPECT_EQ(fields_status("Transfer-Encoding: chunked\r\nContent-Length: 15\r\n", body), 400);
    EXPECT_EQ(fields_status("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", body), 400);
    // Beast 1.81 takes these two by their length.
    EXPECT_EQ(fields_status("Transfer-Encoding: gzip\r\nContent-Length: 15\r\n", body), 400);
    EXPECT_EQ(fields_status("Transfer-Encoding: identity\r\nContent-Length: 15\r\n", body), 400);
}

TEST(smuggling, the_length_stands_once) {
    EXPECT_EQ(fields_status("Content-Length: 5\r\nContent-Length: 6\r\n", "hello!"), 400);
    EXPECT_EQ(fields_status("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
    EXPECT_EQ(fields_status("Content-Length: 5, 5\r\n", "hello"), 400);
    EXPECT_EQ(fields_status("Content-Length: 5, 6\r\n", "hello"), 400);
    EXPECT_EQ(fields_status("content-length: 5\r\nCONTENT-LENGTH: 6\r\n", "hello!"), 400);
}

TEST(smuggling, the_length_is_made_of_digits) {
    for (const std::string_view value : {"+5", "-5", "0x5", "5 5", "5;a", "5,", ",5", "", "5.0",
                                         "five", "\"5\"", "5\xA0", "\xEF\xBC\x95"}) {
        EXPECT_EQ(fields_status("Content-Length: " + std::string(value) + "\r\n", "hello"), 400)
            << value;
    }
    EXPECT_EQ(fields_status("Content-Length: 0005\r\n", "hello"), 0);
    EXPECT_EQ(fields_status("Content-Length: \t 5 \t\r\n", "hello"), 0);
}

TEST(smuggling, only_chunked_is_a_known_coding) {
    for (const std::string_view value : {"gzip", "identity", "xchunked", "chunkedx",
                                         "gzip, chunked", "chunked-", "compress,gzip"}) {
        EXPECT_EQ(fields_status("Transfer-Encoding: " + std::string(value) + "\r\n"), 501) << value;
    }
}

TEST(smuggling, chunked_is_last_and_alone) {
    for (const std::string_view value :
         {"chunked, chunked", "chunked, gzip", "chunked, identity", "", ",", "chunked,",
          ", chunked", "chunked;q=1", "chunked foo", "\"chunked\"", "chun ked", "chunked;",
          "chunked\xA0"}) {
        EXPECT_EQ(fields_status("Transfer-Encoding: " + std::string(value) + "\r\n"), 400) << value;
    }
    EXPECT_EQ(fields_status("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
    EXPECT_EQ(fields_status("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400);
    EXPECT_EQ(fields_status("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 501);
    EXPECT_EQ(fields_status("Transfer-Encoding: \tCHUNKED \r\n", "0\r\n\r\n"), 0);
}

TEST(smuggling, version_1_0_has_no_coding) {
    EXPECT_EQ(status_of("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400);
}

TEST(smuggling, names_are_tokens_up_to_the_colon) {
    for (const std::string_view line :
         {"Transfer-Encoding : chunked", "Content-Length : 5", "Content-Length\t: 5", ": value",
          "NoColon", "Na me: x", "Na(me): x", "N\xC3\xA9: x", "Name\x01: x",
          "\x0bTransfer-Encoding: chunked", "\"Name\": x", "Content-Length;: 5"}) {
        EXPECT_EQ(fields_status(std::string(line) + "\r\n", "hello"), 400) << line;
    }
    EXPECT_EQ(fields_status("Na\0me: x\r\n"sv), 400);
}

TEST(smuggling, values_hold_no_control_characters) {
    for (const std::string_view value :
         {"a\0b"sv, "a\rb"sv, "\rb"sv, "a\x01"sv, "a\x7f"sv, "\x0b"sv, "a\x1b[0m"sv}) {
        EXPECT_EQ(fields_status("A: " + std::string(value) + "\r\n"), 400) << value;
    }
}

TEST(smuggling, lines_do_not_fold) {
    EXPECT_EQ(fields_status("A: b\r\n c\r\n"), 400);
    EXPECT_EQ(fields_status("A: b\r\n\tc\r\n"), 400);
    EXPECT_EQ(fields_status("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400);
    EXPECT_EQ(fields_status("A:\r\n \r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n"), 400);
}

TEST(smuggling, lines_end_in_cr_lf) {
    EXPECT_EQ(status_of("GET / HTTP/1.1\nHost: h\n\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\rHost: h\r\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: h\rX: y\r\n\r\n"), 400);
    EXPECT_EQ(status_of("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    EXPECT_EQ(status_of("\rGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
    EXPECT_EQ(status_of("\r\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"), 400);
}

TEST(smuggling, version_1_1_has_one_host) {
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET http://h/ HTTP/1.1\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
    EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 0);
    for (const std::string_view host : {"a b", "a/b", "u@h", "h?", "a\\b", "<h>", "h#"}) {
        EXPECT_EQ(status_of("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400)
            << host;
    }
}

TEST(smuggling, the_start_line_has_three_words) {
    for (const std::string_view line : {"GET /",
                                        "GET  / HTTP/1.1",
                                        "GET /  HTTP/1.1",
                                        " GET / HTTP/1.1",
                                        "GET / HTTP/1.1 ",
                                        "GET\t/\tHTTP/1.1",
                                        "GET / a HTTP/1.1",
                                        "GET HTTP/1.1",
                                        "GET /HTTP/1.1",
                                        "/ HTTP/1.1",
                                        "GET / http/1.1",
                                        "GET / HTTP/1",
                                        "GET / HTTP/11",
                                        "GET / HTTP/1.1x",
                                        "GET / HTTP/01.1",
                                        "GET / HTTP/1.10",
                                        "GET / HTTP /1.1",
                                        "GET / HTP/1.1",
                                        "GET /",
                                        "GET",
                                        "G@T / HTTP/1.1",
                                        "GET / XHTTP/1.1",
                                        "GET / HTTP/x.y"}) {
        EXPECT_EQ(status_of(std::string(line) + "\r\nHost: h\r\n\r\n"), 400) << line;
    }
}

TEST(smuggling, targets_are_well_formed) {
    for (const std::string_view target : {"a", "*", "/a#b", "http://", "http:///a", "http://u:p@h/",
                                          "//h/\x01", "/\x7f", "h:80", "ftp://h/", "?a"}) {
        EXPECT_EQ(status_of("GET " + std::string(target) + " HTTP/1.1\r\nHost: h\r\n\r\n"), 400)
            << target;
    }
    EXPECT_EQ(status_of("GET /a\0b HTTP/1.1\r\nHost: h\r\n\r\n"sv), 400);
}

TEST(smuggling, other_versions_are_told_apart_from_nonsense) {
    for (const std::string_view version :
         {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/9.9", "HTTP/0.0"}) {
        EXPECT_EQ(status_of("GET / " + std::string(version) + "\r\nHost: h\r\n\r\n"), 505)
            << version;
    }
    EXPECT_EQ(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505); // the preface of HTTP/2
}

TEST(smuggling, unknown_methods_are_not_implemented) {
    for (const std::string_view method : {"get", "Get", "FOO", "PROPFIND", "GETT", "M-SEARCH"}) {
        EXPECT_EQ(status_of(std::string(method) + " / HTTP/1.1\r\nHost: h\r\n\r\n"), 501) << method;
    }
    EXPECT_EQ(status_of("CONNECT h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n"), 501);
}

TEST(smuggling, other_protocols_are_refused_by_their_first_byte) {
    request_parser parser;
    EXPECT_EQ(parser.feed("\x16").state, parse_state::failed); // a TLS hello
    EXPECT_EQ(parser.error().status, 400);
    parser.reset();
    EXPECT_EQ(parser.feed("\0"sv).state, parse_state::failed);
    parser.reset();
    EXPECT_EQ(parser.feed(" ").state, parse_state::failed);
}

TEST(smuggling, a_bad_start_line_is_refused_before_the_fields_come) {
    request_parser parser;
    EXPECT_EQ(parser.feed("FOO / HTTP/1.1\r\n").state, parse_state::failed);
    EXPECT_EQ(parser.error().status, 501);
    parser.reset();
    EXPECT_EQ(parser.feed("GET / HTTP/3.0\r\n").state, parse_state::failed);
    EXPECT_EQ(parser.error().status, 505);
}

TEST(smuggling, unknown_expectations_fail) {
    EXPECT_EQ(fields_status("Expect: 200-ok\r\n"), 417);
    EXPECT_EQ(fields_status("Expect: 100-Continue\r\nContent-Length: 1\r\n", "x"), 0);
}

TEST(smuggling, chunk_sizes_are_plain_hexadecimal) {
    for (const std::string_view size :
         {"+5", "-5", " 5", "\t5", "0x5", "5h", "", "5 ", "5 5", "g", "5,", "\xEF\xBC\x95", "0 "}) {
        EXPECT_EQ(chunks_status(std::string(size) + "\r\nhello\r\n0\r\n\r\n"), 400) << size;
    }
    EXPECT_EQ(chunks_status("0005\r\nhello\r\n00\r\n\r\n"), 0);
}

TEST(smuggling, chunk_lines_end_in_cr_lf) {
    EXPECT_EQ(chunks_status("5\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhello\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhello\r\n0\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhello\r\n0\r\n\n"), 400);
    EXPECT_EQ(chunks_status("0\r\n\n"), 400); // an assertion inside Beast 1.81, were it given this
    EXPECT_EQ(chunks_status("5\rX\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\r\nhello\r\n0\r\n\r\n"), 400);
}

TEST(smuggling, chunk_data_is_as_long_as_announced) {
    EXPECT_EQ(chunks_status("5\r\nhello0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhello!\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("4\r\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhelloXX\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5\r\nhello\r0\r\n\r\n"), 400);
}

// Where one server ends such a line at the LF and the other at the CR LF, the rest becomes a
// request.
TEST(smuggling, chunk_extensions_hold_no_control_characters) {
    EXPECT_EQ(chunks_status("5;a=\"\n\"\r\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;a=\"\r\n\"\r\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;a=\"\x01\"\r\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;a\0\r\nhello\r\n0\r\n\r\n"sv), 400);
    EXPECT_EQ(chunks_status("0;a=\"\x7f\"\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;\r\nhello\r\n0\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("5;a=b;c=\"d\\\"e\"\r\nhello\r\n0\r\n\r\n"), 0);
}

TEST(smuggling, trailers_are_fields_and_frame_nothing) {
    EXPECT_EQ(chunks_status("0\r\nContent-Length: 5\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nA : b\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nA: b\r\n c\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\n A: b\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nA: b\rc\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nA: b\nc: d\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nno colon\r\n\r\n"), 400);
    EXPECT_EQ(chunks_status("0\r\nA: b\r\n\r\n"), 0);
}

} // namespace
} // namespace sennit::http
