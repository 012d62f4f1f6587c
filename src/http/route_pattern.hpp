// The patterns of routes: their syntax, and which of two is more specific.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

namespace sennit::http {

struct route_segment {
    enum class kind : std::uint8_t { literal, name, rest };

    kind what = kind::literal;
    std::string text; // the literal, decoded, or the name without its braces
};

struct route_pattern {
    std::string text;
    std::vector<route_segment> segments; // never empty; a rest only at the end
};

// The pattern, or what is wrong with it.
[[nodiscard]] std::expected<route_pattern, std::string_view> parse_pattern(std::string_view text);

// How the sets of paths that two patterns match lie to each other.
enum class route_overlap : std::uint8_t { none, same, nested, partial };

[[nodiscard]] route_overlap overlap(const route_pattern& a, const route_pattern& b) noexcept;

} // namespace sennit::http
