// What streams and listeners share.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/io/source.hpp>
#include <sennit/os/fd.hpp>
#include <sennit/os/socket.hpp>

#include <type_traits>
#include <utility>

namespace sennit::detail {

// Calls `f(fd)`, which answers with a result, while the descriptor cannot go away.
template<class Fn>
auto call_socket(source& on, const char* operation, Fn&& f) -> std::invoke_result_t<Fn, int> {
    if (!on.enter()) return error(errc::closed, operation);
    auto answer = std::forward<Fn>(f)(on.fd());
    on.leave();
    return answer;
}

// What every connection has by default; a listener hands it down to those it accepts.
inline result<void> apply_defaults(int fd) {
    SENNIT_TRY(os::set_no_delay(fd, true));
    return os::set_keepalive(fd, os::keepalive{});
}

} // namespace sennit::detail
