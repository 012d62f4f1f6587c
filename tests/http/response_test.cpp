#include <sennit/http/response.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <type_traits>

namespace sennit::http {
namespace {

using testing::HasSubstr;

static_assert(!std::is_copy_constructible_v<response>);
static_assert(std::is_nothrow_move_constructible_v<response>);

TEST(response, is_200_and_empty_by_default) {
    const response answer;
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body(), "");
    EXPECT_TRUE(answer.headers().empty());
    EXPECT_FALSE(answer.is_stream());
    EXPECT_FALSE(answer.closes_connection());
}

TEST(response, helpers_set_the_type) {
    EXPECT_EQ(response::text(200, "a").headers().get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(response::html(200, "a").headers().get("content-type"), "text/html; charset=utf-8");
    const response answer = response::json(201, "{}");
    EXPECT_EQ(answer.headers().get("Content-Type"), "application/json");
    EXPECT_EQ(answer.status(), 201);
    EXPECT_EQ(answer.body(), "{}");
}

TEST(response, status_page_names_the_status_as_plain_text) {
    const response page = response::status_page(404, "No <b>such</b> thing.");
    EXPECT_EQ(page.status(), 404);
    EXPECT_EQ(page.body(), "404 Not Found\nNo <b>such</b> thing.\n");
    EXPECT_EQ(page.headers().get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(page.headers().get("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(response::status_page(500).body(), "500 Internal Server Error\n");
}

TEST(response, redirect_names_its_place) {
    const response moved = response::redirect(308, "/there?a=1");
    EXPECT_EQ(moved.status(), 308);
    EXPECT_EQ(moved.headers().get("Location"), "/there?a=1");
}

TEST(response, setters_chain_on_a_temporary) {
    const response answer = response::text(200, "a")
                                .set_header("A", "1")
                                .add_header("A", "2")
                                .set_status(202)
                                .set_body("b")
                                .close_connection();
    EXPECT_EQ(answer.headers().values("a").size(), 2u);
    EXPECT_EQ(answer.status(), 202);
    EXPECT_EQ(answer.body(), "b");
    EXPECT_TRUE(answer.closes_connection());
}

TEST(response, set_replaces_and_add_adds) {
    response answer;
    answer.set_header("A", "1").set_header("a", "2");
    EXPECT_EQ(answer.headers().size(), 1u);
    answer.add_header("A", "3");
    EXPECT_EQ(answer.headers().size(), 2u);
}

TEST(response, refuses_statuses_that_are_not_final) {
    EXPECT_THROW(response(100), std::invalid_argument);
    EXPECT_THROW(response(199), std::invalid_argument);
    EXPECT_THROW(response(600), std::invalid_argument);
    EXPECT_THROW(response::text(0, ""), std::invalid_argument);
    response answer;
    EXPECT_THROW(answer.set_status(99), std::invalid_argument);
    EXPECT_EQ(answer.status(), 200);
}

TEST(response, refuses_fields_that_would_break_out_of_their_line) {
    response answer;
    EXPECT_THROW(answer.set_header("A", "b\r\nSet-Cookie: c"), std::invalid_argument);
    EXPECT_THROW(answer.add_header("A", "b\n"), std::invalid_argument);
    EXPECT_THROW(answer.add_header("A", std::string_view("b\0", 2)), std::invalid_argument);
    EXPECT_THROW(answer.add_header("A: b\r\nC", "d"), std::invalid_argument);
    EXPECT_THROW(answer.add_header("", "d"), std::invalid_argument);
    EXPECT_THROW(response::redirect(302, "/\r\nA: b"), std::invalid_argument);
    EXPECT_THROW(response::stream(200, "a\nb", [](std::string&) { return false; }),
                 std::invalid_argument);
    EXPECT_TRUE(answer.headers().empty());
}

TEST(response, leaves_framing_to_the_server_and_says_so) {
    response answer;
    for (const std::string_view name : {"content-length", "Transfer-Encoding", "CONNECTION"}) {
        EXPECT_THROW(answer.set_header(name, "1"), std::invalid_argument) << name;
    }
    try {
        answer.set_header("Connection", "close");
    } catch (const std::invalid_argument& caught) {
        EXPECT_THAT(caught.what(), HasSubstr("close_connection"));
    }
}

TEST(response, stream_holds_a_source_until_it_is_taken) {
    response answer =
        response::stream(200, "text/plain", [](std::string& piece) { return piece.empty(); }, 7);
    EXPECT_TRUE(answer.is_stream());
    EXPECT_EQ(answer.stream_size(), 7u);
    EXPECT_EQ(answer.headers().get("Content-Type"), "text/plain");
    body_source source = answer.take_source();
    EXPECT_FALSE(answer.is_stream());
    std::string piece;
    EXPECT_TRUE(source(piece));
}

TEST(response, a_fixed_body_replaces_the_source) {
    response answer = response::stream(200, "text/plain", [](std::string&) { return false; }, 7);
    answer.set_body("fixed");
    EXPECT_FALSE(answer.is_stream());
    EXPECT_EQ(answer.stream_size(), std::nullopt);
    EXPECT_EQ(answer.take_body(), "fixed");
}

TEST(response_death, a_stream_needs_a_source) {
    EXPECT_DEATH((void)response::stream(200, "text/plain", nullptr), "give the stream a source");
}

} // namespace
} // namespace sennit::http
