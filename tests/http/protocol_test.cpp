#include <sennit/http/protocol.hpp>

#include <gtest/gtest.h>

namespace sennit::http {
namespace {

TEST(protocol, methods_survive_the_way_to_text_and_back) {
    for (const method m : all_methods)
        EXPECT_EQ(method_from(to_string(m)), m);
    EXPECT_EQ(to_string(method::delete_), "DELETE");
}

TEST(protocol, methods_are_case_sensitive_and_few) {
    for (const std::string_view name : {"get", "Get", "CONNECT", "PROPFIND", "", "GET "}) {
        EXPECT_EQ(method_from(name), std::nullopt) << name;
    }
}

TEST(protocol, methods_index_tables) {
    for (std::size_t i = 0; i < all_methods.size(); ++i) {
        EXPECT_EQ(static_cast<std::size_t>(all_methods[i]), i);
    }
}

TEST(protocol, versions_have_names) {
    EXPECT_EQ(to_string(version::http_1_0), "HTTP/1.0");
    EXPECT_EQ(to_string(version::http_1_1), "HTTP/1.1");
}

TEST(protocol, known_statuses_have_phrases_and_others_their_class) {
    EXPECT_EQ(reason_phrase(200), "OK");
    EXPECT_EQ(reason_phrase(431), "Request Header Fields Too Large");
    EXPECT_EQ(reason_phrase(299), "Success");
    EXPECT_EQ(reason_phrase(499), "Client Error");
    EXPECT_EQ(reason_phrase(599), "Server Error");
    EXPECT_EQ(reason_phrase(0), "Unknown");
}

TEST(protocol, three_kinds_of_status_never_have_a_body) {
    EXPECT_TRUE(never_has_body(100));
    EXPECT_TRUE(never_has_body(204));
    EXPECT_TRUE(never_has_body(304));
    EXPECT_FALSE(never_has_body(200));
    EXPECT_FALSE(never_has_body(404));
}

} // namespace
} // namespace sennit::http
