#include <sennit/os/socket_address.hpp>

#include <gtest/gtest.h>

#include <netinet/in.h>
#include <string>
#include <sys/un.h>
#include <type_traits>

namespace sennit::os {
namespace {

static_assert(std::is_trivially_copyable_v<socket_address>);

constexpr std::array<std::uint8_t, 16> ipv6_loopback{0, 0, 0, 0, 0, 0, 0, 0,
                                                     0, 0, 0, 0, 0, 0, 0, 1};

TEST(socket_address, starts_as_no_address) {
    const socket_address none;
    EXPECT_EQ(none.family(), address_family::unspecified);
    EXPECT_EQ(none.size(), 0U);
    EXPECT_EQ(none.port(), 0);
    EXPECT_EQ(none.to_string(), "");
}

TEST(socket_address, ipv4_is_the_kernels_struct) {
    const auto address = socket_address::from_ipv4({127, 0, 0, 1}, 8080);
    EXPECT_EQ(address.family(), address_family::ipv4);
    EXPECT_EQ(address.port(), 8080);
    EXPECT_EQ(address.to_string(), "127.0.0.1:8080");
    ASSERT_EQ(address.size(), sizeof(sockaddr_in));
    const auto* kernel = static_cast<const sockaddr_in*>(address.data());
    EXPECT_EQ(kernel->sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    EXPECT_EQ(kernel->sin_port, htons(8080));
}

TEST(socket_address, ipv6_is_the_kernels_struct) {
    const auto address = socket_address::from_ipv6(ipv6_loopback, 443);
    EXPECT_EQ(address.family(), address_family::ipv6);
    EXPECT_EQ(address.port(), 443);
    EXPECT_EQ(address.to_string(), "[::1]:443");
    ASSERT_EQ(address.size(), sizeof(sockaddr_in6));
    const auto* kernel = static_cast<const sockaddr_in6*>(address.data());
    EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&kernel->sin6_addr));
    EXPECT_EQ(kernel->sin6_scope_id, 0U);
}

TEST(socket_address, ipv6_keeps_its_interface) {
    auto bytes = ipv6_loopback;
    bytes[0] = 0xfe;
    bytes[1] = 0x80;
    EXPECT_EQ(socket_address::from_ipv6(bytes, 80, 2).to_string(), "[fe80::1%2]:80");
}

TEST(socket_address, with_port_changes_nothing_else) {
    const auto four = socket_address::from_ipv4({10, 1, 2, 3}, 1).with_port(65535);
    EXPECT_EQ(four, socket_address::from_ipv4({10, 1, 2, 3}, 65535));
    const auto six = socket_address::from_ipv6(ipv6_loopback, 1, 7).with_port(2);
    EXPECT_EQ(six, socket_address::from_ipv6(ipv6_loopback, 2, 7));
    const auto path = socket_address::from_unix_path("/run/x").value();
    EXPECT_EQ(path.with_port(80), path);
    EXPECT_EQ(socket_address{}.with_port(80), socket_address{});
}

TEST(socket_address, unix_paths_are_named) {
    const auto address = socket_address::from_unix_path("/run/sennit.sock").value();
    EXPECT_EQ(address.family(), address_family::unix_domain);
    EXPECT_EQ(address.to_string(), "unix:/run/sennit.sock");
    EXPECT_EQ(address.port(), 0);
    EXPECT_EQ(address.size(), offsetof(sockaddr_un, sun_path) + 17);
    const auto abstract = socket_address::from_unix_path(std::string_view{"\0name", 5}).value();
    EXPECT_EQ(abstract.to_string(), "unix:@name");
    EXPECT_EQ(abstract.size(), offsetof(sockaddr_un, sun_path) + 5);
}

TEST(socket_address, unix_paths_have_limits) {
    const std::string longest(socket_address::unix_path_max - 1, 'x');
    EXPECT_EQ(socket_address::from_unix_path(longest).value().to_string(), "unix:" + longest);
    EXPECT_EQ(socket_address::from_unix_path(longest + "x").error().code(),
              std::errc::filename_too_long);
    EXPECT_EQ(socket_address::from_unix_path("").error().code(), std::errc::invalid_argument);
    const auto inner_zero = socket_address::from_unix_path(std::string_view{"a\0b", 3});
    EXPECT_EQ(inner_zero.error().code(), std::errc::invalid_argument);
}

TEST(socket_address, from_bytes_copies_what_the_kernel_gave) {
    const auto original = socket_address::from_ipv6(ipv6_loopback, 9, 3);
    EXPECT_EQ(socket_address::from_bytes(original.data(), original.size()).value(), original);
    EXPECT_EQ(socket_address::from_bytes(nullptr, 0).value(), socket_address{});
    std::array<std::byte, socket_address::size_max + 1> more{};
    EXPECT_EQ(socket_address::from_bytes(more.data(), more.size()).error().code(),
              std::errc::invalid_argument);
}

TEST(socket_address, an_unnamed_unix_address_has_an_empty_name) {
    const sa_family_t family = AF_UNIX;
    EXPECT_EQ(socket_address::from_bytes(&family, sizeof(family)).value().to_string(), "unix:");
}

TEST(socket_address, an_unknown_family_is_numbered) {
    sockaddr other{};
    other.sa_family = AF_PACKET;
    EXPECT_EQ(socket_address::from_bytes(&other, sizeof(other)).value().to_string(), "family 17");
}

TEST(socket_address, parses_what_it_prints) {
    for (const char* text : {"127.0.0.1:8080", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80",
                             "[::]:0", "[2001:db8::8:800:200c:417a]:443", "[fe80::1%2]:80"}) {
        const auto parsed = socket_address::parse(text);
        ASSERT_TRUE(parsed.has_value()) << text;
        EXPECT_EQ(parsed->to_string(), text);
    }
}

TEST(socket_address, parses_other_spellings_of_ipv6) {
    EXPECT_EQ(socket_address::parse("[0:0:0:0:0:0:0:1]:80").value(),
              socket_address::from_ipv6(ipv6_loopback, 80));
    EXPECT_EQ(socket_address::parse("[::ffff:1.2.3.4]:1").value().to_string(),
              "[::ffff:1.2.3.4]:1");
}

TEST(socket_address, parses_the_name_of_an_interface) {
    const auto parsed = socket_address::parse("[fe80::1%lo]:80");
    ASSERT_TRUE(parsed.has_value());
    EXPECT_NE(static_cast<const sockaddr_in6*>(parsed->data())->sin6_scope_id, 0U);
}

TEST(socket_address, refuses_what_is_no_numeric_address) {
    using namespace std::string_view_literals;
    for (const std::string_view text : {""sv,
                                        ":"sv,
                                        ":80"sv,
                                        "127.0.0.1"sv,
                                        "127.0.0.1:"sv,
                                        "127.0.0.1:65536"sv,
                                        "127.0.0.1:-1"sv,
                                        "127.0.0.1:+1"sv,
                                        "127.0.0.1:80x"sv,
                                        "127.0.0.1: 80"sv,
                                        "127.0.0:80"sv,
                                        "256.0.0.1:80"sv,
                                        "localhost:80"sv,
                                        "::1:80"sv,
                                        "[::1]"sv,
                                        "[::1]80"sv,
                                        "[::1:80"sv,
                                        "::1]:80"sv,
                                        "[]:80"sv,
                                        "[127.0.0.1]:80"sv,
                                        "[::1%]:80"sv,
                                        "[fe80::1%no-such-interface]:80"sv,
                                        "[fe80::1%4294967296]:80"sv,
                                        "127.0.0.1\0:80"sv,
                                        "[::1\0]:80"sv}) {
        const auto parsed = socket_address::parse(text);
        ASSERT_FALSE(parsed.has_value()) << text;
        EXPECT_EQ(parsed.error().code(), std::errc::invalid_argument);
    }
}

} // namespace
} // namespace sennit::os
