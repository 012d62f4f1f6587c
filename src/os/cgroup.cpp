// Finding and parsing the files of control groups. The only part that touches the machine is
// read_text().
#include <sennit/os/cgroup.hpp>

#include <sennit/os/file.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

namespace sennit::os {
namespace {

// v1 writes "no limit" as the largest multiple of a page below 2^63. Nobody has half of that.
constexpr std::uint64_t memory_max_v1 = std::uint64_t{1} << 62;

/// Cuts the text before the first `separator` off the front of `rest`, and the separator with it.
std::string_view cut(std::string_view& rest, char separator) {
    const std::size_t end = rest.find(separator);
    const std::string_view first = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    return first;
}

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\n") - first + 1);
}

/// True when `word` is one of the words of a list such as "cpu,cpuacct".
bool contains_word(std::string_view list, std::string_view word) {
    while (!list.empty()) {
        if (cut(list, ',') == word) return true;
    }
    return false;
}

template<typename Number>
std::optional<Number> parse_number(std::string_view text) {
    text = trimmed(text);
    Number number{};
    const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

std::optional<double> quotient(std::optional<std::int64_t> quota,
                               std::optional<std::int64_t> period) {
    if (!quota || !period || *quota < 0 || *period <= 0) return std::nullopt;
    return static_cast<double>(*quota) / static_cast<double>(*period);
}

/// The group of this process, as /proc/self/cgroup names it.
struct membership {
    cgroup_version version;
    std::string_view path;
};

std::optional<membership> find_membership(std::string_view proc_self_cgroup,
                                          std::string_view controller) {
    std::optional<membership> unified;
    while (!proc_self_cgroup.empty()) {
        std::string_view line = cut(proc_self_cgroup, '\n');
        const std::string_view id = cut(line, ':');
        const std::string_view controllers = cut(line, ':');
        if (contains_word(controllers, controller)) return membership{cgroup_version::v1, line};
        if (id == "0" && controllers.empty()) unified = membership{cgroup_version::v2, line};
    }
    return unified;
}

/// A mounted hierarchy: the directory `root` of it is seen at `point`.
struct mount {
    std::string root;
    std::string point;
};

int octal_digit(char c) { return c >= '0' && c <= '7' ? c - '0' : -1; }

/// mountinfo writes space, tab, newline and backslash as three octal digits after a backslash.
std::string unescaped(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '\\' && i + 3 < text.size() &&
                            octal_digit(text[i + 1]) >= 0 && octal_digit(text[i + 2]) >= 0 &&
                            octal_digit(text[i + 3]) >= 0;
        if (!escape) {
            plain += text[i];
            continue;
        }
        const int code =
            octal_digit(text[i + 1]) * 64 + octal_digit(text[i + 2]) * 8 + octal_digit(text[i + 3]);
        plain += static_cast<char>(code);
        i += 3;
    }
    return plain;
}

/// One line: `id parent device root point options [optional fields] - type source super-options`.
std::optional<mount> parse_mount(std::string_view line, cgroup_version version,
                                 std::string_view controller) {
    const std::size_t dash = line.find(" - ");
    if (dash == std::string_view::npos) return std::nullopt;
    std::string_view tail = line.substr(dash + 3);
    const std::string_view type = cut(tail, ' ');
    cut(tail, ' ');
    if (version == cgroup_version::v2 && type != "cgroup2") return std::nullopt;
    if (version == cgroup_version::v1 && (type != "cgroup" || !contains_word(tail, controller)))
        return std::nullopt;

    std::string_view head = line.substr(0, dash);
    for (int skipped = 0; skipped < 3; ++skipped)
        cut(head, ' ');
    std::string root = unescaped(cut(head, ' '));
    return mount{.root = std::move(root), .point = unescaped(cut(head, ' '))};
}

/// `path` without the directory `root` in front, "" when they are the same; nothing when it lies
/// elsewhere. Paths that begin with "/.." belong to a process outside of its own cgroup namespace.
std::optional<std::string_view> below(std::string_view root, std::string_view path) {
    if (path == "/" || path.empty()) path = "";
    if (root == "/") root = "";
    if (path.starts_with("/..") || !path.starts_with(root)) return std::nullopt;
    path.remove_prefix(root.size());
    if (!path.empty() && path.front() != '/') return std::nullopt;
    return path;
}

std::vector<std::string> with_ancestors(const std::string& mount_point, std::string_view path) {
    std::vector<std::string> directories;
    while (!path.empty()) {
        directories.push_back(mount_point + std::string{path});
        path = path.substr(0, path.rfind('/'));
    }
    directories.push_back(mount_point);
    return directories;
}

/// Asks `limit_in` for each directory that governs the process, and returns the least answer.
template<typename Limit, typename LimitIn>
std::optional<Limit> least_limit(const text_reader& read, std::string_view controller,
                                 LimitIn limit_in) {
    const auto membership_text = read("/proc/self/cgroup");
    const auto mounts_text = read("/proc/self/mountinfo");
    if (!membership_text || !mounts_text) return std::nullopt;
    const auto directories = find_cgroup(*membership_text, *mounts_text, controller);
    if (!directories) return std::nullopt;

    std::optional<Limit> least;
    for (const std::string& directory : directories->paths) {
        const std::optional<Limit> limit = limit_in(directories->version, directory);
        if (limit && (!least || *limit < *least)) least = limit;
    }
    return least;
}

} // namespace

