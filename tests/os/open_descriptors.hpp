// How many descriptors the process has open, for tests that want none to be left.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <system_error>

namespace sennit::test {

// Without those of /proc: the monitor of a runtime opens one for a moment when it asks what a thread does, and so does this.
inline std::ptrdiff_t open_descriptors() {
    std::ptrdiff_t count = 0;
    for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string what = std::filesystem::read_symlink(each.path(), gone).string();
        if (!gone && !what.starts_with("/proc/")) ++count;
    }
    return count;
}

} // namespace sennit::test
