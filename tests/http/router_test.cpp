#include <sennit/http/router.hpp>

#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace sennit::http {
namespace {

// A handler that answers with its own name.
handler named(std::string name) {
    return [name = std::move(name)](request&) { return response::text(200, name); };
}

// What the router makes of a request: the body of the handler's answer, or the refusal's status.
std::string answer(const router& routes, method verb, std::string_view target) {
    request asked(verb, target);
    const route_match match = routes.match(asked);
    if (match.found == nullptr) return std::to_string(match.refusal.status());
    return match.found->call(asked).body();
}

std::string answer(const router& routes, std::string_view target) {
    return answer(routes, method::get, target);
}

TEST(router, finds_literals_names_and_rests) {
    router routes;
    routes.get("/", named("root"))
        .get("/hello", named("hello"))
        .get("/hello/{name}", named("name"));
    routes.get("/files/{path...}", named("files"));
    EXPECT_EQ(answer(routes, "/"), "root");
    EXPECT_EQ(answer(routes, "/hello"), "hello");
    EXPECT_EQ(answer(routes, "/hello?name=x"), "hello");
    EXPECT_EQ(answer(routes, "/hello/world"), "name");
    EXPECT_EQ(answer(routes, "/files/a/b/c"), "files");
    EXPECT_EQ(answer(routes, "/files/"), "files");
    EXPECT_EQ(answer(routes, "http://example.org/hello"), "hello");
}

TEST(router, tells_paths_apart_by_every_slash) {
    router routes;
    routes.get("/hello", named("hello")).get("/hello/{name}", named("name"));
    routes.get("/files/{path...}", named("files"));
    for (const std::string_view target : {"/", "/hell", "/hello2", "/hello/", "/hello/a/",
                                          "/hello/a/b", "//hello", "/files", "/Hello"}) {
        EXPECT_EQ(answer(routes, target), "404") << target;
    }
}

TEST(router, binds_decoded_parameters) {
    router routes;
    routes.get("/a/{x}/b/{y}/{rest...}", [](request& asked) {
        std::string text(asked.param("x"));
        return response::text(
            200, text.append("|").append(asked.param("y")).append("|").append(asked.param("rest")));
    });
    EXPECT_EQ(answer(routes, "/a/1/b/2/"), "1|2|");
    EXPECT_EQ(answer(routes, "/a/caf%C3%A9/b/a%2Fb/c%20d/e"), "caf\xC3\xA9|a/b|c d/e");
    EXPECT_EQ(answer(routes, "/a/%2E%2E/b/2/"), "..|2|");
}

TEST(router, compares_literals_after_decoding) {
    router routes;
    routes.get("/caf\xC3\xA9/{x}", named("found"));
    EXPECT_EQ(answer(routes, "/caf%C3%A9/a"), "found");
    EXPECT_EQ(answer(routes, "/caf%c3%a9%2Fa"), "404");
    EXPECT_EQ(answer(routes, "/caf\xC3\xA9/a"), "found");
}

TEST(router, refuses_a_broken_encoding) {
    router routes;
    routes.get("/{x}", named("found"));
    EXPECT_EQ(answer(routes, "/%zz"), "400");
    EXPECT_EQ(answer(routes, "/a?%zz"), "found");
}

TEST(router, the_most_specific_pattern_wins_in_any_order_of_registration) {
    std::vector<std::string> patterns{"/{all...}", "/a/{rest...}", "/a/{x}",   "/a/b",
                                      "/a/b/{y}",  "/{x}/{y}/{z}", "/a/b/c/d", "/"};
    std::mt19937 random(1);
    for (int round = 0; round < 50; ++round) {
        std::ranges::shuffle(patterns, random);
        router routes;
        for (const std::string& pattern : patterns) {
            // /a/{rest...} and /{x}/{y}/{z} overlap; one of them is for another method.
            const bool other = pattern == "/{x}/{y}/{z}";
            routes.route(other ? method::post : method::get, pattern, named(pattern));
        }
        EXPECT_EQ(answer(routes, "/"), "/");
        EXPECT_EQ(answer(routes, "/b"), "/{all...}");
        EXPECT_EQ(answer(routes, "/a"), "/{all...}");
        EXPECT_EQ(answer(routes, "/a/b"), "/a/b");
        EXPECT_EQ(answer(routes, "/a/c"), "/a/{x}");
        EXPECT_EQ(answer(routes, "/a/"), "/a/{rest...}");
        EXPECT_EQ(answer(routes, "/a/b/c"), "/a/b/{y}");
        EXPECT_EQ(answer(routes, "/a/b/c/d"), "/a/b/c/d");
        EXPECT_EQ(answer(routes, "/a/b/c/e"), "/a/{rest...}");
        EXPECT_EQ(answer(routes, method::post, "/a/b/c"), "/{x}/{y}/{z}");
    }
}

TEST(router, falls_back_to_a_wider_pattern_that_has_the_method) {
    router routes;
    routes.get("/a/{x}", named("wide")).post("/a/b", named("narrow"));
    EXPECT_EQ(answer(routes, "/a/b"), "wide");
    EXPECT_EQ(answer(routes, method::post, "/a/b"), "narrow");
    EXPECT_EQ(answer(routes, method::post, "/a/c"), "405");
}

TEST(router, names_may_differ_between_methods) {
    router routes;
    routes.get("/users/{id}",
               [](request& asked) { return response::text(200, std::string(asked.param("id"))); });
    routes.put("/users/{name}", [](request& asked) {
        return response::text(200, std::string(asked.param("name")));
    });
    EXPECT_EQ(answer(routes, "/users/1"), "1");
    EXPECT_EQ(answer(routes, method::put, "/users/2"), "2");
}

TEST(router, each_verb_has_its_function) {
    router routes;
    routes.get("/", named("get")).post("/", named("post")).put("/", named("put"));
    routes.patch("/", named("patch")).del("/", named("delete"));
    routes.route(method::options, "/", named("options"));
    EXPECT_EQ(answer(routes, method::get, "/"), "get");
    EXPECT_EQ(answer(routes, method::post, "/"), "post");
    EXPECT_EQ(answer(routes, method::put, "/"), "put");
    EXPECT_EQ(answer(routes, method::patch, "/"), "patch");
    EXPECT_EQ(answer(routes, method::delete_, "/"), "delete");
    EXPECT_EQ(answer(routes, method::options, "/"), "options");
    EXPECT_EQ(answer(routes, method::trace, "/"), "405");
}

TEST(router, get_answers_head_unless_head_has_its_own) {
    router routes;
    routes.get("/a", named("get")).get("/b", named("get")).post("/c", named("post"));
    routes.route(method::head, "/b", named("head"));
    EXPECT_EQ(answer(routes, method::head, "/a"), "get");
    EXPECT_EQ(answer(routes, method::head, "/b"), "head");
    EXPECT_EQ(answer(routes, method::get, "/b"), "get");
    EXPECT_EQ(answer(routes, method::head, "/c"), "405");
}

TEST(router, a_405_lists_what_the_path_allows) {
    router routes;
    routes.get("/a/{x}", named("1")).post("/a/b", named("2")).del("/{all...}", named("3"));
    const auto allow = [&](std::string_view target) {
        request asked(method::put, target);
        const route_match match = routes.match(asked);
        EXPECT_EQ(match.found, nullptr);
        EXPECT_EQ(match.refusal.status(), 405);
        return std::string(match.refusal.headers().get("Allow").value_or(""));
    };
    EXPECT_EQ(allow("/a/b"), "GET, HEAD, POST, DELETE");
    EXPECT_EQ(allow("/a/c"), "GET, HEAD, DELETE");
    EXPECT_EQ(allow("/"), "DELETE");
}

TEST(router, answers_for_the_whole_server_with_all_methods) {
    router routes;
    routes.get("/a", named("a")).post("/b", named("b"));
    request asked(method::options, "*");
    const route_match match = routes.match(asked);
    EXPECT_EQ(match.found, nullptr);
    EXPECT_EQ(match.refusal.status(), 204);
    EXPECT_EQ(match.refusal.headers().get("Allow"), "GET, HEAD, POST");
}

TEST(router, takes_both_kinds_of_handler) {
    router routes;
    routes.get("/plain", [](request&) { return response::text(200, "plain"); });
    routes.get("/lazy/{x}", [](request& asked) -> task<response> {
        co_return response::text(200, std::string(asked.param("x")));
    });
    EXPECT_EQ(answer(routes, "/plain"), "plain");
    request asked(method::get, "/lazy/here");
    const route_match match = routes.match(asked);
    ASSERT_NE(match.found, nullptr);
    ASSERT_TRUE(match.found->is_coroutine());
    EXPECT_EQ(wait(match.found->start(asked)).body(), "here");
}

TEST(router, forgets_the_parameters_of_an_earlier_match) {
    router routes;
    routes.get("/{x}", named("x")).get("/a/b", named("none"));
    request asked(method::get, "/first");
    (void)routes.match(asked);
    EXPECT_EQ(asked.param("x"), "first");
    ASSERT_TRUE(asked.set_start_line(method::get, "/a/b", version::http_1_1));
    (void)routes.match(asked);
    EXPECT_THROW((void)asked.param("x"), std::out_of_range);
}

TEST(router, keeps_its_handlers_in_place_when_it_is_moved) {
    router routes;
    routes.get("/a", named("a"));
    request asked(method::get, "/a");
    const handler* before = routes.match(asked).found;
    const router moved = std::move(routes);
    EXPECT_EQ(moved.match(asked).found, before);
}

TEST(router_death, conflicts_and_mistakes_end_with_advice) {
    router routes;
    routes.get("/a/{x}", named("1"));
    EXPECT_DEATH(routes.get("/a/{y}", named("2")),
                 "GET /a/\\{y\\}\" matches the same paths as \"/a/\\{x\\}");
    EXPECT_DEATH(routes.get("/{y}/b", named("2")), "neither is more specific");
    EXPECT_DEATH(routes.get("a", named("2")), "starts with /");
    EXPECT_DEATH(routes.get("/b{c}", named("2")), "whole segment");
    EXPECT_DEATH(routes.get("/c", handler()), "has no handler");
}

} // namespace
} // namespace sennit::http
