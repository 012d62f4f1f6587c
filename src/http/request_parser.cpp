// Cuts the input into lines and bodies, applies the limits, and gives whole lines to the grammar
// (beast_parser.hpp).
//
// The lines of a head are read where they lie in the caller's input when they came in one piece,
// which is the usual case; only what an input leaves unfinished is copied to pending_ and completed
// there.
//
// Always true between two calls of feed:
//   1. pending_ holds every line that was begun and that the grammar has not got; its last
//      line_size_ bytes are the unfinished one.
//   2. pending_ is no longer than the limits allow, and empty inside a body.
#include <sennit/http/request_parser.hpp>

#include "beast_parser.hpp"
#include <sennit/base/assert.hpp>
#include <sennit/http/field.hpp>

#include <optional>
#include <string>
#include <utility>

namespace sennit::http {
namespace {

constexpr parse_error not_http{400, "this is not an HTTP request"};
constexpr parse_error bare_line_feed{400, "a line does not end in CR LF"};
constexpr parse_error folded_line{400, "a header line starts with a blank"};
constexpr parse_error too_many_empty_lines{400,
                                           "there are too many empty lines before the request"};
constexpr parse_error method_too_long{501, "this method is not known here"};
constexpr parse_error target_too_long{414, "the request target is too long"};
constexpr parse_error head_too_large{431, "the header fields are too large"};
constexpr parse_error trailers_too_large{431, "the trailer fields are too large"};
constexpr parse_error chunk_line_too_long{400, "the line of a chunk is too long"};
constexpr parse_error chunk_malformed{400, "a chunk of the body is malformed"};

// No method that is known has more than seven letters.
constexpr std::size_t method_size_max = 16;

// Some clients send an empty line after a body; a server should ignore it (RFC 9112, section 2.2).
constexpr std::size_t empty_lines_max = 4;

// A spent body larger than this is freed, so that an idle connection does not hold it.
constexpr std::size_t kept_body_capacity_max = std::size_t{16} * 1024;

constexpr std::string_view line_end = "\r\n";

void free_large(std::string& body) noexcept {
    if (body.capacity() > kept_body_capacity_max) std::string().swap(body);
}

} // namespace

struct request_parser::impl {
    enum class phase { head, body, chunks, complete, failed };

    // What the next line of a chunked body is.
    enum class chunk_line { end_of_data, size, trailer };

    // What became of a line: it waits in pending_ for others, or the grammar has it, or it was the
    // last.
    enum class line_effect { waits, read, last, failed };

    explicit impl(const limits& bounds) : bounds_(bounds) { reset(); }

    void reset();
    void recycle(request& spent) noexcept;
    [[nodiscard]] bool is_idle() const noexcept;

    parse_result feed(std::string_view input);
    parse_result feed_head(std::string_view input);
    parse_result feed_body(std::string_view input);
    parse_result feed_chunks(std::string_view input);

    // The part of the current line that `input` holds from `at` on, with its LF if that is there.
    [[nodiscard]] static std::string_view piece_of_line(std::string_view input, std::size_t at);

    // Whether the line that `piece` ends is ended by CR LF. To be called before piece is stored.
    [[nodiscard]] bool ends_well(std::string_view piece) const;

    // pending_ and `piece` as one.
    [[nodiscard]] std::string_view join(std::string_view piece);

    [[nodiscard]] const parse_error* check_head_line_start(char first) const;
    [[nodiscard]] const parse_error* check_head_size(std::string_view unread) const;
    [[nodiscard]] const parse_error* too_long_start_line(std::string_view unread) const;
    [[nodiscard]] line_effect end_head_line(std::string_view unread);
    [[nodiscard]] parse_result end_head(std::size_t consumed);

    [[nodiscard]] const parse_error* check_chunk_size() const;
    [[nodiscard]] line_effect end_chunk_line();
    [[nodiscard]] line_effect read_chunk_lines();

    // Remembers the error, if it is one.
    bool refuse(const parse_error* why) {
        failure_ = why;
        return why != nullptr;
    }
    parse_result failed(std::size_t consumed) {
        phase_ = phase::failed;
        return {consumed, parse_state::failed};
    }
    parse_result completed(std::size_t consumed) {
        phase_ = phase::complete;
        return {consumed, parse_state::complete};
    }

    const limits bounds_;
    request message_;
    std::optional<beast_parser> grammar_;
    const parse_error* failure_ = nullptr;
    phase phase_ = phase::head;
    chunk_line chunk_line_ = chunk_line::size;