std::optional<std::string> read_text(const std::string& path) {
    auto text = read_file(path.c_str());
    if (!text) return std::nullopt;
    return std::move(*text);
}

std::optional<cgroup_directories> find_cgroup(std::string_view proc_self_cgroup,
                                              std::string_view proc_self_mountinfo,
                                              std::string_view controller) {
    const auto group = find_membership(proc_self_cgroup, controller);
    if (!group) return std::nullopt;
    while (!proc_self_mountinfo.empty()) {
        const auto mounted =
            parse_mount(cut(proc_self_mountinfo, '\n'), group->version, controller);
        if (!mounted) continue;
        if (const auto path = below(mounted->root, group->path)) {
            return cgroup_directories{group->version, with_ancestors(mounted->point, *path)};
        }
    }
    return std::nullopt;
}

std::optional<double> parse_cpu_max(std::string_view text) {
    text = trimmed(text);
    const std::string_view quota = cut(text, ' ');
    return quotient(parse_number<std::int64_t>(quota), parse_number<std::int64_t>(text));
}

std::optional<double> parse_cpu_quota(std::string_view quota_us, std::string_view period_us) {
    return quotient(parse_number<std::int64_t>(quota_us), parse_number<std::int64_t>(period_us));
}

std::optional<std::uint64_t> parse_memory_max(std::string_view text) {
    const auto bytes = parse_number<std::uint64_t>(text);
    return bytes && *bytes < memory_max_v1 ? bytes : std::nullopt;
}

std::optional<double> cgroup_cpu_limit(const text_reader& read) {
    return least_limit<double>(
        read, "cpu", [&](cgroup_version version, const std::string& directory) {
            if (version == cgroup_version::v2)
                return parse_cpu_max(read(directory + "/cpu.max").value_or(""));
            return parse_cpu_quota(read(directory + "/cpu.cfs_quota_us").value_or(""),
                                   read(directory + "/cpu.cfs_period_us").value_or(""));
        });
}

std::optional<std::uint64_t> cgroup_memory_limit(const text_reader& read) {
    return least_limit<std::uint64_t>(
        read, "memory", [&](cgroup_version version, const std::string& directory) {
            const char* const name =
                version == cgroup_version::v2 ? "/memory.max" : "/memory.limit_in_bytes";
            return parse_memory_max(read(directory + name).value_or(""));
        });
}

} // namespace sennit::os
