#include <sennit/http/request.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <utility>

namespace sennit::http {
namespace {

using testing::HasSubstr;

TEST(request, divides_its_target) {
    const request asked(method::get, "/a%20b/c?x=1&y=two+words&x=3");
    EXPECT_EQ(asked.path(), "/a%20b/c");
    EXPECT_EQ(asked.query_string(), "x=1&y=two+words&x=3");
    EXPECT_EQ(asked.query("y"), "two words");
    EXPECT_EQ(asked.query("z"), std::nullopt);
    EXPECT_EQ(asked.query_all("x"), (std::vector<std::string>{"1", "3"}));
    EXPECT_EQ(asked.target(), "/a%20b/c?x=1&y=two+words&x=3");
}

TEST(request, has_an_empty_query_without_one) {
    EXPECT_EQ(request(method::get, "/").query_string(), "");
    EXPECT_EQ(request(method::get, "/a?").query_string(), "");
    EXPECT_EQ(request(method::get, "/a?").path(), "/a");
    EXPECT_EQ(request(method::get, "/a??b").query_string(), "?b");
}

TEST(request, takes_host_and_path_from_an_absolute_target) {
    request asked(method::get, "http://example.org:81/a?b=1");
    asked.headers().add("Host", "other");
    EXPECT_EQ(asked.host(), "example.org:81");
    EXPECT_EQ(asked.path(), "/a");
    EXPECT_EQ(asked.query("b"), "1");
}

TEST(request, gives_an_absolute_target_without_path_a_slash) {
    const request bare(method::get, "HTTPS://[::1]:8080");
    EXPECT_EQ(bare.path(), "/");
    EXPECT_EQ(bare.host(), "[::1]:8080");
    EXPECT_EQ(bare.query_string(), "");
    const request queried(method::get, "http://h?a=1");
    EXPECT_EQ(queried.path(), "/");
    EXPECT_EQ(queried.query("a"), "1");
    EXPECT_EQ(queried.target(), "http://h/?a=1");
}

TEST(request, takes_the_host_from_its_field_else) {
    request asked(method::get, "/");
    EXPECT_EQ(asked.host(), "");
    asked.headers().add("host", "example.org");
    EXPECT_EQ(asked.host(), "example.org");
}

TEST(request, star_is_a_target_of_options_alone) {
    request asked;
    EXPECT_FALSE(asked.set_start_line(method::get, "*", version::http_1_1));
    ASSERT_TRUE(asked.set_start_line(method::options, "*", version::http_1_1));
    EXPECT_EQ(asked.path(), "*");
}

TEST(request, refuses_malformed_targets_and_keeps_what_it_was) {
    request asked(method::post, "/kept?a=1");
    for (const std::string_view target :
         {"", "a", "a/b", "?a", "example.org:80", "http://", "http:///a", "http://?a",
          "http://u@h/", "ftp://h/", "/a#b", "/a b", "/a\tb", "/a\x01", "/a\x7f", "**",
          "http://h\"/", "//"}) {
        const bool fine = target == "//"; // an empty segment, and no host
        EXPECT_EQ(asked.set_start_line(method::post, target, version::http_1_1), fine) << target;
        EXPECT_EQ(asked.target(), fine ? target : "/kept?a=1") << target;
    }
}

TEST(request, takes_bytes_that_are_not_ascii_as_they_are) {
    EXPECT_EQ(request(method::get, "/caf\xC3\xA9").path(), "/caf\xC3\xA9");
}

TEST(request, names_its_method_and_version) {
    request asked(method::delete_, "/");
    EXPECT_EQ(asked.method(), method::delete_);
    EXPECT_EQ(asked.method_name(), "DELETE");
    EXPECT_EQ(asked.version(), version::http_1_1);
    ASSERT_TRUE(asked.set_start_line(method::get, "/", version::http_1_0));
    EXPECT_EQ(asked.version(), version::http_1_0);
}

TEST(request, looks_fields_up_without_regard_to_case) {
    request asked(method::get, "/");
    asked.headers().add("Accept", "a");
    asked.trailers().add("Checksum", "b");
    EXPECT_EQ(asked.header("ACCEPT"), "a");
    EXPECT_EQ(asked.header("Checksum"), std::nullopt);
    EXPECT_EQ(std::as_const(asked).trailers().get("checksum"), "b");
}

TEST(request, stays_connected_by_version_and_wish) {
    const auto stays = [](version spoken, std::string_view connection) {
        request asked;
        EXPECT_TRUE(asked.set_start_line(method::get, "/", spoken));
        if (!connection.empty()) asked.headers().add("Connection", connection);
        return asked.keep_alive();
    };
    EXPECT_TRUE(stays(version::http_1_1, ""));
    EXPECT_TRUE(stays(version::http_1_1, "upgrade"));
    EXPECT_FALSE(stays(version::http_1_1, "upgrade, CLOSE"));
    EXPECT_FALSE(stays(version::http_1_0, ""));
    EXPECT_TRUE(stays(version::http_1_0, "Keep-Alive"));
    EXPECT_FALSE(stays(version::http_1_0, "keep-alive, close"));
}

TEST(request, expects_continue_only_since_1_1) {
    request asked(method::post, "/");
    EXPECT_FALSE(asked.expects_continue());
    asked.headers().add("Expect", "100-Continue");
    EXPECT_TRUE(asked.expects_continue());
    ASSERT_TRUE(asked.set_start_line(method::post, "/", version::http_1_0));
    EXPECT_FALSE(asked.expects_continue());
}

TEST(request, names_a_path_parameter_that_is_missing) {
    request asked(method::get, "/");
    asked.add_param("name", "world");
    EXPECT_EQ(asked.param("name"), "world");
    try {
        (void)asked.param("nmae");
        FAIL();
    } catch (const std::out_of_range& caught) {
        EXPECT_THAT(caught.what(), HasSubstr("{nmae}"));
    }
    asked.clear_params();
    EXPECT_THROW((void)asked.param("name"), std::out_of_range);
}

TEST(request, clear_makes_it_a_new_one) {
    request asked(method::post, "http://h/a?b", "body");
    asked.headers().add("A", "1");
    asked.trailers().add("B", "2");
    asked.add_param("c", "3");
    asked.clear();
    const request fresh;
    EXPECT_EQ(asked.target(), fresh.target());
    EXPECT_EQ(asked.path(), "/");
    EXPECT_EQ(asked.query_string(), "");
    EXPECT_EQ(asked.host(), "");
    EXPECT_EQ(asked.method(), fresh.method());
    EXPECT_EQ(asked.body(), "");
    EXPECT_TRUE(asked.headers().empty());
    EXPECT_TRUE(asked.trailers().empty());
    EXPECT_THROW((void)asked.param("c"), std::out_of_range);
}

TEST(request, copies_are_independent) {
    request asked(method::post, "/a", "body");
    const request copy = asked;
    asked.clear();
    EXPECT_EQ(copy.path(), "/a");
    EXPECT_EQ(copy.body(), "body");
}

TEST(request_death, a_malformed_target_is_an_assertion) {
    EXPECT_DEATH(request(method::get, "no slash"), "starts with '/'");
}

} // namespace
} // namespace sennit::http
