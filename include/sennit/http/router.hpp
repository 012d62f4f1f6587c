// Finds the handler of a request by its method and path.
//
// A pattern is a path whose segments may be names in braces:
//   /hello/{name}       {name} matches one segment that is not empty
//   /files/{path...}    {path...}, at the end only, matches all that follows, also nothing
// Segments are compared after percent-decoding, so an encoded "/" is part of a segment and never
// divides. "/a" and "/a/" differ.
//
// Of the patterns that match, the most specific one wins, whatever the order of registration. Two
// patterns for one method that overlap while neither is more specific (/a/{x} and /{y}/b) would
// make the winner a matter of taste: registering the second one ends the program with advice. These
// are the rules of Go's ServeMux since 1.22.
//
// The routes lie in a tree of segments. Each level tries literal, {name}, {name...} in this order,
// which finds the most specific first because no two patterns conflict. Looking up visits each node
// at most once: at worst linear in the routes, usually in the segments of the path.
//
// A router is filled before the server starts; then any number of flows may look up at once.
#pragma once

#include <sennit/http/handler.hpp>
#include <sennit/http/protocol.hpp>
#include <sennit/http/request.hpp>
#include <sennit/http/response.hpp>

#include <memory>
#include <string_view>
#include <utility>

namespace sennit::http {

/// What the router has found: a handler, or the response that says that there is none.
///
/// ```cpp
/// http::router router;
/// http::request request(http::method::get, "/nowhere");
/// http::route_match match = router.match(request);
/// bool missing = match.found == nullptr && match.refusal.status() == 404; // true
/// ```
struct route_match {
    /// Lives as long as the router; null if no route answers.
    const handler* found = nullptr;
    /// 404, 405 with Allow, or 400 for a path whose percent-encoding is broken.
    response refusal;
};

/// A table of routes. Move-only.
///
/// ```cpp
/// http::router router;
/// router.get("/hello/{name}", [](http::request& request) {
///     return http::response::text(200, "Hello, " + std::string(request.param("name")) + "!\n");
/// });
/// ```
class router {
public:
    router();
    router(router&&) noexcept;
    router& operator=(router&&) noexcept;
    ~router();

    /// Adds a route. A malformed pattern and one that conflicts with another are assertions. A GET
    /// route also answers HEAD, unless HEAD has a route of its own at the same place; the writer
    /// leaves the body out.
    router& route(method verb, std::string_view pattern, handler answer);

    router& get(std::string_view pattern, handler answer) {
        return route(method::get, pattern, std::move(answer));
    }
    router& post(std::string_view pattern, handler answer) {
        return route(method::post, pattern, std::move(answer));
    }
    router& put(std::string_view pattern, handler answer) {
        return route(method::put, pattern, std::move(answer));
    }
    router& patch(std::string_view pattern, handler answer) {
        return route(method::patch, pattern, std::move(answer));
    }
    router& del(std::string_view pattern, handler answer) {
        return route(method::delete_, pattern, std::move(answer));
    }

    /// Finds the handler and sets the request's path parameters. "OPTIONS *" is answered by the
    /// router itself.
    [[nodiscard]] route_match match(request& asked) const;

private:
    struct tree;

    std::unique_ptr<tree> tree_;
};

} // namespace sennit::http
