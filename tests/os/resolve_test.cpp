// Numeric hosts and what /etc/hosts and /etc/services answer: no name server is asked.
#include <sennit/os/resolve.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <netdb.h>
#include <string>

namespace sennit::os {
namespace {

TEST(resolve, passes_numeric_addresses_through) {
    const auto four = resolve("127.0.0.1", "8080");
    ASSERT_TRUE(four.has_value());
    EXPECT_EQ(*four, std::vector{socket_address::from_ipv4({127, 0, 0, 1}, 8080)});
    const auto six = resolve("::1", "80");
    ASSERT_TRUE(six.has_value());
    ASSERT_EQ(six->size(), 1U);
    EXPECT_EQ(six->front().to_string(), "[::1]:80");
}

TEST(resolve, knows_localhost) {
    const auto found = resolve("localhost", "80");
    ASSERT_TRUE(found.has_value());
    ASSERT_FALSE(found->empty());
    for (const auto& address : *found) {
        const std::string text = address.to_string();
        EXPECT_TRUE(text.starts_with("127.") || text.starts_with("[::1]")) << text;
        EXPECT_EQ(address.port(), 80);
    }
}

TEST(resolve, without_a_service_the_port_is_zero) {
    EXPECT_EQ(resolve("127.0.0.1", nullptr).value().front().port(), 0);
}

TEST(resolve, without_a_host_the_addresses_are_to_be_bound) {
    for (const char* service : {"8080", static_cast<const char*>(nullptr)}) {
        const auto found = resolve(nullptr, service).value();
        const std::string port = service == nullptr ? "0" : service;
        EXPECT_NE(std::ranges::find(found, "0.0.0.0:" + port, &socket_address::to_string),
                  found.end());
    }
}

TEST(resolve, reports_an_unknown_service) {
    const auto found = resolve("127.0.0.1", "no-such-service");
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code(), (std::error_code{EAI_SERVICE, resolve_category()}));
    EXPECT_TRUE(is(found.error(), std::errc::invalid_argument));
    EXPECT_STREQ(found.error().operation(), "resolve");
}

// A label of 64 characters is no host name, so no server is asked about it.
TEST(resolve, reports_an_impossible_host) {
    const auto found = resolve(std::string(64, 'x').c_str(), "80");
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().code().category(), resolve_category());
}

TEST(resolve_category, translates_to_standard_conditions) {
    const auto code = [](int value) { return std::error_code{value, resolve_category()}; };
    EXPECT_STREQ(resolve_category().name(), "resolve");
    EXPECT_EQ(code(EAI_NONAME), std::errc::host_unreachable);
    EXPECT_EQ(code(EAI_AGAIN), std::errc::resource_unavailable_try_again);
    EXPECT_EQ(code(EAI_MEMORY), std::errc::not_enough_memory);
    EXPECT_EQ(code(EAI_SERVICE), std::errc::invalid_argument);
    EXPECT_NE(code(EAI_FAIL), std::errc::host_unreachable);
    EXPECT_EQ(code(EAI_NONAME).message(), ::gai_strerror(EAI_NONAME));
}

} // namespace
} // namespace sennit::os
