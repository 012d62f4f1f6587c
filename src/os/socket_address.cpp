// Socket addresses: between the kernel's structs and text. The structs are copied in and out of the
// storage, never aliased.
#include <sennit/os/socket_address.hpp>

#include "last_error.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace sennit::os {
namespace {

static_assert(socket_address::size_max == sizeof(sockaddr_storage));
static_assert(socket_address::unix_path_max == sizeof(sockaddr_un::sun_path));
static_assert(static_cast<int>(address_family::unspecified) == AF_UNSPEC);
static_assert(static_cast<int>(address_family::unix_domain) == AF_UNIX);
static_assert(static_cast<int>(address_family::ipv4) == AF_INET);
static_assert(static_cast<int>(address_family::ipv6) == AF_INET6);

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

error malformed() { return error::from_errno(EINVAL, "parse_address"); }

/// The address as the kernel's struct of that family.
template<class Sockaddr>
Sockaddr as(const socket_address& address) noexcept {
    Sockaddr copy;
    std::memcpy(&copy, address.data(), sizeof(copy));
    return copy;
}

template<class Number>
std::optional<Number> parse_decimal(std::string_view text) {
    Number number{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// What a zone names after the percent sign: the number of an interface, or its name.
std::optional<std::uint32_t> parse_scope(const std::string& zone) {
    if (const auto number = parse_decimal<std::uint32_t>(zone)) return number;
    const unsigned index = ::if_nametoindex(zone.c_str());
    if (index == 0) return std::nullopt;
    return index;
}

result<socket_address> parse_ipv4(const std::string& host, std::uint16_t port) {
    std::array<std::uint8_t, 4> bytes;
    if (::inet_pton(AF_INET, host.c_str(), bytes.data()) != 1) return malformed();
    return socket_address::from_ipv4(bytes, port);
}

result<socket_address> parse_ipv6(const std::string& host, std::uint16_t port) {
    const std::size_t percent = host.find('%');
    std::uint32_t scope = 0;
    if (percent != std::string::npos) {
        const auto found = parse_scope(host.substr(percent + 1));
        if (!found) return malformed();
        scope = *found;
    }
    std::array<std::uint8_t, 16> bytes;
    if (::inet_pton(AF_INET6, host.substr(0, percent).c_str(), bytes.data()) != 1)
        return malformed();
    return socket_address::from_ipv6(bytes, port, scope);
}

std::string ipv4_text(const sockaddr_in& address) {
    char text[INET_ADDRSTRLEN];
    ::inet_ntop(AF_INET, &address.sin_addr, text, sizeof(text));
    return std::string{text} + ':' + std::to_string(ntohs(address.sin_port));
}

std::string ipv6_text(const sockaddr_in6& address) {
    char text[INET6_ADDRSTRLEN];
    ::inet_ntop(AF_INET6, &address.sin6_addr, text, sizeof(text));
    const std::string zone =
        address.sin6_scope_id == 0 ? "" : '%' + std::to_string(address.sin6_scope_id);
    return std::string{'['} + text + zone + "]:" + std::to_string(ntohs(address.sin6_port));
}

// The kernel may or may not count the terminating zero of a path; in an abstract name every byte
// counts.
std::string unix_text(const sockaddr_un& address, std::size_t size) {
    if (size <= path_offset) return "unix:";
    const std::size_t length = size - path_offset;
    if (address.sun_path[0] == '\0')
        return "unix:@" + std::string(address.sun_path + 1, length - 1);
    return "unix:" + std::string(address.sun_path, ::strnlen(address.sun_path, length));
}

} // namespace

result<socket_address> socket_address::from_bytes(const void* bytes, std::size_t size) {
    if (size > size_max) return error::from_errno(EINVAL, "from_bytes");
    socket_address address;
    if (size > 0) std::memcpy(address.storage_.data(), bytes, size);
    address.size_ = static_cast<std::uint32_t>(size);
    return address;
}

socket_address socket_address::from_ipv4(std::array<std::uint8_t, 4> bytes,
                                         std::uint16_t port) noexcept {
    sockaddr_in kernel{};
    kernel.sin_family = AF_INET;
    kernel.sin_port = htons(port);
    std::memcpy(&kernel.sin_addr, bytes.data(), bytes.size());
    return *from_bytes(&kernel, sizeof(kernel));
}

socket_address socket_address::from_ipv6(std::array<std::uint8_t, 16> bytes, std::uint16_t port,
                                         std::uint32_t scope) noexcept {
    sockaddr_in6 kernel{};
    kernel.sin6_family = AF_INET6;
    kernel.sin6_port = htons(port);
    kernel.sin6_scope_id = scope;
    std::memcpy(&kernel.sin6_addr, bytes.data(), bytes.size());
    return *from_bytes(&kernel, sizeof(kernel));
}

result<socket_address> socket_address::from_unix_path(std::string_view path) {
    if (path.empty() || path.find('\0', 1) != std::string_view::npos) {
        return error::from_errno(EINVAL, "from_unix_path");
    }
    const bool abstract = path.front() == '\0';
    const std::size_t needed = path.size() + (abstract ? 0 : 1);
    if (needed > unix_path_max) return error::from_errno(ENAMETOOLONG, "from_unix_path");
    sockaddr_un kernel{};
    kernel.sun_family = AF_UNIX;
    std::memcpy(kernel.sun_path, path.data(), path.size());
    return from_bytes(&kernel, path_offset + needed);
}

result<socket_address> socket_address::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return malformed();
    const auto port = parse_decimal<std::uint16_t>(text.substr(colon + 1));
    std::string_view host = text.substr(0, colon);
    if (!port || host.find('\0') != std::string_view::npos) return malformed();
    if (!host.starts_with('[') || !host.ends_with(']')) return parse_ipv4(std::string{host}, *port);
    host = host.substr(1, host.size() - 2);
    return parse_ipv6(std::string{host}, *port);
}

address_family socket_address::family() const noexcept {
    return static_cast<address_family>(as<sockaddr_storage>(*this).ss_family);
}

std::uint16_t socket_address::port() const noexcept {
    if (family() == address_family::ipv4) return ntohs(as<sockaddr_in>(*this).sin_port);
    if (family() == address_family::ipv6) return ntohs(as<sockaddr_in6>(*this).sin6_port);
    return 0;
}

// Both structs have the port in the same place.
socket_address socket_address::with_port(std::uint16_t port) const noexcept {
    static_assert(offsetof(sockaddr_in, sin_port) == offsetof(sockaddr_in6, sin6_port));
    socket_address copy = *this;
    if (family() == address_family::ipv4 || family() == address_family::ipv6) {
        const std::uint16_t network = htons(port);
        std::memcpy(copy.storage_.data() + offsetof(sockaddr_in, sin_port), &network,
                    sizeof(network));
    }
    return copy;
}

std::string socket_address::to_string() const {
    switch (family()) {
        case address_family::unspecified:
            return "";
        case address_family::unix_domain:
            return unix_text(as<sockaddr_un>(*this), size_);
        case address_family::ipv4:
            return ipv4_text(as<sockaddr_in>(*this));
        case address_family::ipv6:
            return ipv6_text(as<sockaddr_in6>(*this));
    }
    return "family " + std::to_string(static_cast<unsigned>(family()));
}

} // namespace sennit::os
