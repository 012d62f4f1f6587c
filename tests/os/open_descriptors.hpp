// How many descriptors the process has open, for tests that want none to be left.
#pragma once

#include <cstddef>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <system_error>

namespace sennit::test {

// True for what any thread may have open for a moment: the files of /proc that a runtime's monitor and open_descriptors() read,
// and the pipe by which UBSan asks the kernel whether an address can be read. That one is inherited by children, which no
// descriptor of ours is.
inline bool is_opened_in_passing(int fd, const std::string& what) {
    if (what.starts_with("/proc/")) return true;
    if (!what.starts_with("pipe:")) return false;
    const int flags = ::fcntl(fd, F_GETFD);
    return flags == -1 || (flags & FD_CLOEXEC) == 0;
}

inline std::ptrdiff_t open_descriptors() {
    std::ptrdiff_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string what = std::filesystem::read_symlink(each.path(), gone).string();
        if (gone || is_opened_in_passing(std::stoi(each.path().filename().string()), what))
            continue;
        ++count;
    }
    return count;
}

} // namespace sennit::test
