#include <sennit/http/percent.hpp>

#include <cstddef>

namespace sennit::http {
namespace {

int hex_value(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

// The byte that "%XX" at the front of `text` stands for, or -1.
int escaped_byte(std::string_view text) noexcept {
    if (text.size() < 3) return -1;
    const int high = hex_value(text[1]);
    const int low = hex_value(text[2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string form_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int byte = text[i] == '%' ? escaped_byte(text.substr(i)) : -1;
        if (byte >= 0) {
            out.push_back(static_cast<char>(byte));
            i += 2;
        } else {
            out.push_back(text[i] == '+' ? ' ' : text[i]);
        }
    }
    return out;
}

bool is_unreserved(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

// Names without an escape, which are nearly all, are compared where they lie.
bool same_name(std::string_view encoded, std::string_view name) {
    if (encoded.find_first_of("%+") == std::string_view::npos) return encoded == name;
    return form_decode(encoded) == name;
}

// Calls `found` with each encoded value of this name until it returns false.
template<class Fn>
void each_value(std::string_view query, std::string_view name, Fn found) {
    while (!query.empty()) {
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size() < query.size() ? pair.size() + 1 : pair.size());
        const std::size_t equals = pair.find('=');
        if (pair.empty() || !same_name(pair.substr(0, equals), name)) continue;
        if (!found(equals == std::string_view::npos ? "" : pair.substr(equals + 1))) return;
    }
}

} // namespace

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out.push_back(text[i]);
            continue;
        }
        const int byte = escaped_byte(text.substr(i));
        if (byte < 0) return std::nullopt;
        out.push_back(static_cast<char>(byte));
        i += 2;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c)) {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(digits[byte / 16]);
        out.push_back(digits[byte % 16]);
    }
    return out;
}

std::optional<std::string> query_value(std::string_view query, std::string_view name) {
    std::optional<std::string> result;
    each_value(query, name, [&](std::string_view value) {
        result = form_decode(value);
        return false;
    });
    return result;
}

std::vector<std::string> query_values(std::string_view query, std::string_view name) {
    std::vector<std::string> result;
    each_value(query, name, [&](std::string_view value) {
        result.push_back(form_decode(value));
        return true;
    });
    return result;
}

} // namespace sennit::http
