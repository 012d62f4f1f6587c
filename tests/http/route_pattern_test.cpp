#include <http/route_pattern.hpp>

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sennit::http {
namespace {

using kind = route_segment::kind;

route_pattern pattern(std::string_view text) {
    auto parsed = parse_pattern(text);
    EXPECT_TRUE(parsed.has_value()) << text;
    return parsed.value_or(route_pattern{});
}

TEST(route_pattern, divides_into_segments) {
    const route_pattern parsed = pattern("/users/{id}/{rest...}");
    ASSERT_EQ(parsed.segments.size(), 3u);
    EXPECT_EQ(parsed.segments[0].what, kind::literal);
    EXPECT_EQ(parsed.segments[0].text, "users");
    EXPECT_EQ(parsed.segments[1].what, kind::name);
    EXPECT_EQ(parsed.segments[1].text, "id");
    EXPECT_EQ(parsed.segments[2].what, kind::rest);
    EXPECT_EQ(parsed.segments[2].text, "rest");
}

TEST(route_pattern, a_slash_at_the_end_is_an_empty_segment) {
    EXPECT_EQ(pattern("/").segments.size(), 1u);
    EXPECT_EQ(pattern("/a").segments.size(), 1u);
    EXPECT_EQ(pattern("/a/").segments.size(), 2u);
    EXPECT_EQ(pattern("/a/").segments[1].text, "");
}

TEST(route_pattern, refuses_what_it_does_not_know) {
    for (const std::string_view text :
         {"", "a", "/a?b", "/a#b", "/a%20b", "/{", "/}", "/{}", "/{...}", "/a{b}", "/{a}b", "/{1a}",
          "/{a-b}", "/{a...}/b", "/{a}/{a}", "/{a}/{a...}", "/{{a}}", "/{a..}"}) {
        EXPECT_FALSE(parse_pattern(text).has_value()) << text;
    }
}

TEST(route_pattern, overlaps_are_seen_from_both_sides) {
    struct row {
        std::string_view a, b;
        route_overlap expected;
    };
    for (const auto& [a, b, expected] : {
             row{"/a", "/b", route_overlap::none},
             row{"/a", "/a/b", route_overlap::none},
             row{"/a", "/a/", route_overlap::none},
             row{"/a/b", "/a/b", route_overlap::same},
             row{"/{x}", "/{y}", route_overlap::same},
             row{"/a/{x...}", "/a/{y...}", route_overlap::same},
             row{"/a", "/{x}", route_overlap::nested},
             row{"/{x}", "/{y...}", route_overlap::nested},
             row{"/a/{x}", "/a/{y...}", route_overlap::nested},
             row{"/a/b/c", "/{y...}", route_overlap::nested},
             row{"/a/{x...}", "/{y...}", route_overlap::nested},
             row{"/", "/{x}", route_overlap::none},     // a name is not empty
             row{"/a/", "/a/{x}", route_overlap::none}, // the same
             row{"/", "/{x...}", route_overlap::nested},
             row{"/a/", "/a/{x...}", route_overlap::nested},
             row{"/a", "/a/{x...}", route_overlap::none}, // the slash is missing
             row{"/a/{x}", "/{y}/b", route_overlap::partial},
             row{"/{x}/b", "/a/{y...}", route_overlap::partial},
             row{"/a/{x}/c", "/{y}/b/c", route_overlap::partial},
             row{"/a/{x}/c", "/{y}/b/d", route_overlap::none},
             row{"/{x}/{y...}", "/a/{z...}", route_overlap::nested},
         }) {
        EXPECT_EQ(overlap(pattern(a), pattern(b)), expected) << a << " and " << b;
        EXPECT_EQ(overlap(pattern(b), pattern(a)), expected) << b << " and " << a;
    }
}

} // namespace
} // namespace sennit::http
