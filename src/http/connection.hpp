// One connection: reads requests, has them answered, writes the responses, and closes in the order
// in which the client sees the last one.
//
// run() is the whole life, as one coroutine. Between its awaits everything is decided by functions
// that wait for nothing: parse() says what is to be done next, take() what a read means, and
// next_output() what is to be sent.
//
//   phase_    meaning                                      left by
//   idle      waits for the first byte of a request        the byte: busy; a shutdown: closed
//   busy      a request is being read or answered          the end of the response: idle
//   closed    a shutdown has closed the stream             nobody
//
// A shutdown on another thread and the connection meet in two words, phase_ and the server's
// stopping_: the connection stores idle and then looks at stopping_, the shutdown stores stopping_
// and then looks at phase_. All four are sequentially consistent, so at least one of the two sees
// the other, and no connection stays idle in a server that is stopping.
//
// Bounds in time are armed lazily: a deadline that has only moved forward since it was armed stays
// where it is, and when it strikes, the read is repeated with the real one. So a busy connection
// touches its timer once in idle_timeout, not once in a request.
//
// Owned by its flow, but for phase_, force() and close_if_idle(), which any thread may use while it
// holds a reference.
#pragma once

#include "server_core.hpp"
#include <sennit/base/list.hpp>
#include <sennit/base/result.hpp>
#include <sennit/core/flow.hpp>
#include <sennit/coro/task.hpp>
#include <sennit/http/request_parser.hpp>
#include <sennit/http/response_writer.hpp>
#include <sennit/net/tcp_stream.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sennit::http::detail {

class connection final : public std::enable_shared_from_this<connection>, public list_node {
public:
    connection(std::shared_ptr<server_core> core, tcp_stream stream);
    ~connection();

    // Starts the flow of a connection on the executor of the flow that runs here.
    static void start(std::shared_ptr<server_core> core, tcp_stream stream);

    void close_if_idle() noexcept;
    void force() noexcept;

private:
    using clock = std::chrono::steady_clock;

    enum class phase : std::uint8_t { idle, busy, closed };
    enum class step : std::uint8_t { receive, answer, send, linger, end };

    // Enough for nearly every head; a body that does not come with its head gets the larger one.
    static constexpr std::size_t input_size = std::size_t{4} * 1024;
    static constexpr std::size_t body_input_size = std::size_t{64} * 1024;
    // At most so much is given to one write, which has write_timeout to end.
    static constexpr std::size_t send_size_max = std::size_t{64} * 1024;
    // What a client may go on sending while it does not read the answer that it was refused by.
    static constexpr std::size_t linger_size_max = std::size_t{4} * 1024 * 1024;
    static constexpr std::chrono::seconds linger_time{2};

    static task<void> run(std::shared_ptr<connection> self);
    static task<void> converse(connection& self);
    static task<void> linger(connection& self);

    [[nodiscard]] std::span<std::byte> room();
    [[nodiscard]] clock::time_point read_deadline() const noexcept;
    void bound_read();
    void bound_write();

    [[nodiscard]] step take(const result<std::size_t>& got);
    [[nodiscard]] step take_end();
    [[nodiscard]] step take_error(const error& why);
    [[nodiscard]] step parse();
    [[nodiscard]] step end_head();
    [[nodiscard]] step end_request();
    [[nodiscard]] step refuse(const parse_error& why);
    [[nodiscard]] step refuse(response answer);

    void answer_with(response answer);
    void answer_with_failure();
    void start_output(response answer, const exchange& asked);
    [[nodiscard]] bool next_output();
    void pull();
    [[nodiscard]] step end_output();
    void free_large_output();
    [[nodiscard]] bool become_idle() noexcept;

    const std::shared_ptr<server_core> core_;
    server_counts& counts_;
    tcp_stream stream_;
    flow* flow_ = nullptr; // its cell stays until this is destroyed

    std::atomic<phase> phase_{phase::idle};

    // reading
    request_parser parser_;
    std::unique_ptr<std::byte[]> input_;
    std::size_t input_capacity_ = 0;
    std::string_view unread_;
    bool in_body_ = false;
    std::uint64_t body_received_ = 0;
    clock::time_point since_;                     // of the present wait: idle, head or body
    std::optional<clock::time_point> read_armed_; // what the stream was told
    std::optional<clock::time_point> write_armed_;

    // answering
    request* request_ = nullptr; // the parser's, while it is answered
    const handler* handler_ = nullptr;
    std::uint64_t answered_ = 0;

    // writing
    response_writer writer_;
    std::string output_;
    std::string_view unsent_;
    std::string_view window_; // of unsent_: what is being sent
    write_state writing_ = write_state::complete;
    bool tail_taken_ = true;
    bool interim_ = false; // what is being sent is a 100
    bool lingers_ = false;
};

} // namespace sennit::http::detail
