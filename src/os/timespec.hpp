// From std::chrono to the kernel's timespec and back. Private to src/os.
#pragma once

#include <chrono>
#include <cstdint>
#include <ctime>

namespace sennit::os::detail {

/// A time since the clock's beginning, or a duration. What is negative becomes zero: the kernel
/// refuses it.
[[nodiscard]] inline timespec to_timespec(std::chrono::nanoseconds time) noexcept {
    constexpr std::int64_t second = 1'000'000'000;
    const std::int64_t count = time.count() < 0 ? 0 : time.count();
    timespec converted{};
    converted.tv_sec = count / second;
    converted.tv_nsec = count % second;
    return converted;
}

[[nodiscard]] inline std::chrono::nanoseconds to_nanoseconds(const timespec& time) noexcept {
    return std::chrono::seconds{time.tv_sec} + std::chrono::nanoseconds{time.tv_nsec};
}

} // namespace sennit::os::detail
