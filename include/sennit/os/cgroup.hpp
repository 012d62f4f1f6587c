// The limits that a container puts on this process: processor time and memory, from control groups
// v1 and v2.
//
// How the files are found. /proc/self/cgroup has a line for each hierarchy, `id:controllers:path`;
// the v2 line is `0::path`. The path counts from the root of that hierarchy as this process sees
// it. /proc/self/mountinfo tells where the hierarchy is mounted, and which directory of it: in a
// container the mount often shows only the container's own group, and the path is given from the
// host's root, so the mount's root is cut off its front. A limit counts for all groups below, so
// the least one on the way from the process's group up to the mount point is what holds. Where a
// controller is attached to a v1 hierarchy, that one governs, also when v2 is mounted beside it.
//
// What cannot be read is no limit: no cgroups, no /proc, a file that an ancestor does not have. The
// functions that parse are pure; the two that answer take the reader of files as a parameter, so
// tests bring their own machine.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sennit::os {

/// Reads a whole small text file; nothing when that fails.
using text_reader = std::function<std::optional<std::string>(const std::string& path)>;

/// The text_reader that reads the machine's own files.
[[nodiscard]] std::optional<std::string> read_text(const std::string& path);

/// Which interface a hierarchy speaks; they name and write their files differently.
enum class cgroup_version { v1, v2 };

/// The directories that limit this process for one controller: its own group first, then the
/// ancestors.
struct cgroup_directories {
    cgroup_version version = cgroup_version::v2;
    std::vector<std::string> paths;

    friend bool operator==(const cgroup_directories&, const cgroup_directories&) = default;
};

/// Finds the directories of `controller` ("cpu", "memory") from the texts of /proc/self/cgroup and
/// /proc/self/mountinfo. Nothing when the controller is not mounted, or when the process lies
/// outside of what is.
[[nodiscard]] std::optional<cgroup_directories> find_cgroup(std::string_view proc_self_cgroup,
                                                            std::string_view proc_self_mountinfo,
                                                            std::string_view controller);

/// Parses cpu.max of v2, `quota period` in microseconds: "150000 100000" is 1.5 CPUs. "max ..." is
/// no limit.
[[nodiscard]] std::optional<double> parse_cpu_max(std::string_view text);

/// Parses cpu.cfs_quota_us and cpu.cfs_period_us of v1. A negative quota is no limit.
[[nodiscard]] std::optional<double> parse_cpu_quota(std::string_view quota_us,
                                                    std::string_view period_us);

/// Parses memory.max of v2 and memory.limit_in_bytes of v1: bytes. "max" is no limit; neither is
/// the number close to 2^63 that v1 has instead.
[[nodiscard]] std::optional<std::uint64_t> parse_memory_max(std::string_view text);

/// The CPU quota of this process in CPUs (1.5 means 150 ms of processor time in every 100 ms), or
/// nothing.
///
/// ```cpp
/// const std::optional<double> limit = os::cgroup_cpu_limit();
/// if (limit) std::printf("at most %.1f CPUs\n", *limit);
/// ```
[[nodiscard]] std::optional<double> cgroup_cpu_limit(const text_reader& read = read_text);

/// The memory limit of this process in bytes, or nothing.
[[nodiscard]] std::optional<std::uint64_t> cgroup_memory_limit(const text_reader& read = read_text);

} // namespace sennit::os
