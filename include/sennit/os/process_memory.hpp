// How much memory there is for this process, and how much it has taken. For reports and for
// choosing limits; reads files of /proc, tens of microseconds a call, so not for hot paths.
#pragma once

#include <sennit/base/result.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sennit::os {

/// The bytes that this process can hope for: the machine's physical memory, or the container's
/// limit where that is less (cgroup_memory_limit()). Others may use some of it.
///
/// ```cpp
/// const std::uint64_t fibers_max = os::memory_limit() / (4 * os::page_size());
/// ```
[[nodiscard]] std::uint64_t memory_limit();

/// Bytes of this process that are in physical memory (VmRSS). The kernel counts in batches for each
/// processor, so the figure may be off by some hundred kilobytes. Errors: ENOENT (no /proc).
///
/// ```cpp
/// const std::uint64_t before = os::resident_bytes().value_or(0);
/// ```
[[nodiscard]] result<std::uint64_t> resident_bytes();

/// Bytes of page tables that the kernel keeps for this process (VmPTE). Errors: ENOENT (no /proc).
[[nodiscard]] result<std::uint64_t> page_table_bytes();

/// How many mappings a process may have (vm.max_map_count; 65 530 by default). Errors: ENOENT (no
/// /proc).
[[nodiscard]] result<std::uint64_t> map_count_limit();

/// How many mappings this process has; takes time proportional to the answer. Errors: ENOENT (no
/// /proc).
///
/// ```cpp
/// const std::uint64_t left = os::map_count_limit().value() - os::map_count().value();
/// ```
[[nodiscard]] result<std::uint64_t> map_count();

/// The value of `field` ("VmRSS") in the text of /proc/self/status, in bytes. Nothing when it is
/// not there, as for a kernel thread, or not in kB. A pure function.
[[nodiscard]] std::optional<std::uint64_t> parse_status_bytes(std::string_view status,
                                                              std::string_view field);

} // namespace sennit::os
