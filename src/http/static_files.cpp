#include <sennit/http/static_files.hpp>

#include <sennit/http/date.hpp>
#include <sennit/http/field.hpp>
#include <sennit/http/mime.hpp>
#include <sennit/os/file.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <filesystem>
#include <optional>
#include <span>
#include <system_error>

namespace sennit::http {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t piece_size = std::uint64_t{64} * 1024;

// Where an open file lies, links resolved; empty when the system does not say.
std::string place_of(const os::unique_fd& file) {
    std::error_code failed;
    const fs::path place = fs::read_symlink("/proc/self/fd/" + std::to_string(file.get()), failed);
    return failed ? std::string() : place.native();
}

response refusal_of(const error& err) {
    if (is(err, std::errc::permission_denied)) return response::status_page(403);
    for (const std::errc missing :
         {std::errc::no_such_file_or_directory, std::errc::not_a_directory,
          std::errc::filename_too_long, std::errc::too_many_symbolic_link_levels,
          std::errc::no_such_device_or_address}) {
        if (is(err, missing)) return response::status_page(404);
    }
    return response::status_page(500);
}

// A folder without its slash, so that relative links on its page work. More than one slash in front
// would name a host.
response redirect_to_folder(const request& asked) {
    std::string_view path = asked.path();
    path.remove_prefix(std::min(path.find_first_not_of('/'), path.size()));
    std::string location = "/";
    location.append(path).append("/");
    if (!asked.query_string().empty()) location.append("?").append(asked.query_string());
    return response::redirect(308, location);
}

// Weak, because two writes within one tick of the file system's clock look the same.
std::string entity_tag(const os::file_status& status) {
    std::array<char, 2 * 16 + 1> text;
    char* at = std::to_chars(text.data(), text.data() + text.size(), status.size, 16).ptr;
    *at++ = '-';
    const auto modified = static_cast<std::uint64_t>(status.modified_ns);
    at = std::to_chars(at, text.data() + text.size(), modified, 16).ptr;
    return "W/\"" + std::string(text.data(), at) + "\"";
}

std::chrono::sys_seconds last_modified(const os::file_status& status) {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::sys_time<std::chrono::nanoseconds>(
        std::chrono::nanoseconds(status.modified_ns)));
}

std::string_view opaque_part(std::string_view tag) {
    return tag.starts_with("W/") ? tag.substr(2) : tag;
}

bool names_tag(std::string_view list, std::string_view tag) {
    while (!list.empty()) {
        const std::string_view element = next_element(list);
        if (element == "*" || opaque_part(element) == opaque_part(tag)) return true;
    }
    return false;
}

// RFC 9110, section 13.2.2: If-None-Match decides alone where it is given.
bool client_has_it(const request& asked, std::string_view tag, std::chrono::sys_seconds modified) {
    const auto tags = asked.headers().values("If-None-Match");
    if (!tags.empty()) {
        return std::ranges::any_of(tags, [&](auto list) { return names_tag(list, tag); });
    }
    const auto since = asked.header("If-Modified-Since");
    const auto date = since ? parse_date(*since) : std::nullopt;
    return date && modified <= *date;
}

// Reads into the whole span, or up to the end of the file. Throws what the disk did wrong.
std::size_t read_fully(const os::unique_fd& file, std::span<std::byte> into, std::uint64_t from) {
    std::size_t done = 0;
    while (done < into.size()) {
        const os::io_result got = os::pread(file.get(), into.subspan(done), from + done);
        if (!got.ok()) throw std::system_error(got.error, std::system_category(), "pread");
        if (got.value == 0) break;
        done += static_cast<std::size_t>(got.value);
    }
    return done;
}

// A file that shrinks while it is sent ends the source early; the writer notices and closes the
// connection.
body_source source_of(os::unique_fd file, std::uint64_t size) {
    return [file = std::move(file), size, at = std::uint64_t{0}](std::string& piece) mutable {
        piece.resize(std::min(piece_size, size - at));
        piece.resize(read_fully(file, std::as_writable_bytes(std::span(piece)), at));
        at += piece.size();
        return !piece.empty() && at < size;
    };
}

response with_body(const request& asked, os::unique_fd file, std::uint64_t size,
                   std::string_view type) {
    // Nobody pulls the source of an answer to HEAD, so nothing is read.
    if (size > piece_size || asked.method() == method::head) {
        return response::stream(200, type, source_of(std::move(file), size), size);
    }
    std::string body(size, '\0');
    body.resize(read_fully(file, std::as_writable_bytes(std::span(body)), 0));
    return response(200).set_body(std::move(body)).set_header("Content-Type", type);
}

response answer_of(const request& asked, os::unique_fd file, const os::file_status& status,
                   std::string_view type) {
    const std::string tag = entity_tag(status);
    const std::chrono::sys_seconds modified = last_modified(status);
    response answer = client_has_it(asked, tag, modified)
                          ? response(304)
                          : with_body(asked, std::move(file), status.size, type);
    answer.set_header("ETag", tag).set_header("Last-Modified", format_date(modified));
    answer.set_header("X-Content-Type-Options", "nosniff").set_header("Accept-Ranges", "none");
    return answer;
}

} // namespace

result<static_files> static_files::open(std::string_view root, static_files_options options) {
    std::error_code failed;
    const fs::path real = fs::canonical(root, failed);
    if (failed) return error(failed, "static_files::open").context(root);
    if (!fs::is_directory(real, failed)) {
        return error(std::errc::not_a_directory, "static_files::open").context(root);
    }
    std::string text = real.native();
    if (text == "/") text.clear();
    return static_files(std::move(text), std::move(options));
}

bool static_files::is_visible(std::string_view path) const noexcept {
    if (path.find('\0') != path.npos) return false;
    while (!path.empty()) {
        const std::string_view segment = path.substr(0, path.find('/'));
        path.remove_prefix(std::min(segment.size() + 1, path.size()));
        if (segment.empty() || segment == "." || segment == "..") return false;
        const bool hidden = segment.starts_with('.') && segment != ".well-known";
        if (hidden && !options_.hidden_files) return false;
    }
    return true;
}

bool static_files::holds(std::string_view absolute) const noexcept {
    if (!absolute.starts_with(root_)) return false;
    const std::string_view below = absolute.substr(root_.size());
    return below.empty() || below.starts_with('/');
}

response static_files::serve(const request& asked, std::string_view path) const {
    if (asked.method() != method::get && asked.method() != method::head) {
        return response::status_page(405).set_header("Allow", "GET, HEAD");
    }
    if (!is_visible(path)) return response::status_page(404);
    std::string name = root_ + "/" + std::string(path);
    if (name.ends_with('/')) name += options_.index;

    auto file = os::open_read(name.c_str());
    if (!file) return refusal_of(file.error());
    const auto status = os::status(file->get());
    const std::string place = place_of(*file);
    if (!status || place.empty()) return response::status_page(500);
    if (!holds(place)) return response::status_page(404);
    switch (status->kind) {
        case os::file_kind::directory:
            return redirect_to_folder(asked);
        case os::file_kind::other:
            return response::status_page(404);
        case os::file_kind::regular:
            break;
    }
    response answer = answer_of(asked, *std::move(file), *status, mime_type(name));
    if (!options_.cache_control.empty()) answer.set_header("Cache-Control", options_.cache_control);
    return answer;
}

} // namespace sennit::http
