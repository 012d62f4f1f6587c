// Serves the files below a root folder.
//
// Always true: no response holds a byte of a file that lies outside the root, whatever the path,
// and whatever symbolic links the folder has. Segments that are empty, "." or ".." and paths with
// NUL are refused before anything is opened, and the file that was opened is asked where it lies
// before it is read, so nobody can exchange it between check and use. Links that stay inside the
// root work. Without /proc that question has no answer, and every file is refused with 500.
//
// Reading blocks the calling flow, and with it, where the page cache has not got the file, its
// worker: right for small files that are read often, wrong for a large archive on a slow disk.
// Ranges are not served, and "Accept-Ranges: none" says so: a client that asks for one gets the
// whole file, as RFC 9110, section 14.2, allows. Any number of flows may use one object.
#pragma once

#include <sennit/base/result.hpp>
#include <sennit/http/request.hpp>
#include <sennit/http/response.hpp>

#include <string>
#include <string_view>
#include <utility>

namespace sennit::http {

/// How a folder is served.
///
/// ```cpp
/// http::static_files_options options{.cache_control = "max-age=3600"};
/// ```
struct static_files_options {
    /// The file that answers for a folder, in the folder itself.
    std::string index = "index.html";
    /// The value of Cache-Control; empty for none, which lets clients guess.
    std::string cache_control = {};
    /// Whether names that start with a dot are served; ".well-known" always is.
    bool hidden_files = false;
};

/// A folder as a part of a site.
///
/// ```cpp
/// auto files = http::static_files::open("site");
/// if (!files) return files.error();
/// http::router router;
/// router.get("/files/{path...}", [files = *files](http::request& request) {
///     return files.serve(request, request.param("path"));
/// });
/// ```
class static_files {
public:
    /// The folder `root`, which must exist. Later renames of the folder are not followed.
    [[nodiscard]] static result<static_files> open(std::string_view root,
                                                   static_files_options options = {});

    /// Answers a GET or HEAD for the file at `path`, decoded and relative to the root; an empty
    /// path, and one that ends in "/", mean the folder's index. Files carry ETag and Last-Modified;
    /// a client that has the file gets 304. A folder asked for without its slash redirects there.
    /// 403 when the file may not be read, 404 when there is none to be seen, 405 for other methods,
    /// 500 when the system cannot open files any more.
    ///
    /// Files up to 64 KiB are read at once, larger ones are streamed in pieces of that size. Throws
    /// std::system_error when the disk fails, which a server answers with 500.
    [[nodiscard]] response serve(const request& asked, std::string_view path) const;

private:
    static_files(std::string root, static_files_options options)
        : root_(std::move(root)), options_(std::move(options)) {}

    [[nodiscard]] bool is_visible(std::string_view path) const noexcept;
    [[nodiscard]] bool holds(std::string_view absolute) const noexcept;

    std::string root_; // canonical, without a slash at the end
    static_files_options options_;
};

} // namespace sennit::http
