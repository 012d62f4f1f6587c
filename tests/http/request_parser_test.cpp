#include <sennit/http/request_parser.hpp>

#include "allocation_count.hpp"
#include "parse_all.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace sennit::http {
namespace {

using strings = std::vector<std::string>;

// Reads it in one piece and byte by byte, which must make no difference.
parsed parse(std::string_view input) {
    const parsed whole = parse_all(input);
    EXPECT_EQ(whole, parse_all(input, 1)) << input;
    EXPECT_EQ(whole, parse_all(input, 2)) << input;
    return whole;
}

TEST(request_parser, reads_a_small_get) {
    const parsed result = parse("GET /hello?a=1 HTTP/1.1\r\nHost: here\r\nAccept: */*\r\n\r\n");
    EXPECT_EQ(result.status, 0);
    EXPECT_EQ(result.requests, strings{"GET /hello?a=1 HTTP/1.1\nHost: here\nAccept: */*\n\n"});
    EXPECT_TRUE(result.is_idle);
}

TEST(request_parser, reads_every_method) {
    for (const method m : all_methods) {
        const std::string input = std::string(to_string(m)) + " / HTTP/1.1\r\nHost: h\r\n\r\n";
        EXPECT_EQ(parse(input).requests.size(), 1u) << input;
    }
}

TEST(request_parser, reads_1_0_without_any_field) {
    EXPECT_EQ(parse("GET / HTTP/1.0\r\n\r\n").requests, strings{"GET / HTTP/1.0\n\n"});
}

TEST(request_parser, trims_values_and_keeps_their_inside) {
    EXPECT_EQ(parse("GET / HTTP/1.1\r\nHost:h\r\nA: \t a  b\t c \t\r\nB:\r\n\r\n").requests,
              strings{"GET / HTTP/1.1\nHost: h\nA: a  b\t c\nB: \n\n"});
}

TEST(request_parser, reads_a_body_by_its_length) {
    EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab\r\n\n").requests,
              strings{"POST / HTTP/1.1\nHost: h\nContent-Length: 5\n\nab\r\n\n"});
    EXPECT_EQ(parse("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").requests.size(), 1u);
}

TEST(request_parser, reads_chunks_extensions_and_trailers) {
    const parsed result = parse(
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
        "5\r\nhello\r\n"
        "0006;name=value;other=\"quoted; text\"\r\n world\r\n"
        "A\r\n0123456789\r\n"
        "0\r\nChecksum: 1\r\nMore: 2\r\n\r\n");
    EXPECT_EQ(result.status, 0) << result.what;
    EXPECT_EQ(result.requests, strings{"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: Chunked\n\n"
                                       "hello world0123456789\n+Checksum: 1\n+More: 2"});
}

TEST(request_parser, reads_an_empty_chunked_body) {
    EXPECT_EQ(
        parse("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").requests,
        strings{"POST / HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n"});
}

TEST(request_parser, keeps_trailers_apart_from_headers) {
    request_parser parser;
    parsed ignored;
    const std::string_view input =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "0\r\nHost: other\r\nAuthorization: x\r\nConnection: close\r\n\r\n";
    const parse_result head = parser.feed(input);
    ASSERT_EQ(head.state, parse_state::headers_done);
    ASSERT_EQ(parser.feed(input.substr(head.consumed)).state, parse_state::complete);
    const request asked = parser.take();
    EXPECT_EQ(asked.host(), "h");
    EXPECT_EQ(asked.header("Authorization"), std::nullopt);
    EXPECT_TRUE(asked.keep_alive());
    EXPECT_EQ(asked.trailers().size(), 3u);
}

TEST(request_parser, leaves_pipelined_requests_to_the_caller) {
    request_parser parser;
    const std::string_view first = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n";
    const std::string input = std::string(first) + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n";
    const parse_result fed = parser.feed(input);
    EXPECT_EQ(fed.state, parse_state::complete);
    EXPECT_EQ(fed.consumed, first.size());
    EXPECT_EQ(parser.current().path(), "/1");
    EXPECT_EQ(parse(input + input).requests.size(), 4u);
}

TEST(request_parser, leaves_what_follows_a_body_to_the_caller) {
    const std::string fixed = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";
    const std::string chunked =
        "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    const parsed result = parse(fixed + chunked + chunked + fixed + "GET /");
    EXPECT_EQ(result.requests.size(), 4u);
    EXPECT_EQ(result.status, 0);
    EXPECT_FALSE(result.is_idle);
}

