#include <sennit/http/static_files.hpp>

#include <sennit/http/date.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <system_error>
#include <utility>

namespace sennit::http {
namespace {

namespace fs = std::filesystem;
using namespace std::string_view_literals;
using testing::StartsWith;

// A folder "site" in a folder of its own, which is removed afterwards:
//   outside/secret.txt
//   site/index.html, hello.txt, empty.txt, .hidden, .well-known/a.txt, bare/x.txt,
//        sub/index.html, sub/data.json
//   site/out.txt, absolute.txt, out: links to outside
//   site/in.txt, alias, self: links to the inside; site/loop: link to itself
class static_files_test : public testing::Test {
protected:
    static_files_test() {
        std::string name = testing::TempDir() + "sennit_static_files_XXXXXX";
        if (::mkdtemp(name.data()) == nullptr)
            throw std::system_error(errno, std::system_category());
        base_ = name;
        write("outside/secret.txt", "secret");
        write("site/index.html", "<p>root");
        write("site/hello.txt", "hello");
        write("site/empty.txt", "");
        write("site/sub/index.html", "<p>sub");
        write("site/sub/data.json", "{}");
        write("site/bare/x.txt", "x");
        write("site/.hidden", "hidden");
        write("site/.well-known/a.txt", "known");
        fs::create_symlink("../outside/secret.txt", base_ / "site/out.txt");
        fs::create_symlink("../outside", base_ / "site/out");
        fs::create_symlink(base_ / "outside/secret.txt", base_ / "site/absolute.txt");
        fs::create_symlink("hello.txt", base_ / "site/in.txt");
        fs::create_symlink("sub", base_ / "site/alias");
        fs::create_symlink("loop", base_ / "site/loop");
        fs::create_symlink(".", base_ / "site/self");
    }
    ~static_files_test() override { fs::remove_all(base_); }

    void write(const fs::path& name, std::string_view text) {
        fs::create_directories((base_ / name).parent_path());
        std::ofstream(base_ / name, std::ios::binary) << text;
    }

    static_files open(static_files_options options = {}) {
        auto files = static_files::open((base_ / "site").native(), std::move(options));
        EXPECT_TRUE(files.has_value());
        return *std::move(files);
    }

    int status_of(std::string_view path) { return open().serve(get_, path).status(); }
    std::string body_of(std::string_view path) { return open().serve(get_, path).take_body(); }

