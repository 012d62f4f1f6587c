#include <sennit/http/percent.hpp>

#include <gtest/gtest.h>

#include <string>

namespace sennit::http {
namespace {

TEST(percent, decoding_gives_bytes) {
    EXPECT_EQ(percent_decode("a%20b%2Fc%2f"), "a b/c/");
    EXPECT_EQ(percent_decode("caf%C3%A9"), "caf\xC3\xA9");
    EXPECT_EQ(percent_decode("%00"), std::string(1, '\0'));
    EXPECT_EQ(percent_decode("a+b"), "a+b");
    EXPECT_EQ(percent_decode("%2541"), "%41"); // once, not twice
    EXPECT_EQ(percent_decode(""), "");
}

TEST(percent, decoding_refuses_what_encodes_nothing) {
    for (const std::string_view text : {"%", "%4", "%4g", "%G4", "abc%", "%%41", "%-1", "% 1"}) {
        EXPECT_EQ(percent_decode(text), std::nullopt) << text;
    }
}

TEST(percent, encoding_is_undone_by_decoding_for_every_byte) {
    std::string all;
    for (int byte = 0; byte < 256; ++byte)
        all.push_back(static_cast<char>(byte));
    const std::string encoded = percent_encode(all);
    EXPECT_EQ(percent_decode(encoded), all);
    EXPECT_EQ(percent_encode("aZ09-._~"), "aZ09-._~");
    EXPECT_EQ(percent_encode("/ \xff"), "%2F%20%FF");
}

TEST(percent, query_values_are_decoded_as_forms) {
    EXPECT_EQ(query_value("a=1&b=two+words%21", "b"), "two words!");
    EXPECT_EQ(query_value("a=1=2", "a"), "1=2");
    EXPECT_EQ(query_value("flag&x=", "flag"), "");
    EXPECT_EQ(query_value("flag&x=", "x"), "");
    EXPECT_EQ(query_value("a=1", "b"), std::nullopt);
    EXPECT_EQ(query_value("", "a"), std::nullopt);
    EXPECT_EQ(query_value("a=100%", "a"), "100%"); // a broken escape stands for itself
}

TEST(percent, query_names_are_decoded_before_they_are_compared) {
    EXPECT_EQ(query_value("first%20name=x", "first name"), "x");
    EXPECT_EQ(query_value("first+name=x", "first name"), "x");
    EXPECT_EQ(query_value("=x", ""), "x");
    EXPECT_EQ(query_value("&&", ""), std::nullopt);
}

TEST(percent, repeated_parameters_are_all_given_in_order) {
    const std::vector<std::string> expected{"1", "", "3"};
    EXPECT_EQ(query_values("t=1&t&x=2&t=3", "t"), expected);
    EXPECT_EQ(query_value("t=1&t=3", "t"), "1");
    EXPECT_TRUE(query_values("a=1", "t").empty());
}

} // namespace
} // namespace sennit::http
