// Reports are put together first and written with one call, so that two threads that fail at once
// do not mix their lines.
#include <sennit/base/assert.hpp>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace sennit {
namespace {

[[noreturn]] void die(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
    std::abort();
}

} // namespace

void fatal(std::string_view report) {
    std::string text = "sennit: fatal: ";
    text += report;
    text += '\n';
    die(text);
}

void detail::assertion_failed(const char* condition, const char* advice,
                              std::source_location where) {
    std::string text = "sennit: assertion failed: ";
    text += condition;
    text += "\n  at ";
    text += where.file_name();
    text += ':';
    text += std::to_string(where.line());
    text += "\n  in ";
    text += where.function_name();
    text += "\n  advice: ";
    text += advice;
    text += '\n';
    die(text);
}

} // namespace sennit
