#include "host.hpp"

#include <algorithm>
#include <array>

namespace sennit::http {
namespace {

// RFC 3986, section 3.2.2: unreserved, sub-delims, "%", and ":", "[", "]" for ports and IPv6
// addresses.
constexpr std::array<bool, 256> host_bytes = [] {
    std::array<bool, 256> table{};
    for (const char c :
         std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "-._~!$&'()*+,;=%:[]")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

} // namespace

bool is_host(std::string_view text) noexcept {
    return std::ranges::all_of(text,
                               [](char c) { return host_bytes[static_cast<unsigned char>(c)]; });
}

} // namespace sennit::http
