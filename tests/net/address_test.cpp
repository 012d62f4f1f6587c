#include <sennit/net/address.hpp>

#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

namespace sennit {
namespace {

TEST(address, splits_host_and_port) {
    const auto split = [](std::string_view text) {
        auto parts = split_host_port(text);
        return parts ? parts->host + "|" + parts->port : "bad";
    };
    EXPECT_EQ(split("localhost:80"), "localhost|80");
    EXPECT_EQ(split("127.0.0.1:http"), "127.0.0.1|http");
    EXPECT_EQ(split(":80"), "|80");
    EXPECT_EQ(split("[::1]:80"), "::1|80");
    EXPECT_EQ(split("::1:80"), "bad");
    EXPECT_EQ(split("[::1:80"), "bad");
    EXPECT_EQ(split("[:80"), "bad");
    EXPECT_EQ(split("localhost"), "bad");
    EXPECT_EQ(split("localhost:"), "bad");
    EXPECT_EQ(split("localhost:65535"), "localhost|65535");
    for (const char* port : {"65536", "999999", "18446744073709551617", "-1", " 80", "+80"})
        EXPECT_EQ(split(std::string("localhost:") + port), "bad") << port;
    EXPECT_EQ(split(""), "bad");
    EXPECT_EQ(split(std::string_view("a\0b:80", 6)), "bad");
}

TEST(address, numbers_are_not_looked_up) {
    auto found = lookup("127.0.0.1:80");
    ASSERT_TRUE(found);
    ASSERT_EQ(found->size(), 1U);
    EXPECT_EQ(found->front().to_string(), "127.0.0.1:80");
    EXPECT_EQ(lookup("[::1]:80")->front().to_string(), "[::1]:80");
}

TEST(address, names_are_looked_up) {
    auto found = lookup("localhost:8080");
    ASSERT_TRUE(found) << found.error().message();
    for (const socket_address& each : *found)
        EXPECT_EQ(each.port(), 8080);
}

TEST(address, an_empty_host_is_this_machine) {
    EXPECT_TRUE(lookup(":80"));
    auto any = lookup(":80", true);
    ASSERT_TRUE(any);
    EXPECT_EQ(any->front().port(), 80);
}

TEST(address, what_is_no_address_is_an_error_that_names_it) {
    auto found = lookup("nonsense");
    ASSERT_FALSE(found);
    EXPECT_TRUE(is(found.error(), std::errc::invalid_argument));
    EXPECT_NE(found.error().message().find("nonsense"), std::string::npos);
}

} // namespace
} // namespace sennit
