#include "connection.hpp"

#include <sennit/base/assert.hpp>
#include <sennit/core/current.hpp>
#include <sennit/core/executor.hpp>
#include <sennit/core/stop.hpp>
#include <sennit/coro/task_cell.hpp>
#include <sennit/net/tcp_stream.hpp>

#include <algorithm>
#include <exception>
#include <source_location>
#include <utility>

namespace sennit::http::detail {
namespace {

// A response that was large leaves no more than this behind.
constexpr std::size_t kept_output_capacity_max = std::size_t{64} * 1024;

executor& executor_here() {
    const flow* here = sennit::detail::this_thread().current;
    const bool inside = here != nullptr && here->kind() != sennit::detail::flow_kind::thread;
    return inside ? here->home() : default_executor();
}

// Saturates, because a timeout may be as long as its type allows.
std::chrono::steady_clock::time_point after(std::chrono::steady_clock::time_point from,
                                            std::chrono::nanoseconds d) noexcept {
    using clock = std::chrono::steady_clock;
    return d > clock::time_point::max() - from ? clock::time_point::max() : from + d;
}

std::chrono::sys_seconds wall_clock_now() noexcept {
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

} // namespace

connection::connection(std::shared_ptr<server_core> core, tcp_stream stream)
    : core_(std::move(core)),
      counts_(core_->counts()),
      stream_(std::move(stream)),
      parser_(core_->options.limits),
      since_(clock::now()) {}

connection::~connection() {
    stream_.close();
    core_->forget(*this);
    if (flow_ != nullptr) flow_->detach();
}

void connection::start(std::shared_ptr<server_core> core, tcp_stream stream) {
    auto made = std::make_shared<connection>(std::move(core), std::move(stream));
    connection& self = *made;
    task<void> life = run(std::move(made));
    auto& cell = sennit::detail::task_cell<void>::make(
        executor_here(), std::source_location::current(), std::move(life));
    self.flow_ = &cell;
    // In a server that is stopping by now the flow starts, finds its stream closed, and ends.
    if (!self.core_->admit(self)) self.close_if_idle();
    cell.launch();
}

void connection::close_if_idle() noexcept {
    phase seen = phase::idle;
    // seq_cst: see the head comment; acquire and release would let both sides miss each other
    if (phase_.compare_exchange_strong(seen, phase::closed, std::memory_order_seq_cst))
        stream_.close();
}

void connection::force() noexcept {
    stream_.close();
    if (!flow_->is_done()) flow_->request_stop();
}

task<void> connection::run(std::shared_ptr<connection> self) {
    try {
        co_await converse(*self);
    } catch (const stopped&) {
        throw;
    } catch (...) {
        self->core_->report_exception("a connection",
                                      self->request_ != nullptr ? *self->request_ : request());
    }
}

task<void> connection::converse(connection& self) {
    step next = step::receive;
    for (;;) {
        switch (next) {
            case step::receive: {
                const std::span<std::byte> room = self.room();
                self.bound_read();
                const result<std::size_t> got = co_await self.stream_.async_read(room);
                next = self.take(got);
                break;
            }
            case step::answer: {
                try {
                    if (self.handler_->is_coroutine()) {
                        self.answer_with(co_await self.handler_->start(*self.request_));
                    } else {
                        self.answer_with(self.handler_->call(*self.request_));
                    }
                } catch (const stopped&) {
                    throw;
                } catch (const sennit::detail::flow_exit&) {
                    throw;
                } catch (...) {
                    self.answer_with_failure();
                }
                next = step::send;
                break;
            }
            case step::send: {
                while (self.next_output()) {
                    self.bound_write();
                    const auto sent = co_await self.stream_.async_write_all(
                        std::as_bytes(std::span(self.window_)));
                    if (!sent) co_return;
                }
                next = self.end_output();
                break;
            }
            case step::linger:
                co_await linger(self);
                co_return;
            case step::end:
                co_return;
        }
    }
}

// A close while the client still sends is a reset, which may take the last response from it before
// it was read. So: say that no more will come, and read on for a while.
task<void> connection::linger(connection& self) {
    if (!self.stream_.shutdown_write()) co_return;
    self.stream_.set_read_deadline(clock::now() + linger_time);
    for (std::size_t left = linger_size_max; left > 0;) {
        const result<std::size_t> got = co_await self.stream_.async_read(self.room());
        if (!got || *got == 0) co_return;
        server_counts::add(self.counts_.bytes_received, *got);
        left -= std::min(left, *got);
    }
}

std::span<std::byte> connection::room() {
    const std::size_t wanted = in_body_ ? body_input_size : input_size;
    if (input_capacity_ != wanted) {
        input_ = std::make_unique_for_overwrite<std::byte[]>(wanted);
        input_capacity_ = wanted;
    }
    return {input_.get(), input_capacity_};
}

connection::clock::time_point connection::read_deadline() const noexcept {
    const server_options& bounds = core_->options;
    if (in_body_) {
        const std::uint64_t rate = std::max<std::uint64_t>(bounds.body_rate_min, 1);
        return after(after(since_, bounds.body_timeout),
                     std::chrono::seconds(body_received_ / rate));
    }
    const bool waits_for_next = parser_.is_idle() && answered_ > 0;
    return after(since_, waits_for_next ? bounds.idle_timeout : bounds.header_timeout);
}

void connection::bound_read() {
    const clock::time_point wanted = read_deadline();
    if (read_armed_ && *read_armed_ <= wanted) return;
    stream_.set_read_deadline(wanted);
    read_armed_ = wanted;
}

// Arms for a quarter longer than promised, so that the next writes need not arm again.
void connection::bound_write() {
    const std::chrono::nanoseconds timeout = core_->options.write_timeout;
    const clock::time_point now = clock::now();
    if (write_armed_ && *write_armed_ >= after(now, timeout)) return;
    write_armed_ = after(after(now, timeout), timeout / 4);
    stream_.set_write_deadline(*write_armed_);
}

connection::step connection::take(const result<std::size_t>& got) {
    if (!got) return take_error(got.error());
    if (*got == 0) return take_end();
    server_counts::add(counts_.bytes_received, *got);
    phase seen = phase::idle;
    if (phase_.load(std::memory_order_relaxed) == phase::idle) { // only this flow leaves busy
        // seq_cst: see the head comment
        if (!phase_.compare_exchange_strong(seen, phase::busy, std::memory_order_seq_cst))
            return step::end;
    }
    if (in_body_) body_received_ += *got;
    unread_ = {reinterpret_cast<const char*>(input_.get()), *got};
    const bool was_idle = parser_.is_idle();
    const bool was_in_body = in_body_;
    const step next = parse();
    const bool waits = next == step::receive || interim_;
    if (waits && (was_idle || was_in_body != in_body_)) since_ = clock::now();
    return next;
}

// The client has sent its last byte. It may still want the answer to a request that is whole, which
// it has got by now.
connection::step connection::take_end() {
    if (parser_.is_idle()) return step::end;
    return refuse({400, "the connection ended within the request"});
}

connection::step connection::take_error(const error& why) {
    if (!is(why, errc::timed_out)) return step::end;
    read_armed_.reset();
    if (clock::now() < read_deadline()) return step::receive;
    if (parser_.is_idle()) return step::end;
    return refuse({408, in_body_ ? "the body did not come in time"
                                 : "the head of the request did not come in time"});
}

connection::step connection::parse() {
    while (!unread_.empty()) {
        const parse_result fed = parser_.feed(unread_);
        unread_.remove_prefix(fed.consumed);
        switch (fed.state) {
            case parse_state::need_more:
                break;
            case parse_state::headers_done: {
                const step next = end_head();
                if (next != step::receive) return next;
                break;
            }
            case parse_state::complete:
                return end_request();
            case parse_state::failed:
                return refuse(parser_.error());
        }
    }
    return step::receive;
}

// A client that waits for permission gets it, or the refusal that the router has for it before it
// sends anything. If the body is coming already nobody waits.
connection::step connection::end_head() {
    in_body_ = true;
    body_received_ = unread_.size();
    const request& head = parser_.current();
    if (!head.expects_continue() || !unread_.empty()) return step::receive;
    request probe;
    const bool valid = probe.set_start_line(head.method(), head.target(), head.version());
    SENNIT_ASSERT(valid, "the parser lets only valid targets pass");
    route_match match = core_->routes.match(probe);
    if (match.found == nullptr) {
        server_counts::add(counts_.requests);
        return refuse(std::move(match.refusal));
    }
    output_ = continue_response;
    unsent_ = output_;
    interim_ = true;
    return step::send;
}

connection::step connection::end_request() {
    in_body_ = false;
    request_ = &parser_.message();
    server_counts::add(counts_.requests);
    route_match match = core_->routes.match(*request_);
    handler_ = match.found;
    if (handler_ != nullptr) return step::answer;
    answer_with(std::move(match.refusal));
    return step::send;
}

connection::step connection::refuse(const parse_error& why) {
    return refuse(response::status_page(why.status, why.what));
}

// Answers a request that has not been read to its end, so nothing can follow it.
connection::step connection::refuse(response answer) {
    const exchange last{.version = version::http_1_1, .is_head = false, .keep_alive = false};
    lingers_ = true;
    start_output(std::move(answer), last);
    return step::send;
}

void connection::answer_with(response answer) {
    exchange asked = exchange::of(*request_);
    lingers_ = asked.keep_alive; // if the server closes, the client may be sending already
    ++answered_;
    if (answered_ >= core_->options.requests_max || core_->is_stopping()) asked.keep_alive = false;
    start_output(std::move(answer), asked);
}

// In a handler of an exception.
void connection::answer_with_failure() {
    core_->report_exception("the handler", *request_);
    answer_with(response::status_page(500));
}

void connection::start_output(response answer, const exchange& asked) {
    server_counts::add(counts_.responses[static_cast<std::size_t>(answer.status() / 100)]);
    output_.clear();
    interim_ = false;
    writing_ = writer_.start(std::move(answer), asked, wall_clock_now(), output_);
    unsent_ = output_;
    tail_taken_ = false;
}

// Puts the next bytes to be sent into window_; false when there are none.
bool connection::next_output() {
    for (;;) {
        if (!unsent_.empty()) {
            window_ = unsent_.substr(0, send_size_max);
            unsent_.remove_prefix(window_.size());
            server_counts::add(counts_.bytes_sent, window_.size());
            return true;
        }
        if (interim_) return false;
        if (!std::exchange(tail_taken_, true)) {
            unsent_ = writer_.tail();
        } else if (writing_ == write_state::more) {
            pull();
        } else {
            return false;
        }
    }
}

// Asks the source of a stream for its next piece. It is a handler's code: it may wait, and throw.
void connection::pull() {
    output_.clear();
    unsent_ = {};
    try {
        writing_ = writer_.next(output_);
        if (writing_ != write_state::failed) unsent_ = output_;
    } catch (const stopped&) {
        throw;
    } catch (const sennit::detail::flow_exit&) {
        throw;
    } catch (...) {
        core_->report_exception("the body source", *request_);
        writing_ = write_state::failed;
    }
}

connection::step connection::end_output() {
    if (std::exchange(interim_, false)) return step::receive;
    if (writing_ == write_state::failed) return step::end; // the client sees that something lacks
    const bool stays = writer_.keep_alive();
    if (!stays) return lingers_ ? step::linger : step::end;
    free_large_output();
    request_ = nullptr;
    parser_.reset();
    const step next = parse();
    if (next != step::receive) return next;
    since_ = clock::now();
    if (!parser_.is_idle()) return step::receive;
    return become_idle() ? step::receive : step::end;
}

void connection::free_large_output() {
    if (!writer_.tail().empty()) writer_ = response_writer();
    if (output_.capacity() > kept_output_capacity_max) std::string().swap(output_);
}

bool connection::become_idle() noexcept {
    phase_.store(phase::idle, std::memory_order_seq_cst); // see the head comment
    if (!core_->is_stopping()) return true;
    close_if_idle();
    return false;
}

} // namespace sennit::http::detail
