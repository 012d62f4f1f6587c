#include <sennit/http/response_writer.hpp>

#include <sennit/base/assert.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace sennit::http {
namespace {

void append_number(std::string& out, std::uint64_t value, int base = 10) {
    std::array<char, 20> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
    out.append(digits.data(), end);
}

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out.append(name).append(": ").append(value).append("\r\n");
}

void append_status_line(std::string& out, int status) {
    if (status == 200) { // nearly always
        out.append("HTTP/1.1 200 OK\r\n");
        return;
    }
    out.append("HTTP/1.1 ");
    append_number(out, static_cast<std::uint64_t>(status));
    out.append(" ").append(reason_phrase(status)).append("\r\n");
}

std::uint64_t size_of(const response& answer) {
    if (answer.is_stream()) return answer.stream_size().value_or(0);
    return answer.body().size();
}

} // namespace

response_writer::framing response_writer::framing_of(const response& answer,
                                                     http::version spoken) noexcept {
    if (never_has_body(answer.status())) return framing::none;
    if (!answer.is_stream() || answer.stream_size()) return framing::size;
    return spoken == http::version::http_1_1 ? framing::chunks : framing::close;
}

write_state response_writer::start(response answer, const exchange& answered,
                                   std::chrono::sys_seconds now, std::string& out) {
    framing_ = framing_of(answer, answered.version);
    keep_alive_ = answered.keep_alive && !answer.closes_connection() && framing_ != framing::close;
    append_head(answer, answered, now, out);
    tail_ = {};
    source_ = nullptr;
    if (answered.is_head || framing_ == framing::none) return write_state::complete;

    if (answer.is_stream()) {
        left_ = size_of(answer);
        source_ = answer.take_source();
        return write_state::more;
    }
    if (answer.body().size() <= copied_body_size_max) {
        out.append(answer.body());
    } else {
        body_ = answer.take_body();
        tail_ = body_;
    }
    return write_state::complete;
}

// The server speaks 1.1 also to a client of 1.0, as RFC 9110, section 6.2, asks; only the framing
// follows the client.
void response_writer::append_head(const response& answer, const exchange& answered,
                                  std::chrono::sys_seconds now, std::string& out) {
    append_status_line(out, answer.status());
    if (!answer.headers().contains("Date")) append_field(out, "Date", dates_.at(now));
    for (const header_field field : answer.headers())
        append_field(out, field.name, field.value);
    if (framing_ == framing::size) {
        out.append("Content-Length: ");
        append_number(out, size_of(answer));
        out.append("\r\n");
    }
    if (framing_ == framing::chunks) append_field(out, "Transfer-Encoding", "chunked");
    if (!keep_alive_) {
        append_field(out, "Connection", "close");
    } else if (answered.version == http::version::http_1_0) {
        append_field(out, "Connection", "keep-alive");
    }
    out.append("\r\n");
}

write_state response_writer::next(std::string& out) {
    SENNIT_ASSERT(source_, "call next() only while the state is more");
    piece_.clear();
    const bool kept_alive = std::exchange(keep_alive_, false); // should the source throw
    const bool goes_on = source_(piece_);
    if (!append_piece(out)) return fail();
    keep_alive_ = kept_alive;
    if (goes_on) return write_state::more;
    source_ = nullptr;
    if (framing_ == framing::chunks) out.append("0\r\n\r\n");
    return framing_ == framing::size && left_ > 0 ? fail() : write_state::complete;
}

// False when there is more than was promised; then nothing of it is appended.
bool response_writer::append_piece(std::string& out) {
    if (piece_.empty()) return true; // as a chunk it would end the body
    if (framing_ == framing::size) {
        if (piece_.size() > left_) return false;
        left_ -= piece_.size();
    }
    if (framing_ == framing::chunks) {
        append_number(out, piece_.size(), 16);
        out.append("\r\n").append(piece_).append("\r\n");
    } else {
        out.append(piece_);
    }
    return true;
}

write_state response_writer::fail() noexcept {
    keep_alive_ = false;
    source_ = nullptr;
    return write_state::failed;
}

} // namespace sennit::http