TEST(request_parser, stops_between_head_and_body) {
    request_parser parser;
    const std::string_view input =
        "POST /up HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\nbody";
    const parse_result head = parser.feed(input);
    EXPECT_EQ(head.state, parse_state::headers_done);
    EXPECT_EQ(input.substr(head.consumed), "body");
    EXPECT_TRUE(parser.current().expects_continue());
    EXPECT_EQ(parser.current().path(), "/up");
    EXPECT_EQ(parser.current().body(), "");
    EXPECT_EQ(parser.feed("bo").state, parse_state::need_more);
    const parse_result rest = parser.feed("dy and more");
    EXPECT_EQ(rest.state, parse_state::complete);
    EXPECT_EQ(rest.consumed, 2u);
    EXPECT_EQ(parser.take().body(), "body");
}

TEST(request_parser, does_not_stop_where_no_body_follows) {
    request_parser parser;
    EXPECT_EQ(parser.feed("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n").state,
              parse_state::complete);
}

TEST(request_parser, knows_whether_a_request_has_begun) {
    request_parser parser;
    EXPECT_TRUE(parser.is_idle());
    EXPECT_EQ(parser.feed("").state, parse_state::need_more);
    EXPECT_EQ(parser.feed("\r\n").state, parse_state::need_more);
    EXPECT_TRUE(parser.is_idle());
    EXPECT_EQ(parser.feed("G").state, parse_state::need_more);
    EXPECT_FALSE(parser.is_idle());
    const parse_result head = parser.feed("ET / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
    EXPECT_EQ(head.state, parse_state::headers_done);
    EXPECT_FALSE(parser.is_idle());
    EXPECT_EQ(parser.feed("").state, parse_state::need_more);
    EXPECT_EQ(parser.feed("x").state, parse_state::complete);
    EXPECT_FALSE(parser.is_idle());
    (void)parser.take();
    EXPECT_TRUE(parser.is_idle());
}

TEST(request_parser, ignores_a_few_empty_lines_before_a_request) {
    const std::string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    EXPECT_EQ(parse("\r\n" + get + "\r\n\r\n" + get).requests.size(), 2u);
    EXPECT_EQ(parse("\r\n\r\n\r\n\r\n\r\n" + get).status, 400);
}

TEST(request_parser, takes_all_four_forms_of_target_that_a_server_can_meet) {
    for (const std::string_view line : {"GET /a/b?c HTTP/1.1", "GET http://h/a HTTP/1.1",
                                        "GET http://h HTTP/1.1", "OPTIONS * HTTP/1.1"}) {
        EXPECT_EQ(parse(std::string(line) + "\r\nHost: h\r\n\r\n").requests.size(), 1u) << line;
    }
}

TEST(request_parser, takes_bytes_as_well_as_text) {
    const std::string_view input = "GET / HTTP/1.0\r\n\r\n";
    request_parser parser;
    EXPECT_EQ(parser.feed(std::as_bytes(std::span(input))).state, parse_state::complete);
}

TEST(request_parser, can_be_reset_after_an_error) {
    request_parser parser;
    EXPECT_EQ(parser.feed("nonsense\r\n").state, parse_state::failed);
    EXPECT_EQ(parser.error().status, 400);
    parser.reset();
    EXPECT_TRUE(parser.is_idle());
    EXPECT_EQ(parser.feed("GET / HTTP/1.0\r\n\r\n").state, parse_state::complete);
    parser.reset();
    EXPECT_EQ(parser.feed("GET /b HTTP/1.0\r\n\r\n").state, parse_state::complete);
    EXPECT_EQ(parser.take().path(), "/b");
}

TEST(request_parser, can_be_moved_in_the_middle_of_a_request) {
    request_parser first;
    EXPECT_EQ(first.feed("GET /a HTTP/1.1\r\nHo").state, parse_state::need_more);
    request_parser second = std::move(first);
    EXPECT_EQ(second.feed("st: h\r\n\r\n").state, parse_state::complete);
    EXPECT_EQ(second.take().host(), "h");
    first = std::move(second);
    EXPECT_TRUE(first.is_idle());
}

TEST(request_parser, taken_requests_own_their_bytes) {
    request_parser parser;
    auto input = std::make_unique<std::string>(
        "POST /path HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab");
    const parse_result head = parser.feed(*input);
    ASSERT_EQ(parser.feed(input->substr(head.consumed)).state, parse_state::complete);
    const request asked = parser.take();
    input.reset();
    parser.reset();
    EXPECT_EQ(describe(asked), "POST /path HTTP/1.1\nHost: h\nContent-Length: 2\n\nab");
}

// The first round grows the buffers; the second, with the first request's memory, must find them
// large enough.
TEST(request_parser, reads_without_allocating_once_it_has_its_memory) {
    const std::string get =
        "GET /fiber/hello?name=world HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: some "
        "agent/1.0\r\n"
        "Accept: text/html,application/xhtml+xml\r\nAccept-Encoding: gzip, deflate\r\n\r\n";
    const std::string post =
        "POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
        "20\r\n01234567890123456789012345678901\r\n0\r\n\r\n";
    request_parser parser;
    const auto read = [&](std::string_view input) {
        while (true) {
            const parse_result fed = parser.feed(input);
            input.remove_prefix(fed.consumed);
            if (fed.state == parse_state::complete) break;
        }
        request asked = parser.take();
        parser.recycle(std::move(asked));
    };
    const auto round = [&] {
        read(get);
        read(post);
        const parse_result half = parser.feed(std::string_view(get).substr(0, 50));
        EXPECT_EQ(half.state, parse_state::need_more);
        read(std::string_view(get).substr(50));
    };
    round();
    const allocation_count counted;
    for (int i = 0; i < 10; ++i)
        round();
    EXPECT_EQ(counted.so_far(), 0u);
}

TEST(request_parser, a_message_stays_in_its_place_until_the_reset) {
    const std::string post = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
    request_parser parser;
    const auto read = [&] {
        const parse_result head = parser.feed(post);
        EXPECT_EQ(head.state, parse_state::headers_done);
        const parse_result body = parser.feed(std::string_view(post).substr(head.consumed));
        EXPECT_EQ(body.state, parse_state::complete);
    };
    read();
    EXPECT_EQ(describe(parser.message()), "POST /p HTTP/1.1\nHost: h\nContent-Length: 4\n\nbody");
    parser.message().body() += ", and what a handler adds";
    EXPECT_FALSE(parser.is_idle());
    parser.reset();
    EXPECT_TRUE(parser.is_idle());
    const allocation_count counted;
    for (int i = 0; i < 10; ++i) {
        read();
        EXPECT_EQ(parser.message().body(), "body");
        parser.reset();
    }
    EXPECT_EQ(counted.so_far(), 0u);
}

TEST(request_parser, a_reset_frees_a_large_body) {
    request_parser parser;
    constexpr std::size_t size = 1 << 20;
    const std::string head =
        "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
    const parse_result fed = parser.feed(head);
    EXPECT_EQ(fed.state, parse_state::headers_done);
    EXPECT_EQ(parser.feed(std::string(size, 'x')).state, parse_state::complete);
    parser.reset();
    EXPECT_EQ(parser.feed("GET / HTTP/1.0\r\n\r\n").state, parse_state::complete);
    EXPECT_LT(parser.message().body().capacity(), std::size_t{1} << 16);
}

TEST(request_parser, does_not_keep_a_large_recycled_body) {
    request_parser parser;
    request large(method::post, "/", std::string(1 << 20, 'x'));
    parser.recycle(std::move(large));
    EXPECT_EQ(parser.feed("GET / HTTP/1.0\r\n\r\n").state, parse_state::complete);
    EXPECT_LT(parser.take().body().capacity(), std::size_t{1} << 16);
}

TEST(request_parser, a_recycled_request_never_disturbs_the_next) {
    request_parser parser;
    EXPECT_EQ(parser.feed("GET /next HTTP/1.1\r\n").state, parse_state::need_more);
    parser.recycle(request(method::post, "/old", "body"));
    EXPECT_EQ(parser.feed("Host: h\r\n\r\n").state, parse_state::complete);
    EXPECT_EQ(describe(parser.take()), "GET /next HTTP/1.1\nHost: h\n\n");
}

TEST(request_parser_death, misuse_is_an_assertion_with_advice) {
    request_parser parser;
    EXPECT_DEATH((void)parser.take(), "only after complete");
    EXPECT_DEATH((void)parser.message(), "only after complete");
    EXPECT_DEATH((void)parser.current(), "only after headers_done");
    EXPECT_DEATH((void)parser.error(), "only after failed");
    EXPECT_EQ(parser.feed("GET / HTTP/1.0\r\n\r\n").state, parse_state::complete);
    EXPECT_DEATH((void)parser.feed("x"), "take\\(\\) the request");
    parser.reset();
    EXPECT_EQ(parser.feed("\n").state, parse_state::failed);
    EXPECT_DEATH((void)parser.feed("x"), "close the connection");
}

} // namespace
} // namespace sennit::http
