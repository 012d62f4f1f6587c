// How many descriptors the process has open, for tests that want none to be left.
#pragma once

#include <sennit/base/config.hpp>

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

namespace sennit::test {

// Without those that any thread may have open for a moment: the files of /proc that a runtime's monitor and this function
// read, and the pipe by which UBSan asks the kernel whether an address can be read.
inline bool opened_in_passing(const std::string& what) {
    return what.starts_with("/proc/") || (SENNIT_ASAN && what.starts_with("pipe:"));
}

inline std::ptrdiff_t open_descriptors() {
    std::ptrdiff_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string what = std::filesystem::read_symlink(each.path(), gone).string();
        if (!gone && !opened_in_passing(what)) ++count;
    }
    return count;
}

} // namespace sennit::test
