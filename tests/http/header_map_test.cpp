#include <sennit/http/header_map.hpp>

#include "allocation_count.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace sennit::http {
namespace {

using values = std::vector<std::string_view>;

TEST(header_map, keeps_order_and_repetitions) {
    header_map map;
    map.add("Accept", "a");
    map.add("Host", "b");
    map.add("ACCEPT", "c");
    EXPECT_EQ(map.size(), 3u);
    EXPECT_EQ(map[0], (header_field{"Accept", "a"}));
    EXPECT_EQ(map[2], (header_field{"ACCEPT", "c"}));
    EXPECT_EQ(map.values("accept"), (values{"a", "c"}));
    EXPECT_EQ(map.get("accept"), "a");
}

TEST(header_map, tells_an_empty_value_from_a_missing_field) {
    header_map map;
    EXPECT_TRUE(map.empty());
    map.add("Host", "");
    EXPECT_EQ(map.get("Host"), "");
    EXPECT_EQ(map.get("Hos"), std::nullopt);
    EXPECT_TRUE(map.contains("HOST"));
    EXPECT_FALSE(map.empty());
}

TEST(header_map, set_replaces_every_field_of_the_name) {
    header_map map;
    map.add("A", "1");
    map.add("B", "2");
    map.add("a", "3");
    map.set("A", "4");
    EXPECT_EQ(map.values("a"), values{"4"});
    EXPECT_EQ(map[0], (header_field{"B", "2"}));
}

TEST(header_map, remove_returns_how_many_there_were) {
    header_map map;
    map.add("A", "1");
    map.add("B", "2");
    map.add("a", "3");
    EXPECT_EQ(map.remove("A"), 2u);
    EXPECT_EQ(map.remove("A"), 0u);
    EXPECT_EQ(map.size(), 1u);
    EXPECT_EQ(map.get("B"), "2");
}

TEST(header_map, finds_elements_in_every_field_of_the_name) {
    header_map map;
    map.add("Connection", "upgrade");
    map.add("Connection", "x, Close");
    EXPECT_TRUE(map.has_element("connection", "close"));
    EXPECT_FALSE(map.has_element("connection", "keep-alive"));
}

// Grows the map many times while the value comes out of the map itself.
TEST(header_map, adding_a_view_into_the_map_is_safe) {
    header_map map;
    map.add("Name", "value");
    for (int i = 0; i < 1000; ++i) {
        const header_field last = map[map.size() - 1];
        map.add(last.name, last.value);
    }
    EXPECT_TRUE(std::ranges::all_of(
        map, [](header_field f) { return f == header_field{"Name", "value"}; }));
}

TEST(header_map, iterates_as_a_forward_range) {
    header_map map;
    map.add("A", "1");
    map.add("B", "2");
    std::string seen;
    for (const header_field field : map)
        seen.append(field.name).append(field.value);
    EXPECT_EQ(seen, "A1B2");
    auto it = map.begin();
    EXPECT_EQ((*it++).name, "A");
    EXPECT_EQ((*it).name, "B");
    EXPECT_EQ(++it, map.end());
}

TEST(header_map, allocates_nothing_after_clear) {
    header_map map;
    const auto fill = [&] {
        map.clear();
        for (int i = 0; i < 50; ++i)
            map.add("Some-Field", "some value of some length");
    };
    fill();
    const allocation_count counted;
    fill();
    EXPECT_EQ(counted.so_far(), 0u);
    EXPECT_EQ(map.size(), 50u);
}

} // namespace
} // namespace sennit::http