    std::string pending_;
    std::size_t line_size_ = 0;   // of the unfinished line
    std::size_t line_count_ = 0;  // of complete lines of the head
    std::size_t empty_lines_ = 0; // in front of the head
    std::size_t fields_size_ = 0; // of the complete field lines of the head
};

void request_parser::impl::reset() {
    message_.clear();
    free_large(message_.body());
    grammar_.emplace(message_, bounds_);
    failure_ = nullptr;
    phase_ = phase::head;
    chunk_line_ = chunk_line::size;
    pending_.clear();
    line_size_ = line_count_ = empty_lines_ = fields_size_ = 0;
}

void request_parser::impl::recycle(request& spent) noexcept {
    if (!is_idle()) return;
    spent.clear();
    free_large(spent.body());
    message_ = std::move(spent);
}

bool request_parser::impl::is_idle() const noexcept {
    return phase_ == phase::head && line_count_ == 0 && line_size_ == 0;
}

parse_result request_parser::impl::feed(std::string_view input) {
    switch (phase_) {
        case phase::head:
            return feed_head(input);
        case phase::body:
            return feed_body(input);
        case phase::chunks:
            return feed_chunks(input);
        case phase::complete:
            fatal("http::request_parser: take() the request, or reset(), before feeding the next");
        case phase::failed:
            fatal("http::request_parser: close the connection, or reset() the parser");
    }
    SENNIT_UNREACHABLE();
}

std::string_view request_parser::impl::piece_of_line(std::string_view input, std::size_t at) {
    const std::size_t line_feed = input.find('\n', at);
    if (line_feed == std::string_view::npos) return input.substr(at);
    return input.substr(at, line_feed + 1 - at);
}

bool request_parser::impl::ends_well(std::string_view piece) const {
    if (piece.size() > 1) return piece.ends_with(line_end);
    return line_size_ > 0 && pending_.ends_with('\r');
}

std::string_view request_parser::impl::join(std::string_view piece) {
    if (pending_.empty()) return piece;
    return pending_.append(piece);
}

parse_result request_parser::impl::feed_head(std::string_view input) {
    std::size_t at = 0;
    std::size_t unread = 0; // from here on, input is not in pending_ and not with the grammar
    while (at < input.size()) {
        if (refuse(check_head_line_start(input[at]))) return failed(at);
        const std::string_view piece = piece_of_line(input, at);
        const bool ended = piece.ends_with('\n');
        const bool well = ended && ends_well(piece);
        line_size_ += piece.size();
        at += piece.size();
        if (refuse(check_head_size(input.substr(unread, at - unread)))) return failed(at);
        if (!ended) break;
        if (!well && refuse(&bare_line_feed)) return failed(at);
        switch (end_head_line(input.substr(unread, at - unread))) {
            case line_effect::waits:
                break;
            case line_effect::read:
                unread = at;
                break;
            case line_effect::last:
                return end_head(at);
            case line_effect::failed:
                return failed(at);
        }
    }
    pending_.append(input.substr(unread));
    return {input.size(), parse_state::need_more};
}

const parse_error* request_parser::impl::check_head_line_start(char first) const {
    if (line_size_ != 0) return nullptr;
    if (line_count_ != 0) return first == ' ' || first == '\t' ? &folded_line : nullptr;
    const bool plausible = first == '\r' || first == '\n' || is_token({&first, 1});
    return plausible ? nullptr : &not_http;
}

const parse_error* request_parser::impl::check_head_size(std::string_view unread) const {
    constexpr std::size_t around_target = std::string_view("  HTTP/1.1\r\n").size();
    if (line_count_ == 0) {
        const bool fits = line_size_ <= method_size_max + bounds_.target_size_max + around_target;
        return fits ? nullptr : too_long_start_line(unread);
    }
    if (line_size_ <= line_end.size()) return nullptr; // too short for a field: the end of the head
    return fields_size_ + line_size_ <= bounds_.header_size_max ? nullptr : &head_too_large;
}

// What is too long about the start line: usually the target, but perhaps the word in front of it.
const parse_error* request_parser::impl::too_long_start_line(std::string_view unread) const {
    std::string start = pending_.substr(0, method_size_max + 1);
    start.append(unread.substr(0, method_size_max + 1 - start.size()));
    if (start.find(' ') != std::string::npos) return &target_too_long;
    return is_token(start) ? &method_too_long : &not_http;
}

request_parser::impl::line_effect request_parser::impl::end_head_line(std::string_view unread) {
    const std::size_t size = std::exchange(line_size_, 0);
    const bool empty = size == line_end.size();
    if (line_count_ == 0 && empty) {
        pending_.clear();
        const bool bearable = ++empty_lines_ <= empty_lines_max;
        return bearable || !refuse(&too_many_empty_lines) ? line_effect::read : line_effect::failed;
    }
    if (line_count_++ == 0) {
        const bool refused = refuse(grammar_->start_line(join(unread)));
        pending_.clear();
        return refused ? line_effect::failed : line_effect::read;
    }
    if (!empty) {
        fields_size_ += size;
        return line_effect::waits;
    }
    const bool refused = refuse(grammar_->fields(join(unread)));
    pending_.clear();
    return refused ? line_effect::failed : line_effect::last;
}

parse_result request_parser::impl::end_head(std::size_t consumed) {
    if (grammar_->is_complete()) return completed(consumed);
    phase_ = grammar_->has_chunks() ? phase::chunks : phase::body;
    return {consumed, parse_state::headers_done};
}

parse_result request_parser::impl::feed_body(std::string_view input) {
    if (input.empty()) return {};
    const std::size_t consumed = grammar_->body(input);
    if (grammar_->is_complete()) return completed(consumed);
    return {consumed, parse_state::need_more};
}

parse_result request_parser::impl::feed_chunks(std::string_view input) {
    std::size_t at = 0;
    while (at < input.size()) {
        if (grammar_->chunk_left() > 0) {
            at += grammar_->body(input.substr(at));
            continue;
        }
        const bool blank = input[at] == ' ' || input[at] == '\t';
        const bool folds = blank && line_size_ == 0 && chunk_line_ == chunk_line::trailer;
        if (folds && refuse(&folded_line)) return failed(at);
        const std::string_view piece = piece_of_line(input, at);
        const bool ended = piece.ends_with('\n');
        const bool well = ended && ends_well(piece);
        line_size_ += piece.size();
        at += piece.size();
        pending_.append(piece);
        if (refuse(check_chunk_size())) return failed(at);
        if (!ended) break;
        if (!well && refuse(&bare_line_feed)) return failed(at);
        const line_effect effect = end_chunk_line();
        if (effect == line_effect::last) return completed(at);
        if (effect == line_effect::failed) return failed(at);
    }
    return {at, parse_state::need_more};
}

const parse_error* request_parser::impl::check_chunk_size() const {
    switch (chunk_line_) {
        case chunk_line::end_of_data:
            return line_end.starts_with(std::string_view(pending_)) ? nullptr : &chunk_malformed;
        case chunk_line::size:
            return line_size_ <= bounds_.chunk_line_size_max ? nullptr : &chunk_line_too_long;
        case chunk_line::trailer:
            break;
    }
    // The line of the last chunk is in pending_, too.
    const std::size_t size_max = bounds_.chunk_line_size_max + bounds_.header_size_max;
    return pending_.size() <= size_max ? nullptr : &trailers_too_large;
}

request_parser::impl::line_effect request_parser::impl::end_chunk_line() {
    const std::size_t size = std::exchange(line_size_, 0);
    if (chunk_line_ == chunk_line::end_of_data) {
        chunk_line_ = chunk_line::size;
        return line_effect::waits; // the grammar takes it together with the size behind it
    }
    if (chunk_line_ == chunk_line::size) {
        std::string_view line = pending_;
        line.remove_prefix(line.size() - size);
        line.remove_suffix(line_end.size());
        if (!is_field_value(line) && refuse(&chunk_malformed)) return line_effect::failed;
    }
    return read_chunk_lines();
}

request_parser::impl::line_effect request_parser::impl::read_chunk_lines() {
    const parse_error* why = nullptr;
    switch (grammar_->chunk_lines(pending_, why)) {
        case beast_parser::lines_state::need_more:
            chunk_line_ = chunk_line::trailer;
            return line_effect::waits;
        case beast_parser::lines_state::failed:
            refuse(why);
            return line_effect::failed;
        case beast_parser::lines_state::read:
            break;
    }
    pending_.clear();
    chunk_line_ = chunk_line::end_of_data;
    return grammar_->is_complete() ? line_effect::last : line_effect::read;
}

request_parser::request_parser(const limits& bounds) : impl_(std::make_unique<impl>(bounds)) {}
request_parser::request_parser(request_parser&&) noexcept = default;
request_parser& request_parser::operator=(request_parser&&) noexcept = default;
request_parser::~request_parser() = default;

parse_result request_parser::feed(std::span<const std::byte> input) {
    return feed(std::string_view(reinterpret_cast<const char*>(input.data()), input.size()));
}

parse_result request_parser::feed(std::string_view input) { return impl_->feed(input); }

const request& request_parser::current() const {
    const auto phase = impl_->phase_;
    SENNIT_ASSERT(phase != impl::phase::head && phase != impl::phase::failed,
                  "ask for the current request only after headers_done or complete");
    return impl_->message_;
}

request& request_parser::message() {
    SENNIT_ASSERT(impl_->phase_ == impl::phase::complete,
                  "ask for the message only after complete");
    return impl_->message_;
}

request request_parser::take() {
    SENNIT_ASSERT(impl_->phase_ == impl::phase::complete, "take a request only after complete");
    request taken = std::move(impl_->message_);
    impl_->reset();
    return taken;
}

void request_parser::recycle(request spent) noexcept { impl_->recycle(spent); }

void request_parser::reset() { impl_->reset(); }

const parse_error& request_parser::error() const {
    SENNIT_ASSERT(impl_->phase_ == impl::phase::failed, "ask for the error only after failed");
    return *impl_->failure_;
}

bool request_parser::is_idle() const noexcept { return impl_->is_idle(); }

} // namespace sennit::http
