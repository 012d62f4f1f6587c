#include <sennit/http/response_writer.hpp>

#include "allocation_count.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace sennit::http {
namespace {

using namespace std::chrono_literals;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr std::chrono::sys_seconds now{784111777s};
constexpr exchange http_1_1{version::http_1_1, false, true};
constexpr exchange http_1_0{version::http_1_0, false, false};
constexpr exchange head{version::http_1_1, true, true};

// Everything that is sent, and how it ended.
struct sent {
    std::string bytes;
    write_state state = write_state::more;
    bool keep_alive = false;
};

sent send(response answer, const exchange& answered = http_1_1) {
    response_writer writer;
    sent result;
    result.state = writer.start(std::move(answer), answered, now, result.bytes);
    result.bytes += writer.tail();
    while (result.state == write_state::more)
        result.state = writer.next(result.bytes);
    result.keep_alive = writer.keep_alive();
    return result;
}

// Gives the pieces one by one, and counts how often it was asked.
body_source pieces(std::vector<std::string> all, int* asked = nullptr) {
    return [all = std::move(all), asked, at = std::size_t{0}](std::string& piece) mutable {
        EXPECT_TRUE(piece.empty());
        if (asked != nullptr) ++*asked;
        if (at < all.size()) piece = all[at];
        return ++at < all.size();
    };
}

TEST(response_writer, writes_a_small_response_whole) {
    const sent result = send(response::text(200, "hi\n").set_header("X-A", "1"));
    EXPECT_EQ(result.bytes,
              "HTTP/1.1 200 OK\r\n"
              "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
              "Content-Type: text/plain; charset=utf-8\r\n"
              "X-A: 1\r\n"
              "Content-Length: 3\r\n"
              "\r\n"
              "hi\n");
    EXPECT_EQ(result.state, write_state::complete);
    EXPECT_TRUE(result.keep_alive);
}

TEST(response_writer, writes_the_status_with_its_phrase) {
    EXPECT_THAT(send(response(404)).bytes, StartsWith("HTTP/1.1 404 Not Found\r\n"));
    EXPECT_THAT(send(response(599)).bytes, StartsWith("HTTP/1.1 599 Server Error\r\n"));
}

TEST(response_writer, keeps_a_date_that_the_response_has) {
    const std::string bytes = send(response(200).set_header("date", "some day")).bytes;
    EXPECT_THAT(bytes, HasSubstr("\r\ndate: some day\r\n"));
    EXPECT_THAT(bytes, Not(HasSubstr("1994")));
}

TEST(response_writer, says_length_zero_for_an_empty_body) {
    EXPECT_THAT(send(response(200)).bytes, EndsWith("\r\nContent-Length: 0\r\n\r\n"));
}

TEST(response_writer, leaves_a_large_body_in_the_tail) {
    response_writer writer;
    std::string out;
    const std::string body(response_writer::copied_body_size_max + 1, 'x');
    EXPECT_EQ(writer.start(response::text(200, body), http_1_1, now, out), write_state::complete);
    EXPECT_THAT(out, EndsWith("Content-Length: 16385\r\n\r\n"));
    EXPECT_EQ(writer.tail(), body);
    out.clear();
    EXPECT_EQ(writer.start(response::text(200, body.substr(1)), http_1_1, now, out),
              write_state::complete);
    EXPECT_EQ(writer.tail(), "");
    EXPECT_THAT(out, EndsWith("\r\n\r\n" + body.substr(1)));
}

TEST(response_writer, appends_to_what_the_buffer_holds) {
    response_writer writer;
    std::string out = "before|";
    EXPECT_EQ(writer.start(response(204), http_1_1, now, out), write_state::complete);
    EXPECT_THAT(out, StartsWith("before|HTTP/1.1 204 No Content\r\n"));
}

TEST(response_writer, answers_head_with_the_length_and_no_body) {
    const sent result = send(response::text(200, "hello"), head);
    EXPECT_THAT(result.bytes, EndsWith("\r\nContent-Length: 5\r\n\r\n"));
    EXPECT_EQ(result.state, write_state::complete);
}

TEST(response_writer, answers_head_without_pulling_the_source) {
    int asked = 0;
    const sent chunked = send(response::stream(200, "text/plain", pieces({"a"}, &asked)), head);
    EXPECT_THAT(chunked.bytes, EndsWith("\r\nTransfer-Encoding: chunked\r\n\r\n"));
    const sent sized = send(response::stream(200, "text/plain", pieces({"a"}, &asked), 1), head);
    EXPECT_THAT(sized.bytes, EndsWith("\r\nContent-Length: 1\r\n\r\n"));
    EXPECT_EQ(asked, 0);
}

TEST(response_writer, sends_no_body_and_no_length_with_204_and_304) {
    for (const int status : {204, 304}) {
        const std::string bytes = send(response::text(status, "body")).bytes;
        EXPECT_THAT(bytes, EndsWith("\r\n\r\n"));
        EXPECT_THAT(bytes, Not(HasSubstr("Content-Length")));
        int asked = 0;
        const sent streamed = send(response::stream(status, "text/plain", pieces({"a"}, &asked)));
        EXPECT_THAT(streamed.bytes, Not(HasSubstr("Transfer-Encoding")));
        EXPECT_EQ(streamed.state, write_state::complete);
        EXPECT_EQ(asked, 0);
    }
}

TEST(response_writer, streams_in_chunks_to_1_1) {
    const sent result = send(
        response::stream(200, "text/plain", pieces({"hello", std::string(16, 'x'), "", "end"})));
    EXPECT_THAT(result.bytes, HasSubstr("\r\nTransfer-Encoding: chunked\r\n"));
    EXPECT_THAT(result.bytes, Not(HasSubstr("Content-Length")));
    EXPECT_THAT(result.bytes,
                EndsWith("\r\n\r\n5\r\nhello\r\n10\r\nxxxxxxxxxxxxxxxx\r\n3\r\nend\r\n0\r\n\r\n"));
    EXPECT_TRUE(result.keep_alive);
    EXPECT_EQ(result.state, write_state::complete);
}

TEST(response_writer, an_empty_piece_does_not_end_the_chunks) {
    EXPECT_THAT(send(response::stream(200, "a/b", pieces({"", "", "x"}))).bytes,
                EndsWith("\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
    EXPECT_THAT(send(response::stream(200, "a/b", pieces({""}))).bytes,
                EndsWith("\r\n\r\n0\r\n\r\n"));
}

TEST(response_writer, pulls_once_for_each_call) {
    response_writer writer;
    std::string out;
    int asked = 0;
    EXPECT_EQ(
        writer.start(response::stream(200, "a/b", pieces({"a", "b"}, &asked)), http_1_1, now, out),
        write_state::more);
    EXPECT_EQ(asked, 0);
    out.clear();
    EXPECT_EQ(writer.next(out), write_state::more);
    EXPECT_EQ(out, "1\r\na\r\n");
    out.clear();
    EXPECT_EQ(writer.next(out), write_state::complete);
    EXPECT_EQ(out, "1\r\nb\r\n0\r\n\r\n");
    EXPECT_EQ(asked, 2);
}

TEST(response_writer, streams_to_1_0_until_the_connection_closes) {
    const sent result = send(response::stream(200, "text/plain", pieces({"a", "b"})),
                             {version::http_1_0, false, true});
    EXPECT_THAT(result.bytes, EndsWith("\r\nConnection: close\r\n\r\nab"));
    EXPECT_THAT(result.bytes, Not(HasSubstr("Transfer-Encoding")));
    EXPECT_FALSE(result.keep_alive);
}

TEST(response_writer, streams_with_a_length_where_it_is_known) {
    const sent result = send(response::stream(200, "text/plain", pieces({"ab", "", "c"}), 3));
    EXPECT_THAT(result.bytes, EndsWith("\r\nContent-Length: 3\r\n\r\nabc"));
    EXPECT_EQ(result.state, write_state::complete);
    EXPECT_TRUE(result.keep_alive);
}

TEST(response_writer, a_source_that_gives_too_little_fails) {
    const sent result = send(response::stream(200, "text/plain", pieces({"ab"}), 3));
    EXPECT_EQ(result.state, write_state::failed);
    EXPECT_FALSE(result.keep_alive);
}

TEST(response_writer, a_source_that_gives_too_much_fails_and_its_excess_is_not_sent) {
    const sent result = send(response::stream(200, "text/plain", pieces({"ab", "cd"}), 3));
    EXPECT_EQ(result.state, write_state::failed);
    EXPECT_THAT(result.bytes, EndsWith("\r\n\r\nab"));
    EXPECT_FALSE(result.keep_alive);
}

TEST(response_writer, an_exception_of_the_source_passes_and_closes) {
    response_writer writer;
    std::string out;
    EXPECT_EQ(
        writer.start(response::stream(200, "a/b",
                                      [](std::string&) -> bool { throw std::runtime_error("x"); }),
                     http_1_1, now, out),
        write_state::more);
    EXPECT_TRUE(writer.keep_alive());
    EXPECT_THROW((void)writer.next(out), std::runtime_error);
    EXPECT_FALSE(writer.keep_alive());
}

TEST(response_writer, closes_when_the_client_or_the_handler_wishes) {
    exchange closing = http_1_1;
    closing.keep_alive = false;
    for (const sent& result :
         {send(response(200), closing), send(response(200).close_connection())}) {
        EXPECT_THAT(result.bytes, HasSubstr("\r\nConnection: close\r\n"));
        EXPECT_FALSE(result.keep_alive);
    }
    EXPECT_THAT(send(response(200)).bytes, Not(HasSubstr("Connection")));
}

TEST(response_writer, tells_1_0_whether_the_connection_stays) {
    EXPECT_THAT(send(response(200), http_1_0).bytes, HasSubstr("\r\nConnection: close\r\n"));
    const sent kept = send(response(200), {version::http_1_0, false, true});
    EXPECT_THAT(kept.bytes, HasSubstr("\r\nConnection: keep-alive\r\n"));
    EXPECT_TRUE(kept.keep_alive);
}

TEST(response_writer, writes_one_response_after_another) {
    response_writer writer;
    std::string out;
    EXPECT_EQ(writer.start(response::stream(200, "a/b", pieces({"a", "b"})), http_1_1, now, out),
              write_state::more);
    out.clear(); // the client has gone; the next response starts anew
    EXPECT_EQ(writer.start(response::text(200, "c"), http_1_1, now + 1s, out),
              write_state::complete);
    EXPECT_THAT(out, HasSubstr("08:49:38"));
    EXPECT_THAT(out, EndsWith("\r\n\r\nc"));
}

TEST(response_writer, writes_into_a_grown_buffer_without_allocating) {
    response_writer writer;
    std::string out;
    EXPECT_EQ(writer.start(response::text(200, "hello"), http_1_1, now, out),
              write_state::complete);
    response next = response::text(200, "hello");
    out.clear();
    const allocation_count counted;
    EXPECT_EQ(writer.start(std::move(next), http_1_1, now, out), write_state::complete);
    EXPECT_EQ(counted.so_far(), 0u);
}

TEST(exchange, follows_the_request) {
    request asked(method::head, "/");
    EXPECT_TRUE(exchange::of(asked).is_head);
    EXPECT_TRUE(exchange::of(asked).keep_alive);
    asked.headers().add("Connection", "close");
    EXPECT_FALSE(exchange::of(asked).keep_alive);
    ASSERT_TRUE(asked.set_start_line(method::get, "/", version::http_1_0));
    EXPECT_FALSE(exchange::of(asked).is_head);
    EXPECT_EQ(exchange::of(asked).version, version::http_1_0);
}

TEST(continue_response, is_a_whole_interim_response) {
    EXPECT_EQ(continue_response, "HTTP/1.1 100 Continue\r\n\r\n");
}

TEST(response_writer_death, next_is_for_streams) {
    response_writer writer;
    std::string out;
    EXPECT_DEATH((void)writer.next(out), "only while the state is more");
}

} // namespace
} // namespace sennit::http
