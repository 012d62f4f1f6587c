// The memory figures of /proc.
#include <sennit/os/process_memory.hpp>

#include <sennit/os/cgroup.hpp>
#include <sennit/os/file.hpp>
#include <sennit/os/memory.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <limits>
#include <string>
#include <unistd.h>

namespace sennit::os {
namespace {

constexpr std::uint64_t kib = 1024;

result<std::uint64_t> status_bytes(std::string_view field) {
    const auto status = read_file("/proc/self/status");
    if (!status) return status.error();
    if (const auto bytes = parse_status_bytes(*status, field)) return *bytes;
    return error::from_errno(ENOENT, "read_status");
}

} // namespace

std::uint64_t memory_limit() {
    const long pages = ::sysconf(_SC_PHYS_PAGES);
    const std::uint64_t physical = pages < 0 ? std::numeric_limits<std::uint64_t>::max()
                                             : static_cast<std::uint64_t>(pages) * page_size();
    return std::min(physical, cgroup_memory_limit().value_or(physical));
}

result<std::uint64_t> resident_bytes() { return status_bytes("VmRSS"); }

result<std::uint64_t> page_table_bytes() { return status_bytes("VmPTE"); }

result<std::uint64_t> map_count_limit() {
    const auto text = read_file("/proc/sys/vm/max_map_count");
    if (!text) return text.error();
    std::uint64_t count = 0;
    std::from_chars(text->data(), text->data() + text->size(), count);
    return count;
}

result<std::uint64_t> map_count() {
    const auto maps = read_file("/proc/self/maps");
    if (!maps) return maps.error();
    return static_cast<std::uint64_t>(std::ranges::count(*maps, '\n'));
}

// A line reads "VmRSS:	    2184 kB".
std::optional<std::uint64_t> parse_status_bytes(std::string_view status, std::string_view field) {
    while (!status.empty()) {
        const std::size_t end = status.find('\n');
        std::string_view line = status.substr(0, end);
        status.remove_prefix(end == std::string_view::npos ? status.size() : end + 1);
        if (!line.starts_with(field) || !line.substr(field.size()).starts_with(':')) continue;

        line.remove_prefix(field.size() + 1);
        line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
        std::uint64_t count = 0;
        const auto [rest, failure] = std::from_chars(line.data(), line.data() + line.size(), count);
        if (failure != std::errc{} || std::string_view{rest, line.data() + line.size()} != " kB")
            return std::nullopt;
        return count * kib;
    }
    return std::nullopt;
}

} // namespace sennit::os
