#include <sennit/http/header_map.hpp>

#include <sennit/http/field.hpp>

#include <algorithm>
#include <utility>

namespace sennit::http {

void header_map::add(std::string_view name, std::string_view value) {
    const std::size_t start = bytes_.size();
    const std::size_t needed = start + name.size() + value.size();
    const entry added{static_cast<std::uint32_t>(start), static_cast<std::uint32_t>(name.size()),
                      static_cast<std::uint32_t>(value.size())};
    if (needed <= bytes_.capacity()) {
        bytes_.append(name).append(value);
    } else {
        // The old bytes stay until the end, because name and value may point into them.
        std::string grown;
        grown.reserve(std::max<std::size_t>(needed * 2, 256));
        grown.append(bytes_).append(name).append(value);
        bytes_ = std::move(grown);
    }
    entries_.push_back(added);
}

void header_map::set(std::string_view name, std::string_view value) {
    remove(name);
    add(name, value);
}

std::size_t header_map::remove(std::string_view name) noexcept {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < entries_.size(); ++i) {
        if (!equals_ignoring_case((*this)[i].name, name)) entries_[kept++] = entries_[i];
    }
    const std::size_t removed = entries_.size() - kept;
    entries_.resize(kept);
    return removed;
}

void header_map::clear() noexcept {
    bytes_.clear();
    entries_.clear();
}

std::optional<std::string_view> header_map::get(std::string_view name) const noexcept {
    for (const header_field field : *this) {
        if (equals_ignoring_case(field.name, name)) return field.value;
    }
    return std::nullopt;
}

std::vector<std::string_view> header_map::values(std::string_view name) const {
    std::vector<std::string_view> found;
    for (const header_field field : *this) {
        if (equals_ignoring_case(field.name, name)) found.push_back(field.value);
    }
    return found;
}

bool header_map::contains(std::string_view name) const noexcept { return get(name).has_value(); }

bool header_map::has_element(std::string_view name, std::string_view element) const noexcept {
    for (const header_field field : *this) {
        if (equals_ignoring_case(field.name, name) && http::has_element(field.value, element)) {
            return true;
        }
    }
    return false;
}

} // namespace sennit::http