    fs::path base_;
    const request get_{method::get, "/files/"};
};

TEST_F(static_files_test, serves_a_file_with_its_type) {
    const response answer = open().serve(get_, "hello.txt");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body(), "hello");
    EXPECT_EQ(answer.headers().get("Content-Type"), "text/plain; charset=utf-8");
    EXPECT_EQ(answer.headers().get("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(answer.headers().get("Accept-Ranges"), "none");
    EXPECT_EQ(answer.headers().get("Cache-Control"), std::nullopt);
    EXPECT_EQ(body_of("sub/data.json"), "{}");
    EXPECT_EQ(body_of("empty.txt"), "");
    EXPECT_EQ(status_of("empty.txt"), 200);
}

TEST_F(static_files_test, serves_the_index_of_a_folder) {
    EXPECT_EQ(body_of(""), "<p>root");
    EXPECT_EQ(body_of("sub/"), "<p>sub");
    EXPECT_EQ(status_of("bare/"), 404);
    EXPECT_EQ(open().serve(get_, "sub/").headers().get("Content-Type"), "text/html; charset=utf-8");
    EXPECT_EQ(open({.index = "x.txt"}).serve(get_, "bare/").body(), "x");
}

TEST_F(static_files_test, redirects_to_the_slash_of_a_folder) {
    const request asked(method::get, "/files/sub?a=1");
    const response answer = open().serve(asked, "sub");
    EXPECT_EQ(answer.status(), 308);
    EXPECT_EQ(answer.headers().get("Location"), "/files/sub/?a=1");
}

// "Location: //evil.example/…" would lead to another host.
TEST_F(static_files_test, never_redirects_to_another_host) {
    const request asked(method::get, "//evil.example/..%2fsub");
    const response answer = open().serve(asked, "sub");
    EXPECT_EQ(answer.headers().get("Location"), "/evil.example/..%2fsub/");
}

TEST_F(static_files_test, finds_nothing_where_nothing_is) {
    for (const std::string_view path :
         {"nothing.txt", "sub/nothing", "hello.txt/", "hello.txt/x", "nothing/", "HELLO.TXT"}) {
        EXPECT_EQ(status_of(path), 404) << path;
    }
    EXPECT_EQ(status_of(std::string(300, 'a')), 404);
    EXPECT_EQ(status_of(std::string(10'000, 'a')), 404);
}

TEST_F(static_files_test, never_leaves_the_root_by_dots) {
    for (const std::string_view path :
         {".."sv, "../"sv, "../outside/secret.txt"sv, "sub/../../outside/secret.txt"sv,
          "sub/../hello.txt"sv, "./hello.txt"sv, "."sv, "sub/."sv, "sub/.."sv, "/etc/passwd"sv,
          "/"sv, "//hello.txt"sv, "sub//data.json"sv, "..\\outside\\secret.txt"sv, "\0"sv,
          "hello.txt\0"sv, "hello.txt\0.png"sv}) {
        EXPECT_EQ(status_of(path), 404) << path;
    }
    const static_files all = open({.hidden_files = true});
    for (const std::string_view path :
         {"..", "../outside/secret.txt", ".", "./hello.txt", ".../"}) {
        EXPECT_EQ(all.serve(get_, path).status(), 404) << path;
    }
}

TEST_F(static_files_test, never_leaves_the_root_by_links) {
    EXPECT_EQ(status_of("out.txt"), 404);
    EXPECT_EQ(status_of("absolute.txt"), 404);
    EXPECT_EQ(status_of("out"), 404);
    EXPECT_EQ(status_of("out/"), 404);
    EXPECT_EQ(status_of("out/secret.txt"), 404);
    EXPECT_EQ(status_of("loop"), 404);
}

TEST_F(static_files_test, follows_links_that_stay_inside) {
    EXPECT_EQ(body_of("in.txt"), "hello");
    EXPECT_EQ(body_of("alias/data.json"), "{}");
    EXPECT_EQ(status_of("self"), 308);
    EXPECT_EQ(body_of("self/hello.txt"), "hello");
}

TEST_F(static_files_test, a_folder_whose_name_starts_with_the_roots_is_outside) {
    write("site2/secret.txt", "secret");
    fs::create_symlink("../site2/secret.txt", base_ / "site/near.txt");
    EXPECT_EQ(status_of("near.txt"), 404);
}

TEST_F(static_files_test, hides_names_with_a_dot_unless_asked) {
    EXPECT_EQ(status_of(".hidden"), 404);
    EXPECT_EQ(body_of(".well-known/a.txt"), "known");
    EXPECT_EQ(open({.hidden_files = true}).serve(get_, ".hidden").body(), "hidden");
}

TEST_F(static_files_test, serves_regular_files_only) {
    ASSERT_EQ(::mkfifo((base_ / "site/fifo").c_str(), 0600), 0);
    EXPECT_EQ(status_of("fifo"), 404);
}

TEST_F(static_files_test, says_which_files_the_client_has_already) {
    const static_files files = open({.cache_control = "max-age=60"});
    const response first = files.serve(get_, "hello.txt");
    const std::string tag(first.headers().get("ETag").value());
    const std::string date(first.headers().get("Last-Modified").value());
    EXPECT_THAT(tag, StartsWith("W/\""));

    const auto status_with = [&](std::string_view name, std::string_view value) {
        request asked(method::get, "/");
        asked.headers().add(name, value);
        const response answer = files.serve(asked, "hello.txt");
        EXPECT_EQ(answer.headers().get("ETag"), tag);
        EXPECT_EQ(answer.headers().get("Cache-Control"), "max-age=60");
        EXPECT_EQ(answer.body().empty(), answer.status() == 304);
        return answer.status();
    };
    EXPECT_EQ(status_with("If-None-Match", tag), 304);
    EXPECT_EQ(status_with("If-None-Match", tag.substr(2)), 304);
    EXPECT_EQ(status_with("If-None-Match", "\"other\", " + tag), 304);
    EXPECT_EQ(status_with("If-None-Match", "*"), 304);
    EXPECT_EQ(status_with("If-None-Match", "\"other\""), 200);
    EXPECT_EQ(status_with("If-Modified-Since", date), 304);
    EXPECT_EQ(status_with("If-Modified-Since", "Sun, 06 Nov 1994 08:49:37 GMT"), 200);
    EXPECT_EQ(status_with("If-Modified-Since", "nonsense"), 200);
}

TEST_F(static_files_test, the_tag_goes_before_the_date) {
    request asked(method::get, "/");
    asked.headers().add("If-None-Match", "\"other\"");
    asked.headers().add("If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT");
    EXPECT_EQ(open().serve(asked, "hello.txt").status(), 200);
}

TEST_F(static_files_test, the_tag_follows_the_contents) {
    const std::string before(open().serve(get_, "hello.txt").headers().get("ETag").value());
    write("site/hello.txt", "hello again");
    EXPECT_NE(open().serve(get_, "hello.txt").headers().get("ETag"), before);
}

TEST_F(static_files_test, streams_large_files_in_pieces) {
    std::string text;
    for (int i = 0; i < 30'000; ++i)
        text += std::to_string(i) + "\n";
    write("site/large.txt", text);
    response answer = open().serve(get_, "large.txt");
    ASSERT_TRUE(answer.is_stream());
    EXPECT_EQ(answer.stream_size(), text.size());
    EXPECT_EQ(answer.headers().get("Content-Type"), "text/plain; charset=utf-8");
    body_source source = answer.take_source();
    std::string all;
    std::string piece;
    bool more = true;
    while (more) {
        piece.clear();
        more = source(piece);
        EXPECT_LE(piece.size(), 64u * 1024);
        all += piece;
    }
    EXPECT_EQ(all, text);
}

TEST_F(static_files_test, a_file_that_shrinks_ends_its_source_early) {
    write("site/large.txt", std::string(200'000, 'x'));
    response answer = open().serve(get_, "large.txt");
    fs::resize_file(base_ / "site/large.txt", 100'000);
    body_source source = answer.take_source();
    std::size_t size = 0;
    std::string piece;
    for (bool more = true; more; size += piece.size()) {
        piece.clear();
        more = source(piece);
    }
    EXPECT_EQ(size, 100'000u);
}

TEST_F(static_files_test, answers_head_without_reading) {
    const response answer = open().serve(request(method::head, "/"), "hello.txt");
    EXPECT_EQ(answer.status(), 200);
    EXPECT_EQ(answer.body(), "");
    EXPECT_EQ(answer.stream_size(), 5u);
}

TEST_F(static_files_test, refuses_other_methods) {
    const response answer = open().serve(request(method::post, "/"), "hello.txt");
    EXPECT_EQ(answer.status(), 405);
    EXPECT_EQ(answer.headers().get("Allow"), "GET, HEAD");
}

TEST_F(static_files_test, opens_folders_only) {
    EXPECT_FALSE(static_files::open((base_ / "nothing").native()).has_value());
    const auto file = static_files::open((base_ / "site/hello.txt").native());
    ASSERT_FALSE(file.has_value());
    EXPECT_TRUE(is(file.error(), std::errc::not_a_directory));
}

TEST_F(static_files_test, a_root_may_be_reached_by_a_link) {
    fs::create_directory_symlink("site", base_ / "link");
    const auto files = static_files::open((base_ / "link").native());
    ASSERT_TRUE(files.has_value());
    EXPECT_EQ(files->serve(get_, "hello.txt").body(), "hello");
}

TEST(static_files, the_root_of_the_file_system_is_a_root) {
    const auto files = static_files::open("/");
    ASSERT_TRUE(files.has_value());
    const request get(method::get, "/");
    EXPECT_EQ(files->serve(get, "proc").status(), 308);
    EXPECT_EQ(files->serve(get, "../etc/passwd").status(), 404);
}

} // namespace
} // namespace sennit::http
