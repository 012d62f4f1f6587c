#include <sennit/http/field.hpp>

#include <algorithm>
#include <array>
#include <cstddef>

namespace sennit::http {
namespace {

constexpr char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

constexpr std::array<bool, 256> token_bytes = [] {
    std::array<bool, 256> table{};
    for (const char c :
         std::string_view("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "!#$%&'*+-.^_`|~")) {
        table[static_cast<unsigned char>(c)] = true;
    }
    return table;
}();

bool is_blank(char c) noexcept { return c == ' ' || c == '\t'; }

} // namespace

bool equals_ignoring_case(std::string_view a, std::string_view b) noexcept {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return to_lower(x) == to_lower(y);
           });
}

bool is_token(std::string_view text) noexcept {
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        return token_bytes[static_cast<unsigned char>(c)];
    });
}

bool is_field_value(std::string_view text) noexcept {
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || c == '\t';
    });
}

std::string_view trim(std::string_view text) noexcept {
    while (!text.empty() && is_blank(text.front()))
        text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back()))
        text.remove_suffix(1);
    return text;
}

std::string_view next_element(std::string_view& rest) noexcept {
    bool quoted = false;
    std::size_t end = 0;
    for (; end < rest.size(); ++end) {
        const char c = rest[end];
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted && c == '\\' && end + 1 < rest.size()) {
            ++end;
        } else if (!quoted && c == ',') {
            break;
        }
    }
    const std::string_view element = rest.substr(0, end);
    rest.remove_prefix(std::min(rest.size(), end + 1));
    return trim(element);
}

bool has_element(std::string_view list, std::string_view element) noexcept {
    while (!list.empty()) {
        if (equals_ignoring_case(next_element(list), element)) return true;
    }
    return false;
}

} // namespace sennit::http
