#include "route_pattern.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace sennit::http {
namespace {

using kind = route_segment::kind;

bool is_name(std::string_view text) {
    const auto is_letter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
    };
    return !text.empty() && is_letter(text.front()) && std::ranges::all_of(text, [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9');
    });
}

std::expected<route_segment, std::string_view> parse_segment(std::string_view text, bool is_last) {
    if (text.find_first_of("{}") == text.npos)
        return route_segment{kind::literal, std::string(text)};
    if (!text.starts_with('{') || !text.ends_with('}')) {
        return std::unexpected("braces stand around a whole segment, as in /users/{id}");
    }
    std::string_view name = text.substr(1, text.size() - 2);
    const bool is_rest = name.ends_with("...");
    if (is_rest) name.remove_suffix(3);
    if (is_rest && !is_last) return std::unexpected("{name...} stands only at the end");
    if (!is_name(name)) {
        return std::unexpected("a name is made of letters, digits and _, and starts with no digit");
    }
    return route_segment{is_rest ? kind::rest : kind::name, std::string(name)};
}

bool has_name(const route_pattern& pattern, std::string_view name) {
    return std::ranges::any_of(pattern.segments, [&](const route_segment& segment) {
        return segment.what != kind::literal && segment.text == name;
    });
}

} // namespace

std::expected<route_pattern, std::string_view> parse_pattern(std::string_view text) {
    if (!text.starts_with('/')) return std::unexpected("a pattern starts with /");
    if (text.find_first_of("?#%") != text.npos) {
        return std::unexpected(
            "a pattern is a path without query, and its segments are not encoded");
    }
    route_pattern pattern{std::string(text), {}};
    std::string_view rest = text;
    while (!rest.empty()) {
        rest.remove_prefix(1); // the slash
        const std::string_view part = rest.substr(0, rest.find('/'));
        rest.remove_prefix(part.size());
        auto segment = parse_segment(part, rest.empty());
        if (!segment) return std::unexpected(segment.error());
        if (segment->what != kind::literal && has_name(pattern, segment->text)) {
            return std::unexpected("each name stands only once");
        }
        pattern.segments.push_back(*std::move(segment));
    }
    return pattern;
}

route_overlap overlap(const route_pattern& a, const route_pattern& b) noexcept {
    bool a_is_narrower = false;
    bool b_is_narrower = false;
    const std::size_t common = std::min(a.segments.size(), b.segments.size());
    bool ends_in_rest = false;
    for (std::size_t i = 0; i < common && !ends_in_rest; ++i) {
        const route_segment& x = a.segments[i];
        const route_segment& y = b.segments[i];
        ends_in_rest = x.what == kind::rest || y.what == kind::rest;
        if (x.what == y.what) {
            if (x.what == kind::literal && x.text != y.text) return route_overlap::none;
            continue;
        }
        // A name matches everything but the empty segment.
        const bool has_literal = x.what == kind::literal || y.what == kind::literal;
        const std::string& literal = x.what == kind::literal ? x.text : y.text;
        if (!ends_in_rest && has_literal && literal.empty()) return route_overlap::none;
        (x.what < y.what ? a_is_narrower : b_is_narrower) = true;
    }
    if (!ends_in_rest && a.segments.size() != b.segments.size()) return route_overlap::none;
    if (a_is_narrower && b_is_narrower) return route_overlap::partial;
    return a_is_narrower || b_is_narrower ? route_overlap::nested : route_overlap::same;
}

} // namespace sennit::http
