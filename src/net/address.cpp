#include <sennit/net/address.hpp>

#include <sennit/core/wait.hpp>
#include <sennit/coro/or_return.hpp>
#include <sennit/exec/blocking.hpp>
#include <sennit/os/resolve.hpp>

#include <cctype>
#include <charconv>
#include <cstdint>
#include <system_error>
#include <utility>

namespace sennit {
namespace {

error bad_address() { return {std::errc::invalid_argument, "host:port"}; }

// The name of a service, or a number that is one: of "65616" and "-1" getaddrinfo would keep 16 bits.
bool is_port(std::string_view text) {
    const bool is_word = !text.empty() && (std::isalnum(static_cast<unsigned char>(text[0])) != 0);
    std::uint16_t number = 0;
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), number);
    return is_word && why != std::errc::result_out_of_range;
}

result<std::vector<socket_address>> resolve_blocking(const host_port& name, bool to_bind) {
    const char* host = name.host.c_str();
    if (name.host.empty()) host = to_bind ? nullptr : "localhost";
    return os::resolve(host, name.port.c_str());
}

} // namespace

result<host_port> split_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == text.npos || text.contains('\0')) return bad_address();
    std::string_view host = text.substr(0, colon);
    const std::string_view port = text.substr(colon + 1);
    if (!is_port(port)) return bad_address();
    if (host.starts_with('[')) {
        if (!host.ends_with(']')) return bad_address();
        host = host.substr(1, host.size() - 2);
    } else if (host.contains(':')) {
        return bad_address();
    }
    return host_port{std::string(host), std::string(port)};
}

task<result<std::vector<socket_address>>> async_lookup(std::string address, bool to_bind) {
    if (auto number = socket_address::parse(address)) co_return std::vector{*number};
    auto name = split_host_port(address);
    if (!name) co_return std::unexpected(std::move(name).error().context(address));
    // Named, since GCC 12 destroys a lambda with captures twice when it is a temporary of `co_await`.
    auto job = [name = *std::move(name), to_bind] { return resolve_blocking(name, to_bind); };
    auto found = co_await async_blocking(std::move(job));
    if (!found) co_return std::unexpected(std::move(found).error().context(address));
    co_return found;
}

result<std::vector<socket_address>> lookup(std::string address, bool to_bind) {
    return wait(async_lookup(std::move(address), to_bind));
}

} // namespace sennit
