// What can be said about a flow when it is started.
#pragma once

#include <cstddef>
#include <source_location>
#include <string_view>

namespace sennit {

/// Options of `go`, `spawn` and scopes: `go({.name = "reader", .stack_size = 1_MiB}, f)`.
struct flow_options {
    /// For people: reports and dumps. Copied; at most `flow_name_size_max` bytes are kept.
    std::string_view name = {};
    /// Bytes of address space of the fiber's stack; 0: the default (`stack_size_default`, 256 KiB). Rounded up to
    /// the next class. A coroutine task uses it only for steps that block.
    std::size_t stack_size = 0;
    /// Where the flow is started; by default where these options are written.
    std::source_location site = std::source_location::current();
};

/// Names are cut to this many bytes.
inline constexpr std::size_t flow_name_size_max = 47;

inline namespace literals {
/// `64_KiB`: a size in bytes.
constexpr std::size_t operator""_KiB(unsigned long long n) {
    return static_cast<std::size_t>(n) << 10;
}
/// `1_MiB`: a size in bytes.
constexpr std::size_t operator""_MiB(unsigned long long n) {
    return static_cast<std::size_t>(n) << 20;
}
} // namespace literals

} // namespace sennit
