// Text for signal handlers and for programs that are about to die.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sennit::os {

/// A line of text put together and written without allocation, locks or locale: async-signal-safe.
/// What does not fit into its 1024 bytes is cut. write() is one write(2) where the kernel takes it
/// whole, so that lines of several threads do not mix, and leaves errno as it was.
///
/// ```cpp
/// os::signal_safe_text line;
/// line.append("stack of ").append_decimal(256).append(" KiB\n").write(2);
/// ```
class signal_safe_text {
public:
    static constexpr std::size_t size_max = 1024;

    signal_safe_text& append(std::string_view text) noexcept;
    signal_safe_text& append_decimal(std::uint64_t number) noexcept;
    /// With "0x" in front.
    signal_safe_text& append_hex(std::uint64_t number) noexcept;

    [[nodiscard]] std::string_view view() const noexcept { return {text_.data(), size_}; }

    /// Writes it to a descriptor, as much as the descriptor takes; there is nobody to tell about
    /// errors.
    void write(int fd) const noexcept;

private:
    std::array<char, size_max> text_; // the first size_ are set
    std::size_t size_ = 0;
};

} // namespace sennit::os
