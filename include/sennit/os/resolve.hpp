// Names to addresses, as the machine is configured to do it (getaddrinfo(3)).
//
// Blocks for as long as the name servers like, and allocates: never to be called on a worker.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/os/socket_address.hpp>

#include <system_error>
#include <vector>

namespace sennit::os {

/// The category of getaddrinfo's own errors, named "resolve"; values are its EAI_ numbers. Its
/// errors equal the standard conditions host_unreachable (no such host, no address),
/// resource_unavailable_try_again (the name server does not answer now), not_enough_memory and
/// invalid_argument (no such service) where those fit.
[[nodiscard]] const std::error_category& resolve_category() noexcept;

/// The stream addresses of `host` and `service`, best first (RFC 6724). `host` is a name or an
/// address without brackets, null for "all local addresses", to be bound; `service` is a name or a
/// port in decimal, null for port 0. The list is never empty. Errors: those of resolve_category(),
/// and what the system reports beneath it.
///
/// ```cpp
/// auto addresses = os::resolve("localhost", "80");
/// if (addresses) std::puts(addresses->front().to_string().c_str());
/// ```
[[nodiscard]] result<std::vector<socket_address>> resolve(const char* host, const char* service);

} // namespace sennit::os
