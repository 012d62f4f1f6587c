#include <sennit/http/mime.hpp>

#include <gtest/gtest.h>

namespace sennit::http {
namespace {

TEST(mime, goes_by_the_last_extension_in_any_case) {
    EXPECT_EQ(mime_type("index.html"), "text/html; charset=utf-8");
    EXPECT_EQ(mime_type("/a/b/PHOTO.JPG"), "image/jpeg");
    EXPECT_EQ(mime_type("archive.tar.gz"), "application/gzip");
    EXPECT_EQ(mime_type("app.wasm"), "application/wasm");
}

TEST(mime, does_not_guess) {
    constexpr std::string_view unknown = "application/octet-stream";
    for (const std::string_view name : {"", "README", "a.unknown", "a.", "dir.html/file", "html"}) {
        EXPECT_EQ(mime_type(name), unknown) << name;
    }
}

} // namespace
} // namespace sennit::http
