// getaddrinfo(3), its list and its errors.
#include <sennit/os/resolve.hpp>

#include "last_error.hpp"

#include <memory>
#include <netdb.h>
#include <string>
#include <sys/socket.h>

namespace sennit::os {
namespace {

class getaddrinfo_category final : public std::error_category {
public:
    const char* name() const noexcept override { return "resolve"; }

    std::string message(int value) const override { return ::gai_strerror(value); }

    std::error_condition default_error_condition(int value) const noexcept override {
        switch (value) {
            case EAI_NONAME:
            case EAI_NODATA:
                return std::errc::host_unreachable;
            case EAI_AGAIN:
                return std::errc::resource_unavailable_try_again;
            case EAI_MEMORY:
                return std::errc::not_enough_memory;
            case EAI_SERVICE:
            case EAI_BADFLAGS:
                return std::errc::invalid_argument;
            default:
                return {value, *this};
        }
    }
};

using address_list = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

} // namespace

const std::error_category& resolve_category() noexcept {
    static const getaddrinfo_category category;
    return category;
}

result<std::vector<socket_address>> resolve(const char* host, const char* service) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = host == nullptr ? AI_PASSIVE : 0;
    addrinfo* found = nullptr;
    // With neither given getaddrinfo has nothing to say; "0" is the port that means none.
    const char* const port = host == nullptr && service == nullptr ? "0" : service;
    const int failure = ::getaddrinfo(host, port, &hints, &found);
    if (failure == EAI_SYSTEM) return detail::failed("resolve");
    if (failure != 0) return error{std::error_code{failure, resolve_category()}, "resolve"};

    const address_list list{found, &::freeaddrinfo};
    std::vector<socket_address> addresses;
    for (const addrinfo* entry = list.get(); entry != nullptr; entry = entry->ai_next) {
        addresses.push_back(
            SENNIT_TRY(socket_address::from_bytes(entry->ai_addr, entry->ai_addrlen)));
    }
    return addresses;
}

} // namespace sennit::os
