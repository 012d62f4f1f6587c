#include <sennit/http/router.hpp>

#include "route_pattern.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/http/percent.hpp>

#include <array>
#include <bitset>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace sennit::http {
namespace {

struct added_route {
    method verb;
    route_pattern pattern;
    handler answer;
};

using method_set = std::bitset<all_methods.size()>;

std::size_t index(method verb) { return static_cast<std::size_t>(verb); }

// The routes of one place in the tree, by method.
struct route_table {
    std::array<const added_route*, all_methods.size()> routes{};

    const added_route* pick(method verb) const {
        const added_route* own = routes[index(verb)];
        if (own == nullptr && verb == method::head) return routes[index(method::get)];
        return own;
    }

    void collect(method_set& allowed) const {
        for (const method verb : all_methods) {
            if (pick(verb) != nullptr) allowed.set(index(verb));
        }
    }
};

struct node {
    std::map<std::string, std::unique_ptr<node>, std::less<>> literals;
    std::unique_ptr<node> named;
    route_table ending_here;
    route_table with_rest; // patterns that go on with {name...}
};

// The segment in front of the first slash, and what follows the slash; `more` says whether there
// was one.
struct cut_path {
    std::string_view segment;
    std::string_view rest;
    bool more;
};

cut_path cut(std::string_view path) {
    const std::size_t slash = path.find('/');
    if (slash == std::string_view::npos) return {path, {}, false};
    return {path.substr(0, slash), path.substr(slash + 1), true};
}

// `text` decoded; `buffer` holds the result if decoding changes it. The encoding is known to be
// sound.
std::string_view decoded(std::string_view text, std::string& buffer) {
    if (text.find('%') == std::string_view::npos) return text;
    buffer = percent_decode(text).value_or("");
    return buffer;
}

// One look-up: walks the tree, and notes which methods the path has while it finds none for this
// one.
struct search {
    method verb;
    method_set allowed{};

    const added_route* pick(const route_table& table) {
        table.collect(allowed);
        return table.pick(verb);
    }

    const added_route* below(const node& at, std::string_view path) {
        const cut_path next = cut(path);
        std::string buffer;
        const std::string_view text = decoded(next.segment, buffer);
        const auto literal = at.literals.find(text);
        if (literal != at.literals.end()) {
            if (const added_route* found = into(*literal->second, next)) return found;
        }
        if (at.named != nullptr && !text.empty()) {
            if (const added_route* found = into(*at.named, next)) return found;
        }
        return pick(at.with_rest);
    }

    const added_route* into(const node& child, const cut_path& next) {
        return next.more ? below(child, next.rest) : pick(child.ending_here);
    }
};

void bind_params(const route_pattern& pattern, std::string_view path, request& asked) {
    std::string buffer;
    for (const route_segment& segment : pattern.segments) {
        if (segment.what == route_segment::kind::rest) {
            asked.add_param(segment.text, std::string(decoded(path, buffer)));
            return;
        }
        const cut_path next = cut(path);
        if (segment.what == route_segment::kind::name) {
            asked.add_param(segment.text, std::string(decoded(next.segment, buffer)));
        }
        path = next.rest;
    }
}

std::string allow_list(const method_set& allowed) {
    std::string list;
    for (const method verb : all_methods) {
        if (!allowed.test(index(verb))) continue;
        if (!list.empty()) list += ", ";
        list += to_string(verb);
    }
    return list;
}

[[noreturn]] void refuse_route(method verb, std::string_view pattern, std::string_view why) {
    std::string report = "http::router: the route \"";
    report.append(to_string(verb)).append(" ").append(pattern).append("\" ").append(why);
    fatal(report);
}

} // namespace

struct router::tree {
    node root;
    std::vector<std::unique_ptr<added_route>> routes;
    method_set methods;

    void check_conflicts(method verb, const route_pattern& pattern) const;
    route_table& place(const route_pattern& pattern);
};

void router::tree::check_conflicts(method verb, const route_pattern& pattern) const {
    for (const auto& other : routes) {
        if (other->verb != verb) continue;
        switch (overlap(pattern, other->pattern)) {
            case route_overlap::none:
            case route_overlap::nested:
                break;
            case route_overlap::same:
                refuse_route(verb, pattern.text,
                             "matches the same paths as \"" + other->pattern.text +
                                 "\", which was added before; remove one of them");
            case route_overlap::partial:
                refuse_route(
                    verb, pattern.text,
                    "and \"" + other->pattern.text +
                        "\" match a common path and neither is more specific; write a literal "
                        "segment in one of them where the other has one");
        }
    }
}

route_table& router::tree::place(const route_pattern& pattern) {
    node* at = &root;
    for (const route_segment& segment : pattern.segments) {
        if (segment.what == route_segment::kind::rest) return at->with_rest;
        const bool literal = segment.what == route_segment::kind::literal;
        std::unique_ptr<node>& child = literal ? at->literals[segment.text] : at->named;
        if (child == nullptr) child = std::make_unique<node>();
        at = child.get();
    }
    return at->ending_here;
}

router::router() : tree_(std::make_unique<tree>()) {}
router::router(router&&) noexcept = default;
router& router::operator=(router&&) noexcept = default;
router::~router() = default;

router& router::route(method verb, std::string_view pattern, handler answer) {
    if (!answer) refuse_route(verb, pattern, "has no handler");
    auto parsed = parse_pattern(pattern);
    if (!parsed) refuse_route(verb, pattern, "is malformed: " + std::string(parsed.error()));
    tree_->check_conflicts(verb, *parsed);
    auto added = std::make_unique<added_route>(verb, *std::move(parsed), std::move(answer));
    route_table& table = tree_->place(added->pattern);
    table.routes[index(verb)] = added.get();
    table.collect(tree_->methods);
    tree_->routes.push_back(std::move(added));
    return *this;
}

route_match router::match(request& asked) const {
    asked.clear_params();
    std::string_view path = asked.path();
    if (path == "*") {
        return {nullptr, response(204).set_header("Allow", allow_list(tree_->methods))};
    }
    const bool encoded = path.find('%') != std::string_view::npos;
    if (encoded && !percent_decode(path)) {
        return {nullptr,
                response::status_page(400, "The path has a percent sign that encodes nothing.")};
    }
    path.remove_prefix(1);
    search looking{asked.method()};
    if (const added_route* found = looking.below(tree_->root, path)) {
        bind_params(found->pattern, path, asked);
        return {&found->answer, {}};
    }
    if (looking.allowed.none()) return {nullptr, response::status_page(404)};
    return {nullptr, response::status_page(405).set_header("Allow", allow_list(looking.allowed))};
}

} // namespace sennit::http
