// A chat server over TCP: the first line that a client sends is its name, every further one is told to all.
//
//     chat_server                       talks to itself once and ends
//     chat_server fibers 127.0.0.1:7000   serves until Ctrl-C; try `nc 127.0.0.1 7000` in two terminals
//     chat_server tasks 127.0.0.1:7000
#include <sennit/all.hpp>
#include <sennit/os/signal.hpp>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace sennit;

namespace {

constexpr std::size_t longest_line = 1024; // who sends a longer one is shown out
constexpr std::size_t lines_kept = 64;     // for a client that reads slowly; it misses what is more

// Bytes in, lines out.
class line_buffer {
public:
    void add(std::span<const std::byte> bytes) {
        text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }
    std::optional<std::string> next() {
        const std::size_t end = text_.find('\n');
        if (end == std::string::npos) return std::nullopt;
        std::string line = text_.substr(0, end);
        text_.erase(0, end + 1);
        if (line.ends_with('\r')) line.pop_back();
        return line;
    }
    bool is_too_long() const noexcept { return text_.size() > longest_line; }

private:
    std::string text_;
};

// Waits for a line, in a fiber, a task or a thread. None: the peer has gone, or sends nonsense.
task<std::optional<std::string>> next_line(tcp_stream& stream, line_buffer& in) {
    std::array<std::byte, 512> buffer;
    for (;;) {
        if (auto line = in.next()) co_return line;
        const auto size = co_await stream.async_read(buffer);
        if (!size || *size == 0 || in.is_too_long()) co_return std::nullopt;
        in.add(std::span(buffer).first(*size));
    }
}

// Go's way: one fiber owns the room, and all others talk to it through channels. Nothing is locked.
namespace fibers {

struct member {
    std::string name;
    chan<std::string> outbox = make_chan<std::string>(lines_kept);
};

struct room {
    chan<member> enter = make_chan<member>();
    chan<member> leave = make_chan<member>();
    chan<std::string> said = make_chan<std::string>();
};

void keep(room r) {
    std::vector<member> members;
    const auto tell = [&](const std::string& line) {
        for (member& m : members)
            select(on_send(m.outbox, line + "\n"), otherwise());
    };
    for (;;) {
        select(on_recv(r.enter,
                       [&](std::optional<member> m) {
                           members.push_back(*m);
                           tell(m->name + " is here");
                       }),
               on_recv(r.leave,
                       [&](std::optional<member> m) {
                           std::erase_if(members,
                                         [&](member& one) { return one.outbox == m->outbox; });
                           m->outbox.close();
                           tell(m->name + " has left");
                       }),
               on_recv(r.said, [&](std::optional<std::string> line) { tell(*line); }));
    }
}

void attend(tcp_stream stream, room r) {
    line_buffer in;
    const auto name = wait(next_line(stream, in));
    if (!name) return;
    member me{*name};
    scope s;
    s.go([&] {
        for (const std::string& line : me.outbox)
            if (!stream.write_all(line)) break;
        stream.close();
    });
    r.enter.send(me);
    while (const auto line = wait(next_line(stream, in)))
        r.said.send(me.name + ": " + *line);
    r.leave.send(me);
    s.join();
}

// Until the listener is closed. Who is still there then is stopped.
void serve(tcp_listener& listener) {
    room r;
    scope s;
    s.go(keep, r);
    while (auto stream = listener.accept())
        s.go(attend, std::move(*stream), r);
    s.request_stop();
    s.join();
}

} // namespace fibers

// Rust's way: every client is one task, which waits for its client and for the room at the same time. The room is a broadcast
// channel.
namespace tasks {

using room = broadcast_sender<std::string>;

// One wait: what the client says goes to the room, what the room says becomes `out`. False: the client has gone.
task<bool> turn(tcp_stream& stream, line_buffer& in, const std::string& name, room& r,
                broadcast_receiver<std::string>& heard, std::string& out) {
    std::array<std::byte, 512> buffer;
    bool there = true;
    const auto read = [&](result<std::size_t> size) {
        there = size && *size > 0 && !in.is_too_long();
        if (there) in.add(std::span(buffer).first(*size));
    };
    const auto hear = [&](std::expected<std::string, broadcast_recv_error> line) {
        if (line) {
            out = *line;
        } else {
            out = "(" + std::to_string(line.error().lagged()) + " lines missed)\n";
        }
    };
    co_await async_select(on(stream.async_read(buffer), read), on_recv(heard, hear));
    while (const auto line = in.next())
        std::ignore = r.send(name + ": " + *line + "\n");
    co_return there;
}

task<result<void>> attend(tcp_stream stream, room r) {
    line_buffer in;
    const auto name = co_await next_line(stream, in);
    if (!name) co_return {};
    auto heard = r.subscribe();
    std::ignore = r.send(*name + " is here\n");
    std::string out;
    result<void> sent;
    while (sent && co_await turn(stream, in, *name, r, heard, out)) {
        sent = co_await stream.async_write_all(out);
        out.clear();
    }
    std::ignore = r.send(*name + " has left\n");
    co_return {}; // a client that goes away is no failure
}

task<void> serve(tcp_listener& listener) {
    auto [everyone, first] = broadcast_channel<std::string>(lines_kept);
    const auto accept_all = [&](scope& s) -> task<void> {
        while (auto stream = co_await listener.async_accept())
            s.go(attend(std::move(*stream), everyone));
        s.request_stop();
    };
    co_await async_scope(accept_all);
}

} // namespace tasks

class client {
public:
    client(const std::string& address, const std::string& name)
        : stream_(tcp_stream::connect(address).value()) {
        say(name);
    }
    void say(const std::string& line) { stream_.write_all(line + "\n").value(); }
    bool hears(std::string_view expected) {
        const auto line = wait(next_line(stream_, in_));
        std::printf("  %s\n", line.value_or("(nothing)").c_str());
        return line == expected;
    }

private:
    tcp_stream stream_;
    line_buffer in_;
};

bool talk(const std::string& address) {
    client anna(address, "anna");
    bool good = anna.hears("anna is here");
    {
        client ben(address, "ben");
        good = ben.hears("ben is here") && anna.hears("ben is here") && good;
        ben.say("hello, anna");
        good = ben.hears("ben: hello, anna") && anna.hears("ben: hello, anna") && good;
    }
    return anna.hears("ben has left") && good;
}

void serve(std::string_view kind, tcp_listener& listener) {
    if (kind == "tasks") {
        wait(tasks::serve(listener));
    } else {
        fibers::serve(listener);
    }
}

int talk_to_itself() {
    bool good = true;
    for (const std::string_view kind : {"fibers", "tasks"}) {
        std::printf("%.*s:\n", static_cast<int>(kind.size()), kind.data());
        auto listener = tcp_listener::bind("127.0.0.1:0").value();
        scope s;
        s.go([&] { serve(kind, listener); });
        good = talk(listener.local_address().value().to_string()) && good;
        listener.close();
        s.join();
    }
    return good ? 0 : 1;
}

int serve_until_stopped(std::string_view kind, const std::string& address, os::signal_fd& signals) {
    auto listener = tcp_listener::bind(address);
    if (!listener) {
        std::fprintf(stderr, "chat_server: %s\n", listener.error().message().c_str());
        return 1;
    }
    std::printf("listening on %s; Ctrl-C ends it\n", address.c_str());
    scope s;
    s.go([&] { serve(kind, *listener); });
    async_fd events(signals.fd());
    while (!signals.read_one() && events.readable()) {}
    listener->close();
    s.join();
    return 0;
}

} // namespace

int main(int argc, char** argv) {
    if (argc == 1) return run(talk_to_itself);
    if (argc != 3) {
        std::fprintf(stderr, "usage: chat_server [fibers|tasks host:port]\n");
        return 1;
    }
    // Before the runtime starts its threads, which inherit that the signals are blocked.
    auto signals = os::signal_fd::create(std::array{SIGINT, SIGTERM});
    if (!signals) {
        std::fprintf(stderr, "chat_server: %s\n", signals.error().message().c_str());
        return 1;
    }
    return run([&] { return serve_until_stopped(argv[1], argv[2], *signals); });
}
