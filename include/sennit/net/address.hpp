// Addresses as users write them: "host:port", with a number or a name for the host.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/os/socket_address.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace sennit {

/// An IPv4, IPv6 or Unix address as a value: `port()`, `to_string()`, comparable.
///
/// ```cpp
/// auto local = sennit::socket_address::parse("127.0.0.1:8080");
/// if (local) std::printf("%d\n", int{local->port()});  // 8080
/// ```
using socket_address = os::socket_address;

/// A host and a port, not looked up yet.
///
/// ```cpp
/// auto parts = sennit::split_host_port("[::1]:80");
/// if (parts) std::printf("%s %s\n", parts->host.c_str(), parts->port.c_str());  // ::1 80
/// ```
struct host_port {
    std::string host; ///< a name or a number, without brackets; empty: any
    std::string port; ///< a number or the name of a service
};

/// Splits "host:port", "[v6]:port" or ":port". Errors: EINVAL (no port, or one above 65535, a colon too many, a zero
/// byte).
[[nodiscard]] result<host_port> split_host_port(std::string_view text);

/// The addresses of "host:port", best first. Numbers cost nothing, names are looked up by the
/// system's resolver on a thread where that may block. The list is never empty.
///
/// An empty host means the addresses of this machine: to connect to, or with `to_bind` to listen
/// on.
/// Errors: EINVAL; those of the resolver (no such host: `std::errc::host_unreachable`).
/// Drop: a look-up under way goes on and its answer is thrown away.
///
/// ```cpp
/// sennit::task<sennit::result<sennit::socket_address>> first(std::string name) {
///     auto all = co_await sennit::or_return(sennit::async_lookup(std::move(name)));
///     co_return all.front();
/// }
/// ```
task<result<std::vector<socket_address>>> async_lookup(std::string address, bool to_bind = false);
result<std::vector<socket_address>> lookup(std::string address, bool to_bind = false);

} // namespace sennit
