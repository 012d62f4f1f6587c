// The header fields of one message, in the order in which they came.
//
// All names and values lie end to end in one buffer, and a second one lists where they start:
// reading a message allocates nothing once the two have grown, because clear() keeps them. A lookup
// compares names one after the other; with the few dozen fields of a real message that is faster
// than any index.
//
// Always true: every entry lies inside bytes_. What remove() leaves behind in bytes_ stays until
// clear().
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sennit::http {

/// A name and a value, valid until the map they are in is changed.
///
/// ```cpp
/// http::header_field field{"Host", "example.org"};
/// ```
struct header_field {
    std::string_view name;
    std::string_view value;

    friend bool operator==(const header_field&, const header_field&) noexcept = default;
};

/// An ordered list of fields with lookup by name, without regard to case. It stores what it is
/// given and checks nothing: the parser and the response check before they add.
///
/// ```cpp
/// http::header_map headers;
/// headers.add("Accept", "text/html");
/// headers.add("accept", "text/plain");
/// std::size_t both = headers.values("ACCEPT").size(); // 2
/// for (http::header_field field : headers) std::puts(std::string(field.value).c_str());
/// ```
class header_map {
public:
    class iterator;

    /// Appends a field. Name and value may point into this map. Views that were handed out become
    /// invalid.
    void add(std::string_view name, std::string_view value);

    /// Replaces every field of this name by one at the end.
    void set(std::string_view name, std::string_view value);

    /// Removes every field of this name and returns their number. Views stay valid.
    std::size_t remove(std::string_view name) noexcept;

    /// Removes everything and keeps the memory.
    void clear() noexcept;

    /// The value of the first field of this name.
    [[nodiscard]] std::optional<std::string_view> get(std::string_view name) const noexcept;

    /// The values of all fields of this name, in order.
    [[nodiscard]] std::vector<std::string_view> values(std::string_view name) const;

    [[nodiscard]] bool contains(std::string_view name) const noexcept;

    /// Whether any field of this name has this element in its comma-separated list, without regard
    /// to case.
    [[nodiscard]] bool has_element(std::string_view name, std::string_view element) const noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    [[nodiscard]] bool empty() const noexcept { return entries_.empty(); }

    [[nodiscard]] header_field operator[](std::size_t index) const noexcept {
        const entry& e = entries_[index];
        const std::string_view all = bytes_;
        return {all.substr(e.start, e.name_size), all.substr(e.start + e.name_size, e.value_size)};
    }
    [[nodiscard]] iterator begin() const noexcept;
    [[nodiscard]] iterator end() const noexcept;

private:
    // The value follows its name directly.
    struct entry {
        std::uint32_t start;
        std::uint32_t name_size;
        std::uint32_t value_size;
    };

    std::string bytes_;
    std::vector<entry> entries_;
};

/// Walks the fields in order and yields each by value.
class header_map::iterator {
public:
    using value_type = header_field;
    using difference_type = std::ptrdiff_t;
    using iterator_concept = std::forward_iterator_tag;

    iterator() noexcept = default;
    iterator(const header_map* map, std::size_t index) noexcept : map_(map), index_(index) {}

    [[nodiscard]] header_field operator*() const noexcept { return (*map_)[index_]; }
    iterator& operator++() noexcept {
        ++index_;
        return *this;
    }
    iterator operator++(int) noexcept { return {map_, index_++}; }
    friend bool operator==(const iterator&, const iterator&) noexcept = default;

private:
    const header_map* map_ = nullptr;
    std::size_t index_ = 0;
};

static_assert(std::forward_iterator<header_map::iterator>);

inline header_map::iterator header_map::begin() const noexcept { return {this, 0}; }
inline header_map::iterator header_map::end() const noexcept { return {this, size()}; }

} // namespace sennit::http
