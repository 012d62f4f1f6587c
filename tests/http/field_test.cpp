#include <sennit/http/field.hpp>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sennit::http {
namespace {

TEST(field, comparison_ignores_the_case_of_ascii_only) {
    EXPECT_TRUE(equals_ignoring_case("Content-LENGTH", "content-length"));
    EXPECT_FALSE(equals_ignoring_case("abc", "abcd"));
    EXPECT_FALSE(equals_ignoring_case("\xC4", "\xE4"));
    EXPECT_FALSE(equals_ignoring_case("@", "`")); // 32 apart, as letters are
}

TEST(field, tokens_hold_no_separators) {
    EXPECT_TRUE(is_token("X-Request-Id"));
    EXPECT_TRUE(is_token("!#$%&'*+-.^_`|~09azAZ"));
    EXPECT_FALSE(is_token(""));
    for (const char c : std::string("\0\t\r\n \"(),/:;<=>?@[\\]{}\x7f\x80", 24)) {
        EXPECT_FALSE(is_token(std::string(1, c))) << static_cast<int>(c);
    }
}

TEST(field, values_hold_no_control_characters_but_the_tabulator) {
    EXPECT_TRUE(is_field_value(""));
    EXPECT_TRUE(is_field_value("a\tb \"c\" \xC3\xA9"));
    for (const char c : std::string("\0\r\n\x01\x1f\x7f", 6)) {
        EXPECT_FALSE(is_field_value("a" + std::string(1, c))) << static_cast<int>(c);
    }
}

TEST(field, trim_takes_blanks_at_both_ends) {
    EXPECT_EQ(trim("\t a b \t"), "a b");
    EXPECT_EQ(trim(" \t "), "");
    EXPECT_EQ(trim(""), "");
}

std::vector<std::string_view> elements_of(std::string_view list) {
    std::vector<std::string_view> found;
    while (!list.empty())
        found.push_back(next_element(list));
    return found;
}

TEST(field, lists_divide_at_commas_outside_of_quotes) {
    using list = std::vector<std::string_view>;
    EXPECT_EQ(elements_of("a, b ,c"), (list{"a", "b", "c"}));
    EXPECT_EQ(elements_of("\"a,b\", c"), (list{"\"a,b\"", "c"}));
    EXPECT_EQ(elements_of(R"("a\",b", c)"), (list{R"("a\",b")", "c"}));
    EXPECT_EQ(elements_of(",a"), (list{"", "a"}));
    EXPECT_EQ(elements_of("\"open, a"), (list{"\"open, a"}));
    EXPECT_EQ(elements_of("\"ends in \\"), (list{"\"ends in \\"}));
    EXPECT_EQ(elements_of(""), list{});
}

TEST(field, elements_are_found_whole_and_in_any_case) {
    EXPECT_TRUE(has_element("Upgrade, CLOSE", "close"));
    EXPECT_FALSE(has_element("closed, not close", "close"));
    EXPECT_FALSE(has_element("", "close"));
}

} // namespace
} // namespace sennit::http
