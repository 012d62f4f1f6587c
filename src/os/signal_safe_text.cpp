// Formatting with nothing but arithmetic, and write(2).
#include <sennit/os/signal_safe_text.hpp>

#include "last_error.hpp"
#include <sennit/os/fd.hpp>

#include <algorithm>
#include <cstring>
#include <span>

namespace sennit::os {
namespace {

/// The digits of a number, written from the back of a buffer that holds the longest one.
class digits {
public:
    digits(std::uint64_t number, unsigned base) noexcept {
        do {
            text_[--first_] = "0123456789abcdef"[number % base];
            number /= base;
        } while (number != 0);
    }

    std::string_view view() const noexcept {
        return {text_.data() + first_, text_.size() - first_};
    }

private:
    std::array<char, 20> text_;
    std::size_t first_ = 20;
};

} // namespace

signal_safe_text& signal_safe_text::append(std::string_view text) noexcept {
    const std::size_t taken = std::min(text.size(), size_max - size_);
    if (taken > 0) std::memcpy(text_.data() + size_, text.data(), taken);
    size_ += taken;
    return *this;
}

signal_safe_text& signal_safe_text::append_decimal(std::uint64_t number) noexcept {
    return append(digits{number, 10}.view());
}

signal_safe_text& signal_safe_text::append_hex(std::uint64_t number) noexcept {
    return append("0x").append(digits{number, 16}.view());
}

void signal_safe_text::write(int fd) const noexcept {
    const int saved = detail::last_error();
    auto left = std::as_bytes(std::span{text_.data(), size_});
    while (!left.empty()) {
        const io_result put = os::write(fd, left);
        if (!put.ok()) break;
        left = left.subspan(static_cast<std::size_t>(put.value));
    }
    detail::set_last_error(saved);
}

} // namespace sennit::os
