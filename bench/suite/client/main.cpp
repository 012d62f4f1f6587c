// echo_client: the load of the echo servers. One thread and one epoll; each connection has one message under way, and checks
// what comes back. Nothing is printed until the end, nothing is allocated while it measures.
#include "../common/suite.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

namespace suite {
namespace {

constexpr std::size_t size_max = 64 * 1024; // a socket's buffer takes that at once

struct options {
    std::uint16_t port = 0;
    unsigned connections = 1;
    std::size_t size = 64;
    double seconds = 3;
    double warmup = 1;
    int server_pid = 0;
};

int check(int value, const char* what) {
    if (value < 0) fail(std::string(what) + ": " + std::strerror(errno));
    return value;
}

// User and system time of another process, all of its threads.
std::uint64_t cpu_ns_of(int pid) {
    if (pid == 0) return 0;
    clockid_t clock;
    expect(clock_getcpuclockid(pid, &clock) == 0, "the server is gone");
    timespec t;
    check(clock_gettime(clock, &t), "clock_gettime");
    return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(t.tv_nsec);
}

int connect_to(std::uint16_t port) {
    const int fd = check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    check(connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), "connect");
    const int on = 1;
    check(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
    return fd;
}

// A message that went out, and how much of it has come back.
class connection {
public:
    connection(const options& asked, unsigned index)
        : fd_(connect_to(asked.port)), message_(asked.size), answer_(asked.size) {
        random numbers(index + 1);
        for (char& each : message_)
            each = static_cast<char>(numbers.below(256));
    }

    int fd() const { return fd_; }

    void send() {
        ++message_[0]; // so that no answer can be taken for another
        received_ = 0;
        sent_at_ = now_ns();
        const auto sent = ::send(fd_, message_.data(), message_.size(), MSG_NOSIGNAL);
        check(static_cast<int>(sent), "send");
        expect(static_cast<std::size_t>(sent) == message_.size(), "a message did not go at once");
    }

    // True when the message is complete.
    bool receive() {
        const auto got =
            recv(fd_, answer_.data() + received_, answer_.size() - received_, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN) return false;
        check(static_cast<int>(got), "recv");
        expect(got > 0, "the server has closed a connection");
        received_ += static_cast<std::size_t>(got);
        if (received_ < answer_.size()) return false;
        expect(answer_ == message_, "the answer is not what was sent");
        return true;
    }

    std::uint64_t sent_at() const { return sent_at_; }

private:
    int fd_;
    std::vector<char> message_, answer_;
    std::size_t received_ = 0;
    std::uint64_t sent_at_ = 0;
};

class load {
public:
    explicit load(const options& asked) : epoll_(check(epoll_create1(EPOLL_CLOEXEC), "epoll")) {
        for (unsigned i = 0; i < asked.connections; ++i) {
            connection& made = connections_.emplace_back(asked, i);
            epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
            check(epoll_ctl(epoll_, EPOLL_CTL_ADD, made.fd(), &event), "epoll_ctl");
        }
        for (connection& each : connections_)
            each.send();
    }

    // Goes on for so long and returns the latencies.
    histogram run(double seconds) {
        histogram latencies;
        const std::uint64_t until = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
        while (now_ns() < until) {
            const int ready =
                epoll_wait(epoll_, events_.data(), static_cast<int>(events_.size()), 100);
            if (ready < 0 && errno == EINTR) continue;
            for (int i = 0; i < check(ready, "epoll_wait"); ++i) {
                connection& from = connections_[events_[static_cast<std::size_t>(i)].data.u32];
                if (!from.receive()) continue;
                latencies.add(now_ns() - from.sent_at());
                from.send();
            }
        }
        return latencies;
    }

private:
    int epoll_;
    std::vector<connection> connections_;
    std::array<epoll_event, 256> events_;
};

void measure(const options& asked) {
    load clients(asked);
    clients.run(asked.warmup);
    const request::stopwatch watch;
    const std::uint64_t server_before = cpu_ns_of(asked.server_pid);
    const histogram latencies = clients.run(asked.seconds);
    const std::uint64_t server = cpu_ns_of(asked.server_pid) - server_before;
    const std::uint64_t wall = now_ns() - watch.wall;
    nlohmann::json line{{"requests", latencies.count()},
                        {"requests_per_s",
                         static_cast<double>(latencies.count()) * 1e9 / static_cast<double>(wall)},
                        {"wall_ns", wall},
                        {"cpu_ns", cpu_ns() - watch.cpu}};
    for (const auto& [name, value] : latencies.summary())
        line[name] = value;
    if (asked.server_pid != 0) line["server_cpu_ns"] = server;
    std::puts(line.dump().c_str());
}

} // namespace
} // namespace suite

int main(int argc, char** argv) {
    CLI::App app("The load of the comparison suite's echo servers", "echo_client");
    suite::options asked;
    app.add_option("--port", asked.port)->required();
    app.add_option("--connections", asked.connections)
        ->check(CLI::Range(1U, 100'000U))
        ->capture_default_str();
    app.add_option("--size", asked.size)
        ->check(CLI::Range(std::size_t(1), suite::size_max))
        ->capture_default_str();
    app.add_option("--seconds", asked.seconds)->capture_default_str();
    app.add_option("--warmup", asked.warmup, "seconds before it measures")->capture_default_str();
    app.add_option("--server-pid", asked.server_pid, "print the CPU time of this process, too");
    CLI11_PARSE(app, argc, argv);
    suite::measure(asked);
}
