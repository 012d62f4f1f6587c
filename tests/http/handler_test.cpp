#include <sennit/http/handler.hpp>

#include <sennit/core/wait.hpp>

#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>

namespace sennit::http {
namespace {

response plain_function(request& asked) { return response::text(200, std::string(asked.path())); }

task<response> coroutine_function(request& asked) {
    co_return response::text(201, std::string(asked.path()));
}

struct mutable_callable {
    response operator()(request&) { return {}; }
};

static_assert(plain_handler<decltype(&plain_function)>);
static_assert(!coroutine_handler<decltype(&plain_function)>);
static_assert(coroutine_handler<decltype(&coroutine_function)>);
static_assert(!plain_handler<decltype(&coroutine_function)>);
static_assert(!plain_handler<mutable_callable>, "handlers run at the same time in many flows");
static_assert(!plain_handler<int>);
static_assert(!std::is_constructible_v<handler, mutable_callable>);
static_assert(!std::is_copy_constructible_v<handler>);

TEST(handler, takes_plain_functions) {
    const handler answer(plain_function);
    EXPECT_TRUE(answer);
    EXPECT_FALSE(answer.is_coroutine());
    request asked(method::get, "/a");
    EXPECT_EQ(answer.call(asked).body(), "/a");
}

TEST(handler, takes_coroutines_and_starts_them_lazily) {
    const handler answer(coroutine_function);
    EXPECT_TRUE(answer);
    EXPECT_TRUE(answer.is_coroutine());
    request asked(method::get, "/a");
    task<response> started = answer.start(asked);
    ASSERT_TRUE(asked.set_start_line(method::get, "/b", version::http_1_1));
    const response given = wait(std::move(started));
    EXPECT_EQ(given.body(), "/b");
    EXPECT_EQ(given.status(), 201);
}

TEST(handler, takes_move_only_captures_of_both_kinds) {
    auto word = std::make_unique<std::string>("word");
    const handler plain([word = std::move(word)](request&) { return response::text(200, *word); });
    request asked;
    EXPECT_EQ(plain.call(asked).body(), "word");
    EXPECT_EQ(plain.call(asked).body(), "word");

    auto other = std::make_unique<std::string>("other");
    const handler lazy([other = std::move(other)](request&) -> task<response> {
        co_return response::text(200, *other);
    });
    EXPECT_EQ(wait(lazy.start(asked)).body(), "other");
    EXPECT_EQ(wait(lazy.start(asked)).body(), "other");
}

TEST(handler, lets_exceptions_pass) {
    const handler answer([](request&) -> response { throw std::runtime_error("x"); });
    request asked;
    EXPECT_THROW((void)answer.call(asked), std::runtime_error);
}

TEST(handler, is_false_without_a_callable) { EXPECT_FALSE(handler()); }

TEST(handler_death, calling_the_wrong_kind_is_an_assertion) {
    request asked;
    EXPECT_DEATH((void)handler(plain_function).start(asked), "call\\(\\) a plain function");
    EXPECT_DEATH((void)handler(coroutine_function).call(asked), "start\\(\\) a coroutine");
    EXPECT_DEATH((void)handler().call(asked), "ask is_coroutine");
}

} // namespace
} // namespace sennit::http
