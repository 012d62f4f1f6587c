// A socket address as a value: IPv4, IPv6 or a Unix path, without a kernel header.
//
// Always true: size() bytes at data() are a sockaddr of the kernel's, and the rest of the storage
// is zero, so that equal addresses are equal byte for byte.
#pragma once

#include <sennit/base/result.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sennit::os {

/// The kind of an address; the values are the kernel's AF_ numbers.
enum class address_family : std::uint16_t { unspecified = 0, unix_domain = 1, ipv4 = 2, ipv6 = 10 };

/// Where a socket is, or where it shall connect to. A value of 132 bytes, copied freely.
///
/// ```cpp
/// auto address = os::socket_address::parse("127.0.0.1:8080");
/// if (address) std::puts(address->to_string().c_str());
/// ```
class socket_address {
public:
    /// The size of the kernel's sockaddr_storage, which holds every address.
    static constexpr std::size_t size_max = 128;
    /// The longest path of a Unix socket in bytes, the terminating zero included.
    static constexpr std::size_t unix_path_max = 108;

    /// No address: family unspecified, size 0.
    socket_address() noexcept = default;

    /// Four bytes as they are written, {127, 0, 0, 1}, and a port.
    ///
    /// ```cpp
    /// const auto loopback = os::socket_address::from_ipv4({127, 0, 0, 1}, 8080);
    /// ```
    [[nodiscard]] static socket_address from_ipv4(std::array<std::uint8_t, 4> bytes,
                                                  std::uint16_t port) noexcept;

    /// Sixteen bytes as they are written, a port, and for link-local addresses the number of the
    /// interface.
    [[nodiscard]] static socket_address from_ipv6(std::array<std::uint8_t, 16> bytes,
                                                  std::uint16_t port,
                                                  std::uint32_t scope = 0) noexcept;

    /// A path in the file system, or in Linux's abstract namespace when it begins with a zero byte.
    /// Errors: EINVAL (empty, or a zero byte later on), ENAMETOOLONG.
    [[nodiscard]] static result<socket_address> from_unix_path(std::string_view path);

    /// Copies a sockaddr that somebody else made. Errors: EINVAL (longer than size_max).
    [[nodiscard]] static result<socket_address> from_bytes(const void* bytes, std::size_t size);

    /// Parses numbers only, asks nobody: "127.0.0.1:8080", "[::1]:80", "[fe80::1%2]:80",
    /// "[fe80::1%eth0]:80". The port is a must, in decimal and at most 65535. Errors: EINVAL.
    [[nodiscard]] static result<socket_address> parse(std::string_view text);

    [[nodiscard]] address_family family() const noexcept;

    /// The port of an IP address, in the host's byte order; 0 for the others.
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// The same IP address with another port; the others stay as they are.
    [[nodiscard]] socket_address with_port(std::uint16_t port) const noexcept;

    /// The form that parse() reads: "127.0.0.1:8080", "[::1]:80". A Unix path reads "unix:/run/x",
    /// an abstract one "unix:@x", and an unnamed one "unix:". No address reads "".
    [[nodiscard]] std::string to_string() const;

    /// The kernel's sockaddr, size() bytes long.
    [[nodiscard]] const void* data() const noexcept { return storage_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    friend bool operator==(const socket_address&, const socket_address&) noexcept = default;

private:
    alignas(8) std::array<std::byte, size_max> storage_{};
    std::uint32_t size_ = 0;
};

} // namespace sennit::os
